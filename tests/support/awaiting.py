"""What tests of running programs wait for, and read from their database."""

import subprocess
import time
from collections.abc import Callable
from typing import Any

import psycopg

DEADLINE_S = 60.0


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def until(condition: Callable[[], bool], what: str, *programs: subprocess.Popen[str]) -> None:
    """Wait for a condition while the programs run."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        for process in programs:
            assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, f"{what} did not come in {DEADLINE_S:.0f} s"
        time.sleep(0.05)
