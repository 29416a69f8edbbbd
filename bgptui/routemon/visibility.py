"""Who still has a watched prefix: the net state of each peer, not a count of withdrawals.

A peer that withdrew and announced again has the prefix; one whose session went down, or that
we were blind for, is unknown and counts on neither side.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from bgptui.domain.routing import Peer

LOSS_HIGH = 0.4  # share of the peers that had it, from which it is lost (noise policy)
LOSS_CRITICAL = 0.8
UPSTREAMS_MOST = 16  # of one prefix, 200 bytes each; more are not split up


class Loss(Struct, frozen=True):
    """A prefix's visibility after a change.

    Attributes:
        lost: peers that had it and do not have it now.
        had: peers that have it or had it.
    """

    lost: int
    had: int

    @property
    def share(self) -> float:
        return self.lost / self.had if self.had else 0.0


class _Seen(Struct):
    """Bit n stands for the peer with index n.

    Attributes:
        over: peers by the upstream of the origin in their last path.
    """

    having: int = 0
    lost: int = 0
    over: dict[int, int] = {}

    def move(self, bit: int, upstream: int) -> None:
        """The peer has the prefix over this upstream now, and over no other."""
        if self.over.get(upstream, 0) & bit:
            return
        for asn, peers in self.over.items():
            if peers & bit:
                self.over[asn] = peers & ~bit
        if upstream in self.over or len(self.over) < UPSTREAMS_MOST:
            self.over[upstream] = self.over.get(upstream, 0) | bit


class Visibility:
    """Net state of each (watched prefix, peer); a few hundred bytes a prefix.

    Args:
        prefixes: the canonical prefixes to keep an eye on.
        peers_most: peers that get a bit; of more, the later ones are not looked at.
    Attributes:
        left_out: what those later ones said, so many times.
    """

    def __init__(self, prefixes: Iterable[str], *, peers_most: int = 4_096) -> None:
        self._seen = {prefix: _Seen() for prefix in prefixes}
        self.left_out = 0
        self._peers_most = peers_most
        self._index: dict[Peer, int] = {}
        self._peers: list[Peer] = []

    def __contains__(self, prefix: str) -> bool:
        return prefix in self._seen

    def watch(self, prefixes: Iterable[str]) -> None:
        """Exchange the prefixes; what is known of those that stay is kept."""
        self._seen = {prefix: self._seen.get(prefix) or _Seen() for prefix in prefixes}

    def announced(self, prefix: str, peer: Peer, upstream: int | None) -> bool:
        """The peer has the prefix; True when it had lost it."""
        index = self._index_of(peer)
        if index is None:
            return False
        seen, bit = self._seen[prefix], 1 << index
        if upstream is not None:
            seen.move(bit, upstream)
        if seen.having & bit:
            return False
        seen.having |= bit
        was_lost = bool(seen.lost & bit)
        seen.lost &= ~bit
        return was_lost

    def withdrawn(self, prefix: str, peer: Peer) -> bool:
        """The peer lost the prefix; False when it was known to have lost it already.

        A peer that was never heard of it had it: only what was announced is withdrawn
        (RFC 4271 section 3.1), be it before we listened.
        """
        index = self._index_of(peer)
        seen = self._seen[prefix]
        if index is None or seen.lost & (1 << index):
            return False
        seen.having &= ~(1 << index)
        seen.lost |= 1 << index
        return True

    def forget(self, peer: Peer) -> Iterator[str]:
        """Nothing is known of the peer any more; the prefixes that it had lost."""
        index = self._index.get(peer)
        if index is None:
            return
        for prefix, seen in self._seen.items():
            bit = 1 << index
            seen.having &= ~bit
            if seen.lost & bit:
                seen.lost &= ~bit
                yield prefix

    def forget_collector(self, collector: str) -> None:
        """Nothing is known of a collector's peers any more."""
        for peer in [peer for peer in self._peers if peer.collector == collector]:
            list(self.forget(peer))

    def forget_lost(self, prefix: str) -> None:
        """The loss is the new state of things: those peers do not count any more."""
        self._seen[prefix].lost = 0

    def loss(self, prefix: str) -> Loss:
        """How many peers lost the prefix, out of how many."""
        seen = self._seen[prefix]
        lost, having = seen.lost.bit_count(), seen.having.bit_count()
        return Loss(lost, lost + having)

    def losers(self, prefix: str) -> list[Peer]:
        """The peers that lost the prefix."""
        return [self._peers[index] for index in _bits(self._seen[prefix].lost)]

    def by_upstream(self, prefix: str) -> list[tuple[int, int, int]]:
        """(upstream of the origin, peers that lost the prefix over it, peers that have it)."""
        seen = self._seen[prefix]
        split = (
            (asn, (peers & seen.lost).bit_count(), (peers & seen.having).bit_count())
            for asn, peers in sorted(seen.over.items())
        )
        return [each for each in split if each[1] or each[2]]

    def _index_of(self, peer: Peer) -> int | None:
        index = self._index.get(peer)
        if index is None and len(self._peers) < self._peers_most:
            index = self._index[peer] = len(self._peers)
            self._peers.append(peer)
        self.left_out += index is None
        return index


def _bits(number: int) -> Iterator[int]:
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low
