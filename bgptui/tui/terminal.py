"""The console on a real terminal: it takes it, and gives it back whatever happens."""

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from bgptui.errors import Fatal, UsageError
from bgptui.tui.app import Bell, ConsoleApp, Feed, Pipeline

# From a signal to the end of the console; the rest of five seconds is the pipeline's.
STUCK_AFTER_S = 2.5
_TAKEN = (signal.SIGTERM, signal.SIGHUP)
# Mouse and focus reports, bracketed paste and the Kitty protocol off, wrap on, main screen, cursor.
_SANE = b"\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m\r\n"


class ConsoleDriver(LinuxDriver):
    """Textual's driver, for a terminal that may go away.

    Its writing thread dies with the terminal; what is written after that would fill a bounded
    queue and block the event loop for ever. It writes to stdout, where Textual's writes to
    stderr: that may be a log file.
    """

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        assert sys.__stdout__ is not None  # noqa: S101  # require_terminal has looked
        self._file = sys.__stdout__
        self._hang_up = select.poll()
        self._hang_up.register(self.fileno, 0)

    def write(self, data: str) -> None:
        if not self._is_dumb:
            super().write(data)

    def close(self) -> None:
        if not self._is_dumb:
            super().close()

    @property
    def lost(self) -> bool:
        """The terminal is gone, whether or not anything was to be written since. SIGHUP does not
        come where it is not ours (nohup, a session of our own)."""
        return self._is_dumb or bool(self._hang_up.poll(0))

    @property
    def _is_dumb(self) -> bool:
        """Nothing can be written any more."""
        writer = self._writer_thread
        return writer is not None and not writer.is_alive()


def run_console(
    feed: Feed,
    *,
    hosts_pipeline: Pipeline,
    operator: str,
    refresh_s: float = 1.0,
    bell: Bell = Bell.ON,
    stopping: Callable[[], bool] = lambda: False,
    last_resort: Callable[[], None] = lambda: None,
) -> None:
    """Run the console until the operator quits, `stopping` says so, or SIGTERM or SIGHUP comes.

    To be called in the main thread. The caller then stops the feed and the pipeline.

    Args:
        stopping: asked four times a second.
        last_resort: called in another thread, just before the process ends at once, where
            the console does not come back within STUCK_AFTER_S of a signal; stops the pipeline.
    Raises:
        UsageError: there is no terminal that can show it; names --no-ui.
        Fatal: the console has failed; its traceback is on the terminal.
        BaseException: what ended the feed.
    """
    require_terminal(os.environ, sys.stdin, sys.stdout)
    with _signals(last_resort) as signalled:
        app = ConsoleApp(
            feed,
            hosts_pipeline=hosts_pipeline,
            operator=operator,
            refresh_s=refresh_s,
            bell=bell,
            stopping=lambda: signalled.is_set() or stopping() or app.terminal_lost,
            driver_class=ConsoleDriver,
        )
        # Without the mouse: the terminal's own selection works, and nothing is hit by mistake.
        app.run(mouse=False)
    if feed.error is not None:
        raise feed.error
    if app.return_code:
        raise Fatal("the console has failed; the traceback is above")


def require_terminal(environ: Mapping[str, str], stdin: TextIO, stdout: TextIO) -> None:
    """Raises: UsageError, where the console could not be shown or could not be left."""
    if environ.get("TERM", "dumb") in ("dumb", ""):
        term = environ.get("TERM", "")
        raise UsageError(
            f"TERM={term} cannot show the console; set TERM, or run bgptui --no-ui without one"
        )
    if not stdin.isatty() or not stdout.isatty():
        raise UsageError(
            "the console needs a terminal for input and output; run bgptui --no-ui without one"
        )


@contextmanager
def _signals(last_resort: Callable[[], None]) -> Iterator[threading.Event]:
    """SIGTERM and SIGHUP set the event that this gives; a watchdog makes sure of the end."""
    signalled, ended = threading.Event(), threading.Event()
    attributes = termios.tcgetattr(sys.stdin.fileno())

    def watch() -> None:
        if ended.wait(STUCK_AFTER_S):
            return
        last_resort()
        with suppress(termios.error):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)
        # A terminal that takes no output (flow control) must not keep us: in a thread.
        write = threading.Thread(target=_write_sane, daemon=True)
        write.start()
        write.join(0.5)
        os._exit(1)

    def taken(_signum: int, _frame: FrameType | None) -> None:
        if not signalled.is_set():
            signalled.set()
            threading.Thread(target=watch, name="bgptui-console-watchdog", daemon=True).start()

    before = {number: signal.signal(number, taken) for number in _TAKEN}
    try:
        yield signalled
    finally:
        ended.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_sane() -> None:
    with suppress(OSError):
        os.write(sys.stdout.fileno(), _SANE)
