"""Alerts in the database: written by the pipeline, changed by people."""

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from bgptui.domain.alert import (
    TRANSITIONS,
    Alert,
    AlertChange,
    AlertType,
    Change,
    Reference,
    Severity,
    Status,
    alert_uuid,
)
from bgptui.domain.alert_json import alert_line
from bgptui.errors import BadInput
from bgptui.store.alert_writer import write_alerts
from bgptui.store.alerts import (
    BadTransition,
    Conflict,
    UnknownAlert,
    add_note,
    last_status_event,
    list_alerts,
    load_alert,
    status_changes_since,
    update_alert_status,
)
from bgptui.store.connect import Connection, connect
from bgptui.store.times import utc

T0 = 1_767_780_015.25


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, application_name="test", timeout_s=5) as connection:
        days = {"tbl": "alerts", "lo": utc(T0 - 86_400), "hi": utc(T0 + 86_400)}
        connection.execute("select bgptui.ensure_partitions(%(tbl)s, %(lo)s, %(hi)s)", days)
        yield connection


def alert(alert_id: int = 17, **facts: Any) -> Alert:
    first_seen = facts.pop("first_seen", T0)
    key = facts.pop("key", f"hijack|203.0.113.128/25|{alert_id}")
    values: dict[str, Any] = {
        "alert_id": alert_id,
        "alert_uuid": alert_uuid(AlertType.HIJACK, key, first_seen),
        "key": key,
        "alert_type": AlertType.HIJACK,
        "severity": Severity.HIGH,
        "confidence": 0.95,
        "title": "Route Hijack Suspected",
        "description": "203.0.113.128/25 by AS64511",
        "first_seen": first_seen,
        "last_seen": first_seen + 29.5,
        "hijack_class": "S|0",
        "prefix": "203.0.113.128/25",
        "watched_prefix": "203.0.113.0/24",
        "origin_asn": 64511,
        "expected_origins": (64500, 4_294_967_295),
        "affected_prefixes": ("203.0.113.128/25", "2001:db8::/32"),
        "peer_addr": "2001:db8::1",
        "peer_asn": 64496,
        "collector": "rrc00",
        "peers_seen": 14,
        "peers_total": 63,
        "anomaly_types": ("hijack_suspected", "rpki_invalid"),
        "ensemble_score": 0.82,
        "heuristic_score": 0.9,
        "rpki_score": 0.72,
        "final_score": 0.9496,
        "rpki_status": "invalid",
        "ml_result": Reference(3, T0 - 15.25),
        "route_event": Reference(4, T0 + 0.000001),
        "evidence": (
            {"kind": "rule", "a": "é", "z": None, "ratio": 1.0, "count": 3},
            {"kind": "path", "as_path": [64496, [64500, 64501], 64511]},
        ),
    }
    return Alert(**{**values, **facts})


def write(conn: Connection, change: Change, alert: Alert) -> None:
    with conn.transaction():
        write_alerts(conn, [AlertChange(change, alert)])


def outbox(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select alert_id, event, severity from notification_outbox order by outbox_id"
    ).fetchall()


def test_an_alert_comes_back_whole_with_the_same_json_line(conn: Connection) -> None:
    written = alert()
    write(conn, Change.OPEN, written)
    loaded = load_alert(conn, 17)
    assert loaded == written
    # jsonb keeps no order of keys, only that `kind` comes first.
    line, line_then = (alert_line(AlertChange(Change.OPEN, each)) for each in (loaded, written))
    assert msgspec.json.decode(line) == msgspec.json.decode(line_then)
    assert line.index('"kind":"rule"') < line.index('"ratio"')


def test_an_alert_of_the_whole_network_has_neither_peer_nor_prefix(conn: Connection) -> None:
    bare = Alert(
        alert_id=1,
        alert_uuid=alert_uuid(AlertType.ML_ANOMALY, "network", T0),
        key="network",
        alert_type=AlertType.ML_ANOMALY,
        severity=Severity.MEDIUM,
        confidence=0.5,
        title="Churn\0",
        description="",
        first_seen=T0,
        last_seen=T0,
    )
    write(conn, Change.OPEN, bare)
    assert load_alert(conn, 1) == replace(bare, title="Churn\ufffd")


def statuses() -> Iterator[Any]:
    for old in Status:
        for new in Status:
            yield pytest.param(old, new, id=f"{old}-{new}")


@pytest.mark.parametrize(("old", "new"), statuses())
def test_each_transition_is_as_the_domain_has_it(
    conn: Connection, old: Status, new: Status
) -> None:
    write(conn, Change.OPEN, alert())
    if old is not Status.OPEN:
        update_alert_status(conn, 17, old, "before")
    start = last_status_event(conn)
    version = 1 if old is Status.OPEN else 2
    if new is old:
        row = update_alert_status(conn, 17, new, "noc", "again", expected_version=version)
        assert (row.status, row.version) == (old, version)
        assert last_status_event(conn) == start
    elif new in TRANSITIONS[old]:
        row = update_alert_status(conn, 17, new, "noc", "why", expected_version=version)
        assert (row.status, row.version) == (new, version + 1)
        event = conn.execute(
            "select operator, from_status, to_status, version, note from alert_status_events"
            " where event_id > %s",
            [start],
        ).fetchall()
        assert event == [("noc", old, new, version + 1, "why")]
    else:
        with pytest.raises(BadTransition, match=f"it cannot become {new}"):
            update_alert_status(conn, 17, new, "noc")
        assert load_alert(conn, 17).status is old


