"""Filter, order and cursor of the alert list."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgptui.domain.alert import AlertType, Severity, Status
from bgptui.errors import BadInput
from bgptui.store.readers import AlertRow
from bgptui.tui.alert_list import AlertList, Sort, Step
from bgptui.tui.filters import matches, parse


def _row(alert_id: int, **changes: Any) -> AlertRow:
    values: dict[str, Any] = {
        "version": 1,
        "alert_type": AlertType.HIJACK,
        "severity": Severity.LOW,
        "status": Status.OPEN,
        "title": "t",
        "confidence": 0.5,
        "first_seen": 0.0,
        "last_seen": float(alert_id),
        "updated_at": 0.0,
    }
    return AlertRow(alert_id=alert_id, **(values | changes))


def _ids(alerts: AlertList) -> list[int]:
    return [row.alert_id for row in alerts.shown]


def test_the_worst_and_latest_come_first() -> None:
    alerts = AlertList()
    alerts.update((_row(1), _row(2), _row(3, severity=Severity.CRITICAL)))
    assert _ids(alerts) == [3, 2, 1]
    assert alerts.cursor_id == 3


def test_the_cursor_stays_on_its_alert_through_a_hundred_worse_arrivals_and_a_sort() -> None:
    alerts = AlertList()
    alerts.update(tuple(_row(n) for n in range(1, 11)))
    alerts.move(4)
    on = alerts.cursor_id
    worse = tuple(_row(n, severity=Severity.CRITICAL) for n in range(100, 200))
    assert alerts.update((*worse, *(_row(n) for n in range(1, 11)))) is None
    assert alerts.cursor_id == on
    assert alerts.cursor == 104
    alerts.set_sort(Sort.ID)
    alerts.reverse()
    assert alerts.cursor_id == on
    assert alerts.cursor_row is not None
    assert alerts.cursor_row.alert_id == on


def test_when_its_alert_is_gone_the_cursor_stays_at_its_place_and_tells() -> None:
    alerts = AlertList()
    alerts.update((_row(3), _row(2), _row(1)))
    alerts.move(1)
    gone = alerts.update((_row(3), _row(1)))
    assert gone is not None
    assert gone.alert_id == 2
    assert alerts.cursor_id == 1


def test_an_alert_just_acted_on_stays_in_sight_until_the_cursor_leaves_it() -> None:
    alerts = AlertList()
    alerts.update((_row(3), _row(2), _row(1)))
    alerts.move(1)
    alerts.update((_row(3), _row(2, status=Status.FALSE_POSITIVE), _row(1)))
    assert _ids(alerts) == [3, 2, 1]
    alerts.move(1)
    assert _ids(alerts) == [3, 1]
    assert alerts.cursor_id == 1


def test_an_empty_list_has_no_cursor_and_can_be_moved_in() -> None:
    alerts = AlertList()
    alerts.update(())
    alerts.move(3)
    assert alerts.cursor_row is None
    assert alerts.find(Step.NEXT, text="x") == (0, 0)
    alerts.update((_row(1),))
    assert alerts.cursor_id == 1


def test_searching_goes_around_the_end_both_ways() -> None:
    alerts = AlertList()
    alerts.update(tuple(_row(n, title="storm" if n % 2 else "calm") for n in range(1, 7)))
    assert _ids(alerts) == [6, 5, 4, 3, 2, 1]
    assert alerts.find(Step.NEXT, text="STORM") == (1, 3)
    assert alerts.cursor_id == 5
    assert alerts.find(Step.PREVIOUS) == (3, 3)
    assert alerts.cursor_id == 1
    assert alerts.find(Step.NEXT) == (1, 3)
    assert alerts.find(Step.NEXT, text="nothing like it") == (0, 0)
    assert alerts.cursor_id == 5


def test_a_filter_that_hides_the_cursors_alert_moves_the_cursor() -> None:
    alerts = AlertList()
    alerts.update((_row(3), _row(2, severity=Severity.HIGH), _row(1)))
    alerts.set_filter("sev:low")
    assert _ids(alerts) == [3, 1]
    assert alerts.cursor_id in (3, 1)


def test_a_filter_that_cannot_be_read_changes_nothing() -> None:
    alerts = AlertList()
    alerts.update((_row(1),))
    with pytest.raises(BadInput, match="no field 'sevv'"):
        alerts.set_filter("sevv:low")
    assert alerts.filter_text == "state:active"
    assert _ids(alerts) == [1]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("sev>=high", True),
        ("sev>=crit", False),
        ("sev<=high", True),
        ("sev:h", True),
        ("state:active", True),
        ("state:open", False),
        ("!state:open", True),
        ("type:hijack", True),
        ("origin:AS64666", True),
        ("!origin:as64666", False),
        ("prefix:203.0.113", True),
        ("2001:db8::", False),
        ("!fe80::/10", True),
        ("!dead:beef::/32", True),
        ("severity:high", True),
        ("severity>=critical", False),
        ("sev=high", True),
        ("status:ack", True),
        ("asn:64666 as:64666", True),
        ("confidence>=.9 peers>=3", True),
        ("operator:maria kind:hijack", True),
        ("203.0.113.128/25", True),
        ("suspected", True),
        ("conf>=.9 n>=3", True),
        ("conf<=0.5", False),
        ("rpki:inv by:maria", True),
        ("rpki:inv by:paul", False),
        ("peer:192.0.2.1", True),
    ],
)
def test_filters_hold_for_what_they_say(text: str, holds: bool) -> None:
    row = _row(
        1,
        severity=Severity.HIGH,
        status=Status.ACKNOWLEDGED,
        acknowledged_by="maria",
        title="Route Hijack Suspected",
        prefix="203.0.113.128/25",
        origin_asn=64666,
        peer_addr="192.0.2.1",
        rpki_status="invalid",
        confidence=0.95,
        peers_seen=3,
    )
    assert matches(parse(text), row) is holds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sev:urgent", "no severity"),
        ("state:sleeping", "no state"),
        ("conf>=much", "takes a number"),
        ("title>=x", "takes title:value"),
        ("stat:open", "no field 'stat'"),
        ("foo>=1", "no field 'foo'"),
        ("!", "no condition"),
        ("foo:bar", "no field 'foo': sev state"),
        ("!foo:", "no field 'foo'"),
        ("beef:x", "no field 'beef'"),
        ("sev:", "sev: what"),
        ("sev>high", "not >"),
        ("status>=open", "takes status:value, not >="),
        ("severity:urgent", "no severity"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused_with_the_reason(
    text: str, complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        parse(text)


_alerts = st.lists(
    st.tuples(
        st.integers(1, 30), st.sampled_from(Severity), st.sampled_from(Status), st.floats(0, 9)
    ),
    max_size=30,
    unique_by=lambda item: item[0],
).map(
    lambda items: tuple(
        _row(number, severity=severity, status=status, last_seen=seen)
        for number, severity, status, seen in items
    )
)


@given(_alerts, st.lists(st.tuples(_alerts, st.integers(-5, 5)), max_size=6))
def test_the_cursor_is_on_a_shown_alert_and_leaves_it_only_when_it_is_gone(
    first: tuple[AlertRow, ...], steps: list[tuple[tuple[AlertRow, ...], int]]
) -> None:
    alerts = AlertList()
    alerts.update(first)
    for rows, moves in steps:
        alerts.move(moves)
        before = alerts.cursor_id
        gone = alerts.update(rows)
        present = {row.alert_id for row in rows}
        if before in present:
            assert alerts.cursor_id == before
            assert gone is None
        if alerts.shown:
            assert alerts.cursor_id in _ids(alerts)
        else:
            assert alerts.cursor_row is None
