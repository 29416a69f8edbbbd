"""Windows: watermarks, rows of zeros, gaps, broken clocks, and the features by hand."""

from collections.abc import Iterable

import pytest

from bgptui.domain.gap import Gap
from bgptui.domain.health import CollectorFreshness, QuietPeer
from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.window import FeatureWindow
from bgptui.features.aggregator import Aggregator
from bgptui.features.handed_minutes import HandedMinutes

T0 = 1_700_000_040  # a minute's start
A = Peer("rrc00", "192.0.2.1", 64500)
B = Peer("rrc00", "192.0.2.2", 64501)
C = Peer("rrc01", "192.0.2.3", 64502)
DAY_S = 86_400
ROUTE = ("198.51.100.0/24",)


def update(
    at_s: float,
    peer: Peer = A,
    *,
    announced: tuple[str, ...] = (),
    withdrawn: tuple[str, ...] = (),
    hops: int = 3,
) -> BgpMessage:
    return BgpMessage(
        timestamp=T0 + at_s,
        peer=peer,
        type=MessageType.UPDATE,
        announced=announced,
        withdrawn=withdrawn,
        as_path=tuple(range(64496, 64496 + hops)) if announced else (),
    )


def state(
    at_s: float, session: Session, peer: Peer = A, *, before: Session | None = None
) -> BgpMessage:
    return BgpMessage(T0 + at_s, peer, MessageType.STATE, session=session, session_before=before)


def replay(
    messages: Iterable[BgpMessage], aggregator: Aggregator | None = None
) -> list[FeatureWindow]:
    """Rows of messages in order of time, `now` being the data's."""
    aggregator = aggregator or Aggregator()
    rows: list[FeatureWindow] = []
    for message in messages:
        aggregator.observe(message, message.timestamp)
        if message.timestamp >= aggregator.next_deadline:
            rows += aggregator.advance(message.timestamp)
    return rows + aggregator.flush()


