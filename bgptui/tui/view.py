"""What the operator looks at, without a screen: the snapshot shown, pause, messages, arrivals."""

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.alert import Severity, Status
from bgptui.store.readers import AlertRow
from bgptui.tui.acts import WORD, Act, ActBook, Outcome, Result
from bgptui.tui.alert_list import AlertList
from bgptui.tui.lines import Tone
from bgptui.tui.snapshot import Snapshot

# An act key this soon after the cursor had to leave its alert may be meant for that one.
DISPLACED_S = 3.0
_PASSES_S = {Tone.PLAIN: 5.0, Tone.GOOD: 5.0}
_STAYS_S = 30.0
# A key clears a message, but not one that came while the key was on its way.
_READ_AFTER_S = 2.0
_TONE = {
    Result.DONE: Tone.GOOD,
    Result.CONFLICT: Tone.BAD,
    Result.REFUSED: Tone.WARN,
    Result.FAILED: Tone.BAD,
    Result.UNSURE: Tone.BAD,
}
_LOUD = (Severity.CRITICAL, Severity.HIGH)


class Message(Struct, frozen=True):
    """A line for the operator: since when, and until when at the latest (the view's clock)."""

    text: str
    tone: Tone
    since: float
    until: float


class View:
    """State of the console between snapshots. Times are of one monotonic clock, in seconds.

    Attributes:
        shown: the snapshot on the screen; frozen while paused.
        latest: the newest one.
        arrived: alerts that opened since the last key.
    """

    def __init__(self) -> None:
        self.shown = Snapshot(sequence=0, taken=0.0)
        self.latest = self.shown
        self.paused = False
        self.alerts = AlertList()
        self.acts = ActBook()
        self.arrived: set[int] = set()
        self._heard: set[int] | None = None
        self._message: Message | None = None
        self._displaced_until = 0.0
        self._acted: set[int] = set()

    def take(self, snapshot: Snapshot, now: float) -> bool:
        """Take a new snapshot.

        Returns:
            True when a critical or high alert has opened: ring.
        """
        if snapshot is self.latest:
            return False
        self.latest = snapshot
        ring = self._count_arrivals(snapshot)
        if not self.paused:
            self._show(snapshot, snapshot.alerts, now)
        elif self._acted:
            self._show(self.shown, self._with_own_acts(snapshot), now)
        return ring

    def toggle_pause(self, now: float) -> None:
        self.paused = not self.paused
        self._acted.clear()
        if not self.paused:
            self._show(self.latest, self.latest.alerts, now)

    def key_pressed(self, now: float) -> None:
        """The operator is there: what has arrived is seen, a message is read."""
        self.arrived.clear()
        if self._message is not None and now >= self._message.since + _READ_AFTER_S:
            self._message = None

    def say(self, text: str, tone: Tone, now: float) -> None:
        self._message = Message(text, tone, now, now + _PASSES_S.get(tone, _STAYS_S))

    def message(self, now: float) -> Message | None:
        """What there is to say now."""
        if self._message is not None and now >= self._message.until:
            self._message = None
        return self._message

    def change_status(self, row: AlertRow, status: Status, now: float) -> Act | None:
        """The act of a key pressed on `row`; None, with a message, where there is to be none."""
        if now < self._displaced_until:
            self._displaced_until = 0.0
            self.say(
                f"the cursor had to move to {row.alert_id}: press again to act on it",
                Tone.WARN,
                now,
            )
            return None
        if row.alert_id in self.acts.pending:
            self.say(f"{row.alert_id}: the act before is still under way", Tone.WARN, now)
            return None
        if row.status is status:
            by = f" by {row.acknowledged_by}" if row.acknowledged_by else ""
            self.say(f"{row.alert_id} is {WORD[status]} already{by}", Tone.PLAIN, now)
            return None
        self._acted.add(row.alert_id)
        return self.acts.set_status(row, status)

    def undo(self, now: float) -> Act | None:
        """The act that undoes the newest; None, with a message, where there is none."""
        act = self.acts.undo()
        if act is None:
            self.say("nothing of yours to undo", Tone.PLAIN, now)
        return act

    def reload_watchlist(self, now: float) -> Act | None:
        """The act that has the watchlist read again; None, with a message, while one is under
        way."""
        if self.acts.is_reloading:
            self.say("the watchlist is being read already", Tone.PLAIN, now)
            return None
        self.say("the collector is asked to read its watchlist again ...", Tone.PLAIN, now)
        return self.acts.reload_watchlist()

    def settle(self, outcome: Outcome, now: float) -> None:
        """An act has ended: tell."""
        self.acts.settle(outcome)
        if outcome.alert_id is not None:
            self._acted.add(outcome.alert_id)
        self.say(outcome.message, _TONE[outcome.result], now)

    def operator_moved(self) -> None:
        """The operator chose the alert under the cursor."""
        self._displaced_until = 0.0

    def row(self, alert_id: int) -> AlertRow | None:
        """An alert as it is shown."""
        return next((row for row in self.shown.alerts if row.alert_id == alert_id), None)

    def _show(self, snapshot: Snapshot, alerts: tuple[AlertRow, ...], now: float) -> None:
        changed = alerts is not self.shown.alerts
        self.shown = snapshot if alerts is snapshot.alerts else replace(snapshot, alerts=alerts)
        gone = self.alerts.update(alerts) if changed else None
        if gone is None:
            return
        row = self.alerts.cursor_row
        where = f"the cursor is on {row.alert_id} now" if row else "the list is empty"
        self._displaced_until = now + DISPLACED_S
        self.say(f"alert {gone.alert_id} has left the list; {where}", Tone.WARN, now)

    def _count_arrivals(self, snapshot: Snapshot) -> bool:
        """Alerts of the first snapshot are not new: the operator has just come."""
        if snapshot.sequence == 0 or snapshot.trouble is not None:
            return False
        present = {row.alert_id for row in snapshot.alerts}
        if self._heard is None:
            self._heard = present
            return False
        new = present - self._heard
        self._heard |= present
        opened = [row for row in snapshot.alerts if row.alert_id in new and _is_open(row)]
        self.arrived.update(row.alert_id for row in opened)
        return any(row.severity in _LOUD for row in opened)

    def _with_own_acts(self, snapshot: Snapshot) -> tuple[AlertRow, ...]:
        """The frozen rows, those that the operator has acted on as they are now."""
        fresh = {row.alert_id: row for row in snapshot.alerts if row.alert_id in self._acted}
        return tuple(fresh.get(row.alert_id, row) for row in self.shown.alerts)


def _is_open(row: AlertRow) -> bool:
    return row.status is Status.OPEN
