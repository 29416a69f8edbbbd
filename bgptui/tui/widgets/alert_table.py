"""The alert table: a header, and the part of an AlertList that fits below it.

The cursor is an alert's id (see AlertList), where a DataTable's is an index that a sort moves
to another alert.
"""

from textual import events

from bgptui.tui.alert_list import AlertList
from bgptui.tui.lines import Line, Span, Tone, line, wrap
from bgptui.tui.present.columns import Grid
from bgptui.tui.widgets.lines_view import LinesView


class AlertTable(LinesView):
    """Paints an AlertList; scrolls by itself so that the cursor stays in sight."""

    DEFAULT_CSS = "AlertTable { height: 1fr; width: 1fr; }"
    can_focus = True

    def __init__(self, alerts: AlertList, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.alerts = alerts
        self._top = 0
        self._pending: frozenset[int] = frozenset()
        self._now: float | None = None
        self._hint = ""

    @property
    def rows_visible(self) -> int:
        """Alerts that fit below the header."""
        return max(self.size.height - 1, 0)

    def show_alerts(self, *, now: float | None, pending: frozenset[int], hint: str) -> None:
        """Paint the list as it stands.

        Args:
            now: the pipeline's time: older alerts show their day.
            pending: alerts with an act under way.
            hint: what an empty list says instead.
        """
        self._now, self._pending, self._hint = now, pending, hint
        self._paint()

    def on_resize(self, _event: events.Resize) -> None:
        self._paint()

    def _paint(self) -> None:
        grid, rows = Grid(self.size.width), self.rows_visible
        lines: list[Line] = [grid.header()]
        if not self.alerts.shown:
            texts = wrap(self._hint, self.size.width - 6)
            self.show([*lines, (), *(line("   ", Span(text, Tone.STRONG)) for text in texts)])
            return
        cursor = self.alerts.cursor
        self._top = _scrolled(self._top, cursor=cursor, rows=rows, total=len(self.alerts.shown))
        for index, row in enumerate(self.alerts.shown[self._top : self._top + rows], self._top):
            pending = row.alert_id in self._pending
            lines.append(grid.row(row, cursor=index == cursor, pending=pending, now=self._now))
        self.show(lines, cursor=cursor - self._top + 1)


def _scrolled(top: int, *, cursor: int, rows: int, total: int) -> int:
    """The first row in sight: moved as little as keeps the cursor in sight.

    At the top it stays there as long as it can, so that a worse alert that arrives is seen.
    """
    if rows <= 0:
        return 0
    top = max(min(top, total - rows), 0)
    return min(max(top, cursor - rows + 1), cursor)
