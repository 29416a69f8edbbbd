"""State between snapshots: acts, arrivals, pause, messages."""

from typing import Any

import pytest

from bgptui.domain.alert import Severity, Status
from bgptui.store.readers import AlertRow
from bgptui.tui.act_runner import route
from bgptui.tui.acts import Act, ActBook, Outcome, Result
from bgptui.tui.snapshot import Snapshot, Trouble
from bgptui.tui.view import DISPLACED_S, View


def _snapshot(sequence: int, *rows: AlertRow) -> Snapshot:
    return Snapshot(sequence=sequence, taken=float(sequence), alerts=rows)


# Acts


def _done(act: Act, alert_id: int = 1) -> Outcome:
    return Outcome(act, alert_id, Result.DONE, "done")


def test_acts_are_undone_one_by_one_the_last_first(samples: Any) -> None:
    book = ActBook()
    first = book.set_status(samples.row(1), Status.ACKNOWLEDGED)
    second = book.set_status(samples.row(2), Status.RESOLVED)
    book.settle(_done(first))
    book.settle(_done(second, 2))
    undos = [book.undo(), book.undo(), book.undo()]
    assert [None if undo is None else undo.of for undo in undos] == [
        second.number,
        first.number,
        None,
    ]


def test_an_act_under_way_can_be_undone_already(samples: Any) -> None:
    book = ActBook()
    act = book.set_status(samples.row(1), Status.ACKNOWLEDGED)
    undo = book.undo()
    assert undo is not None
    assert undo.of == act.number
    assert book.pending == {1}


def test_an_act_that_did_not_happen_is_not_there_to_be_undone(samples: Any) -> None:
    book = ActBook()
    act = book.set_status(samples.row(1), Status.ACKNOWLEDGED)
    book.settle(Outcome(act, 1, Result.CONFLICT, "somebody else"))
    assert book.undo() is None
    assert not book.waiting


def test_an_undo_that_found_no_database_can_be_repeated(samples: Any) -> None:
    book = ActBook()
    act = book.set_status(samples.row(1), Status.ACKNOWLEDGED)
    book.settle(_done(act))
    undo = book.undo()
    assert undo is not None
    book.settle(Outcome(undo, 1, Result.FAILED, "away"))
    again = book.undo()
    assert again is not None
    assert again.of == act.number


@pytest.mark.parametrize(
    ("start", "end", "passed"),
    [
        (Status.OPEN, Status.RESOLVED, (Status.RESOLVED,)),
        (Status.RESOLVED, Status.ACKNOWLEDGED, (Status.OPEN, Status.ACKNOWLEDGED)),
        (Status.FALSE_POSITIVE, Status.RESOLVED, (Status.OPEN, Status.RESOLVED)),
        (Status.OPEN, Status.OPEN, (Status.OPEN,)),
    ],
)
def test_a_status_is_reached_by_transitions_that_exist(
    start: Status, end: Status, passed: tuple[Status, ...]
) -> None:
    assert route(start, end) == passed


def test_the_same_status_again_is_told_and_not_done(samples: Any) -> None:
    view = View()
    row = samples.row(1, status=Status.ACKNOWLEDGED, acknowledged_by="maria")
    assert view.change_status(row, Status.ACKNOWLEDGED, 0.0) is None
    message = view.message(0.0)
    assert message is not None
    assert message.text == "1 is acknowledged already by maria"


def test_a_second_act_waits_for_the_first_of_the_same_alert(samples: Any) -> None:
    view = View()
    assert view.change_status(samples.row(1), Status.ACKNOWLEDGED, 0.0) is not None
    assert view.change_status(samples.row(1), Status.RESOLVED, 0.0) is None
    assert view.change_status(samples.row(2), Status.RESOLVED, 0.0) is not None


# Arrivals


def test_alerts_that_were_there_before_the_operator_came_are_not_new(samples: Any) -> None:
    view = View()
    assert view.take(_snapshot(1, samples.row(1)), 0.0) is False
    assert view.arrived == set()