def of(rows: list[FeatureWindow], peer: Peer | None) -> dict[int, FeatureWindow]:
    """Rows of a stream, by minute since T0."""
    return {(row.start - T0) // 60: row for row in rows if row.peer == peer}


def prefixes(count: int) -> tuple[str, ...]:
    return tuple(f"10.0.{i}.0/24" for i in range(count))


def test_the_features_of_a_minute_are_those_counted_by_hand() -> None:
    rows = replay(
        [
            update(0, announced=prefixes(3), hops=2),
            update(0.5, withdrawn=prefixes(2)),
            update(1, B, announced=prefixes(1), hops=6),
            update(30, announced=prefixes(1), hops=6),
            BgpMessage(T0 + 40, A, MessageType.KEEPALIVE),
            state(50, Session.DOWN),
        ]
    )
    row = of(rows, A)[0]
    assert (row.announcements, row.withdrawals, row.total_updates) == (4, 2, 6)
    assert row.withdrawal_ratio == pytest.approx(1 / 3)
    assert row.flap_count == 1
    assert row.path_length == 3.0  # (2 + 2 + 2 + 6) / 4
    assert row.std_path_length == pytest.approx(3**0.5)
    assert row.unique_peers == 2
    assert row.message_rate == 3 / 60
    assert row.session_resets == 1
    assert row.max_updates == 5
    assert (row.messages, row.prefixes_with_path) == (5, 4)


def test_a_message_tells_its_own_flaps_and_resets() -> None:
    aggregator = Aggregator()
    both = update(5, announced=ROUTE, withdrawn=ROUTE)
    assert aggregator.observe(both, both.timestamp) == (False, T0, 1, 0)
    down = state(65, Session.DOWN)
    assert aggregator.observe(down, down.timestamp) == (False, T0 + 60, 0, 1)


def test_the_network_row_takes_seconds_and_peers_of_all_collectors_together() -> None:
    rows = replay([
        update(7.1, A, announced=prefixes(2)),
        update(7.9, C, announced=prefixes(3)),
        update(9.0, B, announced=prefixes(4)),
    ])  # fmt: skip
    assert of(rows, None)[0].max_updates == 5
    assert of(rows, None)[0].unique_peers == 3
    assert of(rows, C)[0].unique_peers == 1


def test_a_path_of_a_minute_without_announcements_is_unknown() -> None:
    row = of(replay([update(0, withdrawn=ROUTE)]), A)[0]
    assert (row.path_length, row.std_path_length, row.prefixes_with_path) == (None, None, 0)


def test_a_silent_peer_has_a_row_of_zeros_each_minute() -> None:
    rows = of(replay([update(0), update(600, B)]), A)
    assert sorted(rows) == list(range(11))
    assert rows[5].messages == 0
    assert rows[5].unique_peers == 0


def test_rows_come_by_minute_and_peer_with_the_networks_last() -> None:
    rows = replay([update(0, C), update(1, B), update(2, A), update(61, A)])
    order = [((row.start - T0) // 60, row.peer) for row in rows]
    assert order == [(0, A), (0, B), (0, C), (0, None), (1, A), (1, B), (1, C), (1, None)]


def test_a_peer_not_heard_for_a_day_has_no_more_rows() -> None:
    messages = [update(0), *(update(minute * 60, B) for minute in range(1, 1_500))]
    aggregator = Aggregator()
    rows = replay(messages, aggregator)
    assert sorted(of(rows, A)) == list(range(1_440))
    assert sorted(of(rows, None)) == list(range(1_500))
    assert aggregator.peers == 1


def test_a_peer_that_goes_down_has_that_row_and_none_until_it_speaks_again() -> None:
    rows = replay(
        [update(0), state(70, Session.DOWN), update(90, B), update(400, B), state(310, Session.UP)]
    )
    assert sorted(of(rows, A)) == [0, 1]
    rows = replay(
        [update(0), state(70, Session.DOWN), state(250, Session.UP), update(250, B), update(400, B)]
    )
    assert sorted(of(rows, A)) == [0, 1, 4, 5, 6]
    assert of(rows, A)[1].session_resets == 1


def test_a_notification_after_the_end_of_a_session_does_not_bring_the_peer_back() -> None:
    notification = BgpMessage(T0 + 71, A, MessageType.NOTIFICATION)
    rows = replay([update(0), state(70, Session.DOWN), notification, update(300, B)])
    assert sorted(of(rows, A)) == [0, 1]


def test_a_session_that_is_down_cannot_go_down_again() -> None:
    rows = replay([
        state(0, Session.DOWN), state(1, Session.DOWN), state(2, Session.UP),
        state(3, Session.DOWN), update(4), state(5, Session.DOWN),
    ])  # fmt: skip
    assert of(rows, A)[0].session_resets == 3


def test_the_state_before_decides_where_the_source_tells_it() -> None:
    never_up = [state(n, Session.DOWN, before=Session.DOWN) for n in range(3)]
    lost = [state(10 * n, Session.DOWN, B, before=Session.UP) for n in range(1, 4)]
    rows = replay([*never_up, *lost])
    assert of(rows, A)[0].session_resets == 0
    assert of(rows, B)[0].session_resets == 3


def test_as_0_is_no_peer_and_what_comes_of_it_is_in_no_row() -> None:
    nobody = Peer("rrc00", "0.0.0.0", 0)
    aggregator = Aggregator()
    half_open = state(1, Session.DOWN, nobody)
    assert aggregator.observe(half_open, half_open.timestamp) == (False, T0, 0, 0)
    rows = replay([update(2), state(3, Session.DOWN, nobody)], aggregator)
    assert {row.peer for row in rows} == {A, None}
    assert (of(rows, None)[0].messages, aggregator.peers) == (1, 1)


def test_peers_are_counted_by_collector_as_they_stand_at_the_time() -> None:
    aggregator = Aggregator()
    replay([update(0), update(1, B)], aggregator)
    before = aggregator.peers_of
    replay([update(2, Peer("rrc09", "192.0.2.9", 64_999))], aggregator)
    assert before == {"rrc00": 2}
    assert aggregator.peers_of == {"rrc00": 2, "rrc09": 1}


def test_while_all_peers_are_down_the_network_still_has_its_row() -> None:
    rows = replay([update(0), state(10, Session.DOWN), update(300)])
    assert sorted(of(rows, A)) == [0, 5]
    assert sorted(of(rows, None)) == list(range(6))
    assert of(rows, None)[3].messages == 0


def test_a_late_message_is_in_no_window_and_counted_in_the_peers_next_row() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(30, announced=ROUTE), T0 + 30)
    late = update(19.9, announced=ROUTE, withdrawn=ROUTE)
    assert aggregator.observe(late, T0 + 30) == (True, T0, 0, 0)
    in_time = update(20, announced=ROUTE)
    assert aggregator.observe(in_time, T0 + 30)[0] is False
    row = of(aggregator.flush(), A)[0]
    assert (row.announcements, row.messages, row.late_messages, row.flap_count) == (2, 2, 1, 0)
    assert aggregator.losses()["late"] == 1


def test_collectors_have_watermarks_of_their_own() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(5, C), T0 + 100)
    aggregator.observe(update(100, A), T0 + 100)
    assert aggregator.observe(update(6, C), T0 + 100)[0] is False
    assert aggregator.observe(update(6, A), T0 + 100)[0] is True


def test_silence_closes_windows_by_the_time_that_passed_since_the_last_receipt() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(50), T0 + 53)  # the feed lags by 3 s
    assert aggregator.advance(T0 + 53) == []
    assert aggregator.next_deadline == T0 + 73
    assert aggregator.advance(T0 + 72.9) == []
    assert [row.peer for row in aggregator.advance(T0 + 73)] == [A, None]
    assert [row.messages for row in aggregator.advance(T0 + 133)] == [0, 0]


