"""Which route events are one matter, and which peers see it."""

from collections import Counter
from collections.abc import Callable, Iterator
from enum import IntEnum, auto

from msgspec import Struct

from bgptui.correlate.agenda import LATENESS_S
from bgptui.correlate.peer_trust import STUCK_OF
from bgptui.domain.event import Cause, EventType, RouteEvent, RouteKey
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import RpkiState

PEERS_MOST = 4_096
PREFIXES_MOST = 1_000
KEEPERS_MOST = 16  # peers; an AS rarely has more
PREFIX = "route|"

# The event that names the matter comes first.
_LEADING = {
    event_type: rank
    for rank, event_type in enumerate(
        (
            EventType.HIJACK_SUSPECTED,
            EventType.LEAK_SUSPECTED,
            EventType.RPKI_INVALID,
            EventType.PATH_ANOMALY,
            EventType.NEW_PREFIX,
            EventType.VISIBILITY_LOSS,
            EventType.BOGON,
        )
    )
}
_ORIGIN_EVENTS = frozenset({EventType.HIJACK_SUSPECTED, EventType.RPKI_INVALID})


def matter_key(key: RouteKey) -> str:
    """The alert's key.

    A wrong origin is one matter, whether the watchlist or the RPKI says so: hijack_suspected
    and rpki_invalid of one (prefix, origin) share a key. A leak and a new neighbour are one
    matter with all the prefixes behind them. Anything else is its RouteKey.
    """
    if key.is_about_a_hop:
        return f"{PREFIX}{key.event_type}|{key.reason}"
    origin = "-" if key.origin_asn is None else str(key.origin_asn)
    if key.event_type in _ORIGIN_EVENTS:
        return f"{PREFIX}origin|{key.prefix}|{origin}"
    return f"{PREFIX}{key.event_type}|{key.prefix}|{origin}|{key.reason}"


class News(IntEnum):
    """What an event adds to its matter, least first."""

    NOTHING = auto()  # the time of the last sighting
    PEERS = auto()  # another peer sees it, or for another prefix
    FACTS = auto()  # another rule, severity, class or RPKI state; nobody, or somebody, has it


class Firing(Struct):
    """One rule that fires, or fired, for one peer's route.

    Attributes:
        event: the latest one.
        since: event time from which it has been firing (short breaks included).
        routes: prefixes for which it fires; more than one in a matter about a hop.
        cleared_at: event time of its end; None while it fires.
    """

    event: RouteEvent
    since: float
    routes: set[str]
    cleared_at: float | None = None


class Sighting(Struct):
    """A peer that has, or had, the route.

    Attributes:
        since: event time.
        until: event time at which it lost the route; None while it has it.
    """

    since: float
    peer: Peer
    until: float | None = None