def test_who_and_when_stand_in_the_row_and_go_when_it_opens_again(conn: Connection) -> None:
    write(conn, Change.OPEN, alert())
    row = update_alert_status(conn, 17, Status.ACKNOWLEDGED, "ada")
    assert row.acknowledged_by == "ada"
    assert row.acknowledged_at is not None
    row = update_alert_status(conn, 17, Status.FALSE_POSITIVE, "bob", "our own test")
    assert (row.acknowledged_by, row.resolution_notes) == ("ada", "our own test")
    assert row.resolved_at is not None
    row = update_alert_status(conn, 17, Status.OPEN, "ada", "it was not")
    assert (row.acknowledged_by, row.acknowledged_at) == (None, None)
    assert (row.resolved_at, row.resolution_notes) == (None, None)
    assert row.version == 4


def test_a_change_since_is_a_conflict_that_says_who_did_what(conn: Connection) -> None:
    write(conn, Change.OPEN, alert())
    update_alert_status(conn, 17, Status.ACKNOWLEDGED, "ada", expected_version=1)
    with pytest.raises(Conflict, match=r"version 1 was expected, it is 2: ada made it ackn"):
        update_alert_status(conn, 17, Status.RESOLVED, "bob", expected_version=1)
    # The same status is a conflict as well: bob did not see that ada had it.
    with pytest.raises(Conflict):
        update_alert_status(conn, 17, Status.ACKNOWLEDGED, "bob", expected_version=1)


@pytest.mark.parametrize(
    ("arguments", "sqlstate"),
    [
        ("17, 'resolved', 'ada', expected_version => 9", "40001"),
        ("17, 'nonsense', 'ada'", "23514"),
        ("17, null, 'ada'", "23514"),
        ("17, 'resolved', ''", "23514"),
        ("17, 'resolved', null", "23502"),
        ("18, 'resolved', 'ada'", "P0002"),
    ],
)
def test_the_sql_function_raises_the_documented_codes(
    conn: Connection, arguments: str, sqlstate: str
) -> None:
    write(conn, Change.OPEN, alert())
    with pytest.raises(psycopg.Error) as caught:
        conn.execute(f"select update_alert_status({arguments})".encode())
    assert caught.value.sqlstate == sqlstate
    assert load_alert(conn, 17).status is Status.OPEN


def test_an_unknown_alert_is_bad_input(conn: Connection) -> None:
    for act in (
        lambda: update_alert_status(conn, 5, Status.RESOLVED, "ada"),
        lambda: add_note(conn, 5, "ada", "x"),
        lambda: load_alert(conn, 5),
    ):
        with pytest.raises(UnknownAlert, match="there is no alert 5") as caught:
            act()
        assert isinstance(caught.value, BadInput)


def test_a_change_is_told_to_listening_consoles(database: str, conn: Connection) -> None:
    write(conn, Change.OPEN, alert())
    with connect(database, application_name="listener", timeout_s=5) as listener:
        listener.execute("listen bgptui_alerts")
        update_alert_status(conn, 17, Status.ACKNOWLEDGED, "ada")
        (told,) = listener.notifies(timeout=5, stop_after=1)
    assert '"alert_id" : 17' in told.payload
    assert '"acknowledged"' in told.payload


def test_a_note_changes_neither_status_nor_version_and_is_no_status_change(
    conn: Connection,
) -> None:
    write(conn, Change.OPEN, alert())
    event_id = add_note(conn, 17, "ada", "called the upstream")
    note = conn.execute(
        "select from_status, to_status, version, note from alert_status_events"
    ).fetchall()
    assert note == [("open", "open", 1, "called the upstream")]
    assert status_changes_since(conn, 0) == ()
    assert last_status_event(conn) == event_id


def test_the_feed_of_changes_has_them_in_order(conn: Connection) -> None:
    first, second = alert(1), alert(2)
    write(conn, Change.OPEN, first)
    write(conn, Change.OPEN, second)
    update_alert_status(conn, 2, Status.ACKNOWLEDGED, "ada")
    update_alert_status(conn, 1, Status.FALSE_POSITIVE, "bob")
    changes = status_changes_since(conn, 0)
    assert [(c.alert_id, c.alert_uuid, c.key, c.status, c.operator) for c in changes] == [
        (2, second.alert_uuid, second.key, Status.ACKNOWLEDGED, "ada"),
        (1, first.alert_uuid, first.key, Status.FALSE_POSITIVE, "bob"),
    ]
    assert status_changes_since(conn, changes[0].event_id) == changes[1:]


