"""bgptui.alert_list, which consoles read: always the same as alerts, and short."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.rows import dict_row

from bgptui.config.schema import Store
from bgptui.domain.alert import Alert, AlertChange, AlertType, Change, Severity, Status, alert_uuid
from bgptui.store.alert_writer import write_alerts
from bgptui.store.alerts import update_alert_status
from bgptui.store.connect import Connection, connect
from bgptui.store.readers import read_alerts
from bgptui.store.status import maintain
from bgptui.store.times import utc

NOW = 1_767_780_000.0  # 2026-01-07 10:00 UTC
DAY_S = 86_400


@pytest.fixture
def conn(engine_database: str) -> Iterator[Connection]:
    with connect(engine_database, application_name="test", timeout_s=5) as connection:
        yield connection


def alert(number: int, *, at: float = NOW, **changes: Any) -> Alert:
    facts: dict[str, Any] = {
        "alert_id": number,
        "alert_uuid": alert_uuid(AlertType.HIJACK, f"matter {number}", at),
        "key": f"matter {number}",
        "alert_type": AlertType.HIJACK,
        "severity": Severity.HIGH,
        "first_seen": at,
        "last_seen": at,
        "confidence": 0.9,
        "title": "Route Hijack Suspected",
        "description": "d",
        "prefix": "203.0.113.0/24",
    }
    return Alert(**(facts | changes))


def write(conn: Connection, *changes: AlertChange) -> None:
    for change in changes:
        at = utc(change.alert.first_seen)
        conn.execute("select bgptui.ensure_partitions('public.alerts', %s, %s)", [at, at])
    with conn.transaction():
        write_alerts(conn, changes)


def listed(conn: Connection) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from bgptui.alert_list order by alert_id").fetchall()


def in_full(conn: Connection) -> list[dict[str, Any]]:
    columns = conn.execute(
        "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute"
        " where attrelid = 'bgptui.alert_list'::regclass and attnum > 0"
    ).fetchone()
    assert columns is not None
    with conn.cursor(row_factory=dict_row) as cursor:
        statement = f"select {columns[0]} from public.alerts order by alert_id"
        return cursor.execute(statement.encode()).fetchall()


def test_it_follows_whatever_happens_to_an_alert(conn: Connection) -> None:
    write(conn, *(AlertChange(Change.OPEN, alert(number)) for number in range(1, 6)))
    assert listed(conn) == in_full(conn)
    worse = alert(1, severity=Severity.CRITICAL, last_seen=NOW + 60, peers_seen=7, peer_addr=None)
    write(conn, AlertChange(Change.UPDATE, worse))
    update_alert_status(conn, 2, Status.ACKNOWLEDGED, "ada")
    update_alert_status(conn, 3, Status.FALSE_POSITIVE, "ada")
    write(conn, AlertChange(Change.RESOLVE, alert(4)))
    update_alert_status(conn, 3, Status.OPEN, "ada")
    assert len(listed(conn)) == 5
    assert listed(conn) == in_full(conn)
    assert next(row.alert_id for row in read_alerts(conn)) == 1


def test_an_alert_that_expires_leaves_it(conn: Connection) -> None:
    write(conn, AlertChange(Change.OPEN, alert(1, at=NOW - 400 * DAY_S)))
    write(conn, AlertChange(Change.OPEN, alert(2, at=NOW - 400 * DAY_S)))
    update_alert_status(conn, 1, Status.RESOLVED, "ada")
    maintain(conn, NOW, Store())
    assert [row["alert_id"] for row in listed(conn)] == [2]


def test_only_closed_alerts_are_trimmed_and_one_that_opens_again_is_back(conn: Connection) -> None:
    write(conn, *(AlertChange(Change.OPEN, alert(number)) for number in range(1, 11)))
    for number in range(1, 9):
        update_alert_status(conn, number, Status.RESOLVED, "ada")
    conn.execute("select bgptui.trim_alert_list(3)")
    assert [row["alert_id"] for row in listed(conn)] == [6, 7, 8, 9, 10]
    update_alert_status(conn, 1, Status.OPEN, "ada")
    assert [row["alert_id"] for row in listed(conn)] == [1, 6, 7, 8, 9, 10]
