"""The route monitor: what one message means for routing security.

Three monitors share the work: who originates what (OriginMonitor, for every announcement), what
the path says (PathMonitor) and who lost a watched prefix (VisibilityMonitor).
"""

import math
from collections.abc import Callable

from bgptui.domain.event import Cause, EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.routing import BgpMessage, MessageType, Peer, RibEntry, Session
from bgptui.domain.rpki import OriginValidation
from bgptui.routemon.background import RpkiBackground
from bgptui.routemon.bogons import Bogons
from bgptui.routemon.firing import FIRING_MOST, TOLD_MOST
from bgptui.routemon.origin_history import OriginHistory
from bgptui.routemon.origin_monitor import OriginMonitor
from bgptui.routemon.path_monitor import PathMonitor, ProveLeak
from bgptui.routemon.relationships import Relationships
from bgptui.routemon.teller import Teller, VerifyPath
from bgptui.routemon.verdict import Origin
from bgptui.routemon.verdict_cache import VERDICTS_MOST
from bgptui.routemon.visibility_monitor import VisibilityMonitor
from bgptui.routemon.watchlist import Watchlist
from bgptui.routemon.whole_table import WholeTable
from bgptui.runtime.metrics import Metrics

LEARN_S = 600.0
LOOK_EVERY_S = 10.0

Change = RouteEvent | RouteCleared

_UPDATE = MessageType.UPDATE
_PATH_EVENTS = frozenset({EventType.PATH_ANOMALY, EventType.LEAK_SUSPECTED})


