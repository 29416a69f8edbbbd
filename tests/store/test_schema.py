"""The schema: what the documented queries say, what retention drops, what partitions do."""

import re
from typing import Any

import psycopg
import pytest

from bgptui.config.schema import Retention, Store
from bgptui.detect.ensemble import WEIGHTS, calculate_ensemble_score
from bgptui.domain.alert import (
    Alert,
    AlertChange,
    AlertType,
    Change,
    Severity,
    Status,
    alert_uuid,
)
from bgptui.resources import resource_dir
from bgptui.store.alert_writer import write_alerts
from bgptui.store.alerts import list_alerts, update_alert_status
from bgptui.store.connect import Connection, connect
from bgptui.store.migrate import read_migrations
from bgptui.store.status import Action, database_status, maintain, verify_schema
from bgptui.store.times import utc

DAY_S = 86_400
NOW = 1_767_780_000.0  # 2026-01-07 10:00 UTC
TABLES = (
    "raw_bgp_data",
    "features",
    "ml_results",
    "route_monitor_events",
    "alerts",
    "system_metrics",
)


def ensure(conn: Connection, table: str, low: float, high: float) -> int:
    row = conn.execute(
        "select bgptui.ensure_partitions(%s, %s, %s)", [table, utc(low), utc(high)]
    ).fetchone()
    assert row is not None
    return int(row[0])


def partitions(conn: Connection, table: str) -> list[str]:
    rows = conn.execute("select chunk from bgptui.chunks(%s::regclass)", [table])
    return [chunk.removeprefix(f"public.{table}_p") for (chunk,) in rows]


def add_metric(conn: Connection, at: float) -> None:
    ensure(conn, "system_metrics", at, at)
    conn.execute(
        "insert into system_metrics (timestamp, component, metric_name, metric_value, unit)"
        " values (%s, 'a', 'b', 1, '1')",
        [utc(at)],
    )


def add_alert(conn: Connection, alert_id: int, at: float, status: Status = Status.OPEN) -> None:
    ensure(conn, "alerts", at, at)
    key = f"matter {alert_id}"
    alert = Alert(
        alert_id=alert_id,
        alert_uuid=alert_uuid(AlertType.SESSION, key, at),
        key=key,
        alert_type=AlertType.SESSION,
        severity=Severity.LOW,
        first_seen=at,
        last_seen=at,
        confidence=1.0,
        title="t",
        description="d",
    )
    with conn.transaction():
        write_alerts(conn, [AlertChange(Change.OPEN, alert)])
    if status is not Status.OPEN:
        update_alert_status(conn, alert_id, status, "ada")


@pytest.mark.parametrize(
    ("parts", "score"),
    [
        ("0.8, -0.6, 0.9", "0.76"),
        ("0.85, -0.7, 0.9", "0.815"),
        ("NULL, NULL, 0.9", "0.9"),
        ("NULL, -0.6, NULL", "0.6"),
        ("1, NULL, 0.5", "0.857142857143"),
        ("0, 0, 0", "0"),
        ("1, -1, 1", "1"),
        ("NULL, NULL, NULL", None),
    ],
)
def test_the_ensemble_score_shares_absent_weights_among_those_present(
    conn: Connection, parts: str, score: str | None
) -> None:
    row = conn.execute(f"select calculate_ensemble_score({parts})::text".encode()).fetchone()
    assert row == (score,)


@pytest.mark.parametrize("absent", range(8))
def test_sql_and_the_detector_give_the_same_score(conn: Connection, absent: int) -> None:
    weights = conn.execute("select bgptui.ensemble_weights()").fetchone()
    assert weights == (list(WEIGHTS.values()),)
    scores = (0.837, -0.294, 0.561)
    parts = [None if absent >> place & 1 else score for place, score in enumerate(scores)]
    row = conn.execute("select calculate_ensemble_score(%s, %s, %s)", parts).fetchone()
    assert row is not None
    assert row[0] == (None if absent == 7 else pytest.approx(calculate_ensemble_score(*parts)))


def test_every_documented_object_is_there(conn: Connection) -> None:
    verified = verify_schema(conn)
    assert [name for name, ok in verified if not ok] == []
    assert len(verified) == len(dict(verified)) > 30
    conn.execute("drop view recent_alerts")
    assert ("view recent_alerts", False) in verify_schema(conn)


def test_every_table_is_explained(conn: Connection) -> None:
    silent = conn.execute(
        "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace"
        " and c.relkind in ('r', 'p', 'v') and not c.relispartition"
        " and obj_description(c.oid) is null"
    ).fetchall()
    assert silent == []


