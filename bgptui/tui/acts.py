"""Acts on alerts and on the collector: what a key asks for, what came of it, what can be undone.

The target and its version are fixed when the key is pressed; the feed's thread carries acts out
in that order.
"""

from enum import Enum, auto

from msgspec import Struct

from bgptui.domain.alert import Status
from bgptui.store.readers import AlertRow

WORD = {
    Status.OPEN: "open",
    Status.ACKNOWLEDGED: "acknowledged",
    Status.RESOLVED: "resolved",
    Status.FALSE_POSITIVE: "false positive",
}


class SetStatus(Struct, frozen=True):
    """Give an alert a status. `seen` is the row under the cursor at the keypress."""

    number: int
    seen: AlertRow
    status: Status


class Undo(Struct, frozen=True):
    """Compensate act `of` by an act of its own; history keeps both."""

    number: int
    of: int


class ReloadWatchlist(Struct, frozen=True):
    """Have whoever collects read the watchlist again."""

    number: int


AlertAct = SetStatus | Undo
Act = AlertAct | ReloadWatchlist


class Result(Enum):
    """How an act ended; UNSURE: the connection broke before the database answered."""

    DONE = auto()
    CONFLICT = auto()
    REFUSED = auto()
    FAILED = auto()
    UNSURE = auto()


class Outcome(Struct, frozen=True):
    """What came of an act, with a line for the operator."""

    act: Act
    alert_id: int | None
    result: Result
    message: str


class ActBook:
    """This console's acts: numbers, those under way, those that can be undone."""

    def __init__(self) -> None:
        self._next = 1
        self._under_way: dict[int, int | None] = {}
        self._undoable: list[tuple[int, int]] = []
        self._reload: int | None = None

    @property
    def is_reloading(self) -> bool:
        """The collector has not answered yet."""
        return self._reload in self._under_way

    @property
    def waiting(self) -> bool:
        return bool(self._under_way)

    @property
    def pending(self) -> frozenset[int]:
        """Alerts with an act under way."""
        return frozenset(alert_id for alert_id in self._under_way.values() if alert_id is not None)

    def set_status(self, seen: AlertRow, status: Status) -> SetStatus:
        act = SetStatus(self._number(seen.alert_id), seen, status)
        self._undoable.append((act.number, seen.alert_id))
        return act

    def undo(self) -> Undo | None:
        """Undo of the newest act that is not undone yet, done or under way; None without one."""
        if not self._undoable:
            return None
        of, alert_id = self._undoable.pop()
        return Undo(self._number(alert_id), of)

    def reload_watchlist(self) -> ReloadWatchlist:
        self._reload = self._number(None)
        return ReloadWatchlist(self._reload)

    def settle(self, outcome: Outcome) -> None:
        """An act ended. What did not happen cannot be undone; a failed undo can be repeated."""
        alert_id = self._under_way.pop(outcome.act.number, None)
        if outcome.result is Result.DONE:
            return
        if isinstance(outcome.act, SetStatus):
            self._undoable = [item for item in self._undoable if item[0] != outcome.act.number]
        if (
            isinstance(outcome.act, Undo)
            and outcome.result is Result.FAILED
            and alert_id is not None
        ):
            self._undoable.append((outcome.act.of, alert_id))

    def _number(self, alert_id: int | None) -> int:
        number = self._next
        self._next += 1
        self._under_way[number] = alert_id
        return number
