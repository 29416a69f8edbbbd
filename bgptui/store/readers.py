"""What a console reads: health, the network's windows, alerts, one alert in full.

Times leave as seconds since 1970 UTC. Ages are by the database's clock, so that a console on a
machine with a wrong clock tells the truth.
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct, convert
from psycopg import Connection
from psycopg.rows import dict_row

from bgptui.domain.alert import AlertType, Severity, Status
from bgptui.domain.health import Health
from bgptui.domain.shared_health import ProcessRow, shared_health
from bgptui.errors import BadInput
from bgptui.store.queries import query

T = TypeVar("T")

ACTIVE_LIMIT = 1_000
CLOSED_LIMIT = 200


class AlertRow(Struct, frozen=True, kw_only=True):
    """An alert as one row of the list; names as in domain.alert.Alert.

    Attributes:
        version: grows with each change of status; for update_alert_status.
        updated_at: by the database's clock.
    """

    alert_id: int
    version: int
    alert_type: AlertType
    severity: Severity
    status: Status
    title: str
    confidence: float
    first_seen: float
    last_seen: float
    updated_at: float
    hijack_class: str | None = None
    prefix: str | None = None
    watched_prefix: str | None = None
    origin_asn: int | None = None
    peer_addr: str | None = None
    peer_asn: int | None = None
    peers_seen: int = 0
    peers_total: int = 0
    rpki_status: str | None = None
    acknowledged_by: str | None = None


class StatusEvent(Struct, frozen=True, kw_only=True):
    """An entry of an alert's history; a note where both statuses are the same."""

    timestamp: float
    operator: str
    from_status: Status
    to_status: Status
    note: str | None = None


class AlertDetail(Struct, frozen=True, kw_only=True):
    """What the list does not show of an alert; names as in domain.alert.Alert.

    Attributes:
        evidence: JSON-ready facts, each with a `kind`.
        history: oldest first.
    """

    row: AlertRow
    alert_uuid: str
    description: str
    expected_origins: tuple[int, ...] = ()
    affected_prefixes: tuple[str, ...] = ()
    anomaly_types: tuple[str, ...] = ()
    ensemble_score: float | None = None
    heuristic_score: float | None = None
    rpki_score: float | None = None
    final_score: float | None = None
    resolved_at: float | None = None
    resolution_notes: str | None = None
    ticket_id: str | None = None
    evidence: tuple[dict[str, Any], ...] = ()
    history: tuple[StatusEvent, ...] = ()


class CollectorRow(Struct, frozen=True):
    """A collector's last health row, and how old it is.

    Where several processes share the collectors: of all of them together, as old as the newest.
    """

    holder: str
    age_s: float
    health: Health


class NetworkWindow(Struct, frozen=True):
    """The network-wide window of one minute.

    Attributes:
        start: seconds since 1970 UTC, a multiple of 60.
        values, zscores: in the order of FEATURES, None where there is none; zscores is empty
            where nothing was scored.
        gap: we were blind for a part of it.
    """

    start: int
    values: tuple[float | None, ...]
    zscores: tuple[float | None, ...] = ()
    gap: bool = False


def read_collector(conn: Connection[Any]) -> CollectorRow | None:
    """The collector that wrote its health last, or all that share the collectors as one; None
    where none ever has.

    Raises:
        BadInput: a document is of another version of bgptui.
    """
    rows = [_process(row) for row in _rows(conn, "console/collector")]
    if not rows:
        return None
    newest = min(rows, key=lambda row: row.age_s)
    if not any(row.hosts for row in rows):
        return CollectorRow(newest.holder, newest.age_s, newest.health)
    return CollectorRow(newest.holder, newest.age_s, shared_health(rows))


def _process(row: dict[str, Any]) -> ProcessRow:
    try:
        health = msgspec.json.decode(row["document"], type=Health)
    except msgspec.DecodeError as error:
        raise BadInput(f"health of collector {row['holder']} cannot be read: {error}") from error
    hosts = tuple(row["hosts"] or ())
    return ProcessRow(row["holder"], row["age_s"], health, hosts, row["correlates"])


def read_alerts(
    conn: Connection[Any], *, active_limit: int = ACTIVE_LIMIT, closed_limit: int = CLOSED_LIMIT
) -> tuple[AlertRow, ...]:
    """Active alerts, worst and latest first, then those closed last.

    Raises:
        BadInput: a row holds what this version does not know.
    """
    limits = {"active_limit": active_limit, "closed_limit": closed_limit}
    return _as(tuple[AlertRow, ...], _rows(conn, "console/alerts", limits))


def read_open_counts(conn: Connection[Any]) -> dict[Severity, int]:
    """Open alerts by severity, worst first; zero where there are none."""
    counts = {row["severity"]: row["alerts"] for row in _rows(conn, "console/open_counts")}
    return {severity: counts.get(severity.value, 0) for severity in Severity}


def read_network_windows(conn: Connection[Any], *, minutes: int) -> tuple[NetworkWindow, ...]:
    """The network-wide windows of the latest `minutes`, oldest first."""
    rows = _rows(conn, "console/network_windows", {"minutes": minutes})
    return _as(tuple[NetworkWindow, ...], rows)


def read_alert_detail(conn: Connection[Any], alert_id: int) -> AlertDetail | None:
    """One alert with its evidence and history; None where the id is unknown."""
    rows = _rows(conn, "console/alert_detail", {"alert_id": alert_id})
    if not rows:
        return None
    history = _rows(conn, "console/alert_history", {"alert_id": alert_id})
    return _as(AlertDetail, {**rows[0], "row": rows[0], "history": history})


def _rows(
    conn: Connection[Any], name: str, params: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(name), params).fetchall()


def _as(kind: type[T], rows: object) -> T:
    try:
        return convert(rows, kind)
    except msgspec.ValidationError as error:
        raise BadInput(f"alerts or features of another version of bgptui: {error}") from error
