"""Puts timed things in time order inside a bounded horizon."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

HORIZON_S = 10.0
MOST_WAITING = 100_000
_LOT = 256
_LOOK_EVERY = 1_024  # sorting in lots costs less than a heap


class Timed(Protocol):
    @property
    def timestamp(self) -> float: ...


T = TypeVar("T", bound=Timed)
timestamp_of = attrgetter("timestamp")


def in_time_order(
    arrivals: Iterable[list[T]], *, horizon_s: float = HORIZON_S, most_waiting: int = MOST_WAITING
) -> Iterator[list[T]]:
    """Lots of things as other lots, in (timestamp, arrival) order.

    What comes at most `horizon_s` of event time behind the newest before it comes out in
    exact order; what is later still is passed on with the next lot.

    Args:
        most_waiting: bound of memory; above it the oldest half goes out early.
    """
    waiting: list[T] = []
    in_order = 0  # of waiting, from the left
    newest = float("-inf")
    looked_at = 0
    oldest_late = float("inf")  # of those right of in_order that came behind a newer one
    for arriving in arrivals:
        waiting += arriving
        for arrival in arriving:
            timestamp = arrival.timestamp
            if timestamp >= newest:
                newest = timestamp
            elif timestamp < oldest_late:
                oldest_late = timestamp
        looked_at += len(arriving)
        if looked_at < _LOOK_EVERY:
            continue
        looked_at = 0
        _settle(waiting, in_order, oldest_late)
        # Left: one exactly horizon_s old still waits, as an equal one may yet come.
        due = bisect_left(waiting, newest - horizon_s, key=timestamp_of)
        if len(waiting) > most_waiting:
            due = max(due, len(waiting) - most_waiting // 2)
        if due:
            yield waiting[:due]
            del waiting[:due]
        in_order, oldest_late = len(waiting), float("inf")
    _settle(waiting, in_order, oldest_late)
    if waiting:
        yield waiting


def in_lots(arrivals: Iterator[T]) -> Iterator[list[T]]:
    """What comes one by one in lots, as `in_time_order` takes it."""
    while lot := list(islice(arrivals, _LOT)):
        yield lot


def merge_in_time_order(
    parts: Iterable[tuple[float, Callable[[], Iterator[T]]]],
) -> Iterator[T]:
    """Several streams, each in time order, as one; each is opened when its turn comes.

    Args:
        parts: (begin, open): nothing of the stream is older than `begin`.
    """
    streams = [_opened_late(begin, open_stream) for begin, open_stream in parts]
    for each in heapq.merge(*streams, key=timestamp_of):
        if not isinstance(each, _Begin):
            yield each


class _Begin(NamedTuple):
    """Stands for a stream in the merge until it is opened."""

    timestamp: float


def _opened_late(begin: float, open_stream: Callable[[], Iterator[T]]) -> Iterator[T | _Begin]:
    yield _Begin(begin)
    yield from open_stream()


def _settle(waiting: list[T], in_order: int, oldest_late: float) -> None:
    """Put `waiting` in order; only what the late ones displace is moved."""
    if oldest_late == float("inf"):
        return
    start = bisect_right(waiting, oldest_late, 0, in_order, key=timestamp_of)
    # Stable: equal timestamps keep their order of arrival.
    waiting[start:] = sorted(waiting[start:], key=timestamp_of)