@pytest.mark.parametrize("table", TABLES)
def test_partitions_are_days_in_utc_whatever_the_session_s_zone(
    conn: Connection, table: str
) -> None:
    conn.execute("set timezone = 'Asia/Kathmandu'; set datestyle = 'SQL, DMY'")
    made = ensure(conn, table, NOW - 2 * DAY_S, NOW)
    assert made == 3
    assert ensure(conn, table, NOW - 2 * DAY_S, NOW) == 0
    assert partitions(conn, table) == ["20260105", "20260106", "20260107"]
    bounds = conn.execute(
        "select extract(epoch from lo)::bigint %% 86400, hi - lo = interval '1 day'"
        " from bgptui.chunks(%s::regclass)",
        [table],
    ).fetchall()
    assert set(bounds) == {(0, True)}


def test_a_row_without_a_partition_is_refused_not_misplaced(conn: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        conn.execute(
            "insert into system_metrics (timestamp, component, metric_name, metric_value, unit)"
            " values ('1999-01-01', 'a', 'b', 1, '1')"
        )
    assert caught.value.diag.constraint_name is None  # how the writer tells it apart


def test_making_a_partition_does_not_wait_for_readers(database: str, conn: Connection) -> None:
    with connect(database, application_name="reader", timeout_s=5) as reader, reader.transaction():
        reader.execute("select count(*) from raw_bgp_data")
        conn.execute("set lock_timeout = '500ms'")
        assert ensure(conn, "raw_bgp_data", NOW, NOW) == 1


def test_two_writers_may_want_the_same_partition(database: str, conn: Connection) -> None:
    with connect(database, application_name="other", timeout_s=5) as other:
        with other.transaction():
            assert ensure(other, "features", NOW, NOW) == 1
        assert ensure(conn, "features", NOW, NOW) == 0


def test_a_query_of_one_day_reads_that_day_s_partition_only(conn: Connection) -> None:
    ensure(conn, "features", NOW - 30 * DAY_S, NOW)
    plan = conn.execute(
        "explain select * from features where timestamp >= '2026-01-07' and peer_addr is null"
    ).fetchall()
    scanned = set(re.findall(r"features_p\d+", str(plan)))
    assert {name[:19] for name in scanned} == {"features_p20260107"}


def test_expired_days_go_and_younger_ones_stay(conn: Connection) -> None:
    for age_days in (0, 29, 30, 31, 45):
        add_metric(conn, NOW - age_days * DAY_S)
    done = maintain(conn, NOW, Store())
    dropped = [action.object for action in done if "system_metrics" in action.object]
    assert dropped == ["public.system_metrics_p20251123", "public.system_metrics_p20251207"]
    assert {action.action for action in done} == {"dropped"}
    # 30 days ago was the 8th at ten o'clock: its day has not expired as a whole.
    ages = conn.execute("select count(*) from system_metrics").fetchone()
    assert ages == (3,)
    assert maintain(conn, NOW, Store()) == ()


def test_the_configured_retention_is_what_counts(conn: Connection) -> None:
    add_metric(conn, NOW - 10 * DAY_S)
    assert maintain(conn, NOW, Store()) == ()
    short = Store(retention=Retention(system_metrics=5))
    assert [action.action for action in maintain(conn, NOW, short)] == ["dropped"]
    keep = {table.name: table.keep_days for table in database_status(conn).tables}
    assert keep == {
        "raw_bgp_data": 30,
        "features": 90,
        "ml_results": 60,
        "route_monitor_events": 180,
        "alerts": 365,
        "system_metrics": 5,
    }


def test_retention_keeps_open_and_acknowledged_alerts_however_old(conn: Connection) -> None:
    old = NOW - 400 * DAY_S
    for number, status in enumerate(Status, 1):
        add_alert(conn, number, old, status)
        add_alert(conn, 10 + number, old - DAY_S * number, status)
    add_alert(conn, 20, NOW - 300 * DAY_S, Status.RESOLVED)
    done = maintain(conn, NOW, Store())
    assert Action("deleted_alerts", "4", None) in done
    left = {alert.alert_id: alert.status for alert in list_alerts(conn)}
    assert left == {
        1: Status.OPEN,
        2: Status.ACKNOWLEDGED,
        11: Status.OPEN,
        12: Status.ACKNOWLEDGED,
        20: Status.RESOLVED,
    }
    # What hung on the deleted ones is gone as well; days that still hold an alert are not.
    for table in ("alert_ids", "notification_outbox", "alert_status_events"):
        rows = conn.execute(f"select distinct alert_id from {table}".encode()).fetchall()
        assert {alert_id for (alert_id,) in rows} <= left.keys()
    assert sum(action.action == "dropped" for action in done) == 2
    # Closed at last, they go.
    for number in (1, 2, 11, 12):
        update_alert_status(conn, number, Status.RESOLVED, "ada")
    assert Action("deleted_alerts", "4", None) in maintain(conn, NOW, Store())
    assert [alert.alert_id for alert in list_alerts(conn)] == [20]


def fill_raw(conn: Connection, at: float) -> None:
    ensure(conn, "raw_bgp_data", at, at)
    conn.execute(
        "insert into raw_bgp_data (timestamp, message_type, late, window_start, collector,"
        " peer_addr, peer_asn, announcements, withdrawals, total_updates, withdrawal_ratio,"
        " flap_count, unique_peers, session_resets, raw_message)"
        " select %s, 'UPDATE', false, %s, 'rrc00', '192.0.2.1', 64496, 0, 0, 0, 0, 0, 1, 0,"
        " to_jsonb(repeat('x', 100)) from generate_series(1, 5000)",
        [utc(at), utc(at)],
    )


def test_above_its_size_raw_data_loses_the_oldest_day_first(conn: Connection) -> None:
    for age_days in (3, 2, 1, 0):
        fill_raw(conn, NOW - age_days * DAY_S)
    sizes = conn.execute(
        "select size_bytes from bgptui.chunks('raw_bgp_data'::regclass)"
    ).fetchall()
    room_for_two = (sum(size for (size,) in sizes) - sizes[0][0] - sizes[1][0]) / 2**30
    done = maintain(conn, NOW, Store(raw_max_gib=room_for_two * 1.01))
    assert [(action.action, action.object) for action in done] == [
        ("dropped_for_size", "public.raw_bgp_data_p20260104"),
        ("dropped_for_size", "public.raw_bgp_data_p20260105"),
    ]
    assert conn.execute("select count(*) from raw_bgp_data").fetchone() == (10_000,)
    # A day that is too large alone goes too, and its partition is there again.
    maintain(conn, NOW, Store(raw_max_gib=0.0001))
    assert conn.execute("select count(*) from raw_bgp_data").fetchone() == (0,)
    fill_raw(conn, NOW)


def test_a_day_that_a_reader_holds_is_left_for_the_next_run(
    database: str, conn: Connection
) -> None:
    add_metric(conn, NOW - 40 * DAY_S)
    with connect(database, application_name="reader", timeout_s=5) as reader, reader.transaction():
        reader.execute("select * from system_metrics")
        (busy,) = maintain(conn, NOW, Store())
        assert busy.action == "busy"
    assert [action.action for action in maintain(conn, NOW, Store())] == ["dropped"]


def test_a_year_of_partitions_is_made_and_dropped(conn: Connection) -> None:
    assert ensure(conn, "raw_bgp_data", NOW - 365 * DAY_S, NOW) == 366
    done = maintain(conn, NOW, Store())
    assert len(done) == 335
    assert len(partitions(conn, "raw_bgp_data")) == 33  # 31 kept, two ahead


def test_status_shows_engine_sizes_rows_and_the_last_maintenance(conn: Connection) -> None:
    add_metric(conn, NOW)
    add_metric(conn, NOW + 0.5)
    before = database_status(conn)
    assert before.last_maintenance is None
    assert re.fullmatch(r"PostgreSQL \d+\.\d+", before.engine)
    assert before.license is None
    migrations = read_migrations(resource_dir("sql") / "migrations")
    assert before.schema_version == migrations[-1].version
    assert [table.name for table in before.tables] == list(TABLES)
    metrics = before.tables[-1]
    assert (metrics.engine, metrics.chunks, metrics.rows) == ("native", 1, 2)
    assert (metrics.first, metrics.last) == (NOW, NOW + 0.5)
    assert not metrics.rows_are_estimated
    assert before.tables[0].first is None
    add_metric(conn, NOW - 100 * DAY_S)
    maintain(conn, NOW, Store())
    after = database_status(conn).last_maintenance
    assert after is not None
    assert (after.dropped_chunks, after.deleted_alerts) == (1, 0)
    assert after.dropped_bytes > 0


def test_a_role_named_like_the_schema_finds_the_tables_in_public(conn: Connection) -> None:
    """The schema bgptui comes first in the search_path of a role bgptui, the embedded one's."""
    rows: list[tuple[Any, ...]] = conn.execute(
        "select relname from pg_class where relnamespace = 'bgptui'::regnamespace and relkind = 'r'"
        " and to_regclass('public.' || relname) is not null"
    ).fetchall()
    assert rows == []
