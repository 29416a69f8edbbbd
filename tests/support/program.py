"""The program as its users run it, and the demo's incident as files to run it on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

TIMEOUT_S = 120


class Program:
    """The installed program, in an environment of its own."""

    def __init__(self, home: Path) -> None:
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("BGPTUI_")
        } | {
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CONFIG_HOME": str(home / "config"),
        }
        self.home = home

    def run(self, *arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end; the exit code must be as expected."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == exit_code, done.stderr
        return done

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run in the background; it is killed if it still runs at the end."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def terminate(self, process: subprocess.Popen[str]) -> str:
        """SIGTERM; what it had said on stderr. It must end well."""
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0, said
        return said

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "bgptui", *arguments]


class Incident(Struct, frozen=True):
    """The demo's hijack and storm as files, with two hours of history before them."""

    recording: Path
    vrps: Path
    watchlist: Path

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--vrps", str(self.vrps), "--watch", str(self.watchlist))
