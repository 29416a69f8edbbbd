"""What a console reads, on the real server."""

from functools import partial
from typing import Any

import psycopg
import pytest

from bgptui.domain.alert import (
    Alert,
    AlertChange,
    AlertType,
    Change,
    Severity,
    Status,
    alert_uuid,
)
from bgptui.domain.health import FeedHealth, Health, RpkiHealth, StageHealth, StageState
from bgptui.domain.routing import Peer
from bgptui.domain.window import FeatureWindow
from bgptui.errors import BadInput
from bgptui.runtime.metrics import Metrics
from bgptui.store import readers
from bgptui.store.alerts import add_note, update_alert_status
from bgptui.store.batch import WriteBatch
from bgptui.store.connect import Connection, connect
from bgptui.store.writer import Writer

T0 = 1_767_780_000  # 2026-01-07 10:00 UTC
PEER = Peer("rrc00", "192.0.2.1", 64496)
HEALTH = Health(
    now=T0 + 60.0,
    feed=FeedHealth("live", "wss://example.net", "live"),
    rpki=RpkiHealth("vrps.json", "fresh", vrps=5, valid=3),
    stages=(StageHealth("db", StageState.OK),),
    dropped={"ingest.bad_prefix": 2},
)


def _write(database: str, **rows: Any) -> None:
    """Rows as the pipeline writes them."""
    writer = Writer(
        connect=partial(connect, database, application_name="writer", timeout_s=5),
        check_lease=lambda _connection: None,
        holder="noc1",
        metrics=Metrics(),
    )
    writer.process(WriteBatch(now=float(T0), **rows), float(T0))
    writer.flush()
    writer.close()


def _alert(alert_id: int, severity: Severity, **facts: Any) -> Alert:
    key = f"matter {alert_id}"
    values: dict[str, Any] = {
        "alert_id": alert_id,
        "alert_uuid": alert_uuid(AlertType.HIJACK, key, float(T0)),
        "key": key,
        "alert_type": AlertType.HIJACK,
        "severity": severity,
        "confidence": 0.95,
        "title": "Route Hijack Suspected",
        "description": "two origins",
        "first_seen": float(T0),
        "last_seen": T0 + 30.5,
        "hijack_class": "S|0",
        "prefix": "203.0.113.128/25",
        "watched_prefix": "203.0.113.0/24",
        "origin_asn": 4_200_000_123,
        "expected_origins": (64500,),
        "affected_prefixes": ("203.0.113.128/25", "2001:db8::/32"),
        "peer_addr": "2001:db8::1",
        "peer_asn": 64496,
        "peers_seen": 3,
        "peers_total": 6,
        "anomaly_types": ("hijack_suspected",),
        "ensemble_score": 0.82,
        "rpki_score": 0.72,
        "final_score": 0.95,
        "rpki_status": "invalid",
        "evidence": ({"kind": "path", "as_path": [64496, [64500, 64501]]},),
    }
    return Alert(**(values | facts))


def _open(database: str, *alerts: Alert) -> None:
    _write(database, alerts=tuple(AlertChange(Change.OPEN, alert) for alert in alerts))


def test_an_empty_database_reads_as_nothing(conn: Connection) -> None:
    assert readers.read_collector(conn) is None
    assert readers.read_alerts(conn) == ()
    assert readers.read_network_windows(conn, minutes=60) == ()
    assert readers.read_alert_detail(conn, 1) is None
    assert readers.read_open_counts(conn) == dict.fromkeys(Severity, 0)


def test_health_comes_back_whole_with_its_age_by_the_databases_clock(
    conn: Connection, database: str
) -> None:
    _write(database, health=HEALTH)
    collector = readers.read_collector(conn)
    assert collector is not None
    assert collector.holder == "noc1"
    assert collector.health == HEALTH
    assert collector.age_s < 60
    conn.execute("update collector_health set updated_at = updated_at - interval '1 hour'")
    later = readers.read_collector(conn)
    assert later is not None
    assert 3600 <= later.age_s < 3660


def test_of_several_collectors_the_latest_is_read(conn: Connection, database: str) -> None:
    _write(database, health=HEALTH)
    conn.execute("update collector_health set holder = 'gone', updated_at = now() - interval '1h'")
    _write(database, health=HEALTH)
    collector = readers.read_collector(conn)
    assert collector is not None
    assert collector.holder == "noc1"


