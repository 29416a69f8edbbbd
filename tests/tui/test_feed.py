"""The console's thread on the real server: snapshots, acts, outages."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest

from bgptui.domain.alert import Alert, AlertChange, AlertType, Change, Severity, Status, alert_uuid
from bgptui.runtime.metrics import Metrics
from bgptui.store.alerts import update_alert_status
from bgptui.store.batch import WriteBatch
from bgptui.store.connect import Connection, connect
from bgptui.store.readers import AlertRow
from bgptui.store.writer import Writer
from bgptui.tui.acts import ActBook, Outcome, Result
from bgptui.tui.feed import DatabaseFeed
from support.outlet import Outlet

T0 = 1_767_780_000.0
WITHIN_S = 10.0


def _until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"{what}: not within {WITHIN_S:g} s")


@pytest.fixture
def feed(outlet: Outlet, database: str) -> Iterator[DatabaseFeed]:
    _open_alert(database, 17)
    feed = DatabaseFeed(outlet, operator="maria", refresh_s=0.1)
    feed.start()
    _until(lambda: feed.latest.alerts, "first snapshot")
    yield feed
    assert feed.error is None
    assert feed.stop()


def _open_alert(database: str, alert_id: int) -> None:
    writer = Writer(
        connect=partial(connect, database, application_name="writer", timeout_s=5),
        check_lease=lambda _connection: None,
        holder="noc1",
        metrics=Metrics(),
    )
    key = f"matter {alert_id}"
    alert = Alert(
        alert_id=alert_id,
        alert_uuid=alert_uuid(AlertType.HIJACK, key, T0),
        key=key,
        alert_type=AlertType.HIJACK,
        severity=Severity.CRITICAL,
        confidence=0.95,
        title="Route Hijack Suspected",
        description="",
        first_seen=T0,
        last_seen=T0,
    )
    writer.process(WriteBatch(now=T0, alerts=(AlertChange(Change.OPEN, alert),)), T0)
    writer.flush()
    writer.close()


def _row(feed: DatabaseFeed) -> AlertRow:
    return next(row for row in feed.latest.alerts if row.alert_id == 17)


def _outcome(feed: DatabaseFeed) -> Outcome:
    outcomes: list[Outcome] = _until(feed.outcomes, "an outcome")
    assert len(outcomes) == 1
    return outcomes[0]


def _until_status(feed: DatabaseFeed, status: Status) -> None:
    _until(lambda: _row(feed).status is status, f"{status} in a snapshot")


def _events(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select operator, from_status, to_status from alert_status_events order by event_id"
    ).fetchall()


def test_snapshots_follow_the_database(feed: DatabaseFeed, database: str) -> None:
    first = feed.latest
    assert first.open_counts[Severity.CRITICAL] == 1
    assert first.trouble is None
    _open_alert(database, 18)
    _until(lambda: len(feed.latest.alerts) == 2, "the second alert")
    assert feed.latest.sequence > first.sequence


def test_rows_that_did_not_change_are_the_same_object(feed: DatabaseFeed) -> None:
    before = feed.latest
    _until(lambda: feed.latest.sequence >= before.sequence + 3, "more snapshots")
    assert feed.latest.alerts is before.alerts


def test_an_act_is_one_event_in_the_database_and_undo_another(
    feed: DatabaseFeed, conn: Connection
) -> None:
    book = ActBook()
    pressed = time.monotonic()
    feed.submit(book.set_status(_row(feed), Status.ACKNOWLEDGED))
    outcome = _outcome(feed)
    assert outcome.result is Result.DONE
    _until(lambda: _row(feed).status is Status.ACKNOWLEDGED, "the new status in a snapshot")
    assert time.monotonic() - pressed < 1.0
    assert _row(feed).acknowledged_by == "maria"
    book.settle(outcome)
    undo = book.undo()
    assert undo is not None
    feed.submit(undo)
    assert _outcome(feed).result is Result.DONE
    assert _events(conn) == [("maria", "open", "acknowledged"), ("maria", "acknowledged", "open")]


def test_several_acts_are_undone_back_through_states_that_need_two_steps(
    feed: DatabaseFeed, conn: Connection
) -> None:
    book = ActBook()
    for status in (Status.ACKNOWLEDGED, Status.RESOLVED):
        feed.submit(book.set_status(_row(feed), status))
        book.settle(_outcome(feed))
        _until_status(feed, status)
    for back in (Status.ACKNOWLEDGED, Status.OPEN):
        undo = book.undo()
        assert undo is not None
        feed.submit(undo)
        outcome = _outcome(feed)
        assert outcome.result is Result.DONE
        book.settle(outcome)
        _until_status(feed, back)
    assert [event[1:] for event in _events(conn)] == [
        ("open", "acknowledged"),
        ("acknowledged", "resolved"),
        ("resolved", "open"),
        ("open", "acknowledged"),
        ("acknowledged", "open"),
    ]


def test_an_undo_typed_before_the_act_was_answered_undoes_it(
    feed: DatabaseFeed, conn: Connection
) -> None:
    book = ActBook()
    feed.submit(book.set_status(_row(feed), Status.ACKNOWLEDGED))
    undo = book.undo()
    assert undo is not None
    feed.submit(undo)
    _until(lambda: len(_events(conn)) == 2, "both events")
    _until_status(feed, Status.OPEN)
    assert [outcome.result for outcome in feed.outcomes()] == [Result.DONE, Result.DONE]


def test_of_two_consoles_the_second_is_told_who_was_first_and_changes_nothing(
    feed: DatabaseFeed, conn: Connection
) -> None:
    seen = _row(feed)
    update_alert_status(conn, 17, Status.ACKNOWLEDGED, "paul")
    feed.submit(ActBook().set_status(seen, Status.FALSE_POSITIVE))
    outcome = _outcome(feed)
    assert outcome.result is Result.CONFLICT
    assert "NOT DONE" in outcome.message
    assert "paul" in outcome.message
    assert _events(conn) == [("paul", "open", "acknowledged")]


def test_undoing_what_somebody_else_has_changed_since_is_a_conflict(
    feed: DatabaseFeed, conn: Connection
) -> None:
    book = ActBook()
    feed.submit(book.set_status(_row(feed), Status.ACKNOWLEDGED))
    book.settle(_outcome(feed))
    update_alert_status(conn, 17, Status.RESOLVED, "paul")
    undo = book.undo()
    assert undo is not None
    feed.submit(undo)
    assert _outcome(feed).result is Result.CONFLICT
    assert len(_events(conn)) == 2


def test_the_followed_alert_is_read_in_full(feed: DatabaseFeed) -> None:
    feed.follow(17)
    _until(lambda: feed.latest.detail, "the detail")
    assert feed.latest.detail is not None
    assert feed.latest.detail.row.alert_id == 17
    feed.follow(None)
    _until(lambda: feed.latest.detail is None, "no detail")


def test_an_outage_is_told_acts_fail_meanwhile_and_all_comes_back(
    feed: DatabaseFeed, outlet: Outlet, conn: Connection
) -> None:
    rows = feed.latest.alerts
    outlet.cut = True
    conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'bgptui console' and datname = current_database()"
    )
    _until(lambda: feed.latest.trouble, "the trouble")
    assert feed.latest.alerts is rows
    feed.submit(ActBook().set_status(_row(feed), Status.ACKNOWLEDGED))
    outcome = _outcome(feed)
    assert outcome.result is Result.FAILED
    assert "database is away" in outcome.message
    _until(lambda: feed.latest.trouble and "192.0.2.1" in feed.latest.trouble.message, "the reason")
    outlet.cut = False
    _until(lambda: feed.latest.trouble is None, "the return")
    assert _events(conn) == []


def test_a_database_without_tables_is_trouble_and_no_crash(empty_database: str) -> None:
    feed = DatabaseFeed(Outlet(empty_database), operator="maria", refresh_s=0.1)
    feed.start()
    trouble = _until(lambda: feed.latest.trouble, "the trouble")
    assert "does not exist" in trouble.message
    assert feed.error is None
    assert feed.stop()


def test_what_ends_the_thread_is_there_to_be_told() -> None:
    def broken() -> psycopg.Connection[Any]:
        raise RuntimeError("a bug")

    feed = DatabaseFeed(broken, operator="maria")
    feed.start()
    error = _until(lambda: feed.error, "the error")
    assert str(error) == "a bug"


def test_what_another_console_does_is_told_without_waiting_for_the_next_reading(
    outlet: Outlet, database: str, conn: Connection
) -> None:
    _open_alert(database, 17)
    feed = DatabaseFeed(outlet, operator="maria", refresh_s=3_600.0)
    feed.start()
    try:
        _until(lambda: feed.latest.alerts, "first snapshot")
        update_alert_status(conn, 17, Status.ACKNOWLEDGED, "ines")
        _until_status(feed, Status.ACKNOWLEDGED)
    finally:
        assert feed.stop()
