"""Sample data, and the documented queries over it."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg.rows import dict_row

from bgptui.errors import UsageError
from bgptui.store import lease
from bgptui.store.connect import Connection, connect
from bgptui.store.sample_data import write_sample_data
from support.sample_output import DOCUMENT, filled_in, sample_time, statements

EXPECTED = {
    "raw_bgp_data": 100,
    "features": 50,
    "ml_results": 50,
    "route_monitor_events": 20,
    "alerts": 15,
    "system_metrics": 30,
}
Connect = Callable[[], Connection]


@pytest.fixture
def connector(database: str) -> Connect:
    return lambda: connect(database, application_name="test", timeout_s=5)


@pytest.fixture
def conn(connector: Connect) -> Iterator[Connection]:
    with connector() as connection:
        yield connection


@pytest.fixture
def sampled(connector: Connect, conn: Connection) -> Connection:
    """A database with sample data of now."""
    assert write_sample_data(connector, now=time.time()) == EXPECTED
    return conn


def rows(conn: Connection, statement: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode()).fetchall()


def count(conn: Connection, table: str) -> int:
    return int(rows(conn, f"select count(*) as n from {table}")[0]["n"])


def test_every_table_gets_its_rows(sampled: Connection) -> None:
    assert {table: count(sampled, table) for table in EXPECTED} == EXPECTED


def test_every_documented_query_runs_as_written_and_finds_something(sampled: Connection) -> None:
    critical = rows(
        sampled,
        "SELECT timestamp, severity, title, peer_addr, confidence, status FROM alerts WHERE"
        " severity = 'critical' AND status = 'open' ORDER BY timestamp DESC;",
    )
    assert critical
    assert {(row["severity"], row["status"]) for row in critical} == {("critical", "open")}
    by_peer = rows(
        sampled,
        "SELECT peer_addr, COUNT(*), AVG(confidence), MAX(final_score) FROM alerts WHERE"
        " timestamp > NOW() - INTERVAL '24 hours' GROUP BY peer_addr;",
    )
    assert sum(row["count"] for row in by_peer) == 15
    by_status = rows(
        sampled,
        "SELECT rpki_status, event_type, COUNT(*) FROM route_monitor_events"
        " GROUP BY rpki_status, event_type;",
    )
    assert sum(row["count"] for row in by_status) == 20
    by_metric = rows(
        sampled,
        "SELECT component, metric_name, AVG(metric_value), MAX(metric_value), unit FROM"
        " system_metrics WHERE timestamp > NOW() - INTERVAL '1 hour' GROUP BY component,"
        " metric_name, unit;",
    )
    assert len(by_metric) == 5
    recent = rows(sampled, "SELECT * FROM recent_alerts;")
    assert [row["timestamp"] for row in recent] == sorted(
        (row["timestamp"] for row in recent), reverse=True
    )
    assert len(recent) == 15
    assert rows(sampled, "SELECT * FROM alert_summary_hourly LIMIT 10;")
    (score,) = rows(sampled, "SELECT calculate_ensemble_score(0.8, -0.6, 0.9);")
    assert score["calculate_ensemble_score"] == 0.76


def test_rows_point_at_each_other(sampled: Connection) -> None:
    (related,) = rows(
        sampled,
        """
        select count(e.id) as events, count(m.id) as scores, count(f.id) as windows,
               bool_and(m.ensemble_score = a.ensemble_score) as same_score,
               bool_and(e.prefix = a.prefix) as same_prefix
        from alerts a
        left join route_monitor_events e
          on (e.id, e.timestamp) = (a.route_monitor_event_id, a.route_monitor_event_timestamp)
        left join ml_results m on (m.id, m.timestamp) = (a.ml_result_id, a.ml_result_timestamp)
        left join features f on (f.id, f.timestamp) = (m.feature_id, m.feature_timestamp)
        """,
    )
    assert related == {
        "events": 10,
        "scores": 13,
        "windows": 13,
        "same_score": True,
        "same_prefix": True,
    }
    (messages,) = rows(
        sampled,
        """
        select count(*) as n from route_monitor_events e
        where exists (select from raw_bgp_data r where r.timestamp = e.timestamp
                      and r.peer_addr = e.peer_addr and r.prefix = e.prefix)
        """,
    )
    assert messages["n"] == 20


def test_windows_are_the_sums_of_their_messages(sampled: Connection) -> None:
    sums = "sum(announcements) as a, sum(withdrawals) as w, sum(flap_count) as f"
    raw = rows(sampled, f"select {sums} from raw_bgp_data")
    assert rows(sampled, f"select {sums} from features where peer_addr is null") == raw
    assert rows(sampled, f"select {sums} from features where peer_addr is not null") == raw


def test_scores_are_those_of_the_function(sampled: Connection) -> None:
    wrong = rows(
        sampled,
        "select id from ml_results where ensemble_score is distinct from"
        " calculate_ensemble_score(lstm_anomaly_score, if_anomaly_score, heuristic_score)",
    )
    assert wrong == []


def test_only_addresses_and_numbers_for_documentation_appear(sampled: Connection) -> None:
    numbers = rows(
        sampled,
        "select distinct asn::bigint as asn from ("
        " select unnest(string_to_array(as_path, ' ')) as asn from raw_bgp_data"
        " union all select unnest(string_to_array(as_path, ' ')) from route_monitor_events"
        " union all select origin_asn::text from alerts"
        " union all select unnest(expected_origins)::text from alerts"
        " union all select peer_asn::text from features) all_numbers where asn is not null",
    )
    assert all(64_496 <= n["asn"] <= 64_511 or 65_536 <= n["asn"] <= 65_551 for n in numbers)
    strange = rows(
        sampled,
        "select prefix from raw_bgp_data where not (prefix <<= '192.0.2.0/24' or"
        " prefix <<= '198.51.100.0/24' or prefix <<= '203.0.113.0/24' or"
        " prefix <<= '2001:db8::/32')",
    )
    assert strange == []


def test_people_have_acted_on_some(sampled: Connection) -> None:
    by_status = rows(sampled, "select status, count(*) as n from alerts group by status")
    assert {row["status"]: row["n"] for row in by_status} == {
        "open": 11,
        "acknowledged": 1,
        "resolved": 2,
        "false_positive": 1,
    }


def test_the_same_seed_and_time_give_the_same_rows(connector: Connect, conn: Connection) -> None:
    now = time.time()
    write_sample_data(connector, now=now, seed=7)
    first = rows(conn, "select alert_uuid, alert_id, title, confidence from alerts order by 2")
    # Again: rows are added with new ids, alerts are the ones that were.
    write_sample_data(connector, now=now, seed=7)
    again = rows(conn, "select alert_uuid, alert_id, title, confidence from alerts order by 2")
    assert again == first
    assert count(conn, "features") == count(conn, "ml_results") == 100
    write_sample_data(connector, now=now, seed=8)
    assert count(conn, "alerts") > 15


def test_it_is_refused_while_a_collector_runs(connector: Connect, conn: Connection) -> None:
    held = lease.acquire(conn, "rrc00", holder="noc1:77:x")
    assert held is not None
    with pytest.raises(UsageError, match=r"noc1:77:x \(rrc00\) collects into this database"):
        write_sample_data(connector, now=time.time())
    assert {table: count(conn, table) for table in EXPECTED} == dict.fromkeys(EXPECTED, 0)
    lease.release(conn, held)
    assert write_sample_data(connector, now=time.time()) == EXPECTED


def test_every_query_of_the_documentation_finds_something(sampled: Connection) -> None:
    found = statements(DOCUMENT.read_text(encoding="utf-8"))
    assert len(found) == 13
    for statement in found:
        assert rows(sampled, statement), statement


def test_the_documentation_shows_what_its_queries_say(connector: Connect, conn: Connection) -> None:
    """After a change of the sample: PYTHONPATH=tests python -m support.sample_output."""
    now = sample_time()
    write_sample_data(connector, now=now.timestamp())
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document.count("```text") == 12
    assert filled_in(document, conn, now) == document


def test_every_column_is_documented(conn: Connection) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    missing = [
        f"{row['name']}.{row['column']}"
        for row in rows(
            conn,
            "select c.relname as name, a.attname as column from pg_class c"
            " join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
            " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
            " and not c.relispartition",
        )
        if re.search(rf"\b{row['name']}\b", document) is None
        or re.search(rf"\b{row['column']}\b", document) is None
    ]
    assert missing == []
