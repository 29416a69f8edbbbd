"""Alerts as people act on them: status, notes, lists, and the feed of changes.

Every face (console, command line, API) changes a status here, and nowhere else.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import dict_row

from bgptui.domain.alert import Alert, Reference, Severity, Status
from bgptui.errors import BadInput, BgptuiError
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.times import utc


class Conflict(BgptuiError):
    """The alert is no longer as the operator saw it; the text says who made it what."""


class BadTransition(BadInput):
    """The alert cannot go from its status to that one."""


class UnknownAlert(BadInput):
    """There is no alert with that id."""


class NotAllowed(BadInput):
    """The role that we are in this database may read alerts and not change them."""


class StatusRow(Struct, frozen=True):
    """What a change of status left behind; times are seconds since 1970 UTC."""

    alert_id: int
    alert_uuid: UUID
    status: Status
    version: int
    acknowledged_by: str | None
    acknowledged_at: float | None
    resolved_at: float | None
    resolution_notes: str | None
    updated_at: float


class StatusChange(Struct, frozen=True):
    """An entry of the feed of changes; `status` is the new one."""

    event_id: int
    alert_id: int
    alert_uuid: UUID
    key: str
    status: Status
    operator: str


def update_alert_status(
    conn: Connection,
    alert_id: int,
    status: Status,
    operator: str,
    notes: str | None = None,
    *,
    expected_version: int | None = None,
) -> StatusRow:
    """Change a status; the same status again changes nothing.

    Args:
        expected_version: the version that the operator saw; None is not checked.
    Raises:
        Conflict: somebody changed it since.
        BadTransition, UnknownAlert: it cannot be done.
        NotAllowed: this role may not.
    """
    parameters = {
        "alert_id": alert_id,
        "status": status.value,
        "operator": operator,
        "notes": notes,
        "expected_version": expected_version,
    }
    try:
        with conn.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(query("store/update_alert_status"), parameters).fetchone()
    except psycopg.errors.SerializationFailure as error:
        detail = error.diag.message_detail
        raise Conflict(
            f"{error.diag.message_primary}" + (f": {detail}" if detail else "")
        ) from error
    except psycopg.errors.CheckViolation as error:
        raise BadTransition(str(error.diag.message_primary), reason="bad_transition") from error
    except psycopg.errors.NoDataFound as error:
        raise _unknown(alert_id) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise _not_allowed(conn) from error
    return msgspec.convert(row, StatusRow)


def add_note(conn: Connection, alert_id: int, operator: str, note: str) -> int:
    """Add a note to an alert's history; its status and version stay.

    Returns:
        the id of the status event.
    Raises:
        UnknownAlert: there is none.
        NotAllowed: this role may not.
    """
    parameters = {"alert_id": alert_id, "operator": operator, "note": note}
    try:
        row = conn.execute(query("store/add_alert_note"), parameters).fetchone()
    except psycopg.errors.NoDataFound as error:
        raise _unknown(alert_id) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise _not_allowed(conn) from error
    assert row is not None  # noqa: S101 - a select without from has one row
    return int(row[0])


def load_alert(conn: Connection, alert_id: int) -> Alert:
    """An alert as the domain has it: its JSON line comes out as when it was written.

    Raises:
        UnknownAlert: there is none.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query("store/load_alert"), {"alert_id": alert_id}).fetchone()
    if row is None:
        raise _unknown(alert_id)
    return alert_of_row(row)


def list_alerts(
    conn: Connection,
    *,
    statuses: Collection[Status] = (),
    severities: Collection[Severity] = (),
    since: float | None = None,
    limit: int | None = None,
) -> tuple[Alert, ...]:
    """Alerts, latest opening first.

    Args:
        statuses, severities: only these; empty for every one.
        since: only those that opened then or later, seconds since 1970 UTC.
    """
    parameters = {
        "statuses": [status.value for status in statuses] or None,
        "severities": [severity.value for severity in severities] or None,
        "since": None if since is None else utc(since),
        "until": None,
        "row_limit": limit,
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(map(alert_of_row, cursor.execute(query("store/list_alerts"), parameters)))


def status_changes_since(conn: Connection, event_id: int) -> tuple[StatusChange, ...]:
    """Changes of status after an event, the pipeline's own included, in the order of commit."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("store/status_changes"), {"event_id": event_id}).fetchall()
    return msgspec.convert(rows, tuple[StatusChange, ...])


def last_status_event(conn: Connection) -> int:
    """Where a reader of status_changes_since starts; 0 when nothing ever changed."""
    row = conn.execute(query("store/last_status_event")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return int(row[0])


def _unknown(alert_id: int) -> UnknownAlert:
    return UnknownAlert(f"there is no alert {alert_id}", reason="unknown_alert")


def _not_allowed(conn: Connection) -> NotAllowed:
    return NotAllowed(
        f"{conn.info.user} may read alerts in this database and not change them: grant it "
        "bgptui_writer (sql/roles/writer.sql), or use another role",
        reason="not_allowed",
    )


def alert_of_row(row: dict[str, Any]) -> Alert:
    """An Alert of a row of load_alert or list_alerts."""
    for name, column in (("ml_result", "ml_result"), ("route_event", "route_monitor_event")):
        number, timestamp = row.pop(f"{column}_id"), row.pop(f"{column}_timestamp")
        row[name] = None if number is None else Reference(number, timestamp)
    # jsonb keeps no order of keys; the kind of a fact is what one reads first.
    row["evidence"] = [
        {"kind": fact["kind"], **fact} if "kind" in fact else fact for fact in row["evidence"]
    ]
    return msgspec.convert(row, Alert)
