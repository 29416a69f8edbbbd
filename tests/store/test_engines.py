"""One schema on every engine: what is written, read, acted on and kept is the same."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from bgptui.config.schema import Store
from bgptui.domain.alert import Status
from bgptui.resources import resource_dir
from bgptui.store.alerts import BadTransition, Conflict, UnknownAlert, add_note, update_alert_status
from bgptui.store.connect import Connection, connect
from bgptui.store.migrate import migrate
from bgptui.store.readers import (
    read_alert_detail,
    read_alerts,
    read_network_windows,
    read_open_counts,
)
from bgptui.store.sample_data import write_sample_data
from bgptui.store.start_state import baseline, start_state
from bgptui.store.status import database_status, maintain, verify_schema
from bgptui.store.times import utc
from support.rows import sorted_rows, without_clock

DAY_S = 86_400
TABLES = (
    "raw_bgp_data",
    "features",
    "ml_results",
    "route_monitor_events",
    "alerts",
    "system_metrics",
)
DOCUMENTED = {
    "critical": "SELECT timestamp, severity, title, peer_addr, confidence, status FROM alerts"
    " WHERE severity = 'critical' AND status = 'open' ORDER BY timestamp DESC;",
    "by peer": "SELECT peer_addr, COUNT(*), AVG(confidence), MAX(final_score) FROM alerts"
    " WHERE timestamp > NOW() - INTERVAL '24 hours' GROUP BY peer_addr;",
    "by rpki": "SELECT rpki_status, event_type, COUNT(*) FROM route_monitor_events"
    " GROUP BY rpki_status, event_type;",
    "metrics": "SELECT component, metric_name, AVG(metric_value), MAX(metric_value), unit"
    " FROM system_metrics WHERE timestamp > NOW() - INTERVAL '1 hour'"
    " GROUP BY component, metric_name, unit;",
    "recent": "SELECT * FROM recent_alerts;",
    "summary": "SELECT * FROM alert_summary_hourly LIMIT 10;",
    "score": "SELECT calculate_ensemble_score(0.8, -0.6, 0.9);",
    "hourly features": "SELECT * FROM features_hourly;",
    "hourly metrics": "SELECT * FROM system_metrics_hourly;",
}
Connect = Callable[[], Connection]


def connector(dsn: str) -> Connect:
    return lambda: connect(dsn, application_name="test", timeout_s=5)


def rows(conn: Connection, statement: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode()).fetchall()


@pytest.fixture
def conn(engine_database: str) -> Iterator[Connection]:
    with connector(engine_database)() as connection:
        yield connection


@pytest.fixture
def timescaledb_conn(timescaledb_database: str) -> Iterator[Connection]:
    with connector(timescaledb_database)() as connection:
        yield connection


def run_policies(conn: Connection, procedure: str) -> int:
    """What TimescaleDB's scheduler does; the number of jobs."""
    jobs = conn.execute(
        "select job_id from timescaledb_information.jobs where proc_name = %s", [procedure]
    ).fetchall()
    for (job,) in jobs:
        conn.execute("call run_job(%s)", [job])
    return len(jobs)


def test_every_row_and_every_documented_query_is_the_same_on_every_engine(
    engine_database: str, empty_database: str
) -> None:
    migrate(empty_database)  # the reference: the embedded server
    now = time.time()
    found = []
    for dsn in (empty_database, engine_database):
        connection = connector(dsn)
        write_sample_data(connection, now=now)
        with connection() as conn:
            tables = {name: rows(conn, f"select * from {name}") for name in TABLES}
            queries = {name: rows(conn, text) for name, text in DOCUMENTED.items()}
            found.append(
                {name: sorted_rows(without_clock(got)) for name, got in (tables | queries).items()}
            )
    reference, here = found
    assert [len(reference[name]) for name in TABLES] == [100, 50, 50, 20, 15, 30]
    assert reference["score"] == [{"calculate_ensemble_score": 0.76}]
    assert all(reference.values())
    for name, expected in reference.items():
        assert here[name] == expected, name