class RouteMatter:
    """The peers that see one matter.

    A peer counts while it fires and for `grace_s` after, so that routes which flap, or
    messages of different peers that arrive out of order, make no difference.

    Args:
        grace_s: seconds, > 0.
        drops: counts firings that were not kept.
    """

    def __init__(self, key: str, *, grace_s: float, drops: Counter[str]) -> None:
        self.key = key
        self.is_noted = False  # as something that one AS alone sees, or keeps
        self.asns: set[int] = set()
        self.collectors: set[str] = set()
        self.cleared_at = 0.0
        self.last_seen = 0.0
        self._grace_s = grace_s
        self._drops = drops
        self._firings: dict[tuple[RouteKey | str, Peer], Firing] = {}
        self._prefixes: dict[str, None] = {}
        self._facts: set[tuple[object, ...]] = set()
        self._firing = 0
        self._ends: dict[Peer, tuple[Cause, str]] = {}
        self._from_before: dict[Peer, Sighting] = {}  # of an alert taken over at a restart
        self._having_before = 0  # those of them that still have it
        self._absence = (0.0, float("-inf"))  # the last one: from, to

    @property
    def is_firing(self) -> bool:
        """Some peer still has the route."""
        return self._firing > 0 or self._having_before > 0

    @property
    def first_seen(self) -> float:
        """Event time since which some peer has been seeing it."""
        return min((firing.since for firing in self._firings.values()), default=0.0)

    @property
    def withdrawn_at(self) -> float | None:
        """Event time since which no peer has the route; None while one has it."""
        return None if self.is_firing else self.cleared_at

    @property
    def ends(self) -> Counter[tuple[Cause, str]]:
        """How it ended for its peers: (cause, detail) as RouteCleared has them."""
        return Counter(self._ends.values())

    @property
    def is_known(self) -> bool:
        """Some event of it was met; not so right after a restart."""
        return bool(self._firings)

    def fire(self, event: RouteEvent) -> News:
        """A rule fires for a peer's route."""
        is_back = not self.is_firing and bool(self._firings or self._from_before)
        self.last_seen = max(self.last_seen, event.timestamp)
        self._forget_from_before(event.peer)
        self._ends.pop(event.peer, None)
        news = self._note(event)
        if is_back and self.is_firing:
            self._absence = (self.cleared_at, event.timestamp)
            return News.FACTS
        return news

    def _note(self, event: RouteEvent) -> News:
        at, peer, slot = event.timestamp, event.peer, _slot(event.key)
        known = self._firings.get((slot, peer))
        unmet = event.key.prefix not in self._prefixes
        if unmet and len(self._prefixes) >= PREFIXES_MOST:
            self._drops["prefixes_unnamed"] += 1
            unmet = False
        if unmet:
            self._prefixes[event.key.prefix] = None
        if known is None:
            if len(self._firings) >= PEERS_MOST:
                self._drops["firings"] += 1
                return News.NOTHING
            self._firings[slot, peer] = Firing(event, at, {event.key.prefix})
            self._firing += 1
            self.asns.add(peer.asn)
            self.collectors.add(peer.collector)
            if _facts(event) in self._facts:
                return News.PEERS
            self._facts.add(_facts(event))
            return News.FACTS
        if known.cleared_at is not None:
            self._firing += 1
            if at > known.cleared_at + self._break_s(event):
                known.since = at
            known.cleared_at = None
        known.routes.add(event.key.prefix)
        old, known.event = known.event, event
        if _facts(old) == _facts(event):
            return News.PEERS if unmet else News.NOTHING
        self._facts.add(_facts(event))
        return News.FACTS

    def clear(
        self,
        key: RouteKey,
        peer: Peer,
        at: float,
        *,
        cause: Cause = Cause.WITHDRAWN,
        detail: str = "",
    ) -> News:
        """The peer's route is gone, as RouteCleared has it; it is news when no peer has it any
        more."""
        before = self._from_before.get(peer)
        if before is not None and before.until is None:
            before.until = max(at, before.since)
            self._having_before -= 1
            self._ends[peer] = cause, detail
        known = self._firings.get((_slot(key), peer))
        if known is not None and known.cleared_at is None:
            known.routes.discard(key.prefix)
            if not known.routes:
                known.cleared_at = max(at, known.since)
                self._firing -= 1
                self._ends[peer] = cause, detail
        self.cleared_at = max(self.cleared_at, at)
        return News.NOTHING if self.is_firing else News.FACTS

    def take_over(self, sighting: Sighting) -> None:
        """What was known of a peer before a restart; it counts until it says otherwise."""
        peer = sighting.peer
        self._forget_from_before(peer)
        self._from_before[peer] = sighting
        self._having_before += sighting.until is None
        self.asns.add(peer.asn)
        self.collectors.add(peer.collector)

    def is_there_in(self, start: float, end: float) -> bool:
        """Some peer may have had the route in start ... end, as far as the last absence tells."""
        if not self.is_firing:
            return start < self.cleared_at
        gone_at, back_at = self._absence
        return start < gone_at or end > back_at

    def forget_before(self, at: float) -> None:
        """Drop the peers that no longer count at `at`."""
        gone = [
            name
            for name, firing in self._firings.items()
            if firing.cleared_at is not None and firing.cleared_at + self._grace_s < at
        ]
        for name in gone:
            del self._firings[name]
        if gone:
            self.asns = {peer.asn for _, peer in self._firings}
            self.collectors = {peer.collector for _, peer in self._firings}
            self._ends = {peer: end for peer, end in self._ends.items() if self.sees(peer)}

    def quorum_at(self, weight: Callable[[Peer], float]) -> float | None:
        """Event time at which enough distinct peer ASNs saw it together; None if never.

        Enough is the least that any of its rules asks for. Of what must last before it opens an
        alert, only those that have it still count.

        Args:
            weight: what a peer's word weighs, 0 ... 1; an AS weighs what its best peer does.
        """
        firings = list(self._firings.values())
        enough = min((firing.event.min_peers for firing in firings), default=1)
        if len(self.asns) < enough:
            return None
        if self.lasting_s:
            firings = [firing for firing in firings if firing.cleared_at is None]
        for since in sorted({firing.since for firing in firings}):
            weights: dict[int, float] = {}
            for firing in firings:
                gone_at = firing.cleared_at
                if firing.since > since or (
                    gone_at is not None and since > gone_at + self._grace_s
                ):
                    continue
                peer = firing.event.peer
                weights[peer.asn] = max(weights.get(peer.asn, 0.0), weight(peer))
            # With a quorum of one a single AS is enough, whatever it weighs: it was asked for.
            if sum(weights.values()) >= enough or len(weights) >= enough == 1:
                return since
        return None

    @property
    def keepers(self) -> frozenset[Peer]:
        """The peers of the one AS that still has the route, where STUCK_OF or more had it."""
        is_loss = self.key.startswith(f"{PREFIX}{EventType.VISIBILITY_LOSS}")
        if is_loss or self._firing + self._having_before > KEEPERS_MOST:
            return frozenset()  # who has a loss lacks the route
        if len(self.asns) < STUCK_OF:
            return frozenset()
        having = {peer for peer, seen in self._from_before.items() if seen.until is None}
        for (_, peer), firing in self._firings.items():
            if firing.cleared_at is None:
                having.add(peer)
        return frozenset(having) if len({peer.asn for peer in having}) == 1 else frozenset()

    @property
    def witnesses(self) -> frozenset[Peer]:
        """The peers that see or saw it, as far as they count now."""
        return frozenset(peer for _, peer in self._firings)

    def shortfall(self, weight: Callable[[Peer], float]) -> float:
        """By how much its distinct peer ASNs together weigh less than their number."""
        best: dict[int, float] = {}
        for peer in self._peers():
            best[peer.asn] = max(best.get(peer.asn, 0.0), weight(peer))
        return sum(1.0 - each for each in best.values())

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The prefixes that it was met with, in order of their first sighting, PREFIXES_MOST of
        them."""
        return tuple(self._prefixes)

    @property
    def lasting_s(self) -> float:
        """For so long must enough peers have it: the least that any of its rules asks for."""
        return min((firing.event.lasting_s for firing in self._firings.values()), default=0.0)

    def events(self) -> list[RouteEvent]:
        """The latest event of each rule and peer: leading type first, then worst, then oldest."""
        return [
            firing.event
            for firing in sorted(
                self._firings.values(),
                key=lambda firing: (
                    _LEADING[firing.event.key.event_type],
                    firing.event.severity.rank,
                    firing.since,
                    firing.event.peer,
                    firing.event.key.reason,
                ),
            )
        ]

    def peers(self) -> list[Sighting]:
        """Every peer that sees or saw it, the first one first."""
        found = {
            peer: Sighting(before.since, peer, before.until)
            for peer, before in self._from_before.items()
        }
        for firing in self._firings.values():
            peer, until = firing.event.peer, firing.cleared_at
            known = found.get(peer)
            if known is None:
                found[peer] = Sighting(firing.since, peer, until)
                continue
            known.since = min(known.since, firing.since)
            has_it = until is None or known.until is None
            known.until = None if has_it else max(until or 0.0, known.until or 0.0)
        return sorted(found.values(), key=lambda sighting: (sighting.since, sighting.peer))

    def sees(self, peer: Peer) -> bool:
        """The peer sees or saw it."""
        return any(peer == known for known in self._peers())

    def anomaly_types(self) -> tuple[str, ...]:
        """Event types, the leading one first; an invalid route is rpki_invalid as well."""
        types = {firing.event.key.event_type for firing in self._firings.values()}
        if any(
            firing.event.validation.state is RpkiState.INVALID for firing in self._firings.values()
        ):
            types.add(EventType.RPKI_INVALID)
        return tuple(event_type.value for event_type in sorted(types, key=_LEADING.__getitem__))

    def _break_s(self, event: RouteEvent) -> float:
        """A peer that is without the route for no longer has had it all the time. What must last
        bears no break but the withdrawal in the middle of a change of paths."""
        return min(self._grace_s, LATENESS_S) if event.lasting_s else self._grace_s

    def _forget_from_before(self, peer: Peer) -> None:
        before = self._from_before.pop(peer, None)
        self._having_before -= before is not None and before.until is None

    def _peers(self) -> Iterator[Peer]:
        yield from (peer for _, peer in self._firings)
        yield from self._from_before


def _slot(key: RouteKey) -> RouteKey | str:
    """What of a key tells the firings of one peer apart."""
    return key.reason if key.is_about_a_hop else key


def _facts(event: RouteEvent) -> tuple[object, ...]:
    return _slot(event.key), event.severity, event.hijack_class, event.validation.state
