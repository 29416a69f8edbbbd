"""Who originated watched prefixes, since when, until when, how many saw it, and who has it."""

import math
from collections import OrderedDict
from collections.abc import Iterator

from msgspec import Struct

from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.routing import Peer
from bgptui.routemon.verdict import Origin
from bgptui.routemon.watchlist import Watchlist
from bgptui.runtime.metrics import Metrics

PREFIXES_MOST = 50_000  # at 500 bytes to 1 KB; a watched prefix has more-specifics
_ORIGINS_MOST = 8  # of a prefix
_PEERS_MOST = 4_096
_FURTHER_PEER = 1 << _PEERS_MOST  # of which it is not known whether it lost a route


class Past(Struct):
    """A prefix's time with one origin.

    Attributes:
        first, last: event time of its first and latest announcement.
        seen_by: bit n stands for the n-th peer AS that was met.
        held_by: the peers that have it now; bit n stands for the n-th peer that was met.
        lost_at: event time at which the last peer that had it lost it.
    """

    first: float
    last: float
    seen_by: int = 0
    held_by: int = 0
    lost_at: float = math.inf

    @property
    def peers(self) -> int:
        """Distinct peer ASes that announced it."""
        return self.seen_by.bit_count()


class OriginHistory:
    """Of watched prefixes and what is below them; the one unseen for longest is forgotten first,
    and counted."""

    def __init__(self, metrics: Metrics, *, most: int = PREFIXES_MOST) -> None:
        self._metrics = metrics
        self._most = most
        self._pasts: OrderedDict[str, dict[Origin, Past]] = OrderedDict()
        self._bits: dict[int, int] = {}
        self._peers: dict[Peer, int] = {}

    def note(self, prefix: str, origin: Origin, peer: Peer, at: float) -> None:
        """A peer announced the prefix, or had it in its table since `at`."""
        pasts = self._pasts.get(prefix)
        if pasts is None:
            pasts = self._pasts[prefix] = {}
            if len(self._pasts) > self._most:
                self._pasts.popitem(last=False)
                self._metrics.drop("routemon", "history_forgotten")
        else:
            self._pasts.move_to_end(prefix)
        past = pasts.get(origin)
        if past is None:
            if len(pasts) >= _ORIGINS_MOST:
                del pasts[min(pasts, key=lambda known: pasts[known].last)]
                self._metrics.drop("routemon", "history_forgotten")
            past = pasts[origin] = Past(at, at)
        past.first, past.last = min(past.first, at), max(past.last, at)
        bit = self._bits.get(peer.asn)
        if bit is None and len(self._bits) < _PEERS_MOST:
            bit = self._bits[peer.asn] = 1 << len(self._bits)
        past.seen_by |= bit or 0
        self._hold(pasts, past, peer, at)

    def _hold(self, pasts: dict[Origin, Past], past: Past, peer: Peer, at: float) -> None:
        bit = self._peers.get(peer)
        if bit is None and len(self._peers) >= _PEERS_MOST:
            past.held_by |= _FURTHER_PEER
            return
        if bit is None:
            bit = self._peers[peer] = 1 << len(self._peers)
        if len(pasts) > 1:
            _lose(pasts, bit, at)  # it has this route in place of another one
        past.held_by |= bit

    def lost(self, prefix: str, peer: Peer, at: float) -> None:
        """A peer withdrew the prefix."""
        pasts = self._pasts.get(prefix)
        if pasts is not None:
            _lose(pasts, self._peers.get(peer, 0), at)

    def lost_all(self, peer: Peer, at: float) -> None:
        """Nothing is known of what a peer has any more: its session went down."""
        self._lose_everywhere(self._peers.get(peer, 0), at)

    def leave(self, collector: str) -> None:
        """Nothing more is heard of a collector's peers."""
        bits = 0
        for peer, bit in self._peers.items():
            if peer.collector == collector:
                bits |= bit
        self._lose_everywhere(bits, math.inf)

    def stands(self, prefix: str, origin: Origin) -> bool:
        """Whether some peer has this route; of what is not known here it is assumed."""
        pasts = self._pasts.get(prefix)
        past = None if pasts is None else pasts.get(origin)
        return past is None or past.held_by != 0

    def gone_s(self, prefix: str, origin: Origin, at: float) -> float:
        """For how long no peer has had this route; 0 where one has it, or that is not known."""
        pasts = self._pasts.get(prefix)
        past = None if pasts is None else pasts.get(origin)
        return 0.0 if past is None or past.held_by else max(0.0, at - past.lost_at)

    def of(self, prefix: str) -> list[tuple[Origin, Past]]:
        """The origins of a prefix, the one seen last first."""
        return sorted(self._pasts.get(prefix, {}).items(), key=lambda known: -known[1].last)

    def under(self, changed: PrefixSet) -> Iterator[tuple[str, Origin]]:
        """The routes at or below one of these prefixes."""
        for prefix in changed.among(self._pasts):
            yield from ((prefix, origin) for origin in self._pasts[prefix])

    def keep_watched(self, watchlist: Watchlist) -> None:
        """Forget what nobody watches any more."""
        for prefix in [prefix for prefix in self._pasts if not watchlist.covering(prefix)]:
            del self._pasts[prefix]

    def _lose_everywhere(self, bits: int, at: float) -> None:
        if bits:
            for pasts in self._pasts.values():
                _lose(pasts, bits, at)


def _lose(pasts: dict[Origin, Past], bits: int, at: float) -> None:
    for past in pasts.values():
        if past.held_by & bits:
            past.held_by &= ~bits
            if not past.held_by:
                past.lost_at = at