def test_migrating_again_changes_nothing(engine_database: str, conn: Connection) -> None:
    before = database_status(conn)
    assert migrate(engine_database).applied == ()
    after = database_status(conn)
    assert (after.tables, len(after.policies)) == (before.tables, len(before.policies))
    assert [name for name, ok in verify_schema(conn) if not ok] == []


def test_statuses_change_by_the_same_rules_on_every_engine(
    engine_database: str, conn: Connection
) -> None:
    write_sample_data(connector(engine_database), now=time.time())
    opened = next(row for row in read_alerts(conn) if row.status is Status.OPEN)
    number, version = opened.alert_id, opened.version
    counts = read_open_counts(conn)
    acknowledged = update_alert_status(
        conn, number, Status.ACKNOWLEDGED, "ada", "mine", expected_version=version
    )
    assert (acknowledged.version, acknowledged.acknowledged_by) == (version + 1, "ada")
    with pytest.raises(Conflict, match="ada made it acknowledged"):
        update_alert_status(conn, number, Status.RESOLVED, "bob", expected_version=version)
    update_alert_status(conn, number, Status.RESOLVED, "ada")
    with pytest.raises(BadTransition):
        update_alert_status(conn, number, Status.ACKNOWLEDGED, "ada")
    with pytest.raises(UnknownAlert):
        update_alert_status(conn, 999_999, Status.RESOLVED, "ada")
    add_note(conn, number, "ada", "filtered")
    detail = read_alert_detail(conn, number)
    assert detail is not None
    assert [entry.to_status for entry in detail.history] == [
        Status.ACKNOWLEDGED,
        Status.RESOLVED,
        Status.RESOLVED,
    ]
    assert read_open_counts(conn)[opened.severity] == counts[opened.severity] - 1
    listed = {row.alert_id: row for row in read_alerts(conn)}
    assert listed[number] == detail.row
    assert len(listed) == 15


def test_a_collector_finds_its_state_again_on_every_engine(
    engine_database: str, conn: Connection
) -> None:
    now = time.time()
    write_sample_data(connector(engine_database), now=now)
    state = start_state(conn)
    assert state.closed_until == now // 60 * 60
    assert (state.next_ids.features, state.next_ids.alerts) == (51, 16)
    assert len(state.open_alerts) == 12
    windows = baseline(conn, state.closed_until - 60, reach_s=86_400)
    assert sum(len(stream.starts) for stream in windows) == 50
    assert len(read_network_windows(conn, minutes=60)) == 10


def test_rows_that_come_forty_days_late_are_stored(engine_database: str, conn: Connection) -> None:
    now = time.time()
    for then in (now - 40 * DAY_S, now):
        write_sample_data(connector(engine_database), now=then)
    status = {table.name: table for table in database_status(conn).tables}
    assert [status[name].rows for name in TABLES] == [200, 100, 100, 40, 30, 60]
    assert all(table.chunks >= 2 for table in status.values())


def test_maintenance_drops_what_has_expired_on_every_engine(
    engine_database: str, conn: Connection
) -> None:
    now = time.time()
    for then in (now - 100 * DAY_S, now):
        write_sample_data(connector(engine_database), now=then)
    done = maintain(conn, now, Store())
    dropped = [action for action in done if action.action == "dropped"]
    assert len(dropped) >= 4  # two each where the sample's minutes span midnight
    assert sum(action.size_bytes or 0 for action in dropped) > 0
    left = {table.name: table.rows for table in database_status(conn).tables}
    assert [left[name] for name in TABLES] == [100, 50, 50, 40, 30, 30]
    assert maintain(conn, now, Store()) == ()
    # A year later only alerts that nobody closed are left.
    gone = maintain(conn, now + 366 * DAY_S, Store())
    assert {action.action for action in gone} == {"dropped", "deleted_alerts"}
    assert {row.status for row in read_alerts(conn)} == {Status.OPEN, Status.ACKNOWLEDGED}
    left = {table.name: table.rows for table in database_status(conn).tables}
    assert left == dict.fromkeys(TABLES, 0) | {"alerts": 24}


