"""Peers that said something nearly every minute and now say nothing: their view may be stale.

A peer of a narrow subscription is quiet by nature, and no less right for it: only one that was
busy can fall silent.
"""

from collections import OrderedDict

from msgspec import Struct

from bgptui.domain.routing import Peer
from bgptui.domain.window import FeatureWindow

SILENT_AFTER = 30  # minutes
BUSY_SHARE = 0.9  # of the minutes before, with a message
LEARNED_AFTER = 60  # minutes that must be known of a peer
PEERS_MOST = 10_000
_FADE_AT = 2 * LEARNED_AFTER  # minutes after which old ones count half


class _Minutes(Struct):
    """Minutes of a peer until it was heard last, those of them with a message, and those since."""

    known: int = 0
    busy: int = 0
    silent: int = 0

    @property
    def is_silent(self) -> bool:
        was_busy = self.known >= LEARNED_AFTER and self.busy >= BUSY_SHARE * self.known
        return self.silent >= SILENT_AFTER and was_busy

    def speak(self) -> None:
        """A minute with a message: the silent ones before it are over."""
        self.known += self.silent + 1
        self.busy += 1
        self.silent = 0
        if self.known >= _FADE_AT:
            self.known //= 2
            self.busy //= 2


class PeerSilence:
    """The minutes of each peer, of the PEERS_MOST that were heard last.

    Attributes:
        silent: those that are; to be read only.
    """

    def __init__(self) -> None:
        self._minutes: OrderedDict[Peer, _Minutes] = OrderedDict()
        self.silent: set[Peer] = set()

    def heard(self, peer: Peer) -> bool:
        """The peer said something this minute; True where it was silent."""
        if peer not in self.silent:
            return False
        self._minutes[peer].silent = 0
        self.silent.remove(peer)
        return True

    def see(self, window: FeatureWindow) -> Peer | None:
        """A minute of a peer; the peer where it was silent and is not any more. A gap of ours and
        the network's minute tell nothing."""
        peer = window.peer
        if peer is None or window.gap:
            return None
        minutes = self._minutes.setdefault(peer, _Minutes())
        if window.messages:
            was_silent = self.heard(peer)
            minutes.speak()
            self._minutes.move_to_end(peer)
            if len(self._minutes) > PEERS_MOST:
                oldest, _ = self._minutes.popitem(last=False)
                self.silent.discard(oldest)
            return peer if was_silent else None
        minutes.silent += 1
        if minutes.is_silent:
            self.silent.add(peer)
        return None
