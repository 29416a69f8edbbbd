"""What is to happen at a time to come, in order of (time, key)."""

import heapq
from enum import IntEnum

LATENESS_S = 10.0  # items arrive out of order by as much (the watermark of the windows)


class Errand(IntEnum):
    """What to do with a key when its time has come."""

    SHOW = 0  # an update that was held back so that alerts do not chatter
    LOOK = 1  # see whether the matter opens, or has ended


class Agenda:
    """Wake-up calls: at most one for each (key, errand), the earliest that was asked for.

    Whoever is called looks for itself whether it is really time, and asks again if not. So a
    deadline that moves on costs nothing, and memory is bounded by the number of keys.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, Errand]] = []
        self._earliest: dict[tuple[str, Errand], float] = {}

    def put(self, due: float, key: str, errand: Errand) -> None:
        """Call `key` at `due`, unless it is called earlier anyway."""
        known = self._earliest.get((key, errand))
        if known is None or due < known:
            self._earliest[key, errand] = due
            heapq.heappush(self._heap, (due, key, errand))

    def pop(self, until: float) -> tuple[float, str, Errand] | None:
        """The next call that is due at `until` or before."""
        while self._heap and self._heap[0][0] <= until:
            due, key, errand = heapq.heappop(self._heap)
            if self._earliest.get((key, errand)) == due:
                del self._earliest[key, errand]
                return due, key, errand
        return None
