"""Which route events are one matter, and which peers see it."""

from collections import Counter
from collections.abc import Iterator
from enum import IntEnum, auto

from msgspec import Struct

from bgptui.domain.event import EventType, RouteEvent, RouteKey
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import RpkiState

PEERS_MOST = 4_096
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
    and rpki_invalid of one (prefix, origin) share a key. Anything else is its RouteKey.
    """
    origin = "-" if key.origin_asn is None else str(key.origin_asn)
    if key.event_type in _ORIGIN_EVENTS:
        return f"{PREFIX}origin|{key.prefix}|{origin}"
    return f"{PREFIX}{key.event_type}|{key.prefix}|{origin}|{key.reason}"


class News(IntEnum):
    """What an event adds to its matter, least first."""

    NOTHING = auto()  # the time of the last sighting
    PEERS = auto()  # another peer sees it
    FACTS = auto()  # another rule, severity, class or RPKI state


class Firing(Struct):
    """One rule that fires, or fired, for one peer's route.

    Attributes:
        event: the latest one.
        since: event time from which it has been firing (short breaks included).
        cleared_at: event time of its end; None while it fires.
    """

    event: RouteEvent
    since: float
    cleared_at: float | None = None


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
        self.asns: set[int] = set()
        self.collectors: set[str] = set()
        self.cleared_at = 0.0
        self.last_seen = 0.0
        self._grace_s = grace_s
        self._drops = drops
        self._firings: dict[tuple[RouteKey, Peer], Firing] = {}
        self._facts: set[tuple[object, ...]] = set()
        self._firing = 0
        self._from_before: dict[Peer, float] = {}  # since; of an alert taken over at a restart

    @property
    def is_firing(self) -> bool:
        """Some peer still has the route."""
        return self._firing > 0 or bool(self._from_before)

    @property
    def is_known(self) -> bool:
        """Some event of it was met; not so right after a restart."""
        return bool(self._firings)

    def fire(self, event: RouteEvent) -> News:
        """A rule fires for a peer's route."""
        at, peer = event.timestamp, event.peer
        self.last_seen = max(self.last_seen, at)
        self._from_before.pop(peer, None)
        known = self._firings.get((event.key, peer))
        if known is None:
            if len(self._firings) >= PEERS_MOST:
                self._drops["firings"] += 1
                return News.NOTHING
            self._firings[event.key, peer] = Firing(event, at)
            self._firing += 1
            self.asns.add(peer.asn)
            self.collectors.add(peer.collector)
            if _facts(event) in self._facts:
                return News.PEERS
            self._facts.add(_facts(event))
            return News.FACTS
        if known.cleared_at is not None:
            self._firing += 1
            if at > known.cleared_at + self._grace_s:
                known.since = at
            known.cleared_at = None
        old, known.event = known.event, event
        if _facts(old) == _facts(event):
            return News.NOTHING
        self._facts.add(_facts(event))
        return News.FACTS

    def clear(self, key: RouteKey, peer: Peer, at: float) -> None:
        """The peer's route is gone."""
        self._from_before.pop(peer, None)
        known = self._firings.get((key, peer))
        if known is not None and known.cleared_at is None:
            known.cleared_at = max(at, known.since)
            self._firing -= 1
        self.cleared_at = max(self.cleared_at, at)

    def take_over(self, peer: Peer, since: float) -> None:
        """The peer had the route before a restart; it counts until it says otherwise."""
        self._from_before[peer] = since
        self.asns.add(peer.asn)
        self.collectors.add(peer.collector)

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

    def quorum_at(self) -> float | None:
        """Event time at which enough distinct peer ASNs saw it together; None if never.

        Enough is the least that any of its rules asks for.
        """
        if not self._firings:
            return None
        enough = min(firing.event.min_peers for firing in self._firings.values())
        if len(self.asns) < enough:
            return None
        for since in sorted({firing.since for firing in self._firings.values()}):
            counted = {
                firing.event.peer.asn
                for firing in self._firings.values()
                if firing.since <= since
                and (firing.cleared_at is None or since <= firing.cleared_at + self._grace_s)
            }
            if len(counted) >= enough:
                return since
        return None

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

    def peers(self) -> list[tuple[float, Peer]]:
        """(since, peer) of every peer that sees or saw it, the first one first."""
        first = dict(self._from_before)
        for firing in self._firings.values():
            peer = firing.event.peer
            first[peer] = min(firing.since, first.get(peer, firing.since))
        return sorted((since, peer) for peer, since in first.items())

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

    def _peers(self) -> Iterator[Peer]:
        yield from (peer for _, peer in self._firings)
        yield from self._from_before


def _facts(event: RouteEvent) -> tuple[object, ...]:
    return event.key, event.severity, event.hijack_class, event.validation.state
