"""The main screen: is it alive, what is normal, what is wrong."""

from enum import Enum

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from bgptui.domain.window import FEATURES
from bgptui.errors import BadInput
from bgptui.store.readers import AlertRow
from bgptui.tui.alert_list import Step
from bgptui.tui.keymap import Place, bindings, key_line
from bgptui.tui.layout import Layout, layout_for
from bgptui.tui.lines import Line, Span, Tone, faded, line
from bgptui.tui.present.detail import detail_lines
from bgptui.tui.present.pipeline import health_line, pipeline_panel
from bgptui.tui.present.sparks import SHORT, spark_lines
from bgptui.tui.present.status import empty_hint, filter_line
from bgptui.tui.screens.base import ConsoleScreen
from bgptui.tui.widgets.alert_table import AlertTable
from bgptui.tui.widgets.lines_view import LinesView
from bgptui.tui.widgets.prompt import Prompt
from bgptui.tui.widgets.scrolling_lines import ScrollingLines


class Asking(Enum):
    """What the prompt asks for."""

    FIND = "find"
    FILTER = "filter"


class MainScreen(ConsoleScreen, inherit_bindings=False):
    """Bar, sparklines, health, filter, alert table, message, keys; wide: panels and detail."""

    BINDINGS = bindings(Place.MAIN)  # Textual's class variable
    DEFAULT_CSS = """
    MainScreen {
        #top { height: 2; }
        #sparks { height: 100%; width: 1fr; }
        #panel { display: none; height: 100%; width: 1fr; margin-left: 2; }
        #middle { height: 1fr; }
        #pane { display: none; width: 62; margin-left: 2; }
        #prompt { height: 1; display: none; }
        #asking { width: 8; }
        #answer { width: 1fr; }
        #too-small { display: none; height: 1fr; }
        &.-asking {
            #prompt { display: block; }
            #message { display: none; }
        }
        &.-wide {
            #top { height: 10; }
            #panel, #pane { display: block; }
            #health { display: none; }
        }
        &.-small {
            #top, #health, #filter, #message { display: none; }
        }
        &.-too-small {
            LinesView, Horizontal { display: none; }
            #too-small { display: block; }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._layout = Layout.NORMAL
        self._asking: Asking | None = None

    def compose(self) -> ComposeResult:
        yield LinesView(id="bar")
        with Horizontal(id="top"):
            yield LinesView(id="sparks")
            yield LinesView(id="panel")
        yield LinesView(id="health")
        yield LinesView(id="filter")
        with Horizontal(id="middle"):
            yield AlertTable(self.console.view.alerts, id="table")
            yield ScrollingLines(id="pane")
        yield LinesView(id="message")
        with Horizontal(id="prompt"):
            yield LinesView(id="asking")
            yield Prompt(self._answered, id="answer")
        yield LinesView(id="keys")
        yield LinesView(id="too-small")

    def on_mount(self) -> None:
        self.set_focus(self._table)

    def on_resize(self, event: events.Resize) -> None:
        self._layout = layout_for(event.size.width, event.size.height)
        for layout in Layout:
            self.set_class(layout is self._layout, layout.value)
        self.call_after_refresh(self.console.paint)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the prompt is up all keys but Esc are its own."""
        if self._asking is not None and action != "back":
            return False
        return super().check_action(action, parameters)

    def target(self) -> AlertRow | None:
        return self.console.view.alerts.cursor_row

    @property
    def follows(self) -> int | None:
        """The alert whose detail this screen shows."""
        return self.console.view.alerts.cursor_id if self._layout is Layout.WIDE else None

    @property
    def _table(self) -> AlertTable:
        return self.query_one("#table", AlertTable)

    def paint(self) -> None:
        if self._layout is Layout.TOO_SMALL:
            self._paint_too_small()
            return
        width = self.size.width
        view, health = self.console.view, self.console.health
        self._lines("bar", [self.console.bar(width)])
        self._lines("health", self._aged([health_line(health, width)]))
        self._lines("filter", [filter_line(view, width)])
        self._paint_top()
        now = None if health is None else health.now
        self._table.show_alerts(now=now, pending=view.acts.pending, hint=empty_hint(view))
        message = self.console.message_line()
        self._lines("message", [self.console.told_line()])
        message_hidden = self._layout is Layout.SMALL or self._asking is not None
        self._lines(
            "keys", [message if message_hidden and message else key_line(Place.MAIN, width)]
        )
        if self._layout is Layout.WIDE:
            self._paint_pane()

    def _paint_top(self) -> None:
        view, health = self.console.view, self.console.health
        now = None if health is None else health.now
        sparks = self.query_one("#sparks", LinesView)
        wide = self._layout is Layout.WIDE
        lines = spark_lines(
            view.shown.windows,
            FEATURES if wide else SHORT,
            columns=1 if wide else 2,
            width=sparks.size.width,
            now=now,
        )
        if wide:
            panel = self.query_one("#panel", LinesView)
            size = panel.size
            panel.show(self._aged(pipeline_panel(health, width=size.width, rows=size.height)))
            lines.insert(0, line(Span("FEATURES", Tone.HEADING), "  whole network, by the minute"))
        sparks.show(self._aged(lines))

    def _aged(self, lines: list[Line]) -> list[Line]:
        """Faint where they are old: `ok` of a minute ago is no green `ok`."""
        return [faded(row) for row in lines] if self.console.old else lines

    def _paint_pane(self) -> None:
        row = self.target()
        pane = self.query_one("#pane", ScrollingLines)
        detail = None if row is None else self.console.detail_of(row.alert_id)
        pane.show_made(lambda width: [] if row is None else detail_lines(row, detail, width))

    def _paint_too_small(self) -> None:
        size = self.app.size
        self._lines(
            "too-small",
            [
                line(Span(f"{size.width}x{size.height} is too small", Tone.STRONG)),
                line("the console needs 60x12"),
                line(f"{'collecting goes on' if self.console.hosts else ''}"),
                line("q quits"),
            ],
        )

    def _lines(self, widget_id: str, lines: list[Line]) -> None:
        self.query_one(f"#{widget_id}", LinesView).show(lines)

    # Moving

    def action_down(self) -> None:
        self._move(1)

    def action_up(self) -> None:
        self._move(-1)

    def action_half_down(self) -> None:
        self._move(max(self._table.rows_visible // 2, 1))

    def action_half_up(self) -> None:
        self._move(-max(self._table.rows_visible // 2, 1))

    def action_top(self) -> None:
        self._move(-len(self.console.view.alerts.shown))

    def action_bottom(self) -> None:
        self._move(len(self.console.view.alerts.shown))

    def _move(self, steps: int) -> None:
        self.console.view.alerts.move(steps)
        self.console.moved()

    # Looking

    def action_open_detail(self) -> None:
        row = self.target()
        if row is not None:
            self.console.open_detail(row)

    def action_sort(self) -> None:
        alerts = self.console.view.alerts
        alerts.set_sort(alerts.sort.next())
        self.paint()

    def action_sort_reverse(self) -> None:
        self.console.view.alerts.reverse()
        self.paint()

    def action_find(self) -> None:
        self._ask(Asking.FIND, "")

    def action_filter(self) -> None:
        self._ask(Asking.FILTER, self.console.view.alerts.filter_text)

    def action_find_next(self) -> None:
        self._find(Step.NEXT)

    def action_find_previous(self) -> None:
        self._find(Step.PREVIOUS)

    def action_back(self) -> None:
        self._asked()
        self.paint()

    def _find(self, step: Step, text: str | None = None) -> None:
        alerts = self.console.view.alerts
        number, matches = alerts.find(step, text=text)
        if matches:
            self.console.say(f"{alerts.find_text}: {number} of {matches}", Tone.PLAIN)
        elif alerts.find_text:
            self.console.say(f"{alerts.find_text}: not in the list", Tone.WARN)
        self.console.moved()

    def _ask(self, asking: Asking, text: str) -> None:
        if self._layout is Layout.TOO_SMALL:
            return
        self._asking = asking
        self._lines("asking", [line(Span(f"{asking.value}: ", Tone.STRONG))])
        self.add_class("-asking")
        answer = self.query_one("#answer", Prompt)
        answer.value = text
        answer.cursor_position = len(text)
        # Not answer.focus(): that comes later, after the next key may have.
        self.set_focus(answer)

    def _asked(self) -> None:
        self._asking = None
        self.remove_class("-asking")
        self.set_focus(self._table)

    def _answered(self, text: str) -> None:
        if self._asking is Asking.FILTER:
            try:
                self.console.view.alerts.set_filter(text)
            except BadInput as error:
                self.console.say(str(error), Tone.WARN)
                return
            self._asked()
            self.console.moved()
        else:
            self._asked()
            self._find(Step.NEXT, text)