def test_a_later_event_is_never_seen_before_an_earlier_one(database: str, conn: Connection) -> None:
    """Ids are given in the order of commit, or a reader would skip one for ever."""
    write(conn, Change.OPEN, alert(1))
    write(conn, Change.OPEN, alert(2))
    done = threading.Event()

    def act_meanwhile() -> None:
        with connect(database, application_name="second", timeout_s=5) as second:
            update_alert_status(second, 2, Status.RESOLVED, "bob")
        done.set()

    with connect(database, application_name="first", timeout_s=5) as first, first.transaction():
        update_alert_status(first, 1, Status.RESOLVED, "ada")
        thread = threading.Thread(target=act_meanwhile)
        thread.start()
        assert not done.wait(0.2)
        assert status_changes_since(conn, 0) == ()
    thread.join(timeout=10)
    assert [change.operator for change in status_changes_since(conn, 0)] == ["ada", "bob"]


def test_lists_are_filtered_by_status_and_time(conn: Connection) -> None:
    for number in (1, 2, 3):
        write(conn, Change.OPEN, alert(number, first_seen=T0 + number))
    update_alert_status(conn, 2, Status.RESOLVED, "ada")

    def ids(**filters: Any) -> list[int]:
        return [one.alert_id for one in list_alerts(conn, **filters)]

    assert ids() == [3, 2, 1]
    assert ids(statuses=(Status.OPEN,)) == [3, 1]
    assert ids(since=T0 + 2) == [3, 2]
    assert ids(limit=1) == [3]


def test_the_pipeline_updates_facts_and_leaves_the_status_to_people(conn: Connection) -> None:
    write(conn, Change.OPEN, alert())
    update_alert_status(conn, 17, Status.FALSE_POSITIVE, "ada", "ours")
    write(conn, Change.UPDATE, alert(severity=Severity.CRITICAL, peers_seen=20))
    stored = load_alert(conn, 17)
    assert (stored.status, stored.severity, stored.peers_seen) == (
        Status.FALSE_POSITIVE,
        Severity.CRITICAL,
        20,
    )
    write(conn, Change.RESOLVE, alert(resolved_at=T0 + 600, resolution="withdrawn"))
    stored = load_alert(conn, 17)
    assert (stored.status, stored.resolution) == (Status.FALSE_POSITIVE, "ours")
    assert [event for _, event, _ in outbox(conn)] == ["open", "update"]


@pytest.mark.parametrize("acknowledged", [False, True])
def test_the_pipeline_resolves_at_event_time_in_its_own_name(
    conn: Connection, *, acknowledged: bool
) -> None:
    write(conn, Change.OPEN, alert())
    if acknowledged:
        update_alert_status(conn, 17, Status.ACKNOWLEDGED, "ada")
    write(conn, Change.RESOLVE, alert(resolved_at=T0 + 600.5, resolution="withdrawn"))
    stored = load_alert(conn, 17)
    assert (stored.status, stored.resolved_at) == (Status.RESOLVED, T0 + 600.5)
    assert stored.resolution == "withdrawn"
    assert status_changes_since(conn, 0)[-1].operator == "bgptui"


def test_people_are_told_of_openings_worsenings_and_recoveries_only(conn: Connection) -> None:
    write(conn, Change.OPEN, alert(severity=Severity.MEDIUM))
    for severity in (Severity.MEDIUM, Severity.HIGH, Severity.LOW):
        write(conn, Change.UPDATE, alert(severity=severity))
    write(conn, Change.RESOLVE, alert(severity=Severity.LOW, resolved_at=T0 + 60))
    assert outbox(conn) == [
        (17, "open", "medium"),
        (17, "update", "high"),
        (17, "resolve", "low"),
    ]


def test_an_alert_that_opens_and_resolves_in_one_batch_leaves_both_in_the_outbox(
    conn: Connection,
) -> None:
    with conn.transaction():
        write_alerts(
            conn,
            [
                AlertChange(Change.OPEN, alert()),
                AlertChange(Change.UPDATE, alert(peers_seen=15)),
                AlertChange(Change.RESOLVE, alert(peers_seen=16, resolved_at=T0 + 60)),
            ],
        )
    assert load_alert(conn, 17).peers_seen == 16
    assert [event for _, event, _ in outbox(conn)] == ["open", "resolve"]


def test_the_same_alert_from_a_second_replay_is_the_same_row(conn: Connection) -> None:
    write(conn, Change.OPEN, alert(17))
    again = replace(alert(17), alert_id=40, peers_seen=30)
    write(conn, Change.OPEN, again)
    write(conn, Change.RESOLVE, replace(again, resolved_at=T0 + 60))
    (stored,) = list_alerts(conn)
    assert (stored.alert_id, stored.peers_seen, stored.status) == (17, 30, Status.RESOLVED)


def test_two_alerts_cannot_share_an_id(conn: Connection) -> None:
    write(conn, Change.OPEN, alert(17))
    with pytest.raises(psycopg.errors.UniqueViolation):
        write(conn, Change.OPEN, alert(17, key="another matter"))
    assert len(list_alerts(conn)) == 1
