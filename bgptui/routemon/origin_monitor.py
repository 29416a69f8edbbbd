"""Who originates what: every announcement against the RPKI and the watchlist, with memory.

It remembers verdicts per (prefix, origin), what fires per peer and prefix, and which invalid
routes of others were told already; each is bounded.

When VRPs change, only what is at or below a changed prefix is looked at again. A route that fires
is judged at once: a new ROA ends an alert although no peer says anything. One that does not fire is
judged when a peer announces it again, since nobody keeps those; where it is worse off by the change
that is remembered, so that it is not taken for news (`flips.py`). While there are no fresh VRPs
what fires stays as it was last judged: the absence of data neither raises nor ends an alert.
"""

from collections.abc import Callable

from msgspec.structs import replace

from bgptui.domain.event import Cause, EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import OriginValidation, RpkiState
from bgptui.routemon.background import RpkiBackground
from bgptui.routemon.bogons import Bogons, bogon_finding
from bgptui.routemon.firing import FIRING_MOST, TOLD_MOST, Firing, FiringRoutes, Told, ToldOnce
from bgptui.routemon.flips import Flips
from bgptui.routemon.origin_history import OriginHistory
from bgptui.routemon.rules import Finding, named
from bgptui.routemon.teller import Teller
from bgptui.routemon.verdict import Origin, Verdict, judge, single_as
from bgptui.routemon.verdict_cache import (
    CODES,
    CODES_END,
    STATES,
    VERDICTS_MOST,
    WATCHED,
    VerdictCache,
    coded,
)
from bgptui.routemon.watchlist import Watchlist
from bgptui.routemon.whole_table import WholeTable
from bgptui.runtime.metrics import Metrics

FLIP_GONE_S = 3_600.0  # nobody has had the route for so long that it does not flap
Change = RouteEvent | RouteCleared


_UNAVAILABLE = CODES[RpkiState.UNAVAILABLE]
_UPDATE = MessageType.UPDATE  # looked up once: the hot path


