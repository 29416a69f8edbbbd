"""Carries acts out on the database and says in one line what came of each."""

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.alert import TRANSITIONS, Status
from bgptui.errors import BadInput
from bgptui.store.alerts import Conflict, update_alert_status
from bgptui.store.connect import Connection
from bgptui.tui.acts import WORD, AlertAct, Outcome, Result, SetStatus, Undo


class _Way(Struct, frozen=True):
    """From a status at a version of an alert's row to another status.

    Attributes:
        version_before: for a way back, the version on which the act was done that it undoes.
    """

    alert_id: int
    start: Status
    end: Status
    version: int
    version_before: int = 0


class ActRunner:
    """Remembers what it did, so that each act can be undone once. Used by one thread."""

    def __init__(self, operator: str) -> None:
        self._operator = operator
        self._ways_back: dict[int, _Way] = {}

    def run(self, connection: Connection, act: AlertAct) -> Outcome:
        """Carry an act out.

        Raises:
            psycopg.OperationalError: the connection broke; whether the act was carried out
                is not known.
        """
        if isinstance(act, SetStatus):
            seen = act.seen
            way = _Way(seen.alert_id, seen.status, act.status, seen.version)
            return self._go(connection, act, way)
        back = self._ways_back.get(act.of)
        if back is None:
            return Outcome(act, None, Result.REFUSED, "nothing undone: that act did not happen")
        return self._go(connection, act, back)

    def unsure(self, act: AlertAct) -> Outcome:
        """The outcome where the connection broke before the answer."""
        alert_id = self._alert_id(act)
        text = f"{_name(alert_id)}: the database went away before it answered; look at its state"
        return Outcome(act, alert_id, Result.UNSURE, text)

    def away(self, act: AlertAct) -> Outcome:
        """The outcome while there is no database."""
        alert_id = self._alert_id(act)
        text = f"{_name(alert_id)}: nothing done, the database is away"
        return Outcome(act, alert_id, Result.FAILED, text)

    def _alert_id(self, act: AlertAct) -> int | None:
        if isinstance(act, SetStatus):
            return act.seen.alert_id
        back = self._ways_back.get(act.of)
        return None if back is None else back.alert_id

    def _go(self, connection: Connection, act: AlertAct, way: _Way) -> Outcome:
        alert_id, version = way.alert_id, way.version
        try:
            with connection.transaction():
                for status in route(way.start, way.end):
                    version = update_alert_status(
                        connection,
                        alert_id,
                        status,
                        self._operator,
                        notes="undo" if isinstance(act, Undo) else None,
                        expected_version=version,
                    ).version
        except Conflict as conflict:
            return Outcome(act, alert_id, Result.CONFLICT, f"NOT DONE: {conflict}")
        except BadInput as refusal:
            return Outcome(act, alert_id, Result.REFUSED, f"NOT DONE: {refusal}")
        if isinstance(act, SetStatus):
            self._ways_back[act.number] = _Way(alert_id, way.end, way.start, version, way.version)
            return Outcome(act, alert_id, Result.DONE, f"{alert_id} {WORD[way.end]}; u undoes it")
        self._undone(act.of, version)
        return Outcome(act, alert_id, Result.DONE, f"{alert_id} undone: {WORD[way.end]} again")

    def _undone(self, number: int, version: int) -> None:
        """An act is undone and its alert at `version`: the act before can be undone from there,
        if nobody else had come between the two."""
        undone = self._ways_back.pop(number)
        for earlier, back in self._ways_back.items():
            if back.alert_id == undone.alert_id and back.version == undone.version_before:
                self._ways_back[earlier] = replace(back, version=version)


def _name(alert_id: int | None) -> str:
    return "undo" if alert_id is None else str(alert_id)


def route(start: Status, end: Status) -> tuple[Status, ...]:
    """The statuses to pass, `end` included: a closed alert is acknowledged by way of open."""
    if end in TRANSITIONS[start] or start is end:
        return (end,)
    return (Status.OPEN, end)
