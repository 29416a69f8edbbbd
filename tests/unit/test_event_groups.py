"""Which sightings are one row of route_monitor_events, and when a row is told of again."""

from itertools import count, pairwise

from msgspec.structs import replace

from bgptui.correlate.event_group import MOST_UPDATE_S, PEERS_SHOWN, ROW_MOST_S
from bgptui.correlate.event_groups import EventGroups
from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.event_row import EventRow, RowEnd, first_row
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import NOT_FOUND
from bgptui.runtime.metrics import Metrics

T = 1_767_780_000.0
HOLD_DOWN_S = 300.0
KEY = RouteKey(EventType.HIJACK_SUSPECTED, "203.0.113.128/25", 64666, "subprefix")
OTHER = RouteKey(EventType.RPKI_INVALID, "198.51.100.0/24", None, "as_set")
PEERS = tuple(Peer("rrc00", f"192.0.2.{n}", 64500 + n) for n in range(1, 10))
IDS = count(1)


def groups(**bounds: int) -> EventGroups:
    return EventGroups(hold_down_s=HOLD_DOWN_S, metrics=Metrics(), **bounds)


def fired(
    peer: Peer, at: float, key: RouteKey = KEY, severity: Severity = Severity.HIGH
) -> RouteEvent:
    return RouteEvent(
        id=next(IDS),
        timestamp=T + at,
        key=key,
        peer=peer,
        severity=severity,
        hijack_class="S|0",
        description="",
        as_path=(peer.asn, 64666),
        next_hop=None,
        validation=NOT_FOUND,
    )


def cleared(peer: Peer, at: float, key: RouteKey = KEY) -> RouteCleared:
    return RouteCleared(T + at, key, peer)


def see(tested: EventGroups, *items: RouteEvent | RouteCleared) -> list[RouteEvent]:
    """Tell of each at its own time; the events as they came back."""
    back = [item for each in items for item in tested.observe([each], each.timestamp)]
    return [item for item in back if isinstance(item, RouteEvent)]


def updates(tested: EventGroups) -> list[EventRow]:
    return list(tested.take().grown)


def test_the_first_sighting_is_a_row_at_once_and_others_are_counted_in_it() -> None:
    tested = groups()
    first, *others = see(tested, *(fired(peer, n / 10) for n, peer in enumerate(PEERS)))
    changes = tested.take()
    assert changes.begun == (first,)
    assert changes.grown == ()
    assert first.row is None
    assert {other.reference for other in others} == {first.reference}
    tested.advance(T + 10.0)
    (row,) = updates(tested)
    assert (row.row, row.sightings, row.peers_seen) == (first.reference, 9, 9)
    assert (row.last_seen, row.peers_having, row.ended_at) == (T + 0.8, PEERS, None)
    assert row.paths == tuple((peer.asn, 64666) for peer in PEERS[:5])


def test_routers_of_one_as_are_one_peer_and_a_route_judged_anew_is_a_sighting() -> None:
    tested = groups()
    twin = replace(PEERS[0], address="192.0.2.200")
    see(tested, fired(PEERS[0], 0), fired(twin, 1), fired(twin, 2))
    tested.flush()
    row = updates(tested)[-1]
    assert (row.peers_seen, row.sightings, row.peers_having) == (1, 3, (PEERS[0], twin))


def test_other_types_prefixes_origins_and_reasons_are_other_rows() -> None:
    keys = (
        KEY,
        replace(KEY, event_type=EventType.RPKI_INVALID),
        replace(KEY, prefix="203.0.113.0/25"),
        replace(KEY, origin_asn=64667),
        replace(KEY, reason="origin"),
    )
    tested = groups()
    found = see(tested, *(fired(PEERS[0], 0, key) for key in keys))
    assert tested.take().begun == tuple(found)


def test_an_event_that_opens_no_alert_is_a_row_as_well() -> None:
    tested = groups()
    quiet = replace(fired(PEERS[0], 0), opens_alert=False)
    see(tested, quiet, replace(fired(PEERS[1], 1), opens_alert=False))
    assert tested.take().begun == (quiet,)


def test_a_row_that_many_see_is_told_soon_and_then_rarer() -> None:
    tested = groups()
    at = 0.0
    told = []
    for n in range(600):
        at = n / 10
        see(tested, fired(Peer("rrc00", f"10.0.{n >> 8}.{n & 255}", n), at))
        told += [(at, row.sightings) for row in updates(tested)]
    assert len(told) == 8
    assert [round(moment) for moment, _ in told[:4]] == [2, 6, 14, 22]
    assert max(b[0] - a[0] for a, b in pairwise(told)) < MOST_UPDATE_S + 0.2
    tested.flush()
    (row,) = updates(tested)
    assert (row.sightings, row.peers_seen, len(row.peers_having)) == (600, 600, PEERS_SHOWN)


