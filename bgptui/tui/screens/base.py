"""What every screen of the console has: the app it belongs to, its keys, acts on one alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from bgptui.domain.alert import Status
from bgptui.store.readers import AlertRow
from bgptui.tui.present.columns import subject

if TYPE_CHECKING:
    from bgptui.tui.app import ConsoleApp


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """A layer of the console. Subclasses bind the keys of their place in the keymap."""

    ALLOW_SELECT = False

    @property
    def console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys are commands once there is something to command."""
        return self.is_mounted

    def paint(self) -> None:
        """Show the view as it is now."""
        raise NotImplementedError

    def target(self) -> AlertRow | None:
        """The alert that a key acts on, as it is shown."""
        return None

    @property
    def follows(self) -> int | None:
        """The alert that this screen shows in full."""
        return None

    def action_acknowledge(self) -> None:
        self._act(Status.ACKNOWLEDGED)

    def action_false_positive(self) -> None:
        self._act(Status.FALSE_POSITIVE)

    def action_resolve(self) -> None:
        self._act(Status.RESOLVED)

    def action_undo(self) -> None:
        self.console.undo()

    def action_copy(self) -> None:
        row = self.target()
        if row is not None:
            self.console.copy_text(subject(row))

    def action_pause(self) -> None:
        self.console.toggle_pause()

    def action_bell(self) -> None:
        self.console.toggle_bell()

    def action_reload_watchlist(self) -> None:
        self.console.reload_watchlist()

    def action_open_collector(self) -> None:
        self.console.open_collector()

    def action_help(self) -> None:
        self.console.open_help()

    def action_quit(self) -> None:
        self.console.ask_to_quit()

    def action_back(self) -> None:
        self.console.pop_screen()

    def _act(self, status: Status) -> None:
        row = self.target()
        if row is not None:
            self.console.change_status(row, status)
