"""Peers' routes that fire, so that the end of each is told; and what is told only once."""

from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct

from bgptui.domain.event import Cause, EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.routing import BgpMessage, Peer
from bgptui.domain.rpki import OriginValidation
from bgptui.routemon.verdict import Origin, judge, single_as
from bgptui.routemon.watchlist import Watchlist
from bgptui.runtime.metrics import Metrics

FIRING_MOST = 100_000  # (peer, prefix) pairs, about 200 MB with their evidence
TOLD_MOST = 100_000  # invalid routes of others

Validate = Callable[[str, int | None], OriginValidation]


class Told(Struct, frozen=True):
    """The event that told it, and the route as it was announced, without its frame."""

    event: RouteEvent
    message: BgpMessage


class Firing(Struct, frozen=True):
    """A peer's route that fires; `told` is None where an earlier run did it."""

    key: RouteKey
    origin: Origin
    told: Told | None


class FiringRoutes:
    """By peer and prefix, bounded.

    Attributes:
        count: (peer, prefix) pairs.
        by_peer: what fires of a peer's routes, by prefix; to be read only.
    """

    def __init__(self, metrics: Metrics, *, most: int = FIRING_MOST) -> None:
        self.count = 0
        self._metrics = metrics
        self._most = most
        self.by_peer: dict[Peer, dict[str, Firing]] = {}

    def has_room(self) -> bool:
        """Whether one more may fire; where it may not, that is counted as a loss."""
        if self.count < self._most:
            return True
        self._metrics.drop("routemon", "firing_full")
        return False

    def put(self, peer: Peer, firing: Firing) -> None:
        """A route fires, or fires otherwise than before."""
        routes = self.by_peer.setdefault(peer, {})
        self.count += firing.key.prefix not in routes
        routes[firing.key.prefix] = firing

    def end(self, peer: Peer, prefix: str) -> Firing:
        """A route fires no more."""
        routes = self.by_peer[peer]
        ended = routes.pop(prefix)
        self.count -= 1
        if not routes:
            del self.by_peer[peer]
        return ended

    def end_all(self, peer: Peer) -> list[Firing]:
        """None of a peer's routes fires any more."""
        ended = list(self.by_peer.pop(peer, {}).values())
        self.count -= len(ended)
        return ended

    def leave(self, collector: str) -> None:
        """Forget a collector's peers."""
        for peer in [peer for peer in self.by_peer if peer.collector == collector]:
            self.end_all(peer)

    def told_under(self, prefixes: PrefixSet | None) -> list[tuple[Firing, Told]]:
        """What this run told, at or below one of these prefixes; None for all. Of the others too
        little is known: their peers' next word decides."""
        all_of_them = [firing for routes in self.by_peer.values() for firing in routes.values()]
        if prefixes is not None:
            below = set(prefixes.among({firing.key.prefix for firing in all_of_them}))
            all_of_them = [firing for firing in all_of_them if firing.key.prefix in below]
        return [(firing, firing.told) for firing in all_of_them if firing.told is not None]

    def call_off(
        self, now: float, *, before: Watchlist, after: Watchlist, validate: Validate
    ) -> list[RouteCleared]:
        """End what an earlier run told and a new watchlist asks no more for."""
        over = [
            (peer, firing)
            for peer, routes in self.by_peer.items()
            for firing in routes.values()
            if firing.told is None and _is_called_off(firing, before, after, validate)
        ]
        for peer, firing in over:
            self.end(peer, firing.key.prefix)
        cause = Cause.WATCHLIST_CHANGE
        return [RouteCleared(now, firing.key, peer, cause) for peer, firing in over]


def _is_called_off(known: Firing, before: Watchlist, after: Watchlist, validate: Validate) -> bool:
    key, origin = known.key, known.origin
    if not before.covering(key.prefix) and origin not in before.as_rules:
        return False  # no rule told it
    if key.event_type is EventType.RPKI_INVALID or key.reason == "upstream":
        return not after.covering(key.prefix)
    validation = validate(key.prefix, single_as(origin))
    verdict = judge(key.prefix, origin, watchlist=after, validation=validation)
    return verdict is None or not verdict.finding.opens_alert


class ToldOnce:
    """Keys of events that nothing but their row comes of; the oldest is forgotten first."""

    def __init__(self, metrics: Metrics, *, most: int = TOLD_MOST) -> None:
        self._metrics = metrics
        self._most = most
        self._keys: OrderedDict[RouteKey, None] = OrderedDict()

    def is_news(self, key: RouteKey) -> bool:
        """Whether it was not told before, as far as is remembered; from here on it was."""
        if key in self._keys:
            self._keys.move_to_end(key)
            return False
        self._keys[key] = None
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)
            self._metrics.drop("routemon", "told_forgotten")
        return True