def test_a_row_that_grows_worse_is_told_at_once_and_never_gets_better() -> None:
    tested = groups()
    see(tested, fired(PEERS[0], 0, severity=Severity.MEDIUM), fired(PEERS[1], 0.1))
    assert [row.severity for row in updates(tested)] == [Severity.HIGH]
    see(tested, fired(PEERS[2], 0.2, severity=Severity.LOW))
    tested.flush()
    assert [row.severity for row in updates(tested)] == [Severity.HIGH]


def test_a_row_ends_when_nobody_has_the_route_and_the_hold_down_has_passed() -> None:
    tested = groups()
    see(tested, fired(PEERS[0], 0), fired(PEERS[1], 1), cleared(PEERS[0], 50))
    tested.advance(T + 2_000)
    assert updates(tested)[-1].ended_at is None
    see(tested, cleared(PEERS[1], 2_000))
    tested.advance(T + 2_300)
    row = updates(tested)[-1]
    assert (row.ended_at, row.peers_had) == (None, PEERS[:2])
    tested.advance(T + 2_320)
    row = updates(tested)[-1]
    assert (row.ended_at, row.end_reason, row.last_seen) == (T + 2_000, RowEnd.GONE, T + 2_000)
    assert len(tested) == 0


def test_a_route_that_is_back_within_the_hold_down_is_the_same_row_and_later_a_new_one() -> None:
    tested = groups()
    first, again = see(
        tested, fired(PEERS[0], 0), cleared(PEERS[0], 10), fired(PEERS[0], 10 + HOLD_DOWN_S)
    )
    assert again.reference == first.reference
    _, later = see(
        tested, fired(PEERS[1], 320), cleared(PEERS[0], 330), cleared(PEERS[1], 330),
        fired(PEERS[0], 331 + HOLD_DOWN_S),
    )  # fmt: skip
    changes = tested.take()
    assert changes.begun == (first, later)
    assert [(row.row, row.end_reason) for row in changes.grown if row.ended_at] == [
        (first.reference, RowEnd.GONE)
    ]


def test_a_route_that_is_back_and_gone_again_ends_its_hold_down_after_the_last_loss() -> None:
    tested = groups()
    see(
        tested, fired(PEERS[0], 0), cleared(PEERS[0], 10), fired(PEERS[0], 100),
        cleared(PEERS[0], 200),
    )  # fmt: skip
    tested.advance(T + 10 + HOLD_DOWN_S + 20)
    assert updates(tested)[-1].ended_at is None
    tested.advance(T + 200 + HOLD_DOWN_S + 20)
    assert updates(tested)[-1].ended_at == T + 200


def test_what_a_peer_never_had_it_cannot_lose() -> None:
    tested = groups()
    see(tested, cleared(PEERS[0], 0), fired(PEERS[0], 1), cleared(PEERS[1], 2))
    see(tested, cleared(PEERS[0], 3, OTHER))
    tested.flush()
    assert updates(tested) == []


def test_a_row_is_not_changed_after_a_day_and_the_matter_goes_on_in_another() -> None:
    tested = groups()
    first, _ = see(tested, fired(PEERS[0], 0), fired(PEERS[1], 1))
    tested.advance(T + ROW_MOST_S - 1)
    assert updates(tested)[-1].end_reason is None
    tested.advance(T + ROW_MOST_S + 600)
    (aged,) = updates(tested)
    assert (aged.row, aged.end_reason, aged.ended_at) == (
        first.reference, RowEnd.AGED, T + ROW_MOST_S,
    )  # fmt: skip
    see(tested, cleared(PEERS[0], ROW_MOST_S + 700))
    (second,) = see(tested, fired(PEERS[2], ROW_MOST_S + 800))
    tested.flush()
    changes = tested.take()
    assert changes.begun == (second,)
    # Who has it from before counts, who lost it does not.
    assert [(row.row, row.peers_seen, row.sightings) for row in changes.grown] == [
        (second.reference, 2, 1)
    ]


def test_a_sighting_after_a_day_begins_a_row_even_before_anybody_looked() -> None:
    tested = groups()
    found = see(tested, fired(PEERS[0], 0), fired(PEERS[1], ROW_MOST_S))
    changes = tested.take()
    assert changes.begun == tuple(found)
    assert changes.grown[0].end_reason is RowEnd.AGED


def test_too_many_matters_forget_the_one_sighted_longest_ago_and_say_so() -> None:
    metrics = Metrics()
    tested = EventGroups(hold_down_s=HOLD_DOWN_S, metrics=metrics, groups_most=2)
    first, *_ = see(
        tested, fired(PEERS[0], 0), fired(PEERS[0], 1, OTHER),
        fired(PEERS[1], 2, replace(KEY, reason="origin")),
    )  # fmt: skip
    assert metrics.drops() == {"correlate.event_rows": 1}
    (row,) = updates(tested)
    assert (row.row, row.end_reason, row.ended_at) == (first.reference, RowEnd.EVICTED, T + 2)
    assert len(tested) == 2


