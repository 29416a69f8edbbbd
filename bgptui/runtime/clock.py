"""Where `now` comes from: the wall, or the data."""

import time
from typing import Protocol


class Clock(Protocol):
    """`now()` in seconds since 1970 UTC; `observe` tells it a message's timestamp.

    `is_event_time`: only the data moves it.
    """

    @property
    def is_event_time(self) -> bool: ...

    def now(self) -> float: ...

    def observe(self, timestamp: float) -> None: ...


class WallClock:
    """Time of this machine."""

    is_event_time = False

    def now(self) -> float:
        return time.time()

    def observe(self, timestamp: float) -> None:
        """The wall does not care for the data's time."""


class EventClock:
    """Time of the data: the newest timestamp observed. It never goes back."""

    is_event_time = True

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def observe(self, timestamp: float) -> None:
        self._now = max(self._now, timestamp)


class PipelineClock:
    """The clock that every stage of one pipeline shares; it may change from data to wall.

    A pipeline that first catches up on a recording runs on the recording's time and goes
    over to the wall when the live feed begins.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def switch(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now()

    def observe(self, timestamp: float) -> None:
        self._clock.observe(timestamp)

    @property
    def is_event_time(self) -> bool:
        return self._clock.is_event_time

    def tick_time(self) -> float | None:
        """`now` for idle ticks; None while only the data moves time."""
        return None if self.is_event_time else self._clock.now()
