"""Who originated watched prefixes, since when, until when, and how many saw it."""

from collections import OrderedDict
from collections.abc import Iterator

from msgspec import Struct

from bgptui.domain.prefix_set import PrefixSet
from bgptui.routemon.verdict import Origin
from bgptui.routemon.watchlist import Watchlist
from bgptui.runtime.metrics import Metrics

PREFIXES_MOST = 50_000  # at 450 to 800 bytes; a watched prefix has more-specifics
_ORIGINS_MOST = 8  # of a prefix
_PEERS_MOST = 4_096


class Past(Struct):
    """A prefix's time with one origin.

    Attributes:
        first, last: event time of its first and latest announcement.
        seen_by: bit n stands for the n-th peer AS that was met.
    """

    first: float
    last: float
    seen_by: int = 0

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

    def note(self, prefix: str, origin: Origin, peer_asn: int, at: float) -> None:
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
        bit = self._bits.get(peer_asn)
        if bit is None and len(self._bits) < _PEERS_MOST:
            bit = self._bits[peer_asn] = 1 << len(self._bits)
        past.seen_by |= bit or 0

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