def test_a_query_of_one_day_reads_one_chunk_on_every_engine(
    engine_database: str, conn: Connection
) -> None:
    noon = time.time() // DAY_S * DAY_S + DAY_S / 2
    for days in range(4):
        write_sample_data(connector(engine_database), now=noon - days * DAY_S)
    for table in TABLES:
        chunks = conn.execute(
            "select chunk, lo <= %(t)s and %(t)s < hi from bgptui.chunks(%(tbl)s::regclass)",
            {"t": utc(noon - DAY_S), "tbl": table},
        ).fetchall()
        assert len(chunks) == 4
        plan = conn.execute(
            f"explain select * from {table} where timestamp >= '{utc(noon - DAY_S * 1.5)}'"
            f" and timestamp < '{utc(noon - DAY_S * 0.5)}'".encode()
        ).fetchall()
        read = {chunk for chunk, _ in chunks if chunk.rpartition(".")[2] + " " in f"{plan} "}
        assert read == {chunk for chunk, wanted in chunks if wanted}


def test_timescaledb_compresses_what_is_old_and_takes_rows_into_it(
    timescaledb_database: str, timescaledb_conn: Connection
) -> None:
    conn = timescaledb_conn
    then = time.time() - 10 * DAY_S
    write_sample_data(connector(timescaledb_database), now=then)
    before = {name: sorted_rows(rows(conn, f"select * from {name}")) for name in TABLES}
    assert run_policies(conn, "policy_compression") == 5
    status = {table.name: table for table in database_status(conn).tables}
    for name, table in status.items():
        assert table.compressed_chunks == (0 if name == "alerts" else table.chunks), name
        assert (table.compression_ratio is None) == (name == "alerts")
        assert table.compress_after_days == (None if name == "alerts" else 7)
    for name, expected in before.items():
        assert sorted_rows(rows(conn, f"select * from {name}")) == expected, name
    # The collector's COPY reaches compressed days as well.
    write_sample_data(connector(timescaledb_database), now=then, seed=2)
    assert len(rows(conn, "select from raw_bgp_data")) == 200
    assert len(rows(conn, "select from features where id > 50")) == 50
    # A young chunk stays as it is.
    write_sample_data(connector(timescaledb_database), now=time.time() - 5 * DAY_S)
    run_policies(conn, "policy_compression")
    (raw, *_) = database_status(conn).tables
    assert raw.compressed_chunks < raw.chunks


def test_a_thousand_rows_of_a_peer_take_less_room_compressed(
    timescaledb_conn: Connection,
) -> None:
    conn = timescaledb_conn
    conn.execute(
        "insert into raw_bgp_data (timestamp, message_type, late, window_start, collector,"
        " peer_addr, peer_asn, prefix, announcements, withdrawals, total_updates,"
        " withdrawal_ratio, flap_count, unique_peers, session_resets, as_path, raw_message)"
        " select now() - interval '10 days' + n * interval '1 s', 'UPDATE', false,"
        " now() - interval '10 days', 'rrc00', '192.0.2.1', 64496, '203.0.113.0/24',"
        " 1, 0, 1, 0, 0, 1, 0, '64496 64500', jsonb_build_object('n', n)"
        " from generate_series(1, 3000) n"
    )
    run_policies(conn, "policy_compression")
    (raw, *_) = database_status(conn).tables
    assert raw.compression_ratio is not None
    assert raw.compression_ratio > 3


def test_the_configured_age_of_compression_is_what_counts(
    timescaledb_database: str, timescaledb_conn: Connection
) -> None:
    write_sample_data(connector(timescaledb_database), now=time.time() - 5 * DAY_S)
    maintain(timescaledb_conn, time.time(), Store(compress_after_days=2))
    assert run_policies(timescaledb_conn, "policy_compression") == 5
    status = database_status(timescaledb_conn)
    assert {table.compress_after_days for table in status.tables} == {2, None}
    assert status.tables[0].compressed_chunks >= 1
    before = status.policies
    maintain(timescaledb_conn, time.time(), Store(compress_after_days=2))
    assert [policy.rule for policy in database_status(timescaledb_conn).policies] == [
        policy.rule for policy in before
    ]


