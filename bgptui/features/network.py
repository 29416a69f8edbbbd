"""The network-wide row of each minute: the sum of the peers' rows."""

from collections.abc import Iterable
from math import inf

from bgptui.domain.window import WINDOW_S, FeatureWindow
from bgptui.features.open_window import OpenWindow


class NetworkMinutes:
    """Minutes that some collectors have closed and others have not.

    Attributes:
        next_start: the next minute to close; None while no peer's row waits for one.
        closed_until: end of the newest row; what is older cannot be added any more.
    """

    def __init__(self, closed_until: float = -inf) -> None:
        self._sums: dict[int, OpenWindow] = {}
        self._active: dict[int, int] = {}
        self.next_start: int | None = None
        self.closed_until = closed_until

    def add(self, start: int, windows: Iterable[OpenWindow], active: int) -> None:
        """Add the rows of one collector.

        Args:
            active: how many of its peers sent an UPDATE.
        """
        sums = self._sums.setdefault(start, OpenWindow())
        for window in windows:
            if window.messages or window.late_messages:
                sums.add(window)
        self._active[start] = self._active.get(start, 0) + active
        # Until its first row is closed a slower collector may still bring an older minute.
        self.next_start = start if self.next_start is None else min(self.next_start, start)

    def has_minute(self, start: int) -> bool:
        """Whether any collector knew of peers in this minute, were they all down."""
        return start in self._sums

    def close(self, start: int, *, gap: bool) -> FeatureWindow:
        """The row of `start`, which is `next_start`; then go on to the next minute."""
        sums = self._sums.pop(start)
        self.next_start = start + WINDOW_S
        self.closed_until = self.next_start
        return sums.close(start, None, unique_peers=self._active.pop(start, 0), gap=gap)

    def skip(self) -> None:
        """Leave out minutes that nobody was there for."""
        self.next_start = min(self._sums, default=None)
