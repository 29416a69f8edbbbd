"""`now`, with steps of the wall clock taken out."""

STEP_S = 3_600.0


class SteadyTime:
    """Keeps a step of the clock from passing for an hour of silence.

    The aggregator is called several times a second, so `now` never moves by an hour between two
    calls, unless the clock was set, the machine slept, or (in a replay) the recording has a
    hole. Such a step is held back, until a message's timestamp agrees with the new time, which
    in a replay it does at once. A step back is no silence either: `base + now` just falls
    behind the event time.
    """

    def __init__(self) -> None:
        self._held_s = 0.0
        self._last: float | None = None

    @property
    def held_s(self) -> float:
        """What is held back; 0 nearly always."""
        return self._held_s

    def at(self, now: float, timestamp: float | None = None) -> float:
        """The steady time of `now`; `timestamp` is that of a message received now."""
        step = 0.0 if self._last is None else now - self._last
        self._last = now
        if timestamp is not None and now - timestamp <= STEP_S:
            self._held_s = 0.0
        elif step > STEP_S:
            self._held_s += step
        elif step < -STEP_S:
            self._held_s = max(0.0, self._held_s + step)
        return now - self._held_s
