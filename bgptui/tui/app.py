"""The console: keys in, lines out. It knows a feed of snapshots, not where they come from."""

import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.reactive import Reactive

from bgptui.domain.alert import Status
from bgptui.domain.health import Health
from bgptui.store.readers import AlertDetail, AlertRow
from bgptui.tui.acts import Act, Outcome
from bgptui.tui.lines import Line, Span, Tone, line
from bgptui.tui.present.bar import BarView, Trust, bar_line, liveness
from bgptui.tui.present.status import standing_line
from bgptui.tui.screens.base import ConsoleScreen
from bgptui.tui.screens.main import MainScreen
from bgptui.tui.screens.reading import CollectorScreen, DetailScreen, HelpScreen
from bgptui.tui.snapshot import Snapshot
from bgptui.tui.view import View

TICK_S = 0.25
# While the database has not answered an act.
HURRY_S = 0.05


class Feed(Protocol):
    """Where snapshots come from and acts go to; feed.DatabaseFeed in real life.

    Attributes:
        latest: the newest snapshot; read by reference.
        error: what ended the feed, None while it runs.
    """

    @property
    def latest(self) -> Snapshot: ...

    @property
    def error(self) -> BaseException | None: ...

    def submit(self, act: Act) -> None: ...

    def outcomes(self) -> list[Outcome]: ...

    def follow(self, alert_id: int | None) -> None: ...


class Pipeline(Enum):
    """Whether quitting the console stops the collector."""

    HOSTED = auto()
    ELSEWHERE = auto()


class Bell(Enum):
    """Whether new critical and high alerts ring."""

    ON = auto()
    OFF = auto()


