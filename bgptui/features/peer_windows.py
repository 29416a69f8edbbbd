"""What the aggregator keeps of a peer and of a collector between messages."""

from math import inf

from bgptui.domain.routing import Peer
from bgptui.domain.window import WINDOW_S
from bgptui.features.flaps import Withdrawals
from bgptui.features.open_window import OpenWindow


def window_start(timestamp: float) -> int:
    """Start of the window that a time lies in."""
    return int(timestamp // WINDOW_S) * WINDOW_S


class CollectorState:
    """A collector's time and peers.

    Attributes:
        newest: newest timestamp received, seconds since 1970 UTC.
        silence_base: add `now` to it for the watermark that silence alone would give.
        watermark: never goes back; what is older is late.
        next_start: start of its next window to close.
        peers: sorted when `is_sorted`.
        held: closes no window for now (Aggregator.hold).
    """

    __slots__ = (
        "held", "is_sorted", "name", "newest", "next_start", "peers", "silence_base", "watermark",
    )  # fmt: skip

    def __init__(self, name: str, watermark: float) -> None:
        self.name = name
        self.newest = -inf
        self.silence_base = -inf
        self.watermark = watermark
        self.next_start = window_start(watermark)
        self.peers: list[PeerState] = []
        self.is_sorted = True
        self.held = False

    def sorted_peers(self) -> "list[PeerState]":
        if not self.is_sorted:
            self.peers.sort(key=lambda state: state.peer)
            self.is_sorted = True
        return self.peers

    def skip_empty(self) -> None:
        """Nobody was heard for long: go on to the next window that will have a row, so that a
        leap of a year in the data does not count through every minute of it."""
        starts = (start for peer in self.peers for start in peer.windows)
        self.next_start = max(self.next_start, min([window_start(self.watermark), *starts]))

    def skip_unseen(self, until: int) -> bool:
        """Go on to the window of `until`, or the first one before it that something came for;
        whether that is a step."""
        if until <= self.next_start:
            return False
        starts = [start for peer in self.peers for start in peer.windows]
        before, self.next_start = self.next_start, max(self.next_start, min([until, *starts]))
        return self.next_start > before

    @property
    def closable(self) -> bool:
        """The watermark has passed the end of the next window, and nothing holds it."""
        return self.watermark >= self.next_start + WINDOW_S and not self.held


class PeerState:
    """A peer's open windows and session.

    Attributes:
        newest: newest timestamp received from it.
        heard: start of its last closed window with a message.
        last_sign: the same, late messages included.
        windows: open windows by start; `window` is that of `start`, the last one used.
        present: has a row each minute, zeros included.
        down: its session has left Established.
        late_messages: those that had no row yet to be counted in.
    """

    __slots__ = (
        "collector", "down", "heard", "last_sign", "late_messages", "newest", "peer", "present",
        "start", "window", "windows", "withdrawals",
    )  # fmt: skip

    def __init__(self, peer: Peer, collector: CollectorState) -> None:
        self.peer = peer
        self.collector = collector
        self.newest = -inf
        self.heard = -inf
        self.last_sign = -inf
        self.windows: dict[int, OpenWindow] = {}
        self.start = -1
        self.window = OpenWindow()
        self.withdrawals = Withdrawals()
        self.present = False
        self.down = False
        self.late_messages = 0

    def open(self, start: int) -> OpenWindow:
        """The open window of a start; it becomes the one used last."""
        window = self.windows.get(start)
        if window is None:
            window = self.windows[start] = OpenWindow()
        self.start = start
        self.window = window
        return window

    def close(self, start: int, expiry_s: float) -> OpenWindow | None:
        """Take the window of a start, which closes; None where the peer has no row.

        Args:
            expiry_s: not heard for so long, it has no row without a message.
        """
        if start == self.start:
            self.start = -1
        window = self.windows.pop(start, None) or OpenWindow()
        if window.messages or window.late_messages:
            self.last_sign = start
        if window.messages:
            self.heard = start
            self.present = True
        elif not self.present or start - self.heard >= expiry_s:
            self.present = False
            self.late_messages += window.late_messages
            return None
        window.late_messages += self.late_messages
        self.late_messages = 0
        if window.ends_down:
            self.present = False
        return window
