"""The console on a real terminal: signals, a terminal that goes away, NO_COLOR."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

APP = Path(__file__).with_name("console_on_terminal.py")
GONE_WITHIN_S = 5.0
# Select Graphic Rendition with a colour in it; 39 and 49 are the terminal's own.
_COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


class Terminal:
    """A pseudo-terminal of 80x24 with the console on it."""

    def __init__(self, **environ: str) -> None:
        self.main, side = pty.openpty()
        termios.tcsetwinsize(self.main, (24, 80))
        self.attributes: list[Any] = termios.tcgetattr(side)
        self.output = b""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TEXTUAL")}
        inherited.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [sys.executable, str(APP)],
            stdin=side,
            stdout=side,
            stderr=subprocess.PIPE,
            env={**inherited, "TERM": "xterm-256color", **environ},
            start_new_session=True,
        )
        self._side = side

    def read_until(self, text: bytes, within_s: float = 20.0) -> None:
        """Collect output until `text` has come."""
        deadline = time.monotonic() + within_s
        while text not in self.output:
            assert time.monotonic() < deadline, self.output[-500:]
            self._read()

    def wait(self) -> int:
        """The exit code; output is read meanwhile, as a terminal does."""
        deadline = time.monotonic() + GONE_WITHIN_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "the console is still there"
            if self.main >= 0:
                self._read()
            else:
                time.sleep(0.02)
        return self.process.returncode

    def settings_now(self) -> list[Any]:
        return termios.tcgetattr(self._side)

    def go_away(self) -> None:
        """What an SSH session does that breaks off."""
        os.close(self._side)
        os.close(self.main)
        self._side = self.main = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        for descriptor in (self.main, self._side):
            if descriptor >= 0:
                os.close(descriptor)

    def _read(self) -> None:
        if select.select([self.main], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                self.output += os.read(self.main, 65_536)


MakeTerminal = Callable[..., Terminal]


@pytest.fixture
def terminal() -> Iterator[MakeTerminal]:
    with contextlib.ExitStack() as stack:

        def make(**environ: str) -> Terminal:
            made = Terminal(**environ)
            stack.callback(made.close)
            made.read_until(b"8841")
            return made

        yield make


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_console_and_leaves_the_terminal_as_it_was(
    number: signal.Signals, terminal: MakeTerminal
) -> None:
    shown = terminal()
    assert shown.settings_now() != shown.attributes
    shown.process.send_signal(number)
    assert shown.wait() == 0
    shown.read_until(b"left in order")
    assert b"\x1b[?1049l" in shown.output
    assert b"\x1b[?25h" in shown.output
    assert shown.settings_now() == shown.attributes


def test_q_leaves_the_terminal_as_it_was(terminal: MakeTerminal) -> None:
    shown = terminal()
    os.write(shown.main, b"q")
    assert shown.wait() == 0
    assert shown.settings_now() == shown.attributes


@pytest.mark.parametrize("told", [True, False])
def test_a_terminal_that_goes_away_takes_the_console_with_it(
    told: bool, terminal: MakeTerminal
) -> None:
    shown = terminal()
    shown.go_away()
    if told:
        shown.process.send_signal(signal.SIGHUP)
    shown.wait()


def test_no_color_means_none_and_the_cursor_and_severity_are_still_seen(
    terminal: MakeTerminal,
) -> None:
    shown = terminal(NO_COLOR="1")
    assert _COLOUR.search(shown.output) is None
    assert b"C!!" in shown.output
    assert re.search(rb"\x1b\[(?:[0-9;]*;)?7[;m]", shown.output)


def test_colours_are_the_terminals_own_sixteen(terminal: MakeTerminal) -> None:
    shown = terminal()
    assert _COLOUR.search(shown.output)
    assert re.search(rb"[34]8;[25];", shown.output) is None
