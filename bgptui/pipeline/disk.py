"""How much room is left for rows, and for how long."""

from collections import deque
from collections.abc import Callable

LOOK_EVERY_S = 60.0
LOOKS = 61  # an hour
_FEWEST_LOOKS = 6


class DiskForecast:
    """Free bytes now, and hours until none are left at the last hour's pace.

    Args:
        free: bytes left where the rows go, None where that cannot be known.
    """

    def __init__(self, free: Callable[[], int | None]) -> None:
        self._free = free
        self._looks: deque[tuple[float, int]] = deque(maxlen=LOOKS)
        self._looked_at: float | None = None

    def look(self, monotonic_s: float) -> tuple[int | None, float | None]:
        """(bytes, hours); hours are None while nothing shrinks or too little is known."""
        if self._looked_at is None or monotonic_s - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = monotonic_s
            free_bytes = self._free()
            if free_bytes is not None:
                self._looks.append((monotonic_s, free_bytes))
        if not self._looks:
            return None, None
        (first_s, first_bytes), (last_s, last_bytes) = self._looks[0], self._looks[-1]
        shrunk = first_bytes - last_bytes
        if len(self._looks) < _FEWEST_LOOKS or shrunk <= 0:
            return last_bytes, None
        return last_bytes, last_bytes / shrunk * (last_s - first_s) / 3_600
