"""Time order inside a bounded horizon."""

from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from bgptui.sources.ordering import in_time_order


class Thing(NamedTuple):
    timestamp: float
    arrival: int


def ordered(timestamps: list[float], *, most_waiting: int = 100_000) -> list[Thing]:
    things = [Thing(timestamp, arrival) for arrival, timestamp in enumerate(timestamps)]
    lots = in_time_order(in_lots(things), most_waiting=most_waiting)
    return [thing for lot in lots for thing in lot]


def in_lots(things: list[Thing]) -> Iterator[list[Thing]]:
    """As a file is read: about a hundred at a time."""
    return (things[start : start + 100] for start in range(0, len(things), 100))


@given(st.lists(st.integers(0, 10), max_size=50))
def test_what_lies_inside_the_horizon_comes_in_exact_order(timestamps: list[float]) -> None:
    assert ordered(timestamps) == sorted(ordered(timestamps))
    assert len(ordered(timestamps)) == len(timestamps)


def test_a_long_stream_jittered_inside_the_horizon_is_sorted_across_lots() -> None:
    timestamps = [number / 100 + (number * 7919 % 900) / 100 for number in range(20_000)]
    assert ordered(timestamps) == sorted(ordered(timestamps))


def test_what_is_later_than_the_horizon_is_passed_on_and_nothing_is_lost() -> None:
    timestamps = [float(number) for number in range(5_000)]
    timestamps.insert(4_000, 5.0)
    things = ordered(timestamps)
    assert len(things) == 5_001
    place = things.index(Thing(5.0, 4_000))
    assert 3_000 < place < 4_100


def test_memory_is_bounded_when_time_stands_still() -> None:
    things = [Thing(1.0, arrival) for arrival in range(10_000)]
    lots = list(in_time_order(in_lots(things), most_waiting=2_000))
    assert max(map(len, lots)) <= 3_100
    assert [thing for lot in lots for thing in lot] == things
