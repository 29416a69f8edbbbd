"""Puts timed things in time order inside a bounded horizon."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Protocol, TypeVar

HORIZON_S = 10.0
MOST_WAITING = 100_000
_LOOK_EVERY = 1_024  # sorting an almost sorted list in lots costs less than a heap


class Timed(Protocol):
    @property
    def timestamp(self) -> float: ...


T = TypeVar("T", bound=Timed)
timestamp_of = attrgetter("timestamp")


def in_time_order(
    arrivals: Iterable[T], *, horizon_s: float = HORIZON_S, most_waiting: int = MOST_WAITING
) -> Iterator[list[T]]:
    """The same things in lots, in (timestamp, arrival) order.

    What comes at most `horizon_s` of event time behind the newest before it comes out in
    exact order; what is later still is passed on with the next lot.

    Args:
        most_waiting: bound of memory; above it the oldest half goes out early.
    """
    waiting: list[T] = []
    newest = float("-inf")
    for count, arrival in enumerate(arrivals, start=1):
        waiting.append(arrival)
        newest = max(newest, arrival.timestamp)
        if count % _LOOK_EVERY:
            continue
        waiting.sort(key=timestamp_of)  # stable: equal timestamps keep their arrival order
        # Left: one exactly horizon_s old still waits, as an equal one may yet come.
        due = bisect_left(waiting, newest - horizon_s, key=timestamp_of)
        if len(waiting) > most_waiting:
            due = max(due, len(waiting) - most_waiting // 2)
        if due:
            yield waiting[:due]
            del waiting[:due]
    waiting.sort(key=timestamp_of)
    if waiting:
        yield waiting
