"""Outages of minutes, kills and a full disk, with the whole program under load."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.mortal_server import MortalServer, wait_until
from support.outage import HIJACK_EVERY, RATE_PER_S, Outage
from support.program import Program

pytestmark = pytest.mark.faults

MINUTES_5 = int(300 * RATE_PER_S)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalServer]:
    mortal = MortalServer(tmp_path_factory.mktemp("mortal"))
    yield mortal
    mortal.close()


def test_a_database_that_is_away_for_five_minutes_under_load_misses_nothing(
    program: Program, server: MortalServer
) -> None:
    count = MINUTES_5 + 60_000
    outage = Outage(program, server, count=count)
    outcome = outage.run(first=10_000, during=MINUTES_5)
    print(outcome)
    assert outcome.away_s >= 299
    assert outage.wrong() == {}
    assert outage.stored == count
    assert outage.opened == count // HIJACK_EVERY
    assert outage.value("select count(*) from route_monitor_events") == count // HIJACK_EVERY
    assert outage.value("select count(*) from feed_gaps") == 0
    assert "dropped=0" in outcome.said.splitlines()[-1]
    assert outage.spooled_bytes == 0


def test_a_collector_killed_in_an_outage_loses_less_than_a_second_and_its_open_windows(
    program: Program, server: MortalServer
) -> None:
    outage = Outage(program, server, count=200_000)
    outage.feed.start()
    try:
        with outage.collecting() as process:
            wait_until(lambda: outage.stored >= 4_000)
            outage.away(140_000)  # more than a minute: windows are closed meanwhile
            killed_after = outage.feed.played
            process.send_signal(signal.SIGKILL)
            process.wait()
        spooled = outage.spooled_bytes
        server.start()
        before = outage.stored
        with outage.collecting() as process:
            wait_until(lambda: outage.value("select count(*) from feed_gaps") == 1, timeout_s=90)
            program.terminate(process)
    finally:
        outage.feed.stop()
    (gap,) = outage.rows(
        "select reason, extract(epoch from gap_start)::float8, extract(epoch from gap_end)::float8"
        " from feed_gaps"
    )
    assert gap[0] == "restart"
    recovered = outage.value(
        f"select count(*) from raw_bgp_data where timestamp < to_timestamp({gap[2]})"
    )
    print(f"spooled {spooled / 2**20:.1f} MiB; {killed_after - recovered} messages lost")
    assert before < recovered
    assert killed_after - recovered < RATE_PER_S
    wrong = outage.wrong()
    # The open window of the kill has no row; what was received for it is there.
    wrong.pop("windows that count other messages than there are", None)
    assert wrong == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small tmpfs")
    disk = tmp_path / "spools"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_on_a_full_disk_messages_are_given_up_and_counted_and_nothing_else(
    program: Program, server: MortalServer, small_disk: Path
) -> None:
    outage = Outage(program, server, count=120_000, settings=("store.spool_max_mib=4",))
    assert outage.spools == small_disk
    outcome = outage.run(first=4_000, during=80_000)
    print(outcome)
    dropped = outage.count - outage.stored
    assert dropped > 0
    assert f"dropped.store.raw_spool_full={dropped} " in outcome.said.splitlines()[-1] + " "
    assert "No space left on device: messages are not stored until there is room" in outcome.said
    assert outage.opened == outage.count // HIJACK_EVERY
    assert outage.value("select count(*) from feed_gaps") == 0
    wrong = outage.wrong()
    wrong.pop("windows that count other messages than there are")
    assert wrong == {}
