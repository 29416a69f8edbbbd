"""What several processes hand over, brought into one order of time: pure."""

import heapq
from collections.abc import Collection
from math import inf
from typing import NamedTuple

from bgptui.pipeline.handing import Handed

# Live, a process that says nothing for so long, or whose time is so far behind the others', is not
# waited for: what it hands over later is taken as late as it comes.
SILENT_S = 3.0
BEHIND_S = 10.0


class Item(NamedTuple):
    """Something handed over; items are in order of time, and of their ids where it is equal."""

    now: float
    moment_id: int
    holder: str
    handed: Handed


class ShardMerge:
    """Holds items until every process that lives has come as far.

    Args:
        silent_s, behind_s: how long a process is waited for; inf where time is the data's, since
            there a process may rightly be behind.
    Attributes:
        known: ids of the items that came and are not done with.
    """

    def __init__(self, *, silent_s: float = SILENT_S, behind_s: float = BEHIND_S) -> None:
        self._silent_s = silent_s
        self._behind_s = behind_s
        self._waiting: list[Item] = []
        self._time: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self.known: set[int] = set()

    def put(self, item: Item, *, at: float) -> None:
        """Take an item; those of one process come in their order.

        Args:
            at: seconds on our own clock, as for `ready`.
        """
        self.known.add(item.moment_id)
        self._time[item.holder] = item.now
        self._heard[item.holder] = at
        heapq.heappush(self._waiting, item)

    def ready(self, processes: Collection[str], *, at: float) -> list[Item]:
        """The items up to where every process is that lives; the rest waits.

        Args:
            processes: those that live. One that has handed nothing over is waited for as well.
        """
        newest = max(self._time.values(), default=-inf)
        for process in processes:
            self._heard.setdefault(process, at)
        times = [
            time
            for process in processes
            if at - self._heard[process] <= self._silent_s
            and newest - (time := self._time.get(process, newest)) <= self._behind_s
        ]
        until = min(times, default=inf)
        if any(self._is_awaited(process, at) for process in processes):
            until = -inf
        self._forget(processes)
        ready: list[Item] = []
        while self._waiting and self._waiting[0].now <= until:
            ready.append(heapq.heappop(self._waiting))
        return ready

    def _is_awaited(self, process: str, at: float) -> bool:
        """It lives, has handed nothing over so far, and may still do so."""
        return process not in self._time and at - self._heard[process] <= self._silent_s

    def holders(self) -> set[str]:
        """The processes that handed over what still waits."""
        return {item.holder for item in self._waiting}

    def done(self, ids: Collection[int]) -> None:
        """Items whose end is in the database."""
        self.known.difference_update(ids)

    def _forget(self, processes: Collection[str]) -> None:
        for process in self._time.keys() - set(processes):
            del self._time[process]
            self._heard.pop(process, None)