def test_a_message_due_to_close_a_window_says_so() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(20), T0 + 20)
    assert aggregator.advance(T0 + 20) == []
    aggregator.observe(update(69.9), T0 + 69.9)
    assert aggregator.next_deadline > T0 + 69.9
    aggregator.observe(update(70), T0 + 69.9)
    assert aggregator.next_deadline <= T0 + 69.9
    assert [(row.start, row.peer) for row in aggregator.advance(T0 + 69.9)] == [(T0, A), (T0, None)]


def test_the_network_row_waits_for_the_slowest_collector() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(0, C), T0 + 100)
    aggregator.observe(update(1, A), T0 + 100)
    aggregator.observe(update(80, A), T0 + 100)
    assert [row.peer for row in aggregator.advance(T0 + 100)] == [A]
    aggregator.observe(update(75, C), T0 + 101)
    assert [row.peer for row in aggregator.advance(T0 + 101)] == [C, None]


def test_a_collector_in_a_gap_is_closed_along_and_does_not_hold_up_the_network_row() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(0, C), T0 + 100)
    aggregator.observe(update(1, A), T0 + 100)
    aggregator.observe(update(80, A), T0 + 100)
    aggregator.mark_gap(Gap(T0, None, "rrc01", "closed"))
    rows = aggregator.advance(T0 + 100)
    assert [(row.peer, row.gap) for row in rows] == [(A, False), (C, True), (None, True)]
    assert aggregator.observe(update(30, C), T0 + 100)[0] is True


def test_windows_that_a_gap_touches_are_marked() -> None:
    aggregator = Aggregator()
    rows = []
    aggregator.observe(update(0), T0)
    aggregator.mark_gap(Gap(T0 + 70, None, None, "closed"))
    rows += aggregator.advance(T0 + 200)
    aggregator.mark_gap(Gap(T0 + 70, T0 + 250, None, "closed"))
    aggregator.observe(update(250), T0 + 250)
    aggregator.observe(update(310), T0 + 310)
    rows += aggregator.advance(T0 + 310) + aggregator.flush()
    for peer in (A, None):
        assert [row.gap for row in of(rows, peer).values()] == [
            False, True, True, True, True, False,
        ]  # fmt: skip


def test_a_restart_without_a_message_between_still_marks_its_window() -> None:
    aggregator = Aggregator()
    aggregator.mark_gap(Gap(T0, T0, None, "restart"))
    aggregator.observe(update(0), T0)
    assert all(row.gap for row in aggregator.flush())


def test_a_message_from_the_future_moves_no_watermark_and_is_counted() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(0), T0)
    year = update(365 * DAY_S)
    assert aggregator.observe(year, T0 + 1)[0] is True
    assert aggregator.observe(update(365 * DAY_S, C), T0 + 1)[0] is True
    assert aggregator.observe(update(2), T0 + 2)[0] is False
    assert aggregator.losses() == {"ahead_of_clock": 2, "flap_evicted": 0}
    assert len(aggregator.flush()) == 2


