"""Rows of any sequence of sightings: none lost, none twice, whatever the batches and restarts."""

from hypothesis import given
from hypothesis import strategies as st

from bgptui.correlate.event_groups import EventGroups
from bgptui.domain.alert import Reference, Severity
from bgptui.domain.event import EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.event_row import EventRow, RowChanges, first_row
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import NOT_FOUND
from bgptui.runtime.metrics import Metrics

T = 1_767_780_000.0
HOLD_DOWN_S = 300.0
PEERS = tuple(Peer("rrc00", f"192.0.2.{n}", 64500 + n // 2) for n in range(1, 5))
KEYS = tuple(RouteKey(EventType.BOGON, f"10.{n}.0.0/16", 64666, "bogon") for n in range(3))
Item = RouteEvent | RouteCleared
Step = tuple[float, Item]

_steps = st.lists(
    st.tuples(
        st.sampled_from((0.0, 0.4, 3.0, 60.0, 299.0, 400.0, 5_000.0, 50_000.0)),
        st.sampled_from(KEYS),
        st.sampled_from(PEERS),
        st.sampled_from((None, *Severity)),
    ),
    max_size=40,
)


def items(steps: list[tuple[float, RouteKey, Peer, Severity | None]]) -> list[Item]:
    """Sightings, and losses (severity None), each later than the last by its first number."""
    at = T
    found: list[Item] = []
    for number, (later_s, key, peer, severity) in enumerate(steps):
        at += later_s
        if severity is None:
            found.append(RouteCleared(at, key, peer))
        else:
            event = RouteEvent(
                number, at, key, peer, severity, "", "", (peer.asn, number % 7), None, NOT_FOUND
            )
            found.append(event)
    return found


def groups() -> EventGroups:
    return EventGroups(hold_down_s=HOLD_DOWN_S, metrics=Metrics())


def store(stored: dict[Reference, EventRow], changes: RowChanges) -> None:
    """What the database does with changes."""
    for event in changes.begun:
        assert event.reference not in stored
        stored[event.reference] = first_row(event)
    for row in changes.grown:
        assert stored[row.row].ended_at is None
        stored[row.row] = row


def run(told: list[Item]) -> tuple[RowChanges, dict[Reference, EventRow]]:
    tested = groups()
    for item in told:
        tested.observe([item], item.timestamp)
    tested.flush()
    changes = tested.take()
    stored: dict[Reference, EventRow] = {}
    store(stored, changes)
    return changes, stored


@given(_steps)
def test_every_sighting_is_counted_in_one_row_and_no_matter_has_two_open_ones(
    steps: list[tuple[float, RouteKey, Peer, Severity | None]],
) -> None:
    told = items(steps)
    events = [item for item in told if isinstance(item, RouteEvent)]
    tested = groups()
    counted: dict[Reference, list[RouteEvent]] = {}
    for item in told:
        (back,) = tested.observe([item], item.timestamp)
        if isinstance(back, RouteEvent):
            counted.setdefault(back.reference, []).append(back)
    _, stored = run(told)
    assert stored.keys() == counted.keys()
    assert sum(row.sightings for row in stored.values()) == len(events)
    for reference, own in counted.items():
        row = stored[reference]
        assert {event.key for event in own} == {row.key}
        assert row.sightings == len(own)
        assert row.severity.rank == min(event.severity.rank for event in own)
        assert row.peers_seen >= len({event.peer.asn for event in own})
        assert row.last_seen >= max(event.timestamp for event in own)
    open_keys = [row.key for row in stored.values() if row.ended_at is None]
    assert len(open_keys) == len(set(open_keys))


@given(_steps, st.lists(st.integers(1, 5)), st.integers(1, 50))
def test_batches_and_idle_moments_make_no_difference(
    steps: list[tuple[float, RouteKey, Peer, Severity | None]], sizes: list[int], parts: int
) -> None:
    told = items(steps)
    expected, _ = run(told)
    tested = groups()
    found = RowChanges()
    now = T
    for number, item in enumerate(told):
        for part in range(1, parts if number in sizes else 1):
            tested.advance(now + (item.timestamp - now) * part / parts)
        now = item.timestamp
        tested.observe([item], now)
        if number in sizes:
            more = tested.take()
            found = RowChanges(found.begun + more.begun, found.grown + more.grown)
    tested.flush()
    more = tested.take()
    assert RowChanges(found.begun + more.begun, found.grown + more.grown) == expected


@given(_steps, st.integers(0, 40))
def test_a_restart_leaves_the_rows_of_one_run(
    steps: list[tuple[float, RouteKey, Peer, Severity | None]], place: int
) -> None:
    told = items(steps)
    stored: dict[Reference, EventRow] = {}
    first = groups()
    for item in told[:place]:
        first.observe([item], item.timestamp)
    first.flush()
    store(stored, first.take())
    second = groups()
    second.restore([row for row in stored.values() if row.ended_at is None])
    for item in told[place:]:
        second.observe([item], item.timestamp)
    second.flush()
    store(stored, second.take())
    _, expected = run(told)
    # A matter whose row was a day old is forgotten with its peers: they count anew.
    young = [each.timestamp - T < 86_400.0 for each in told]
    if all(young):
        assert {_facts(row) for row in stored.values()} == {
            _facts(row) for row in expected.values()
        }


def _facts(row: EventRow) -> tuple[object, ...]:
    return (
        row.row, row.key, row.severity, row.last_seen, row.peers_seen, row.sightings,
        frozenset(row.peers_having), frozenset(row.peers_had), row.ended_at, row.end_reason,
    )  # fmt: skip
