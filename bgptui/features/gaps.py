"""Gaps as the aggregator sees them: which windows they touch, who is blind right now."""

from collections.abc import Set

from bgptui.domain.gap import Gap
from bgptui.features.peer_windows import window_start

# The first minutes of a long gap have rows, of which nobody wrote any while it lasted.
GAP_ROWS_S = 3_600


class Gaps:
    """The gaps that open windows may still touch."""

    def __init__(self) -> None:
        self._suspects: dict[str, float] = {}
        self._ended: list[Gap] = []
        self._open: dict[str | None, Gap] = {}
        self._unseen: list[tuple[int, int]] = []

    def mark(self, gap: Gap) -> None:
        """Take note of a gap that began, or that is over (`end` given)."""
        began = self._open.pop(gap.collector, gap)
        start = min(began.start, gap.start)
        noted = Gap(start, gap.end, gap.collector, gap.reason, gap.attempts)
        if gap.end is None:
            self._open[gap.collector] = noted
        else:
            self._ended.append(noted)

    def leap(self, gap: Gap, *, closed_until: int, lateness_s: float) -> None:
        """A gap of the whole feed is over: rows that only say so need not be without end.

        Args:
            closed_until: up to here the collectors have rows: nearly to the gap's end, where
                time passed in it.
        """
        end = gap.start if gap.end is None else gap.end
        first = window_start(gap.start) + GAP_ROWS_S
        until = window_start(end - lateness_s)
        if closed_until <= first < until:
            self._unseen.append((first, until))

    def unseen_until(self, start: int) -> int:
        """The window from which on there are rows again: `start`, but inside a long gap."""
        return next((until for first, until in self._unseen if first <= start < until), start)

    def suspect(self, since: dict[str, float]) -> None:
        """These collectors, and no others, may be blind since a time: it is not decided yet."""
        self._suspects = since

    @property
    def suspects(self) -> Set[str]:
        return self._suspects.keys()

    @property
    def lasting(self) -> dict[str | None, Gap]:
        """Gaps that have no end yet, by collector; None is the whole feed's."""
        return dict(self._open)

    def touch(self, start: int, end: int, collector: str | None) -> bool:
        """Whether a window of this collector, or of the network (None), was partly unseen.

        The network's is when any collector's was: its sums lack something. So is a window that
        must be closed while its collector is under suspicion (at a stop).
        """
        suspected = any(
            since < end
            for name, since in self._suspects.items()
            if collector is None or name == collector
        )
        return suspected or any(
            _overlaps(gap, start, end)
            for gap in (*self._open.values(), *self._ended)
            if collector is None or gap.collector is None or gap.collector == collector
        )

    def is_blind(self, collector: str) -> bool:
        """Whether a gap of this collector lasts, while the rest of the feed goes on."""
        return collector in self._open

    def forget_before(self, start: float) -> None:
        """Drop gaps that were over before this time."""
        self._ended = [gap for gap in self._ended if gap.end is not None and gap.end >= start]
        self._unseen = [unseen for unseen in self._unseen if unseen[1] > start]


def _overlaps(gap: Gap, start: int, end: int) -> bool:
    """[gap.start, gap.end) and [start, end) share a moment; one of no length still counts."""
    if gap.start >= end:
        return False
    return gap.end is None or gap.end > start or gap.start >= start