def test_a_leap_of_the_data_in_a_replay_costs_at_most_a_day_of_rows() -> None:
    rows = replay([update(0), update(365 * DAY_S), update(365 * DAY_S + 61, C)])
    assert len(of(rows, A)) == 1_440 + 2
    assert of(rows, A)[365 * 1_440].messages == 1
    assert len(of(rows, None)) == 1_440 + 2


def test_a_leap_that_is_known_to_be_a_gap_costs_an_hour_of_rows_that_say_so() -> None:
    aggregator = Aggregator()
    for message in (update(0), update(61, C)):
        aggregator.observe(message, message.timestamp)
    back = 2 * 3_600 + 30
    aggregator.mark_gap(Gap(T0 + 61, T0 + back, None, "no_recording"))
    rows = replay([update(back), update(back + 1, C), update(back + 90)], aggregator)
    for stream in (A, None):
        minutes = of(rows, stream)
        assert [*minutes] == [*range(61), 120, 121, 122]
        assert [minute for minute, row in minutes.items() if not row.gap] == [0, 121, 122]
        assert len(minutes) == len([row for row in rows if row.peer == stream])


def test_what_came_for_the_inside_of_a_long_gap_has_its_rows() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(0), T0)
    aggregator.mark_gap(Gap(T0, None, None, "closed"))
    middle, back = 5_400, 9_000
    aggregator.observe(update(middle), T0 + middle)
    aggregator.mark_gap(Gap(T0, T0 + back, None, "closed"))
    minutes = of(replay([update(back), update(back + 90)], aggregator), A)
    assert [*minutes] == [*range(60), 90, *range(149, 152)]
    assert minutes[90].messages == 1
    assert [minute for minute, row in minutes.items() if not row.gap] == [150, 151]


@pytest.mark.parametrize(("lost", "is_gap"), [(1, False), (2, True)])
def test_a_window_that_lost_messages_to_lateness_says_that_it_is_thinned(
    *, lost: int, is_gap: bool
) -> None:
    aggregator = Aggregator()
    on_time = [update(20 + at) for at in range(30)]
    too_late = [update(25)] * lost  # behind 49 - 10
    minutes = replay([*on_time, *too_late], aggregator)
    assert [row.late_messages for row in minutes] == [lost, lost]
    assert [row.gap for row in minutes] == [is_gap, is_gap]


def test_a_late_message_of_an_earlier_minute_thins_no_other() -> None:
    minutes = of(replay([update(0), update(130), update(5), update(6)]), A)
    assert [(row.late_messages, row.gap) for row in minutes.values()] == [
        (0, False),
        (0, False),
        (2, False),
    ]


def test_a_step_of_the_wall_clock_is_not_silence() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(0), T0)
    assert aggregator.advance(T0 + DAY_S) == []
    assert aggregator.observe(update(30), T0 + DAY_S + 30)[0] is False
    assert aggregator.observe(update(31), T0 + 31)[0] is False  # the clock was set right
    assert [row.messages for row in aggregator.advance(T0 + 101)] == [3, 3]


def test_after_a_sleep_of_the_machine_messages_confirm_the_new_time() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(0, A), T0)
    aggregator.observe(update(1, C), T0 + 1)
    assert aggregator.advance(T0 + 36_000) == []
    aggregator.observe(update(36_001, A), T0 + 36_001)
    rows = aggregator.advance(T0 + 36_001)
    assert max(of(rows, None)) == 36_000 // 60 - 2


def test_a_collector_first_heard_behind_the_network_cannot_change_its_rows() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(0), T0)
    rows = aggregator.advance(T0)
    aggregator.observe(update(200), T0 + 200)
    rows += aggregator.advance(T0 + 200)
    assert aggregator.observe(update(100, C), T0 + 200)[0] is True
    assert aggregator.observe(update(185, C), T0 + 201)[0] is False
    rows += aggregator.flush()
    assert of(rows, None)[3].messages == 2


def test_flush_closes_what_is_open_once() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(10), T0 + 10)
    aggregator.observe(update(65, C), T0 + 65)
    assert [row.messages for row in of(aggregator.flush(), None).values()] == [1, 1]
    assert aggregator.flush() == []


