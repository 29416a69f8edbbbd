"""Whether table transfers after session resets explain what the network's windows show."""

from bgptui.domain.window import FeatureWindow

WINDOWS = 5  # the detector looks at medians of five minutes


class Transfers:
    """Sums of the last WINDOWS windows: updates of all peers, and of those that settle."""

    def __init__(self) -> None:
        self._all: dict[int, int] = {}
        self._settling: dict[int, int] = {}

    def note(self, window: FeatureWindow, *, settling: bool) -> None:
        """A window of a peer or of the network.

        Args:
            settling: it lies in the table transfer after a reset of its peer's session.
        """
        if window.peer is None:
            self._all[window.start] = window.total_updates
        elif settling:
            known = self._settling.get(window.start, 0)
            self._settling[window.start] = known + window.total_updates
        for sums in (self._all, self._settling):
            while len(sums) > WINDOWS:
                del sums[min(sums)]

    def explain(self) -> bool:
        """Half of all updates of these windows or more came in table transfers."""
        settling = sum(self._settling.get(start, 0) for start in self._all)
        return settling > 0 and settling * 2 >= sum(self._all.values())
