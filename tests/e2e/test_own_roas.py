"""The whole program tells of its operator's ROAs: while it runs, while it did not, and once."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from bgptui.demo.catalogue import scenario
from bgptui.sources.playback import Pacing, Times
from bgptui.sources.ris_server import RisServer, TimedFrame
from support.awaiting import rows, until
from support.program import Program

PREFIX = "198.18.7.0/24"  # nobody in the demo announces it
OPEN = "select count(*) from alerts where alert_type = 'roa' and status = 'open'"
RESOLVED = "select count(*) from alerts where alert_type = 'roa' and status = 'resolved'"
BELIEVED = "select count(*) from bgptui.watched_vrps"


@pytest.fixture
def server() -> Iterator[RisServer]:
    """The demo's calm traffic, of now."""

    def frames() -> Iterator[TimedFrame]:
        return islice(scenario("subprefix-hijack").recording(rng=Random(3)), 20_000)

    serving = RisServer(frames, pacing=Pacing(rate_per_s=50, times=Times.NOW))
    serving.start()
    yield serving
    serving.stop()


class Roas:
    """The operator's files, and how to run the program on them."""

    def __init__(self, folder: Path, dsn: str, url: str) -> None:
        self._vrps = folder / "vrps.json"
        self.dsn = dsn
        watchlist = folder / "watch.toml"
        watchlist.write_text(f'[[prefix]]\nprefix = "{PREFIX}"\norigins = [64500]\n')
        values = {
            "rpki.vrps": str(self._vrps),
            "rpki.refresh_s": "0.5",
            "watch.file": str(watchlist),
            "watch.roa_settle_s": "0",
            "alerts.hold_down_s": "0",
        }
        self.command = ["--no-ui", "--url", url, "--dsn", dsn]
        for name, value in values.items():
            self.command += ["--set", f"{name}={value}"]

    def publish(self, *, own: bool) -> None:
        """Write the VRPs, the operator's among them or not."""
        roas = [{"asn": 64999, "prefix": f"10.{n}.0.0/16", "ta": "ripe"} for n in range(50)]
        if own:
            roas.append({"asn": 64500, "prefix": PREFIX, "ta": "ripe"})
        document = {"metadata": {"generated": time.time()}, "roas": roas}
        beside = self._vrps.with_suffix(".new")
        beside.write_text(json.dumps(document))
        beside.replace(self._vrps)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.dsn, query)

    def until(self, query: str, *programs: subprocess.Popen[str]) -> None:
        """Wait until a query counts one, while the programs run."""
        until(lambda: self._counts_one(query), query, *programs)

    def _counts_one(self, query: str) -> bool:
        try:
            return self.rows(query) == [(1,)]
        except psycopg.errors.UndefinedTable:
            return False  # not migrated yet


@pytest.fixture
def roas(program: Program, database: str, server: RisServer) -> Roas:
    return Roas(program.home, database, server.url)


def test_what_happened_while_it_was_down_is_told_once_and_so_is_the_recovery(
    program: Program, roas: Roas
) -> None:
    roas.publish(own=True)
    with program.running(*roas.command) as process:
        roas.until(BELIEVED, process)
        assert "Traceback" not in program.terminate(process)
    assert roas.rows("select count(*) from alerts where alert_type = 'roa'") == [(0,)]
    roas.publish(own=False)
    with program.running(*roas.command) as process:
        roas.until(OPEN, process)
        roas.publish(own=True)
        roas.until(RESOLVED, process)
        assert "Traceback" not in program.terminate(process)
    found = roas.rows(
        "select alert_type, severity, title, prefix::text, origin_asn, rpki_status, peers_seen,"
        " status, resolution_notes is not null from alerts where alert_type = 'roa'"
    )
    assert found == [("roa", "medium", "ROA Gone", PREFIX, 64500, "not_found", 0, "resolved", True)]
    listed = program.run("alerts", "list", "--status", "resolved", "--dsn", roas.dsn).stdout
    assert PREFIX in listed
    exported = program.run("export", "alerts", "--format", "jsonl", "--dsn", roas.dsn).stdout
    assert '"kind":"roa"' in exported


@pytest.mark.faults
def test_of_two_processes_that_share_the_collectors_one_tells_of_a_file_that_is_rewritten(
    program: Program, roas: Roas
) -> None:
    roas.publish(own=True)
    shared = ("--set", 'feed.collectors=["rrc00", "rrc01"]')
    with ExitStack() as stack:
        two = [stack.enter_context(program.running(*roas.command, *shared)) for _ in range(2)]
        roas.until(BELIEVED, *two)
        roas.publish(own=False)
        roas.until(OPEN, *two)
        roas.publish(own=True)
        roas.until(RESOLVED, *two)
        for process in two:
            process.terminate()
        for process in two:
            assert "Traceback" not in program.terminate(process)
    assert roas.rows("select count(*) from alerts where alert_type = 'roa'") == [(1,)]