def test_new_alerts_are_counted_until_the_next_key_and_ring_when_they_are_bad(
    samples: Any,
) -> None:
    view = View()
    one = samples.row(1)
    view.take(_snapshot(1, one), 0.0)
    low = samples.row(2, severity=Severity.LOW)
    assert view.take(_snapshot(2, one, low), 0.0) is False
    high = samples.row(3, severity=Severity.HIGH)
    assert view.take(_snapshot(3, one, low, high), 0.0) is True
    assert view.arrived == {2, 3}
    assert view.take(_snapshot(4, one, low, high), 0.0) is False
    view.key_pressed(0.0)
    assert view.arrived == set()


def test_an_outage_of_the_database_makes_nothing_new(samples: Any) -> None:
    view = View()
    view.take(Snapshot(0, 0.0), 0.0)
    view.take(Snapshot(1, 0.0, trouble=Trouble("away", 0.0)), 0.0)
    assert view.take(_snapshot(2, samples.row(1)), 0.0) is False
    assert view.arrived == set()


def test_an_alert_that_closes_at_once_is_not_announced(samples: Any) -> None:
    view = View()
    view.take(_snapshot(1), 0.0)
    assert view.take(_snapshot(2, samples.row(1, status=Status.RESOLVED)), 0.0) is False
    assert view.arrived == set()


# Pause


def test_a_paused_view_stands_while_arrivals_are_counted(samples: Any) -> None:
    view = View()
    view.take(_snapshot(1, samples.row(1)), 0.0)
    view.toggle_pause(0.0)
    view.take(_snapshot(2, samples.row(1), samples.row(2)), 0.0)
    assert [row.alert_id for row in view.alerts.shown] == [1]
    assert view.shown.sequence == 1
    assert view.arrived == {2}
    view.toggle_pause(0.0)
    assert [row.alert_id for row in view.alerts.shown] == [2, 1]
    assert view.shown.sequence == 2


def test_a_paused_view_shows_what_the_operator_did_and_nothing_else(samples: Any) -> None:
    view = View()
    view.take(_snapshot(1, samples.row(1), samples.row(2)), 0.0)
    view.toggle_pause(0.0)
    act = view.change_status(samples.row(1), Status.ACKNOWLEDGED, 0.0)
    assert act is not None
    view.settle(_done(act), 0.0)
    acknowledged = samples.row(1, status=Status.ACKNOWLEDGED, version=2)
    view.take(_snapshot(2, acknowledged, samples.row(2, title="news"), samples.row(3)), 0.0)
    assert view.alerts.shown == [samples.row(2), acknowledged] or view.alerts.shown == [
        acknowledged,
        samples.row(2),
    ]


# What must not be hit by mistake


def test_an_act_key_that_may_have_been_meant_for_another_alert_is_not_taken(
    samples: Any,
) -> None:
    view = View()
    view.take(_snapshot(1, samples.row(2), samples.row(1)), 0.0)
    assert view.alerts.cursor_id == 2
    view.take(_snapshot(2, samples.row(1)), 10.0)
    assert view.alerts.cursor_id == 1
    assert view.change_status(samples.row(1), Status.RESOLVED, 10.5) is None
    message = view.message(10.5)
    assert message is not None
    assert "press again" in message.text
    assert view.change_status(samples.row(1), Status.RESOLVED, 10.6) is not None


@pytest.mark.parametrize("moved", [True, False])
def test_an_act_key_is_taken_once_the_operator_has_moved_or_had_time_to_look(
    moved: bool, samples: Any
) -> None:
    view = View()
    view.take(_snapshot(1, samples.row(2), samples.row(1)), 0.0)
    view.take(_snapshot(2, samples.row(1)), 10.0)
    if moved:
        view.operator_moved()
    at = 10.1 if moved else 10.0 + DISPLACED_S
    assert view.change_status(samples.row(1), Status.RESOLVED, at) is not None


def test_a_key_on_its_way_does_not_wipe_out_a_message_nobody_has_read(samples: Any) -> None:
    view = View()
    act = view.change_status(samples.row(1), Status.ACKNOWLEDGED, 0.0)
    assert act is not None
    view.settle(Outcome(act, 1, Result.CONFLICT, "NOT DONE: maria resolved it"), 5.0)
    view.key_pressed(5.2)
    assert view.message(5.2) is not None
    view.key_pressed(8.0)
    assert view.message(8.0) is None
