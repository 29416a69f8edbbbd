"""A progress line on stderr, where that is a terminal."""

import logging
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

_REDRAW_S = 0.1
_ERASE_LINE = "\r\x1b[K"


class ProgressLine:
    """One line that is redrawn in place; a context manager that erases it at the end.

    Lines for people or programs go through `print_line`, and log lines on stderr by themselves,
    so that the two do not mix on one terminal. Any thread may call it.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._text = ""
        self._drawn_at = 0.0

    def __enter__(self) -> Self:
        self._redirect_log(sys.stderr, self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._redirect_log(self, sys.stderr)
        self.clear()

    def write(self, text: str) -> None:
        """Write log lines above the progress line: a log handler's stream."""
        with self._lock:
            sys.stderr.write(_ERASE_LINE * bool(self._text) + text)
            if self._text:
                self._draw()

    def flush(self) -> None:
        """Every line is flushed as it is written."""
        sys.stderr.flush()

    def _redirect_log(self, source: object, target: "TextIO | ProgressLine") -> None:
        for handler in logging.getLogger().handlers if self._shown else ():
            if isinstance(handler, logging.StreamHandler) and handler.stream is source:
                handler.setStream(target)

    def bytes_read(self, done: int, total: int | None) -> None:
        """Show how much of the input has been read; `total` is None where it is unknown."""
        share = f"{min(done / total, 1.0):4.0%} of {total / 1e6:,.1f} MB" if total else ""
        self.show(share or f"{done / 1e6:,.1f} MB")

    def show(self, text: str) -> None:
        if not self._shown:
            return
        with self._lock:
            now = time.monotonic()
            self._text = f"{self._label}: {text}"
            if now - self._drawn_at >= _REDRAW_S:
                self._drawn_at = now
                self._draw()

    def print_line(self, text: str, *, file: TextIO | None = None) -> None:
        """Print above the progress line."""
        with self._lock:
            if self._text:
                sys.stderr.write(_ERASE_LINE)
                sys.stderr.flush()
            print(text, file=file or sys.stdout, flush=True)
            if self._text:
                self._draw()

    def clear(self) -> None:
        with self._lock:
            if self._text:
                sys.stderr.write(_ERASE_LINE)
                sys.stderr.flush()
                self._text = ""

    def _draw(self) -> None:
        sys.stderr.write(_ERASE_LINE + self._text)
        sys.stderr.flush()