class ConsoleApp(App[None], inherit_bindings=False):
    """The terminal console.

    Args:
        clock: monotonic seconds, the same clock as the feed's.
        stopping: asked four times a second; True ends the console (the pipeline has failed).
    """

    ENABLE_COMMAND_PALETTE = False
    TITLE = "bgptui"
    CSS = "Screen { layout: vertical; overflow: hidden; }"
    # The terminal's own colours. Also the only theme that emits none under NO_COLOR, and it
    # must be chosen before App.__init__ makes its filters.
    theme: Reactive[str] = Reactive("ansi-dark")

    def __init__(
        self,
        feed: Feed,
        *,
        hosts_pipeline: Pipeline,
        operator: str,
        refresh_s: float = 1.0,
        bell: Bell = Bell.ON,
        clock: Callable[[], float] = time.monotonic,
        stopping: Callable[[], bool] = lambda: False,
        driver_class: type[Driver] | None = None,
    ) -> None:
        super().__init__(driver_class=driver_class)
        self.operator = operator
        self.view = View()
        self._feed = feed
        self._hosts_pipeline = hosts_pipeline
        self._refresh_s = refresh_s
        self._bell = bell
        self._clock = clock
        self._stopping = stopping
        self._asks_to_quit = False
        self._followed: int | None = None

    def get_default_screen(self) -> MainScreen:
        return MainScreen()

    def on_mount(self) -> None:
        self.set_interval(min(TICK_S, self._refresh_s), self.tick)
        self._hurry = self.set_interval(HURRY_S, self._collect_outcomes, pause=True)
        self.view.take(self._feed.latest, self._clock())

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self.view.key_pressed(self._clock())
            if self._asks_to_quit:
                self._answer_quit(event)
                return
        await super().on_event(event)

    # Reading

    @property
    def hosts(self) -> bool:
        """Collecting goes on in this process."""
        return self._hosts_pipeline is Pipeline.HOSTED

    @property
    def terminal_lost(self) -> bool:
        """The terminal has gone away: nobody looks."""
        return bool(getattr(self._driver, "lost", False))

    @property
    def health(self) -> Health | None:
        collector = self.view.shown.collector
        return None if collector is None else collector.health

    @property
    def old(self) -> bool:
        """What the screen shows is no longer known to be so."""
        live = liveness(self.view.latest, unread_s=self._unread_s, refresh_s=self._refresh_s)
        return live.trust is Trust.OLD

    @property
    def _unread_s(self) -> float:
        return max(self._clock() - self.view.latest.taken, 0.0)

    def bar(self, width: int) -> Line:
        """The top bar as it is now."""
        view = BarView(
            snapshot=self.view.shown,
            latest=self.view.latest,
            unread_s=self._unread_s,
            refresh_s=self._refresh_s,
            paused=self.view.paused,
            arrived=len(self.view.arrived),
            bell=self._bell is Bell.ON,
        )
        return bar_line(view, width)

    def message_line(self) -> Line:
        """The message of the moment; empty where there is none."""
        if self._asks_to_quit:
            return line(
                Span("Quitting stops the collector. y quits, any other key stays", Tone.WARN)
            )
        message = self.view.message(self._clock())
        return () if message is None else line(Span(message.text, message.tone))

    def told_line(self) -> Line:
        """The message of the moment, else what lasts and must be known."""
        return self.message_line() or standing_line(self.view.latest, self.size.width)

    def detail_of(self, alert_id: int) -> AlertDetail | None:
        """The detail of an alert where it has been read."""
        detail = self.view.latest.detail
        return detail if detail is not None and detail.row.alert_id == alert_id else None

    # Time

    def tick(self) -> None:
        """Take what is new and paint it."""
        if self._feed.error is not None or self._stopping():
            self.exit()
            return
        self._settle()
        if self.view.take(self._feed.latest, self._clock()) and self._bell is Bell.ON:
            self.bell()
        self.paint()

    def _collect_outcomes(self) -> None:
        if not self.view.acts.waiting:
            self._hurry.pause()
        self.tick()

    def _settle(self) -> None:
        for outcome in self._feed.outcomes():
            self.view.settle(outcome, self._clock())

    def paint(self) -> None:
        """Paint the screen on top; the feed follows the alert that it shows in full."""
        if not self.is_running:  # a last tick, while the screen's lines are taken down
            return
        screen = self.screen
        if not isinstance(screen, ConsoleScreen) or not screen.is_mounted:
            return
        self._follow(screen.follows)
        screen.paint()

    def _follow(self, alert_id: int | None) -> None:
        if alert_id != self._followed:
            self._followed = alert_id
            self._feed.follow(alert_id)

    # Acting

    def say(self, text: str, tone: Tone) -> None:
        self.view.say(text, tone, self._clock())
        self.paint()

    def moved(self) -> None:
        """The operator has moved the cursor."""
        self.view.operator_moved()
        self.paint()

    def change_status(self, row: AlertRow, status: Status) -> None:
        self._submit(self.view.change_status(row, status, self._clock()))

    def undo(self) -> None:
        self._submit(self.view.undo(self._clock()))

    def reload_watchlist(self) -> None:
        self._submit(self.view.reload_watchlist(self._clock()))

    def _submit(self, act: Act | None) -> None:
        if act is not None:
            self._feed.submit(act)
            self._hurry.resume()
        self.paint()

    def toggle_pause(self) -> None:
        self.view.toggle_pause(self._clock())
        self.paint()

    def toggle_bell(self) -> None:
        self._bell = Bell.OFF if self._bell is Bell.ON else Bell.ON
        self.paint()

    def copy_text(self, text: str) -> None:
        self.copy_to_clipboard(text)
        self.say(f"copied {text}", Tone.PLAIN)

    # Layers

    def open_detail(self, row: AlertRow) -> None:
        self.push_screen(DetailScreen(row))

    def open_collector(self) -> None:
        self.push_screen(CollectorScreen())

    def open_help(self) -> None:
        self.push_screen(HelpScreen())

    def ask_to_quit(self) -> None:
        """Quit; where that stops the collector, only after a yes."""
        if not self.hosts:
            self.exit()
            return
        self._asks_to_quit = True
        self.paint()

    def _answer_quit(self, event: events.Key) -> None:
        self._asks_to_quit = False
        if event.key == "y":
            self.exit()
        self.paint()