def test_health_of_another_version_is_refused_with_the_reason(conn: Connection) -> None:
    conn.execute("insert into collector_health (holder, document) values ('old', '{\"now\": 1}')")
    with pytest.raises(BadInput, match="health of collector old cannot be read"):
        readers.read_collector(conn)


def test_network_windows_come_oldest_first_with_their_holes_and_without_peers(
    conn: Connection, database: str
) -> None:
    scores: tuple[float | None, ...] = (1.5, None, *[0.0] * 7)
    windows = [
        (1, FeatureWindow(T0, None, announcements=3, withdrawals=1, path_length=4.5), scores),
        (2, FeatureWindow(T0, PEER, announcements=9), ()),
        (3, FeatureWindow(T0 + 180, None, gap=True), ()),
    ]
    _write(database, features=tuple(windows))
    first, second = readers.read_network_windows(conn, minutes=60)
    assert (first.start, second.start) == (T0, T0 + 180)
    assert list(first.values) == [3, 1, 4, 0.25, 0, 4.5, 0, 0, 0]
    assert list(first.zscores) == list(scores)
    assert second.gap is True
    assert second.zscores == ()
    assert second.values[5] is None
    assert [w.start for w in readers.read_network_windows(conn, minutes=3)] == [T0 + 180]


def test_the_list_has_active_alerts_worst_and_latest_first_and_the_last_closed(
    conn: Connection, database: str
) -> None:
    _open(
        database,
        _alert(1, Severity.LOW),
        _alert(2, Severity.CRITICAL),
        _alert(3, Severity.CRITICAL, last_seen=T0 + 90.0),
        _alert(4, Severity.CRITICAL),
        _alert(5, Severity.HIGH),
    )
    update_alert_status(conn, 4, Status.RESOLVED, "maria")
    update_alert_status(conn, 5, Status.ACKNOWLEDGED, "maria")
    rows = readers.read_alerts(conn)
    assert sorted(row.alert_id for row in rows) == [1, 2, 3, 4, 5]
    assert {row.alert_id for row in readers.read_alerts(conn, active_limit=2, closed_limit=0)} == {
        2,
        3,
    }
    row = next(row for row in rows if row.alert_id == 5)
    assert (row.status, row.version, row.acknowledged_by) == (Status.ACKNOWLEDGED, 2, "maria")
    assert (row.prefix, row.peer_addr, row.origin_asn) == (
        "203.0.113.128/25",
        "2001:db8::1",
        4_200_000_123,
    )
    assert (row.first_seen, row.last_seen) == (T0, T0 + 30.5)
    assert readers.read_open_counts(conn) == {
        Severity.CRITICAL: 2,
        Severity.HIGH: 0,
        Severity.MEDIUM: 0,
        Severity.LOW: 1,
    }


def test_a_detail_has_evidence_and_history_in_their_order(conn: Connection, database: str) -> None:
    alert = _alert(17, Severity.CRITICAL)
    _open(database, alert)
    update_alert_status(conn, 17, Status.ACKNOWLEDGED, "maria", "calling them")
    add_note(conn, 17, "paul", "no answer")
    update_alert_status(conn, 17, Status.RESOLVED, "maria", "withdrawn")
    detail = readers.read_alert_detail(conn, 17)
    assert detail is not None
    assert detail.row in readers.read_alerts(conn)
    assert detail.evidence == alert.evidence
    assert detail.affected_prefixes == alert.affected_prefixes
    assert detail.expected_origins == (64500,)
    assert (detail.ensemble_score, detail.rpki_score, detail.final_score) == (0.82, 0.72, 0.95)
    assert detail.resolution_notes == "withdrawn"
    assert detail.alert_uuid == str(alert.alert_uuid)
    assert [(event.operator, event.to_status, event.note) for event in detail.history] == [
        ("maria", Status.ACKNOWLEDGED, "calling them"),
        ("paul", Status.ACKNOWLEDGED, "no answer"),
        ("maria", Status.RESOLVED, "withdrawn"),
    ]


def test_reading_leaves_no_transaction_open(conn: Connection, database: str) -> None:
    _open(database, _alert(1, Severity.LOW))
    readers.read_alerts(conn)
    assert conn.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
