"""What a collector finds when it starts again."""

import numpy as np

from bgptui.domain.alert import Alert, AlertChange, AlertType, Change, Severity, Status, alert_uuid
from bgptui.domain.gap import Gap
from bgptui.domain.routing import Peer
from bgptui.domain.window import FeatureWindow
from bgptui.store.alerts import update_alert_status
from bgptui.store.connect import Connection
from bgptui.store.start_state import NETWORK, NextIds, baseline, start_state
from bgptui.store.writer import WriteBatch, Writer

T0 = 1_767_780_000
DAY_S = 86_400
PEER = Peer("rrc00", "2001:db8::1", 64496)


def alert(alert_id: int, first_seen: float) -> Alert:
    key = f"matter {alert_id}"
    return Alert(
        alert_id=alert_id,
        alert_uuid=alert_uuid(AlertType.SESSION, key, first_seen),
        key=key,
        alert_type=AlertType.SESSION,
        severity=Severity.LOW,
        confidence=1.0,
        title="t",
        description="d",
        first_seen=first_seen,
        last_seen=first_seen,
    )


def test_an_empty_database_starts_from_one(conn: Connection) -> None:
    state = start_state(conn)
    assert state.next_ids == NextIds(1, 1, 1, 1)
    assert state.last_watermark is None
    assert not any((state.open_alerts, state.false_positives, state.open_gaps))
    assert state.last_status_event == 0


def test_the_baseline_is_each_stream_as_far_back_as_asked_for(
    conn: Connection, writer: Writer
) -> None:
    network = [
        FeatureWindow(T0 - DAY_S - 60, None, announcements=1),
        FeatureWindow(T0 - DAY_S, None, announcements=2),
        FeatureWindow(T0, None, announcements=3, withdrawals=1, path_length=4.25, gap=True),
    ]
    peer = FeatureWindow(T0 - 60, PEER, flap_count=5, unique_peers=2, message_rate=0.5)
    # Written out of order: the stream is in the order of time nevertheless.
    features = tuple((9 - i, window, ()) for i, window in enumerate([*reversed(network), peer]))
    writer.process(WriteBatch(now=0.0, features=features), 0.0)
    state = start_state(conn)
    assert state.next_ids.features == 10
    assert state.last_watermark == T0 + 60
    whole, one = baseline(conn, T0, reach_s=DAY_S)
    assert (whole.peer, one.peer) == (None, PEER)
    assert whole.starts.tolist() == [T0 - DAY_S, T0]
    assert whole.gaps.tolist() == [False, True]
    np.testing.assert_array_equal(whole.values[1], [3, 1, 4, 0.25, 0, 4.25, 0, 0, 0])
    np.testing.assert_array_equal(one.values, [[0, 0, 0, 0, 5, np.nan, 2, 0.5, 0]])


def test_the_baseline_of_some_collectors_leaves_out_the_others(
    conn: Connection, writer: Writer
) -> None:
    peers = (None, PEER, Peer("rrc01", "192.0.2.1", 64497))
    features = tuple((n, FeatureWindow(T0, peer), ()) for n, peer in enumerate(peers))
    writer.process(WriteBatch(now=0.0, features=features), 0.0)

    def found(*collectors: str) -> list[Peer | None]:
        streams = baseline(conn, T0, reach_s=DAY_S, collectors=collectors)
        return [stream.peer for stream in streams]

    assert found(NETWORK) == [None]
    assert found(NETWORK, "rrc00") == [None, PEER]
    assert found("rrc02") == []


def test_open_and_acknowledged_alerts_are_taken_up_and_false_positives_remembered(
    conn: Connection, writer: Writer
) -> None:
    ages = {1: 400 * DAY_S, 2: 60.0, 3: 50.0, 4: 40.0, 5: 31 * DAY_S}
    changes = tuple(AlertChange(Change.OPEN, alert(n, T0 - age)) for n, age in ages.items())
    features = ((1, FeatureWindow(T0, None), ()),)
    writer.process(WriteBatch(now=0.0, alerts=changes, features=features), 0.0)
    update_alert_status(conn, 2, Status.ACKNOWLEDGED, "ada")
    update_alert_status(conn, 3, Status.RESOLVED, "ada")
    update_alert_status(conn, 4, Status.FALSE_POSITIVE, "ada")
    update_alert_status(conn, 5, Status.FALSE_POSITIVE, "ada")
    state = start_state(conn)
    assert [(a.alert_id, a.status) for a in state.open_alerts] == [
        (1, Status.OPEN),
        (2, Status.ACKNOWLEDGED),
    ]
    assert [a.alert_id for a in state.false_positives] == [4]
    assert state.next_ids.alerts == 6
    assert state.last_status_event == 4


def test_gaps_that_nobody_closed_are_taken_up(conn: Connection, writer: Writer) -> None:
    still = Gap(T0 + 0.5, None, "rrc01", "silence", attempts=2)
    writer.process(WriteBatch(now=0.0, gaps=(Gap(T0, T0 + 1.0, None, "closed"), still)), 0.0)
    assert start_state(conn).open_gaps == (still,)