class RouteMonitor:
    """Judges what peers announce. Not thread-safe: it belongs to the ingest thread.

    Args:
        validate: origin validation of (prefix, origin); the origin of an AS_SET is None.
        generation: changes whenever an answer of `validate` may change.
        verify: path verification by ASPAs; None: there are none.
        otc_leak: the leak that (path, OTC, peer's AS, its role) proves; None: nothing does.
        aspa_generation: changes whenever an answer of `verify` may change; 0 before there are
            ASPAs.
        min_peers: distinct peer ASNs to open an alert, where a rule does not say.
        next_id: ids of events.
        peers_of: peers of the feed with an address of so many bits.
        background: what stands behind the answers of `validate` and `verify`.
        learn_s: what is met in the first so many seconds of event time stood before us.
        whole_table: looks for new origins of prefixes that nobody watches; None: nobody does.
    """

    def __init__(
        self,
        watchlist: Watchlist,
        validate: Callable[[str, int | None], OriginValidation],
        generation: Callable[[], int],
        *,
        min_peers: int,
        next_id: Callable[[], int],
        verify: VerifyPath | None = None,
        otc_leak: ProveLeak | None = None,
        aspa_generation: Callable[[], int] = lambda: 0,
        relationships: Relationships | None = None,
        whole_table: WholeTable | None = None,
        bogons: Bogons = Bogons.PASSED_OVER,
        peers_of: Callable[[int], int] = lambda _bits: 0,
        background: RpkiBackground | None = None,
        learn_s: float = LEARN_S,
        metrics: Metrics | None = None,
        verdicts_most: int = VERDICTS_MOST,
        firing_most: int = FIRING_MOST,
        told_most: int = TOLD_MOST,
    ) -> None:
        metrics = metrics or Metrics()
        self._min_peers = min_peers
        self._watchlist = watchlist
        self._aspa_generation = aspa_generation
        self._verified_with = aspa_generation()
        self._background = background = background or RpkiBackground()
        verify = verify or (lambda _path, _role: None)
        self._history = OriginHistory(metrics)
        self._teller = Teller(
            next_id=next_id,
            background=background,
            history=self._history,
            whole_table=whole_table,
            verify=verify,
            roles=watchlist.roles,
        )
        self._origins = OriginMonitor(
            watchlist,
            validate,
            generation,
            min_peers=min_peers,
            teller=self._teller,
            history=self._history,
            background=background,
            metrics=metrics,
            whole_table=whole_table,
            bogons=bogons,
            verdicts_most=verdicts_most,
            firing_most=firing_most,
            told_most=told_most,
        )
        self._paths = PathMonitor(
            watchlist,
            verify=verify,
            otc_leak=otc_leak or (lambda _path, _otc, _asn, _role: None),
            validate=validate,
            teller=self._teller,
            metrics=metrics,
            learn_s=learn_s,
            relationships=relationships,
        )
        self._visibility = VisibilityMonitor(
            watchlist, validate=validate, teller=self._teller, peers_of=peers_of
        )
        self._whole_table = whole_table
        self._watched: list[str] = []
        self._looked_at = -math.inf
        self._decide_what_to_look_at()

    @property
    def watchlist(self) -> Watchlist:
        return self._watchlist

    @property
    def firing(self) -> int:
        """(peer, prefix) pairs that fire."""
        return self._origins.firing + self._paths.firing

    def counts(self) -> dict[str, int]:
        """Announced prefixes so far by RPKI state, named as in RpkiHealth."""
        return self._origins.counts()

    def losses(self) -> dict[str, int]:
        """What was not looked at for want of room, by reason."""
        table = self._whole_table
        return {
            "baseline_full": 0 if table is None else table.left_out,
            "newcomers_full": 0 if table is None else table.newcomers_left_out,
            "visibility_peers_full": self._visibility.left_out,
        }

    def is_watched(self, message: BgpMessage) -> bool:
        """The message touches a watched prefix, or comes from a watched AS."""
        return self._watchlist.concerns(message)

    def observe(self, message: BgpMessage, now: float) -> list[Change]:
        """Take one message: what begins and what ends with it, in this order of its parts:
        changed VRPs, withdrawals, announcements."""
        changes = self._origins.observe(message, now, self._watched)
        if self._looks_further:
            self._look_further(message, now, changes)
        return changes

    def take_over(self, key: RouteKey, peer: Peer, *, origin: Origin) -> None:
        """An earlier run told this event: its end will be told, or it is told once more when
        the peer announces the route again."""
        if key.event_type is EventType.VISIBILITY_LOSS:
            self._visibility.take_over(key.prefix, peer)
        elif key.event_type in _PATH_EVENTS:
            self._paths.take_over(key, peer)
        else:
            self._origins.take_over(key, peer, origin=origin)

    def seed(self, entry: RibEntry) -> None:
        """Take a route that stood before the first message: what it would begin is known, and
        no news. Its end is told like any other's."""
        message = BgpMessage(
            entry.originated,
            entry.peer,
            _UPDATE,
            (entry.prefix,),
            as_path=entry.as_path,
            next_hops=entry.next_hops,
            communities=entry.communities,
            large_communities=entry.large_communities,
            otc=entry.otc,
        )
        self._origins.seed(message)
        if self._looks_further:
            self._paths.seed(message)
            self._visibility.seed(message)
            if self._watchlist.covering(entry.prefix):
                self._note(message, entry.prefix)

    def leave(self, collector: str) -> None:
        """Forget a collector's peers, and tell nobody: another process has them now."""
        self._history.leave(collector)
        self._origins.leave(collector)
        self._paths.leave(collector)
        self._visibility.leave(collector)

    def set_watchlist(self, watchlist: Watchlist, now: float) -> list[Change]:
        """Exchange the watchlist; what fires is judged by the new one, and nothing that is known
        of routes and peers is forgotten."""
        self._watchlist = watchlist
        self._teller.roles = watchlist.roles
        self._history.keep_watched(watchlist)
        changes = self._origins.set_watchlist(watchlist, now)
        cause = Cause.WATCHLIST_CHANGE
        self._paths.judge_again(watchlist, now, cause, changes, min_peers=self._min_peers)
        self._visibility.set_watchlist(watchlist, now, changes, min_peers=self._min_peers)
        self._decide_what_to_look_at()
        return changes

    def set_relationships(self, relationships: Relationships | None) -> None:
        """Exchange what is known of who buys from whom; for what fires it counts from the next
        look at it on."""
        self._paths.relationships = relationships

    def rejudge(self, now: float) -> list[Change]:
        """What time and new RPKI data bring. `observe` does it by itself; a quiet feed may ask
        for it. Costs nothing while nothing changed."""
        changes = self._origins.rejudge(now)
        if self._aspa_generation() != self._verified_with:
            if not self._verified_with:
                self._paths.learn_from(now)  # what the first ASPAs forbid has stood for long
            self._look_at_aspas(now, changes)
        if now >= self._looked_at + LOOK_EVERY_S:
            self._look_at_the_clock(now, changes)
        return changes

    def _look_at_aspas(self, now: float, changes: list[Change]) -> None:
        generation, customers = self._aspa_generation(), None
        if self._background.aspas_changed_since is not None:
            generation, customers = self._background.aspas_changed_since(self._verified_with)
        self._verified_with = generation
        self._decide_what_to_look_at()
        self._paths.aspas_changed(customers, now, changes, min_peers=self._min_peers)

    def _look_further(self, message: BgpMessage, now: float, changes: list[Change]) -> None:
        """Paths and visibility; nothing of it concerns a message without routes."""
        if now >= self._looked_at + LOOK_EVERY_S:
            changes += self.rejudge(now)
        if message.type is _UPDATE:
            if message.withdrawn:
                self._withdraw(message, changes)
            if message.announced:
                self._announce(message, changes)
        elif message.type is MessageType.STATE and message.session is Session.DOWN:
            self._history.lost_all(message.peer, message.timestamp)
            self._paths.session_down(message.peer, message.timestamp, changes)
            self._visibility.session_down(message.peer, message.timestamp, changes)

    def _withdraw(self, message: BgpMessage, changes: list[Change]) -> None:
        self._paths.withdraw(message, changes)
        visibility = self._visibility
        for prefix in message.withdrawn:
            # RFC 4271 section 4.3: what one message both withdraws and announces is announced.
            if prefix in message.announced:
                continue
            self._history.lost(prefix, message.peer, message.timestamp)
            if prefix in visibility:
                visibility.withdrawn(message, prefix, changes, min_peers=self._min_peers)

    def _announce(self, message: BgpMessage, changes: list[Change]) -> None:
        watched = {prefix: self._watchlist.covering(prefix) for prefix in self._watched}
        self._watched.clear()
        for prefix in watched:
            if prefix in self._visibility:
                self._visibility.announced(message, prefix, changes)
        if watched or self._judges_every_path or self._paths.firing or message.otc is not None:
            self._paths.observe(message, watched, changes, min_peers=self._min_peers)
        for prefix in watched:
            self._note(message, prefix)

    def _note(self, message: BgpMessage, prefix: str) -> None:
        """From here on it is known who originates the prefix."""
        path, peer = message.as_path, message.peer
        origin = path[-1] if path else peer.asn
        self._history.note(prefix, origin, peer, message.timestamp)

    def _look_at_the_clock(self, now: float, changes: list[Change]) -> None:
        """Losses that lasted a day, and rules that are no longer muted."""
        before, self._looked_at = self._looked_at, now
        if before == -math.inf:
            self._paths.learn_from(now)
        self._visibility.tick(now, changes)
        if self._watchlist.unmutes_between(before, now):
            cause = Cause.MUTE_ENDED
            changes += self._origins.judge_firing(now, cause=cause)
            self._paths.judge_again(self._watchlist, now, cause, changes, min_peers=self._min_peers)

    def _decide_what_to_look_at(self) -> None:
        """Without a watchlist, and before there are ASPAs, paths cost nothing."""
        has_aspas = self._verified_with != 0
        self._judges_every_path = has_aspas or bool(self._watchlist.as_rules)
        watches = len(self._watchlist) > 0 or bool(self._watchlist.roles)
        self._looks_further = has_aspas or watches
