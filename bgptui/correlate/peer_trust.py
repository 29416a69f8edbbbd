"""Peers that see what nobody else sees: their word weighs less, and they are listed.

A router with a stale table, or one that is configured to lie, keeps reporting routes that no
other AS has. It is not dropped, since it may once be the first to see something.
"""

from collections import OrderedDict

from msgspec import Struct

from bgptui.domain.routing import Peer

ALONE_LEAST = 5  # sightings that nobody shared, before a peer's word weighs less
ALONE_SHARE = 0.8
WEIGHT_OF_A_LONER = 0.5
ALONE_AFTER_S = 600.0  # a route that only one AS has had for so long is its own
PEERS_MOST = 10_000
_FADE_AT = 200  # sightings after which old ones count half


class Record(Struct):
    """How often a peer's sightings stayed its AS's alone, and how often others shared them."""

    alone: int = 0
    shared: int = 0

    @property
    def is_loner(self) -> bool:
        total = self.alone + self.shared
        return self.alone >= ALONE_LEAST and self.alone >= ALONE_SHARE * total


class PeerTrust:
    """The record of each peer, of the PEERS_MOST that were heard of last."""

    def __init__(self) -> None:
        self._records: OrderedDict[Peer, Record] = OrderedDict()
        self.loners: tuple[Peer, ...] = ()  # read from other threads

    def weight(self, peer: Peer) -> float:
        """What the peer's word weighs: 1, or WEIGHT_OF_A_LONER."""
        record = self._records.get(peer)
        return WEIGHT_OF_A_LONER if record is not None and record.is_loner else 1.0

    def shared(self, peer: Peer) -> None:
        """Enough others saw what the peer saw."""
        self._record(peer).shared += 1
        self._settle(peer)

    def alone(self, peer: Peer) -> None:
        """Nobody else saw what the peer saw."""
        self._record(peer).alone += 1
        self._settle(peer)

    def _record(self, peer: Peer) -> Record:
        record = self._records.setdefault(peer, Record())
        self._records.move_to_end(peer)
        if len(self._records) > PEERS_MOST:
            self._records.popitem(last=False)
        return record

    def _settle(self, peer: Peer) -> None:
        record = self._records[peer]
        if record.alone + record.shared >= _FADE_AT:
            record.alone //= 2
            record.shared //= 2
        if record.is_loner is not (peer in self.loners):
            self.loners = tuple(sorted(each for each, its in self._records.items() if its.is_loner))
