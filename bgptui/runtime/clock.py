"""Where `now` comes from: the wall, or the data."""

import time
from typing import Protocol


class Clock(Protocol):
    """`now()` in seconds since 1970 UTC; `observe` tells it a message's timestamp."""

    def now(self) -> float: ...

    def observe(self, timestamp: float) -> None: ...


class WallClock:
    """Time of this machine."""

    def now(self) -> float:
        return time.time()

    def observe(self, timestamp: float) -> None:
        """The wall does not care for the data's time."""


class EventClock:
    """Time of the data: the newest timestamp observed. It never goes back."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def observe(self, timestamp: float) -> None:
        self._now = max(self._now, timestamp)
