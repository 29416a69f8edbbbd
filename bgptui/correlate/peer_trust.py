"""Peers whose word weighs less, and why; they are listed and not dropped.

A router with a stale table, or one that is configured to lie, keeps reporting routes that no
other AS has, or holds on to routes that everybody else has lost. It may still be the first to
see something once, and then another peer bears it out.
"""

from collections import OrderedDict

from msgspec import Struct

from bgptui.correlate.peer_silence import PeerSilence
from bgptui.domain.health import Doubt
from bgptui.domain.routing import Peer
from bgptui.domain.window import FeatureWindow

ALONE_LEAST = 5  # sightings that nobody shared, before a peer's word weighs less
ALONE_SHARE = 0.8
STUCK_LEAST = 3  # routes that it kept, likewise
STUCK_SHARE = 0.5  # of the sightings that others shared
WEIGHT_IN_DOUBT = 0.5
ALONE_AFTER_S = 600.0  # a route that only one AS has had for so long is its own
# A route that one AS keeps for so long after all others lost it is stuck (Fontugne et al., BGP
# Zombies, PAM 2019: 90 minutes); so many ASes must have had it, to make that odd.
STUCK_AFTER_S = 5_400.0
STUCK_OF = 4
PEERS_MOST = 10_000
_FADE_AT = 200  # sightings after which old ones count half


class Record(Struct):
    """How often a peer's sightings stayed its AS's alone, how often others shared them, and how
    often it kept what these had lost."""

    alone: int = 0
    shared: int = 0
    stuck: int = 0

    @property
    def doubt(self) -> Doubt | None:
        """Why the peer's word weighs less; None where it does not."""
        if self.alone >= ALONE_LEAST and self.alone >= ALONE_SHARE * (self.alone + self.shared):
            return Doubt.ALONE
        if self.stuck >= STUCK_LEAST and self.stuck >= STUCK_SHARE * self.shared:
            return Doubt.STUCK
        return None


class PeerTrust:
    """The record of each peer, of the PEERS_MOST that were heard of last.

    Attributes:
        doubted: who is listed and why; read from other threads, replaced and never changed.
    """

    def __init__(self) -> None:
        self._records: OrderedDict[Peer, Record] = OrderedDict()
        self._silence = PeerSilence()
        self.doubted: dict[Peer, Doubt] = {}

    def weight(self, peer: Peer) -> float:
        """What the peer's word weighs: 1, or WEIGHT_IN_DOUBT."""
        is_doubted = self._has_doubt(peer) or peer in self._silence.silent
        return WEIGHT_IN_DOUBT if is_doubted else 1.0

    def heard(self, peer: Peer) -> None:
        """The peer has just said something."""
        self._silence.heard(peer)

    def see_window(self, window: FeatureWindow) -> Peer | None:
        """A peer's minute, or the network's, which tells nothing; the peer where it is back."""
        return self._silence.see(window)

    def list_silent(self) -> None:
        """Bring the list up to date after a minute."""
        listed = {peer for peer, doubt in self.doubted.items() if doubt is Doubt.SILENT}
        if listed != {peer for peer in self._silence.silent if not self._has_doubt(peer)}:
            self._list()

    def shared(self, peer: Peer) -> None:
        """Enough others saw what the peer saw."""
        self._settle(peer, shared=1)

    def alone(self, peer: Peer) -> None:
        """Nobody else saw what the peer saw."""
        self._settle(peer, alone=1)

    def stuck(self, peer: Peer) -> None:
        """The peer kept for long what everybody else has lost."""
        self._settle(peer, stuck=1)

    def _settle(self, peer: Peer, *, alone: int = 0, shared: int = 0, stuck: int = 0) -> None:
        record = self._records.setdefault(peer, Record())
        self._records.move_to_end(peer)
        if len(self._records) > PEERS_MOST:
            self._records.popitem(last=False)
        before = record.doubt
        record.alone += alone
        record.shared += shared
        record.stuck += stuck
        if record.alone + record.shared >= _FADE_AT:
            record.alone //= 2
            record.shared //= 2
            record.stuck //= 2
        if record.doubt is not before:
            self._list()

    def _has_doubt(self, peer: Peer) -> bool:
        record = self._records.get(peer)
        return record is not None and record.doubt is not None

    def _list(self) -> None:
        found = dict.fromkeys(self._silence.silent, Doubt.SILENT)
        for peer, record in self._records.items():
            if record.doubt is not None:
                found[peer] = record.doubt
        self.doubted = dict(sorted(found.items()))
