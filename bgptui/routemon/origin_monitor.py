"""Who originates what: every announcement against the RPKI and the watchlist, with memory.

It remembers verdicts per (prefix, origin), what fires per peer and prefix, and which invalid
routes of others were told already; each is bounded.

When VRPs change, verdicts are forgotten, and every route that fires is judged anew at once: a
new ROA ends an alert although no peer says anything. Routes that do not fire are judged anew
when a peer announces them again, since nobody keeps them. While there are no fresh VRPs what
fires stays as it was last judged: the absence of data neither raises nor ends an alert.
"""

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum, auto

from msgspec import Struct

from bgptui.domain.event import EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import OriginValidation, RpkiState
from bgptui.routemon.bogons import bogon_finding
from bgptui.routemon.rules import Finding
from bgptui.routemon.verdict import Origin, Verdict, judge, single_as
from bgptui.routemon.watchlist import Watchlist
from bgptui.routemon.whole_table import WholeTable
from bgptui.runtime.metrics import Metrics

VERDICTS_MOST = 400_000  # (prefix, origin) pairs, about 60 MB
FIRING_MOST = 100_000  # (peer, prefix) pairs, about as much
TOLD_MOST = 100_000  # invalid routes of others

Change = RouteEvent | RouteCleared


class Bogons(Enum):
    """Whether special-purpose prefixes and AS numbers are told."""

    TOLD = auto()
    PASSED_OVER = auto()


_STATES = tuple(RpkiState)
_CODES = {state: code for code, state in enumerate(_STATES)}
_UNAVAILABLE = _CODES[RpkiState.UNAVAILABLE]
_CODE_BITS = 2
_CODES_END = 1 << _CODE_BITS
_WATCHED = _CODES_END  # added to the code of a watched prefix: there is more to look at
_NO_CODE = 1 << 62  # far above any origin's

_UPDATE = MessageType.UPDATE  # looked up once: the hot path


class _Firing(Struct, frozen=True):
    """A peer's route that fires; the event is None where an earlier run told it."""

    key: RouteKey
    origin: Origin
    event: RouteEvent | None