def test_a_held_collector_closes_no_window_until_it_is_decided() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(10), T0 + 10)
    aggregator.advance(T0 + 30)
    aggregator.hold(None)
    assert not aggregator.advance(T0 + 85)
    aggregator.mark_gap(Gap(T0 + 10, None, None, "silence"))
    aggregator.hold(frozenset())
    aggregator.mark_gap(Gap(T0 + 10, T0 + 100, None, "silence"))
    aggregator.observe(update(100), T0 + 100)
    aggregator.observe(update(200), T0 + 200)
    rows = of(aggregator.advance(T0 + 200), A)
    assert [row.gap for row in rows.values()] == [True, True, False]


def test_what_a_connection_that_stood_still_brings_is_not_late() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(10), T0 + 10)
    aggregator.observe(update(11, C), T0 + 11)
    aggregator.hold(None)
    assert not aggregator.advance(T0 + 50)
    assert not aggregator.observe(update(12), T0 + 51)[0]
    aggregator.hold(frozenset())
    aggregator.advance(T0 + 52)
    assert not aggregator.observe(update(13, C), T0 + 52)[0]
    rows = aggregator.flush()
    assert of(rows, A)[0].messages == of(rows, C)[0].messages == 2
    assert not of(rows, None)[0].gap


def test_a_message_of_a_held_collector_does_not_count_its_next_silence() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(10), T0 + 10)
    aggregator.hold({"rrc00"})
    aggregator.observe(update(16), T0 + 16)
    aggregator.advance(T0 + 56)
    assert not aggregator.observe(update(20), T0 + 56)[0]


def test_others_close_their_windows_while_a_collector_is_held() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(10), T0 + 10)
    aggregator.observe(update(11, C), T0 + 11)
    aggregator.hold({"rrc01"})
    aggregator.observe(update(75), T0 + 75)
    rows = aggregator.advance(T0 + 75)
    assert [row.peer for row in rows] == [A]
    aggregator.mark_gap(Gap(T0 + 11, None, "rrc01", "silence"))
    aggregator.hold(frozenset())
    rows = aggregator.advance(T0 + 76)
    assert [(row.peer, row.gap) for row in rows] == [(C, True), (None, True)]


def test_a_window_closed_by_a_stop_while_it_is_held_says_that_we_may_have_been_blind() -> None:
    aggregator = Aggregator()
    aggregator.observe(update(10), T0 + 10)
    aggregator.observe(update(70, C), T0 + 70)
    aggregator.hold({"rrc00"})
    rows = aggregator.flush()
    assert {row.gap for row in rows if row.peer in {A, None}} == {True}
    assert {row.gap for row in rows if row.peer == C} == {False}


def test_freshness_tells_when_collectors_and_quiet_peers_were_heard() -> None:
    aggregator = Aggregator()
    for message in (update(0), update(1, C), update(2, B), update(900, B), update(901, C)):
        aggregator.observe(message, message.timestamp)
    aggregator.observe(state(902, Session.DOWN, C), T0 + 902)
    aggregator.mark_gap(Gap(T0 + 902, None, "rrc01", "silence"))
    collectors, quiet = aggregator.freshness()
    assert collectors == (
        CollectorFreshness("rrc00", T0 + 900, peers=2, quiet_peers=1),
        CollectorFreshness("rrc01", T0 + 902, 0, 0, T0 + 902, "silence"),
    )
    assert quiet == (QuietPeer("rrc00", A.address, A.asn, T0),)


def test_a_collector_that_is_left_writes_its_last_rows_and_the_others_go_on() -> None:
    aggregator = Aggregator(network=HandedMinutes())
    for message in (update(0, A), update(1, C), update(70, A), update(71, C)):
        aggregator.observe(message, message.timestamp)
    closed = aggregator.advance(T0 + 71)
    left = aggregator.leave(A.collector)
    assert [(row.peer, row.start - T0) for row in closed + left if row.peer == A] == [
        (A, 0),
        (A, 60),
    ]
    assert aggregator.closed_until(A.collector) == T0 + 120
    assert aggregator.collectors == (C.collector,)
    assert {row.peer for row in aggregator.flush()} == {C}


def test_what_another_process_has_written_of_a_collector_is_not_written_twice() -> None:
    aggregator = Aggregator(network=HandedMinutes())
    aggregator.begin(A.collector, T0 + 120.0)
    rows = replay([update(100, A), update(130, A), update(200, A)], aggregator)
    assert sorted(of(rows, A)) == [2, 3]
    assert aggregator.losses()["late"] == 1