class OriginMonitor:
    """Judges the origins of what peers announce. It belongs to the ingest thread.

    Args:
        validate: origin validation of (prefix, origin); the origin of an AS_SET is None.
        generation: changes whenever an answer of `validate` may change.
        min_peers: distinct peer ASNs to open an alert, where a rule does not say; the attribute
            may be lowered where fewer peers are subscribed.
        teller: makes the events.
        history: who originated watched prefixes.
        background: how VRPs changed.
        whole_table: looks for new origins of prefixes that nobody watches; None: nobody does.
        bogons: whether special-purpose prefixes and AS numbers are told.
    """

    def __init__(
        self,
        watchlist: Watchlist,
        validate: Callable[[str, int | None], OriginValidation],
        generation: Callable[[], int],
        *,
        min_peers: int,
        teller: Teller,
        history: OriginHistory,
        background: RpkiBackground,
        metrics: Metrics,
        whole_table: WholeTable | None = None,
        bogons: Bogons = Bogons.PASSED_OVER,
        verdicts_most: int = VERDICTS_MOST,
        firing_most: int = FIRING_MOST,
        told_most: int = TOLD_MOST,
    ) -> None:
        self.min_peers = min_peers
        self._watchlist = watchlist
        self._validate = validate
        self._generation = generation
        self._teller = teller
        self._history = history
        self._background = background
        self._whole_table = whole_table
        self._tells_bogons = bogons is Bogons.TOLD
        self._judged_with = generation()
        self._cache = VerdictCache(verdicts_most)
        self._usual, self._pairs = self._cache.usual, self._cache.pairs  # the hot path
        self._flips = Flips(metrics)
        self._firing = FiringRoutes(metrics, most=firing_most)
        self._told = ToldOnce(metrics, most=told_most)
        self._counts = [0] * len(STATES)

    @property
    def firing(self) -> int:
        """(peer, prefix) pairs that fire."""
        return self._firing.count

    def counts(self) -> dict[str, int]:
        """Announced prefixes so far by RPKI state, named as in RpkiHealth."""
        return {state.value: count for state, count in zip(STATES, self._counts, strict=True)}

    def observe(self, message: BgpMessage, now: float, watched: list[str]) -> list[Change]:
        """Take one message: what begins and what ends with it, in this order of its parts:
        changed VRPs, withdrawals, announcements.

        Args:
            watched: what it announces of watched prefixes is added here.
        """
        changes: list[Change] = []
        if self._generation() != self._judged_with:
            changes = self.rejudge(now)
        if message.type is _UPDATE:
            by_peer = self._firing.by_peer
            firing = by_peer.get(message.peer) if by_peer else None
            if firing and message.withdrawn:
                self._withdraw(message, firing, changes)
            if message.announced:
                self._announce(message, firing, changes, watched)
        elif message.type is MessageType.STATE and message.session is Session.DOWN:
            changes += [
                RouteCleared(message.timestamp, known.key, message.peer, Cause.SESSION_DOWN)
                for known in self._firing.end_all(message.peer)
            ]
        return changes

    def take_over(self, key: RouteKey, peer: Peer, *, origin: Origin) -> None:
        """An earlier run told this event: its end will be told, or it is told once more when
        the peer announces the route again."""
        if self._firing.has_room():
            self._firing.put(peer, Firing(key, origin, None))

    def seed(self, message: BgpMessage) -> None:
        """Take a route that stood before the first message: what it would begin is known, and
        no news. Its end is told like any other's."""
        path = message.as_path
        origin = path[-1] if path else message.peer.asn
        for prefix in message.announced:
            if self._whole_table is not None and isinstance(origin, int):
                self._whole_table.seed(prefix, origin)
            verdict = self._pairs.get((prefix, origin))
            if verdict is None:
                verdict = self._judge(message, prefix, origin)
            if isinstance(verdict, Verdict):
                self._fire(message, origin, verdict, [])

    def leave(self, collector: str) -> None:
        """Forget what fires at a collector's peers, and tell nobody: another process has it."""
        self._firing.leave(collector)

    def set_watchlist(self, watchlist: Watchlist, now: float) -> list[Change]:
        """Exchange the watchlist; what fires is judged by the new one."""
        before, self._watchlist = self._watchlist, watchlist
        self._cache.forget()
        over = self._firing.call_off(now, before=before, after=watchlist, validate=self._validate)
        return [*over, *self.judge_firing(now, cause=Cause.WATCHLIST_CHANGE)]

    def rejudge(self, now: float) -> list[Change]:
        """Judge what fires by the VRPs that are in force now. `observe` does it by itself; a
        quiet feed may ask for it. Costs nothing while nothing changed."""
        generation, before = self._generation(), self._judged_with
        if generation == before:
            return []
        changed = None
        if self._background.vrps_changed_since is not None:
            generation, changed = self._background.vrps_changed_since(before)
        self._judged_with = generation
        if changed is None:
            self._cache.forget()
        else:
            self._look_under(changed, before)
        return self.judge_firing(now, cause=Cause.VRP_CHANGE, under=changed)

    def _look_under(self, changed: PrefixSet, generation: int) -> None:
        """VRPs changed since `generation`: see what that means for routes that stand."""
        remembered = dict(self._cache.under(changed))
        pairs = dict.fromkeys((*remembered, *self._history.under(changed)))
        for prefix, origin in pairs:
            asn = single_as(origin)
            after = self._validate(prefix, asn)
            if self._history.stands(prefix, origin):
                before = self._background.validated_before(prefix, asn, generation)
                self._flips.note((prefix, origin), before, after)
            else:
                self._flips.forget((prefix, origin))  # whoever announces it next begins to
            said = remembered.get((prefix, origin))
            if said is not None:
                self._cache.renew((prefix, origin), said, after.state)

    def _announce(
        self,
        message: BgpMessage,
        firing: dict[str, Firing] | None,
        changes: list[Change],
        watched: list[str],
    ) -> None:
        path = message.as_path
        # RFC 6811 section 2: with an empty path the origin is the speaker's own AS.
        origin = path[-1] if path else message.peer.asn
        usual, counts, pairs = self._usual.get, self._counts, self._pairs.get
        own = coded(origin)
        for prefix in message.announced:
            code = usual(prefix, -1) - own
            if not 0 <= code < CODES_END:
                verdict = pairs((prefix, origin))
                if verdict is None:
                    verdict = self._judge(message, prefix, origin)
                if self._flips.known and self._is_flip_of_the_past(prefix, origin, message):
                    verdict = self._judge(message, prefix, origin)
                if not isinstance(verdict, int):
                    counts[CODES[verdict.validation.state]] += 1
                    self._fire(message, origin, verdict, changes)
                    if verdict.rule is not None:
                        watched.append(prefix)
                    continue
                code = verdict
                if code >= WATCHED:
                    code -= WATCHED
                    watched.append(prefix)
            counts[code] += 1
            if firing and prefix in firing:
                self._all_is_well(message, firing[prefix], origin, code, changes)

    def _is_flip_of_the_past(self, prefix: str, origin: Origin, message: BgpMessage) -> bool:
        """VRPs changed under this route once, but it was gone since: who announces it now does
        that knowing. It is no flip any more."""
        pair = (prefix, origin)
        if pair not in self._flips.known:
            return False
        if self._history.gone_s(*pair, message.timestamp) < FLIP_GONE_S:
            return False
        self._flips.forget(pair)
        self._cache.drop(pair)
        return True

    def _judge(self, message: BgpMessage, prefix: str, origin: Origin) -> int | Verdict:
        """Judge a route that no peer announced lately."""
        validation = self._validate(prefix, single_as(origin))
        before = self._flips.before((prefix, origin), validation) if self._flips.known else None
        verdict = judge(
            prefix, origin, watchlist=self._watchlist, validation=validation, before=before
        )
        is_watched = bool(self._watchlist.covering(prefix))
        if not is_watched and (verdict is None or not verdict.finding.opens_alert):
            if before is not None and self._whole_table is not None and isinstance(origin, int):
                self._whole_table.accept(prefix, origin)
            verdict = self._judge_unwatched(message, prefix, origin, validation) or verdict
        code = CODES[validation.state] + (WATCHED if is_watched else 0)
        # What is told once does not have to be looked at again.
        opens_alert = verdict is not None and verdict.finding.opens_alert
        self._cache.put((prefix, origin), verdict if verdict and opens_alert else code)
        return code if verdict is None else verdict

    def _judge_unwatched(
        self, message: BgpMessage, prefix: str, origin: Origin, validation: OriginValidation
    ) -> Verdict | None:
        """What is odd with a route to somebody else's prefix."""
        finding: Finding | None = None
        if self._whole_table is not None and isinstance(origin, int):
            finding = self._whole_table.judge(prefix, origin, validation, message.timestamp)
        if finding is None and self._tells_bogons:
            finding = bogon_finding(prefix, message.as_path)
        if finding is None:
            return None
        key = RouteKey(finding.event_type, prefix, single_as(origin), finding.reason)
        return Verdict.of(key, finding, validation)

    def _fire(
        self, message: BgpMessage, origin: Origin, verdict: Verdict, changes: list[Change]
    ) -> None:
        peer, key = message.peer, verdict.key
        known = self._firing.by_peer.get(peer, {}).get(key.prefix)
        if not verdict.finding.opens_alert:
            if known is not None:
                self._replace(message, known, origin, changes)
            if self._told.is_news(key):
                changes.append(self._event(message, verdict))
            return
        if known is None:
            if not self._firing.has_room():
                return
        elif known.told is not None:
            no_word = verdict.validation.state is RpkiState.UNAVAILABLE and known.origin == origin
            if known.key == key or no_word:
                return
        if known is not None and known.key != key:
            self._replace(message, known, origin, changes)
        event = self._event(message, self._weighed(message, origin, verdict))
        route = replace(message, announced=(key.prefix,), withdrawn=(), received=b"")
        self._firing.put(peer, Firing(key, origin, Told(event, route)))
        changes.append(event)

    def _event(self, message: BgpMessage, verdict: Verdict) -> RouteEvent:
        return self._teller.event(verdict, message, min_peers=self.min_peers)

    def _weighed(self, message: BgpMessage, origin: Origin, verdict: Verdict) -> Verdict:
        """The verdict as this path tells it."""
        if self._whole_table is None or verdict.rule is not None or not isinstance(origin, int):
            return verdict
        finding = self._whole_table.weighed(
            verdict.finding,
            verdict.key.prefix,
            origin,
            path=message.as_path,
            at=message.timestamp,
            watchlist=self._watchlist,
        )
        if finding is verdict.finding:
            return verdict
        return Verdict.of(verdict.key, finding, verdict.validation)

    def _withdraw(
        self, message: BgpMessage, firing: dict[str, Firing], changes: list[Change]
    ) -> None:
        for prefix in message.withdrawn:
            # RFC 4271 section 4.3: what one message both withdraws and announces is announced.
            if prefix in firing and prefix not in message.announced:
                known = self._firing.end(message.peer, prefix)
                changes.append(RouteCleared(message.timestamp, known.key, message.peer))

    def _all_is_well(
        self,
        message: BgpMessage,
        known: Firing,
        origin: Origin,
        code: int,
        changes: list[Change],
    ) -> None:
        """A peer whose route fired announces one that does not."""
        no_word = code == _UNAVAILABLE and known.origin == origin
        if not (no_word and known.key.event_type is EventType.RPKI_INVALID):
            self._replace(message, known, origin, changes)

    def _replace(
        self, message: BgpMessage, known: Firing, origin: Origin, changes: list[Change]
    ) -> None:
        """A peer has another route to the prefix, or its route is judged otherwise by now."""
        self._firing.end(message.peer, known.key.prefix)
        by = "" if origin == known.origin else named(origin)
        changes.append(RouteCleared(message.timestamp, known.key, message.peer, Cause.REPLACED, by))

    def judge_firing(
        self, now: float, *, cause: Cause, under: PrefixSet | None = None
    ) -> list[Change]:
        """Judge what fires by what is in force now.

        Args:
            under: only what is at or below one of these.
        """
        changes: list[Change] = []
        for known, told in self._firing.told_under(under):
            after = self._judge_again(known, told, now, cause, changes)
            if after is None:
                self._firing.end(told.event.peer, known.key.prefix)
            elif after is not known:
                self._firing.put(told.event.peer, after)
        return changes

    def _judge_again(
        self, known: Firing, told: Told, now: float, cause: Cause, changes: list[Change]
    ) -> Firing | None:
        """What becomes of a route that fires: the same, another event, or None for an end."""
        event, origin, prefix = told.event, known.origin, known.key.prefix
        validation = self._validate(prefix, single_as(origin))
        if validation.state is RpkiState.UNAVAILABLE:
            validation = event.validation
        before = self._flips.before((prefix, origin), validation)
        verdict = judge(
            prefix, origin, watchlist=self._watchlist, validation=validation, before=before
        )
        is_invalid = validation.state is RpkiState.INVALID
        if known.key.reason == "new_origin" and is_invalid and not self._watchlist.covering(prefix):
            return known
        if verdict is None or not verdict.finding.opens_alert:
            detail = _said_now(validation) if cause is Cause.VRP_CHANGE else ""
            changes.append(RouteCleared(now, known.key, event.peer, cause, detail))
            return None
        if verdict.says_the_same_as(event, now):
            return known
        after = self._teller.event(
            verdict,
            told.message,
            min_peers=self.min_peers,
            at=now,
            cause=cause,
            before=event.validation if cause is Cause.VRP_CHANGE else None,
        )
        if after.key != known.key:
            changes.append(RouteCleared(now, known.key, event.peer, cause))
        elif event.opens_alert and not after.opens_alert:
            changes.append(RouteCleared(now, known.key, event.peer, Cause.MUTED))
        changes.append(after)
        return Firing(verdict.key, origin, Told(after, told.message))


def _said_now(validation: OriginValidation) -> str:
    if validation.state is RpkiState.VALID:
        return "a ROA allows it now"
    return "no ROA covers it any more" if validation.state is RpkiState.NOT_FOUND else ""