def test_a_matter_that_is_sighted_again_is_not_the_one_that_is_forgotten() -> None:
    tested = groups(groups_most=2)
    _, other, *_ = see(
        tested, fired(PEERS[0], 0), fired(PEERS[0], 1, OTHER), fired(PEERS[1], 1, OTHER),
        fired(PEERS[1], 2), fired(PEERS[1], 2.5, replace(KEY, reason="origin")),
    )  # fmt: skip
    tested.flush()  # what was to be told of it has been
    (row,) = [each for each in updates(tested) if each.ended_at is not None]
    assert (row.row, row.end_reason) == (other.reference, RowEnd.EVICTED)
    assert row.sightings == 2


def test_too_many_peers_forget_matters_but_not_the_one_at_hand() -> None:
    metrics = Metrics()
    tested = EventGroups(hold_down_s=HOLD_DOWN_S, metrics=metrics, peers_most=3)
    see(tested, fired(PEERS[0], 0, OTHER), *(fired(peer, 1) for peer in PEERS))
    assert metrics.drops() == {"correlate.event_rows": 1}
    tested.flush()
    assert updates(tested)[-1].peers_seen == len(PEERS)


def test_after_a_restart_a_matter_that_goes_on_has_no_second_row() -> None:
    before = groups()
    first, *_ = see(before, fired(PEERS[0], 0), fired(PEERS[1], 1), cleared(PEERS[0], 2))
    before.flush()
    stored = updates(before)[-1]
    after = groups()
    after.restore([stored])
    again, other = see(after, fired(PEERS[0], 60), fired(PEERS[2], 61))
    assert (again.reference, other.reference) == (first.reference, first.reference)
    see(after, *(cleared(peer, 70) for peer in PEERS[:3]))
    after.advance(T + 400)
    changes = after.take()
    assert changes.begun == ()
    row = changes.grown[-1]
    assert (row.sightings, row.peers_seen, row.ended_at) == (4, 3, T + 70)


def test_after_a_restart_peers_that_the_row_does_not_name_still_count() -> None:
    many = [Peer("rrc00", f"10.0.{n >> 8}.{n & 255}", n) for n in range(PEERS_SHOWN + 88)]
    before = groups()
    see(before, *(fired(peer, 0) for peer in many), cleared(many[0], 1), cleared(many[1], 2))
    (row,) = _stand(before)
    assert (row.peers_seen, len(row.peers_having), len(row.peers_had)) == (600, PEERS_SHOWN, 0)
    tested = groups()
    tested.restore([row])
    see(tested, fired(PEERS[0], 3))
    tested.flush()
    assert updates(tested)[-1].peers_seen == 601


def test_a_row_names_those_that_have_the_route_before_those_that_had_it() -> None:
    many = [Peer("rrc00", f"10.0.{n >> 8}.{n & 255}", n) for n in range(PEERS_SHOWN + 88)]
    tested = groups()
    see(tested, *(fired(peer, 0) for peer in many), *(cleared(peer, 1) for peer in many[:200]))
    tested.flush()
    row = updates(tested)[-1]
    assert row.peers_having == tuple(many[200:])
    assert row.peers_had == tuple(many[: PEERS_SHOWN - 400])


def test_after_a_restart_rows_that_nobody_has_or_that_are_old_come_to_their_end() -> None:
    before = groups()
    see(before, fired(PEERS[0], 0), cleared(PEERS[0], 5), fired(PEERS[0], 1, OTHER))
    tested = groups()
    tested.restore(_stand(before))
    tested.advance(T + ROW_MOST_S + 600)
    assert [row.end_reason for row in updates(tested)] == [RowEnd.GONE, RowEnd.AGED]


def test_after_a_restart_a_row_of_a_clock_in_the_future_holds_up_no_other() -> None:
    before = groups()
    see(before, fired(PEERS[0], 0), fired(PEERS[0], 4e9 - T, OTHER))
    tested = groups()
    tested.restore(_stand(before)[:2])
    see(tested, fired(PEERS[1], 5), fired(PEERS[2], 6))
    tested.advance(T + 10)
    assert [row.sightings for row in updates(tested)] == [3]
    tested.advance(T + ROW_MOST_S)
    assert [row.end_reason for row in updates(tested)] == [RowEnd.AGED]


def test_of_two_stored_rows_of_one_matter_the_older_one_is_over() -> None:
    tested = groups()
    old, new = (EventGroups(hold_down_s=HOLD_DOWN_S, metrics=Metrics()) for _ in range(2))
    see(old, fired(PEERS[0], 0), fired(PEERS[1], 0))
    see(new, fired(PEERS[0], 9), fired(PEERS[1], 9))
    rows = _stand(old) + _stand(new)
    tested.restore(rows)
    (ended,) = updates(tested)
    assert (ended.row, ended.end_reason) == (rows[0].row, RowEnd.GONE)


def _stand(tested: EventGroups) -> list[EventRow]:
    """The rows as they are stored: of each the last that was told."""
    tested.flush()
    changes = tested.take()
    stored = {event.reference: first_row(event) for event in changes.begun}
    stored |= {row.row: row for row in changes.grown}
    return list(stored.values())