class OriginMonitor:
    """Judges the origins of what peers announce. It belongs to the ingest thread.

    Args:
        validate: origin validation of (prefix, origin); the origin of an AS_SET is None.
        generation: changes whenever an answer of `validate` may change.
        min_peers: distinct peer ASNs to open an alert, where a rule does not say; the attribute
            may be lowered where fewer peers are subscribed.
        next_id: ids of events.
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
        next_id: Callable[[], int],
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
        self._next_id = next_id
        self._metrics = metrics
        self._whole_table = whole_table
        self._tells_bogons = bogons is Bogons.TOLD
        self._verdicts_most = verdicts_most
        self._firing_most = firing_most
        self._told_most = told_most
        self._judged_with = generation()
        # The one cache that answers RPKI and watchlist together, in two parts. Nearly all of what
        # is announced has one origin, and all is well with it (or was told): by prefix, that
        # origin with the code of the RPKI state. One lookup without making a pair, in half the
        # memory. Of everything else by pair: such a code, or the verdict.
        self._usual: dict[str, int] = {}
        self._verdicts: dict[tuple[str, Origin], int | Verdict] = {}
        self._firing: dict[Peer, dict[str, _Firing]] = {}
        self._firing_count = 0
        self._told: OrderedDict[RouteKey, None] = OrderedDict()
        self._counts = [0] * len(_STATES)

    @property
    def firing(self) -> int:
        """(peer, prefix) pairs that fire."""
        return self._firing_count

    def counts(self) -> dict[str, int]:
        """Announced prefixes so far by RPKI state, named as in RpkiHealth."""
        return {state.value: count for state, count in zip(_STATES, self._counts, strict=True)}

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
            firing = self._firing.get(message.peer) if self._firing else None
            if firing and message.withdrawn:
                self._withdraw(message, firing, changes)
            if message.announced:
                self._announce(message, firing, changes, watched)
        elif message.type is MessageType.STATE and message.session is Session.DOWN:
            self._session_down(message, changes)
        return changes

    def take_over(self, key: RouteKey, peer: Peer, *, origin: Origin) -> None:
        """An earlier run told this event: its end will be told, or it is told once more when
        the peer announces the route again."""
        firing = self._firing.setdefault(peer, {})
        self._firing_count += key.prefix not in firing
        firing[key.prefix] = _Firing(key, origin, None)

    def seed(self, message: BgpMessage) -> None:
        """Take a route that stood before the first message: what it would begin is known, and
        no news. Its end is told like any other's."""
        path = message.as_path
        origin = path[-1] if path else message.peer.asn
        for prefix in message.announced:
            if self._whole_table is not None and isinstance(origin, int):
                self._whole_table.seed(prefix, origin)
            verdict = self._verdicts.get((prefix, origin))
            if verdict is None:
                verdict = self._judge(message, prefix, origin)
            if isinstance(verdict, Verdict):
                self._fire(message, origin, verdict, [])

    def leave(self, collector: str) -> None:
        """Forget what fires at a collector's peers, and tell nobody: another process has it."""
        for peer in [peer for peer in self._firing if peer.collector == collector]:
            self._firing_count -= len(self._firing.pop(peer))

    def set_watchlist(self, watchlist: Watchlist, now: float) -> list[Change]:
        """Exchange the watchlist; what fires is judged by the new one."""
        self._watchlist = watchlist
        return self.judge_firing(now, cause="watchlist_change")

    def rejudge(self, now: float) -> list[Change]:
        """Judge what fires by the VRPs that are in force now. `observe` does it by itself; a
        quiet feed may ask for it. Costs nothing while nothing changed."""
        generation = self._generation()
        if generation == self._judged_with:
            return []
        self._judged_with = generation
        return self.judge_firing(now, cause="vrp_change")

    def _announce(
        self,
        message: BgpMessage,
        firing: dict[str, _Firing] | None,
        changes: list[Change],
        watched: list[str],
    ) -> None:
        path = message.as_path
        # RFC 6811 section 2: with an empty path the origin is the speaker's own AS.
        origin = path[-1] if path else message.peer.asn
        usual, counts, pairs = self._usual.get, self._counts, self._verdicts.get
        own = _coded(origin)
        for prefix in message.announced:
            code = usual(prefix, -1) - own
            if not 0 <= code < _CODES_END:
                verdict = pairs((prefix, origin))
                if verdict is None:
                    verdict = self._judge(message, prefix, origin)
                if not isinstance(verdict, int):
                    counts[_CODES[verdict.validation.state]] += 1
                    self._fire(message, origin, verdict, changes)
                    if verdict.rule is not None:
                        watched.append(prefix)
                    continue
                code = verdict
                if code >= _WATCHED:
                    code -= _WATCHED
                    watched.append(prefix)
            counts[code] += 1
            if firing and prefix in firing:
                self._all_is_well(message, prefix, origin, code, changes)

    def _judge(self, message: BgpMessage, prefix: str, origin: Origin) -> int | Verdict:
        """Judge a route that no peer announced lately."""
        validation = self._validate(prefix, single_as(origin))
        verdict = judge(prefix, origin, watchlist=self._watchlist, validation=validation)
        is_watched = bool(self._watchlist.covering(prefix))
        if not is_watched and (verdict is None or not verdict.finding.opens_alert):
            verdict = self._judge_unwatched(message, prefix, origin, validation) or verdict
        code = _CODES[validation.state] + (_WATCHED if is_watched else 0)
        if len(self._usual) + len(self._verdicts) >= self._verdicts_most:
            self._forget_verdicts()  # what is announced these minutes is back at once
        if verdict is not None and verdict.finding.opens_alert:
            self._verdicts[prefix, origin] = verdict
            return verdict
        # What is told once does not have to be looked at again.
        own = _coded(origin)
        if own != _NO_CODE and not is_watched and prefix not in self._usual:
            self._usual[prefix] = own + code
        else:
            self._verdicts[prefix, origin] = code
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

    def _forget_verdicts(self) -> None:
        self._usual.clear()
        self._verdicts.clear()

    def _fire(
        self, message: BgpMessage, origin: Origin, verdict: Verdict, changes: list[Change]
    ) -> None:
        peer, key = message.peer, verdict.key
        known = self._firing.get(peer, {}).get(key.prefix)
        if not verdict.finding.opens_alert:
            if known is not None:
                self._end(message, key.prefix, changes)
            if self._is_news(key):
                changes.append(self._event(message, verdict))
            return
        if known is None:
            if self._firing_count >= self._firing_most:
                self._metrics.drop("routemon", "firing_full")
                return
            self._firing_count += 1
        elif known.event is not None:
            no_word = verdict.validation.state is RpkiState.UNAVAILABLE and known.origin == origin
            if known.key == key or no_word:
                return
        if known is not None and known.key != key:
            changes.append(RouteCleared(message.timestamp, known.key, peer))
        event = self._event(message, self._weighed(message, origin, verdict))
        self._firing.setdefault(peer, {})[key.prefix] = _Firing(key, origin, event)
        changes.append(event)

    def _event(self, message: BgpMessage, verdict: Verdict) -> RouteEvent:
        return verdict.event(message, event_id=self._next_id(), min_peers=self.min_peers)

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

    def _is_news(self, key: RouteKey) -> bool:
        """Whether this invalid route of others was not told before, as far as is remembered."""
        if key in self._told:
            self._told.move_to_end(key)
            return False
        self._told[key] = None
        if len(self._told) > self._told_most:
            self._told.popitem(last=False)
            self._metrics.drop("routemon", "told_forgotten")
        return True

    def _withdraw(
        self, message: BgpMessage, firing: dict[str, _Firing], changes: list[Change]
    ) -> None:
        for prefix in message.withdrawn:
            # RFC 4271 section 4.3: what one message both withdraws and announces is announced.
            if prefix in firing and prefix not in message.announced:
                self._end(message, prefix, changes)

    def _all_is_well(
        self,
        message: BgpMessage,
        prefix: str,
        origin: Origin,
        code: int,
        changes: list[Change],
    ) -> None:
        """A peer whose route fired announces one that does not."""
        known = self._firing[message.peer][prefix]
        no_word = code == _UNAVAILABLE and known.origin == origin
        if not (no_word and known.key.event_type is EventType.RPKI_INVALID):
            self._end(message, prefix, changes)

    def _end(self, message: BgpMessage, prefix: str, changes: list[Change]) -> None:
        peer = message.peer
        firing = self._firing[peer]
        changes.append(RouteCleared(message.timestamp, firing.pop(prefix).key, peer))
        self._firing_count -= 1
        if not firing:
            del self._firing[peer]

    def _session_down(self, message: BgpMessage, changes: list[Change]) -> None:
        for known in self._firing.pop(message.peer, {}).values():
            changes.append(RouteCleared(message.timestamp, known.key, message.peer))
            self._firing_count -= 1

    def judge_firing(self, now: float, *, cause: str) -> list[Change]:
        """Judge what fires by what is in force now."""
        self._forget_verdicts()
        changes: list[Change] = []
        still: dict[Peer, dict[str, _Firing]] = {}
        for peer, firing in self._firing.items():
            for prefix, known in firing.items():
                after = self._judge_again(known, prefix, now, cause=cause)
                if after is None or after.key != known.key:
                    changes.append(RouteCleared(now, known.key, peer))
                if after is not None:
                    still.setdefault(peer, {})[prefix] = after
                    if after.event is not None and after is not known:
                        changes.append(after.event)
        self._firing = still
        self._firing_count = sum(len(firing) for firing in still.values())
        return changes

    def _judge_again(
        self, known: _Firing, prefix: str, now: float, *, cause: str
    ) -> _Firing | None:
        """What becomes of a route that fires: the same, another event, or None for an end."""
        event, origin = known.event, known.origin
        if event is None:
            return known  # too little is known of it: its peer's next word decides
        validation = self._validate(prefix, single_as(origin))
        if validation.state is RpkiState.UNAVAILABLE:
            validation = event.validation
        verdict = judge(prefix, origin, watchlist=self._watchlist, validation=validation)
        if known.key.reason == "new_origin" and validation.state is RpkiState.INVALID:
            return known
        if verdict is None or not verdict.finding.opens_alert:
            return None
        if verdict.says_the_same_as(event, now):
            return known
        after = verdict.retell(
            event, now, event_id=self._next_id(), min_peers=self.min_peers, cause=cause
        )
        return _Firing(verdict.key, origin, after)


def _coded(origin: Origin) -> int:
    """What is to be added to a state's code; of an AS_SET, which has none, _NO_CODE."""
    return origin << _CODE_BITS if isinstance(origin, int) else _NO_CODE
