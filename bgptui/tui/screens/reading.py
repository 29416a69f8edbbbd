"""Screens of text: an alert in full, the collector in full, and help."""

from collections.abc import Sequence

from textual.app import ComposeResult

from bgptui.store.readers import AlertRow
from bgptui.tui.keymap import Place, bindings, help_lines, key_line
from bgptui.tui.lines import Line, faded
from bgptui.tui.present.collector_page import collector_page
from bgptui.tui.present.detail import detail_lines
from bgptui.tui.present.pipeline import not_looked_for, watchlist_trouble
from bgptui.tui.screens.base import ConsoleScreen
from bgptui.tui.widgets.lines_view import LinesView
from bgptui.tui.widgets.scrolling_lines import ScrollingLines


class ReadingScreen(ConsoleScreen, inherit_bindings=False):
    """The bar, text that scrolls, a message, the keys."""

    place = Place.HELP

    def compose(self) -> ComposeResult:
        yield LinesView(id="bar")
        yield ScrollingLines(id="text")
        yield LinesView(id="message")
        yield LinesView(id="keys")

    def make_lines(self, width: int) -> Sequence[Line]:
        """The text for a width."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.console.paint()

    def on_resize(self) -> None:
        self.console.paint()

    def paint(self) -> None:
        width = self.app.size.width
        self.query_one("#bar", LinesView).show([self.console.bar(width)])
        self.query_one("#message", LinesView).show([self.console.told_line()])
        self.query_one("#keys", LinesView).show([key_line(self.place, width)])
        self._text.show_made(self.make_lines)

    @property
    def _text(self) -> ScrollingLines:
        return self.query_one("#text", ScrollingLines)

    def action_down(self) -> None:
        self._text.scroll_lines(1)

    def action_up(self) -> None:
        self._text.scroll_lines(-1)

    def action_half_down(self) -> None:
        self._text.scroll_lines(self._text.size.height // 2)

    def action_half_up(self) -> None:
        self._text.scroll_lines(-(self._text.size.height // 2))

    def action_top(self) -> None:
        self._text.to_start()

    def action_bottom(self) -> None:
        self._text.to_finish()


class HelpScreen(ReadingScreen, inherit_bindings=False):
    """Every key and mark, from the keymap."""

    BINDINGS = bindings(Place.HELP)  # Textual's class variable

    def make_lines(self, width: int) -> Sequence[Line]:
        health = self.console.health
        lacks = [] if health is None else [*watchlist_trouble(health), *not_looked_for(health)]
        return help_lines(self.console.operator, width, lacks=lacks)


class CollectorScreen(ReadingScreen, inherit_bindings=False):
    """All that the collector says of itself."""

    place = Place.COLLECTOR
    BINDINGS = bindings(Place.COLLECTOR)  # Textual's class variable

    def make_lines(self, width: int) -> Sequence[Line]:
        lines = collector_page(self.console.health, width)
        return [faded(each) for each in lines] if self.console.old else lines


class DetailScreen(ReadingScreen, inherit_bindings=False):
    """One alert in full; it stays on its alert, whatever the list does."""

    place = Place.DETAIL
    BINDINGS = bindings(Place.DETAIL)  # Textual's class variable

    def __init__(self, row: AlertRow) -> None:
        super().__init__()
        self._row = row

    def target(self) -> AlertRow:
        self._row = self.console.view.row(self._row.alert_id) or self._row
        return self._row

    @property
    def follows(self) -> int:
        return self._row.alert_id

    def make_lines(self, width: int) -> Sequence[Line]:
        row = self.target()
        return detail_lines(row, self.console.detail_of(row.alert_id), width)
