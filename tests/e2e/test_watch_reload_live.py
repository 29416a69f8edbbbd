"""A collector that reads its watchlist again: at SIGHUP, and when a command asks."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bgptui.sources.playback import Pacing, Times
from bgptui.sources.ris_server import RisServer, TimedFrame
from support.awaiting import DEADLINE_S, rows, until
from support.program import TIMEOUT_S, Program

HIJACKED, OTHER = "203.0.113.0/24", "198.51.100.0/24"
NOBODY = "ws://127.0.0.1:9/"  # the discard port: nothing answers
OWN = f'[[prefix]]\nprefix = "{HIJACKED}"\norigins = [64500]\n'
BOTH = f'[[prefix]]\nprefix = "{OTHER}"\norigins = [64501]\n' + OWN


def frames() -> Iterator[TimedFrame]:
    """A hijack that three peers see, and after that only what others announce, for minutes."""
    for number in range(6_000):
        at = time.time()
        peer, prefix, origin = number % 3 + 1, HIJACKED, 64666
        if number >= 3:
            prefix, origin = f"10.{number % 200}.0.0/16", 64777
        data = {
            "timestamp": at,
            "peer": f"192.0.2.{peer}",
            "peer_asn": str(65000 + peer),
            "id": f"{number:x}",
            "host": "rrc00.ripe.net",
            "type": "UPDATE",
            "path": [65000 + peer, 64999, origin],
            "announcements": [{"next_hop": f"192.0.2.{peer}", "prefixes": [prefix]}],
        }
        yield at, json.dumps({"type": "ris_message", "data": data}).encode()


@pytest.fixture
def url() -> Iterator[str]:
    server = RisServer(frames, pacing=Pacing(rate_per_s=50, times=Times.NOW))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def watchlist(tmp_path: Path) -> Path:
    path = tmp_path / "watch.toml"
    path.write_text(OWN)
    return path


def watch_health(dsn: str) -> dict[str, Any]:
    found = rows(dsn, "select document -> 'watch' from collector_health")
    return found[0][0] if found else {}


def test_a_collector_reads_its_watchlist_again_and_forgets_nothing(
    program: Program, url: str, watchlist: Path, database: str
) -> None:
    command = ("--no-ui", "--url", url, "--watch", str(watchlist), "--dsn", database)
    alerts = "select title, status, resolution_notes from alerts"
    with program.running(*command) as live:
        until(lambda: len(rows(database, alerts)) == 1, "the hijack", live)

        watchlist.write_text(OWN + "orgins = [64500]\n")
        live.send_signal(signal.SIGHUP)
        until(
            lambda: bool(watch_health(database).get("error")), "the error in the health row", live
        )
        assert "watch.toml:4: rule 1: orgins" in watch_health(database)["error"]
        refused = program.run("watch", "reload", "--dsn", database, exit_code=1)
        assert "watch.toml:4: rule 1: orgins" in refused.stderr

        watchlist.write_text(BOTH)
        done = program.run("watch", "reload", "--dsn", database)
        assert done.stdout == f"watchlist reloaded: 1 rule added ({OTHER})\n"
        until(lambda: watch_health(database)["error"] == "", "the end of the error", live)
        assert rows(database, alerts) == [("Route Hijack Suspected", "open", None)]

        watchlist.write_text(OWN.replace(HIJACKED, OTHER))
        live.send_signal(signal.SIGHUP)
        until(lambda: rows(database, alerts)[0][1] == "resolved", "the resolution", live)
        said = program.terminate(live)
    assert rows(database, alerts) == [
        (
            "Route Hijack Suspected",
            "resolved",
            "the watchlist changed: it has nothing against it any more (3 peers)",
        )
    ]
    assert said.count("not read again, the one in force stays") == 2
    assert f"1 rule removed ({HIJACKED}), 1 changed ({OTHER})" in said
    assert "3 routes fire no more" in said
    program.run("watch", "reload", "--dsn", database, exit_code=3)


def test_every_process_that_shares_the_collectors_answers(
    program: Program, watchlist: Path, tmp_path: Path, database: str
) -> None:
    second = tmp_path / "second.toml"
    second.write_text(OWN)
    with ExitStack() as stack:
        two = [
            stack.enter_context(
                program.running(
                    *("--no-ui", "--url", NOBODY, "--watch", str(path), "--dsn", database),
                    *("--set", 'feed.collectors=["rrc00", "rrc01"]'),
                )
            )
            for path in (watchlist, second)
        ]
        joined = "select count(*) from bgptui.shards"
        until(
            lambda: (
                rows(database, "select to_regclass('bgptui.shards') is not null") == [(True,)]
                and rows(database, joined) == [(2,)]
            ),
            "both processes",
            *two,
        )
        done = program.run("watch", "reload", "--dsn", database)
        assert done.stdout.count("watchlist reloaded: no rule changed") == 1
        assert all(f":{process.pid}" in done.stdout for process in two)
        second.write_text("[[prefix]\n")
        refused = program.run("watch", "reload", "--dsn", database, exit_code=1)
        assert f":{two[0].pid}: watchlist reloaded" in refused.stderr
        assert f":{two[1].pid}: NOT reloaded" in refused.stderr
        for process in two:
            program.terminate(process)


@contextmanager
def on_a_terminal(
    program: Program, *arguments: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The program in a session of its own on a terminal, and our end of that."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *program.command(*arguments)],
        env=program.environment,
        cwd=program.home,
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    try:
        yield process, ours
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_collector_whose_terminal_goes_away_ends(program: Program, database: str) -> None:
    collects = "select count(*) from collector_leases where holder <> ''"
    arguments = ("--no-ui", "--url", NOBODY, "--dsn", database)
    with on_a_terminal(program, *arguments) as (process, terminal):
        deadline = time.monotonic() + DEADLINE_S
        while rows(database, collects) == [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        told = b""
        while b"nothing" not in told and b"watchlist" not in told:
            told += os.read(terminal, 4096)
        assert process.poll() is None
        os.close(terminal)
        assert process.wait(TIMEOUT_S) == 0
    assert rows(database, collects) == [(0,)]
