"""The console as an operator has it: in tmux, at 80x24, on the demo."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator

import psycopg
import pytest

from support.program import Program

DEADLINE_S = 90.0

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")


class Terminal:
    """A tmux pane of 80x24 with a shell in it, on a tmux server of its own."""

    def __init__(self, program: Program) -> None:
        self._socket = str(program.home / "tmux")
        self._typed = program.home / "typescript"
        self._tmux(
            "new-session", "-d", "-s", "noc", "-x", "80", "-y", "24", "env", "PS1=$ ", "sh",
            environment=program.environment,
        )  # fmt: skip
        self._tmux("pipe-pane", "-t", "noc", f"cat >> '{self._typed}'")

    def _tmux(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        return subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        ).stdout

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "noc", "-l", text)

    def press(self, key: str) -> None:
        self._tmux("send-keys", "-t", "noc", key)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "noc")

    def output(self) -> str:
        """Everything that was ever written to the pane."""
        return self._typed.read_text(errors="replace") if self._typed.exists() else ""

    def wait_for(self, pattern: str) -> str:
        """The screen once it matches."""
        deadline = time.monotonic() + DEADLINE_S
        while not re.search(pattern, shown := self.screen(), re.MULTILINE):
            assert time.monotonic() < deadline, f"{pattern!r} did not come:\n{shown}"
            time.sleep(0.05)
        return shown

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def terminal(program: Program) -> Iterator[Terminal]:
    pane = Terminal(program)
    yield pane
    pane.close()


def test_the_demo_shows_a_hijack_that_can_be_acknowledged_and_undone(
    terminal: Terminal, program: Program
) -> None:
    terminal.type(" ".join((*program.command("--demo"), ";", "stty", "-a")))
    terminal.press("Enter")
    shown = terminal.wait_for(
        r"^> +C!! +1 +[\d:]+ +HIJACK +203\.0\.113\.128/25 +AS64666 +INV .* OPEN"
    )
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "LIVE" in shown
    dsn = re.search(r"demo database: (host=\S+ port=\d+ user=\w+ dbname=\w+)", terminal.output())
    assert dsn is not None
    terminal.press("a")
    terminal.wait_for(r"^> +C!! +1 .* ACK")
    with psycopg.connect(dsn[1], autocommit=True) as connection:
        row = connection.execute(
            "select status, acknowledged_by is not null from alerts where alert_id = 1"
        ).fetchone()
        assert row == ("acknowledged", True)
        terminal.press("u")
        terminal.wait_for(r"^> +C!! +1 .* OPEN")
        acts = connection.execute(
            "select from_status, to_status from alert_status_events where alert_id = 1"
            " order by event_id"
        ).fetchall()
    assert acts == [("open", "acknowledged"), ("acknowledged", "open")]
    terminal.press("q")
    terminal.wait_for("y quits")
    terminal.press("y")
    # The terminal is as it was: main screen, echo and line editing on.
    assert re.search(r"[^-]echo", terminal.wait_for(r"[^-]icanon"))