def test_timescaledbs_policies_drop_what_has_expired(
    timescaledb_database: str, timescaledb_conn: Connection
) -> None:
    conn = timescaledb_conn
    now = time.time()
    for then in (now - 400 * DAY_S, now):
        write_sample_data(connector(timescaledb_database), now=then)
    assert run_policies(conn, "policy_retention") == 7
    left = {table.name: table.rows for table in database_status(conn).tables}
    # Alerts have no policy: which of them go is chosen one by one.
    assert [left[name] for name in TABLES] == [100, 50, 50, 20, 30, 30]


def test_the_hourly_views_say_the_same_before_and_after_a_refresh(
    timescaledb_database: str, timescaledb_conn: Connection
) -> None:
    conn = timescaledb_conn
    write_sample_data(connector(timescaledb_database), now=time.time() - DAY_S)
    names = ("features_hourly", "system_metrics_hourly")
    before = {name: sorted_rows(rows(conn, f"select * from {name}")) for name in names}
    assert all(before.values())
    assert run_policies(conn, "policy_refresh_continuous_aggregate") == 2
    stored = conn.execute(
        "select format('%I.%I', materialization_hypertable_schema,"
        " materialization_hypertable_name) from timescaledb_information.continuous_aggregates"
    ).fetchall()
    assert len(stored) == 2
    assert all(rows(conn, f"select from {name}") for (name,) in stored)
    for name, expected in before.items():
        assert sorted_rows(rows(conn, f"select * from {name}")) == expected
    # Rows that come late are in them after the next refresh.
    write_sample_data(connector(timescaledb_database), now=time.time() - DAY_S, seed=2)
    run_policies(conn, "policy_refresh_continuous_aggregate")
    assert rows(conn, "select sum(windows) as windows from features_hourly") == [{"windows": 100}]


def test_a_shorter_retention_moves_every_policy_with_it(timescaledb_conn: Connection) -> None:
    conn = timescaledb_conn
    conn.execute("select bgptui.set_retention('features', '10 days')")
    rules = {
        (policy.policy, policy.relation): policy.rule for policy in database_status(conn).policies
    }
    assert rules["policy_retention", "features"] == "10 days"
    assert rules["policy_retention", "features_hourly"] == "10 days"
    refresh = rules["policy_refresh_continuous_aggregate", "features_hourly"]
    assert refresh == "9 days to 01:00:00 ago"
    conn.execute("select bgptui.set_retention('features', null)")
    rules = {
        (policy.policy, policy.relation): policy.rule for policy in database_status(conn).policies
    }
    assert ("policy_retention", "features") not in rules
    assert ("policy_retention", "features_hourly") not in rules


@pytest.fixture
def apache_database(timescaledb_empty: str, tmp_path: Path) -> str:
    """TimescaleDB with the answer of its Apache edition to the one question that is asked.

    The WebAssembly build has the other licence built in: it refuses the setting.
    """
    for file in (resource_dir("sql") / "migrations").glob("*.sql"):
        text = file.read_text()
        question = "coalesce(pg_catalog.current_setting('timescaledb.license', true), 'apache')"
        assert (question in text) == file.name.startswith("0001")
        (tmp_path / file.name).write_text(text.replace(question, "'apache'"))
    migrate(timescaledb_empty, directory=tmp_path)
    return timescaledb_empty


def test_the_apache_edition_gets_hypertables_and_nothing_that_it_lacks(
    apache_database: str,
) -> None:
    now = time.time()
    for then in (now - 100 * DAY_S, now):
        write_sample_data(connector(apache_database), now=then)
    with connector(apache_database)() as conn:
        assert [name for name, ok in verify_schema(conn) if not ok] == []
        status = database_status(conn)
        assert (status.license, status.policies) == ("apache", ())
        assert {table.engine for table in status.tables} == {"timescaledb"}
        assert {table.compress_after_days for table in status.tables} == {None}
        kinds = rows(conn, "select * from timescaledb_information.continuous_aggregates")
        assert kinds == []
        assert len(rows(conn, DOCUMENTED["hourly features"])) >= 10
        done = maintain(conn, now, Store())
        assert len([action for action in done if action.action == "dropped"]) >= 4
        left = {table.name: table.rows for table in database_status(conn).tables}
        assert [left[name] for name in TABLES] == [100, 50, 50, 40, 30, 30]
