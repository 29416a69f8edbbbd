"""Flaps: a prefix announced again soon after the same peer withdrew it."""

from collections.abc import Iterable

# Timestamps are stored to the microsecond; as floats, two that lie exactly 300 s apart may
# differ by a little more.
_HALF_MICROSECOND_S = 5e-7


class Withdrawals:
    """What one peer withdrew lately: prefix to the time of its latest withdrawal.

    Two generations: `older` goes when `recent` is one period old, so that nothing needs to be
    looked at to expire it.
    """

    __slots__ = ("older", "recent", "rotate_at")

    def __init__(self) -> None:
        self.recent: dict[str, float] = {}
        self.older: dict[str, float] = {}
        self.rotate_at = 0.0

    def __len__(self) -> int:
        return len(self.recent) + len(self.older)


class FlapMemory:
    """Counts flaps of all peers within one memory budget; exact while nothing is evicted.

    A flap is the first announcement of a (peer, prefix) within `flap_s` after its withdrawal by
    the same peer. Only withdrawn prefixes are remembered. The session plays no part: SQL finds
    the same from the raw rows.

    When the memory is full the peer that withdraws one more prefix forgets one of its own
    oldest generation, so that one noisy peer cannot blind the count for the others; that is
    counted in `evictions`.

    Args:
        flap_s: longest time from withdrawal to announcement, inclusive.
        disorder_s: how far behind a peer's newest message another one of it may come.
        capacity: prefixes remembered, over all peers.
    """

    def __init__(self, *, flap_s: float, disorder_s: float, capacity: int) -> None:
        self._flap_s = flap_s + _HALF_MICROSECOND_S
        self._period_s = flap_s + disorder_s + 1.0
        self._capacity = capacity
        self.size = 0
        self.evictions = 0

    def withdraw(self, of_peer: Withdrawals, prefixes: Iterable[str], timestamp: float) -> None:
        """Remember withdrawals. The newest one of a prefix counts."""
        if timestamp >= of_peer.rotate_at:
            self.expire(of_peer, timestamp)
        recent, older = of_peer.recent, of_peer.older
        for prefix in prefixes:
            if prefix in recent:
                recent[prefix] = max(recent[prefix], timestamp)
                continue
            newest = timestamp
            if prefix in older:
                newest = max(newest, older.pop(prefix))
                self.size -= 1
            elif self.size >= self._capacity and not self._evict(of_peer):
                continue
            recent[prefix] = newest
            self.size += 1

    def announce(self, of_peer: Withdrawals, prefixes: Iterable[str], timestamp: float) -> int:
        """Flaps among announced prefixes; each is forgotten, being announced again.

        An announcement older than the withdrawal that we remember came out of order: it says
        nothing about what followed the withdrawal, and leaves it be.
        """
        if timestamp >= of_peer.rotate_at:
            self.expire(of_peer, timestamp)
        flaps = 0
        for generation in (of_peer.recent, of_peer.older):
            if not generation:
                continue
            for prefix in prefixes:
                withdrawn = generation.get(prefix)
                if withdrawn is not None and withdrawn <= timestamp:
                    del generation[prefix]
                    self.size -= 1
                    flaps += timestamp - withdrawn <= self._flap_s
        return flaps

    def expire(self, of_peer: Withdrawals, now: float) -> None:
        """Drop generations that no message of this peer can refer to any more."""
        if now < of_peer.rotate_at:
            return
        self.size -= len(of_peer.older)
        if now >= of_peer.rotate_at + self._period_s:
            self.size -= len(of_peer.recent)
            of_peer.recent = {}
        of_peer.older = of_peer.recent
        of_peer.recent = {}
        of_peer.rotate_at = now + self._period_s

    def forget(self, of_peer: Withdrawals) -> None:
        """Drop all of a peer."""
        self.size -= len(of_peer)
        of_peer.recent, of_peer.older = {}, {}

    def _evict(self, of_peer: Withdrawals) -> bool:
        """Make room for one prefix; False when the peer has none to give up."""
        self.evictions += 1
        oldest = of_peer.older or of_peer.recent
        if not oldest:
            return False
        # The last one put in, not the first: a dict finds its last entry at once, while the
        # first hides behind the holes of all those taken before.
        oldest.popitem()
        self.size -= 1
        return True
