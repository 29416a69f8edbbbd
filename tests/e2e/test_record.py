"""`bgptui record` as operators run it: signals, kills, full disks."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import psycopg
import pytest
from msgspec.structs import replace

from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.errors import BadInput, UsageError
from bgptui.runtime.clock import EventClock
from bgptui.sources.line_file import Lines, split_lines
from bgptui.sources.packed_file import read_chunks
from bgptui.sources.playback import Pacing, Times
from bgptui.sources.recorded_gap import is_gap_line
from bgptui.sources.recorder import Recorder
from bgptui.sources.recorder_files import RecorderFiles
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived
from bgptui.sources.ris_server import RisServer, TimedFrame
from support.program import Program

DEADLINE_S = 30.0
FIRST = 1_789_019_600.0


def frames() -> Iterator[TimedFrame]:
    rng = Random(1)
    for number in range(6_000):
        timestamp = FIRST + number / 100
        data = {
            "timestamp": timestamp,
            "peer": "192.0.2.1",
            "peer_asn": "64500",
            "id": rng.randbytes(64).hex(),
            "host": "rrc01.ripe.net",
            "type": "UPDATE",
            "path": [64500, 64501],
            "announcements": [{"next_hop": "192.0.2.1", "prefixes": ["203.0.113.0/24"]}],
        }
        yield timestamp, json.dumps({"type": "ris_message", "data": data}).encode()


@contextmanager
def feed(rate_per_s: float | None) -> Iterator[RisServer]:
    server = RisServer(frames, port=0, pacing=Pacing(rate_per_s=rate_per_s, times=Times.RECORDED))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "incident.jsonl.zst"


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come in {DEADLINE_S:.0f} s"
        time.sleep(0.02)


def recorded(path: Path) -> int:
    """Messages in a file that may be torn or still be written."""
    lines = split_lines(read_chunks(str(path), on_read=lambda _: None), max_bytes=2**20)
    count = 0
    with suppress(BadInput, UsageError):
        for block in lines:
            assert isinstance(block, Lines)
            count += sum(not is_gap_line(line) for line in block.contents)
    return count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_recording_in_good_order(
    number: signal.Signals, program: Program, path: Path
) -> None:
    with (
        feed(None) as server,
        program.running("record", str(path), "--url", server.url) as process,
    ):
        until(lambda: recorded(path) == 6_000, "everything")
        process.send_signal(number)
        _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "recorded: messages=6000 gaps=0 files=1" in said
    assert recorded(path) == 6_000


def test_a_killed_recorder_has_lost_at_most_the_last_second_and_goes_on_with_its_set(
    program: Program, path: Path
) -> None:
    rate_per_s = 1_000
    with feed(rate_per_s) as server:
        with program.running("record", str(path), "--url", server.url) as process:
            until(lambda: server.played >= 4 * rate_per_s, "messages of 4 s")
            process.kill()
            process.wait()
            played = server.played
        done = program.run("record", str(path), "--url", server.url, "--for", "1s")
    aside = path.with_name("incident.000001.jsonl.zst")
    assert f"it is {aside.name} now" in done.stderr
    # One second waits in the recorder; a busy machine may leave as much again on the way to it.
    assert played - recorded(aside) < 2.5 * rate_per_s


def test_a_full_disk_is_one_clear_error(program: Program, path: Path) -> None:
    with feed(None) as server:
        limited = ["sh", "-c", 'ulimit -f 300; exec "$@"', "sh"]
        command = program.command("record", str(path), "--url", server.url)
        done = subprocess.run(
            [*limited, *command],
            env=program.environment,
            cwd=program.home,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("bgptui:")]
    assert error.startswith(f"bgptui: {path}: cannot be written: ")
    assert error.endswith("what was recorded until then can be replayed")
    assert "Traceback" not in done.stderr
    assert recorded(path) > 1_000


def test_a_recording_can_be_served_and_recorded_again(program: Program, path: Path) -> None:
    again = path.with_name("again.jsonl.zst")
    with feed(2_000) as server:
        program.run("record", str(path), "--url", server.url, "--for", "1s")
    with program.running("serve-recording", str(path), "--port", "0", "--keep-time") as served:
        assert served.stdout is not None
        url = served.stdout.readline().strip()
        with program.running("record", str(again), "--url", url, "--log-format", "json") as second:
            until(lambda: recorded(again) == recorded(path), "what was served")
            said = program.terminate(second).splitlines()
        program.terminate(served)
    assert json.loads(said[-1])["messages"] == recorded(path) > 0
    assert "dropped.ingest" not in said[-1]


def test_a_replay_of_a_recording_has_its_gaps(program: Program, path: Path, database: str) -> None:
    """The hole of five minutes is a gap and an alert, not the silence of every peer."""
    recorder = Recorder(RecorderFiles(path, max_bytes=2**30, keep=None), clock=EventClock())
    messages = [FrameDecoder(KeepReceived.YES).decode(frame) for _, frame in frames()]
    received = [message for message in messages if isinstance(message, BgpMessage)]
    recorder.gap(Gap(FIRST - 30, None, None, "connect_failed", 1))
    recorder.gap(Gap(FIRST - 30, FIRST, None, "connect_failed", 3))
    before = [message for message in received if message.timestamp < FIRST + 20]
    recorder.process(before, before[-1].timestamp)
    began = before[-1].timestamp
    recorder.gap(Gap(began, None, None, "closed", 1))
    recorder.gap(Gap(began, FIRST + 320, None, "closed", 5))
    after = [
        replace(
            message,
            timestamp=message.timestamp + 300,
            received=message.received.replace(
                f'"timestamp": {message.timestamp}'.encode(),
                f'"timestamp": {message.timestamp + 300}'.encode(),
            ),
        )
        for message in received[2_000:]
    ]
    recorder.process(after, after[-1].timestamp)
    recorder.close()
    done = program.run("replay", str(path), "--dsn", database, "--keep", "--format", "jsonl")
    changes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [change["event"] for change in changes if change["alert_type"] == "feed_gap"] == [
        "open",
        "resolve",
    ] * 2
    with psycopg.connect(database) as connection:
        gaps = connection.execute(
            "select extract(epoch from gap_start)::float, extract(epoch from gap_end)::float,"
            " reason from feed_gaps"
        ).fetchall()
    assert sorted(gaps) == [
        (FIRST - 30, FIRST, "connect_failed"),
        (began, FIRST + 320, "closed"),
    ]


def test_a_feed_that_was_never_reached_is_said(program: Program, path: Path) -> None:
    done = program.run(
        "record", str(path), "--url", "ws://127.0.0.1:9/", "--for", "1s", exit_code=3
    )
    assert "nothing was recorded: ws://127.0.0.1:9/ cannot be reached" in done.stderr
    assert "(is this machine online, and feed.url right?)" in done.stderr.splitlines()[-1]
    assert not path.exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--max-size", "0.05"), "'0.05' is not a whole number above 0"),
        (("--dsn", "postgresql://"), "unrecognized arguments: --dsn"),
    ],
)
def test_what_a_recorder_cannot_use_is_refused(
    flags: tuple[str, ...], told: str, program: Program, path: Path
) -> None:
    assert told in program.run("record", str(path), *flags, exit_code=2).stderr
    assert not path.exists()


def test_a_missing_folder_is_to_be_created(program: Program, tmp_path: Path) -> None:
    done = program.run("record", str(tmp_path / "no" / "x.zst"), exit_code=2)
    assert f"there is no folder {tmp_path}/no; create it first" in done.stderr


@pytest.mark.parametrize("duration", ["0s", "5", "1w"])
def test_a_duration_that_is_none_is_wrong_usage(
    duration: str, program: Program, path: Path
) -> None:
    done = program.run("record", str(path), "--for", duration, exit_code=2)
    assert f"{duration!r} is not a duration" in done.stderr
    assert not path.exists()
