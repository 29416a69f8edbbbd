"""Log lines of which a peer could cause any number, bounded in time."""

import logging
import time


class RepeatedLog:
    """Writes at most one line in `every_s`, and how many it left out since the last."""

    def __init__(self, log: logging.Logger, *, every_s: float) -> None:
        self._log = log
        self._every_s = every_s
        self._next = float("-inf")
        self._left_out = 0

    def warning(self, text: str, *values: object) -> None:
        now = time.monotonic()
        if now < self._next:
            self._left_out += 1
            return
        if self._left_out:
            text += f" ({self._left_out} like it left out)"
        self._left_out = 0
        self._next = now + self._every_s
        self._log.warning(text, *values)
