"""A recorder's files, and what a replay makes of them."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zstandard

from bgptui.config.schema import Feed
from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.errors import UsageError
from bgptui.runtime.clock import EventClock, WallClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.holes import NO_RECORDING
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.recorder import Recorder
from bgptui.sources.recorder_files import RecorderFiles
from bgptui.sources.recording import Recording
from bgptui.sources.ris_live import RisLive
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived

FIRST = 1_789_019_600.0
NOW = FIRST + 86_400
BIG = 2**30


def recorder_into(path: Path, *, max_bytes: int = BIG, keep: int | None = None) -> Recorder:
    return Recorder(RecorderFiles(path, max_bytes=max_bytes, keep=keep), clock=WallClock())


def decoded(*frames: bytes) -> list[BgpMessage]:
    messages = list(map(FrameDecoder(KeepReceived.YES).decode, frames))
    return [message for message in messages if isinstance(message, BgpMessage)]


def replay(sink: Any, *paths: Path) -> Metrics:
    metrics = Metrics()
    Recording(
        [str(path) for path in paths],
        decoder=FrameDecoder(KeepReceived.YES),
        clock=EventClock(),
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        max_frame_bytes=2**20,
    ).run(sink, threading.Event())
    return metrics


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "incident.jsonl.zst"


def test_a_replay_gives_the_frames_as_they_were_received(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    frames = [make_frame(number, odd=f"é{number}") for number in range(500)]
    recorder = recorder_into(path)
    for start in range(0, 500, 100):
        recorder.process(decoded(*frames[start : start + 100]), NOW)
    recorder.close()
    assert not replay(sink, path).drops()
    assert [message.received for message in sink.messages] == frames
    assert not sink.gaps


def test_a_frame_over_several_lines_becomes_one_line(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    pretty = json.dumps(json.loads(make_frame(1)), indent=1).replace("\n", "\r\n").encode()
    recorder = recorder_into(path)
    recorder.process(decoded(pretty), NOW)
    recorder.close()
    replay(sink, path)
    (message,) = sink.messages
    assert json.loads(message.received) == json.loads(pretty)


def test_a_gap_is_played_where_it_was(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    opened = Gap(FIRST + 1, None, None, "closed", 1)
    ended = Gap(FIRST + 1, FIRST + 90, None, "closed", 4)
    recorder = recorder_into(path)
    recorder.process(decoded(make_frame(0), make_frame(1)), NOW)
    recorder.gap(opened)
    recorder.gap(ended)
    recorder.process(decoded(make_frame(90), make_frame(91)), NOW)
    recorder.close()
    assert not replay(sink, path).drops()
    assert sink.gaps == [opened, ended]
    assert sink.order == ["messages", "gap opens", "gap ends", "messages"]
    assert recorder.gaps == 1


@pytest.mark.parametrize("collector", ["rrc21", "route-views.linx"])
def test_a_collectors_gap_is_played_whatever_its_name(
    path: Path, sink: Any, collector: str
) -> None:
    gap = Gap(FIRST, None, collector, "silence")
    recorder = recorder_into(path)
    recorder.gap(gap)
    recorder.close()
    assert not replay(sink, path).drops()
    assert sink.gaps == [gap]


def test_what_two_recordings_leave_between_them_is_a_gap(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    for first in (0, 600):
        recorder = recorder_into(path)
        recorder.process(decoded(make_frame(first), make_frame(first + 1)), NOW)
        recorder.close()
    replay(sink, *path.parent.iterdir())
    assert sink.gaps == [Gap(FIRST + 1, FIRST + 600, None, "restart")]
    assert sink.order == ["messages", "gap ends", "messages"]


def test_a_recorder_that_was_killed_in_a_gap_leaves_one_that_its_successor_ends(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    recorder = recorder_into(path)
    recorder.process(decoded(make_frame(0)), NOW)
    recorder.gap(Gap(FIRST, None, None, "closed", 1))
    recorder.close()
    recorder = recorder_into(path)
    recorder.process(decoded(make_frame(60)), NOW)
    recorder.close()
    replay(sink, *path.parent.iterdir())
    assert sink.gaps == [
        Gap(FIRST, None, None, "closed", 1),
        Gap(FIRST, FIRST + 60, None, "closed", 1),
    ]


def test_a_successor_ends_a_collectors_gap_and_tells_its_own(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    recorder = recorder_into(path)
    recorder.process(decoded(make_frame(0)), NOW)
    recorder.gap(Gap(FIRST - 5, None, "rrc21", "silence"))
    recorder.close()
    recorder = recorder_into(path)
    recorder.process(decoded(make_frame(60)), NOW)
    recorder.close()
    replay(sink, *path.parent.iterdir())
    assert sink.gaps == [
        Gap(FIRST - 5, None, "rrc21", "silence"),
        Gap(FIRST - 5, FIRST + 60, "rrc21", "silence"),
        Gap(FIRST, FIRST + 60, None, "restart"),
    ]


def test_the_first_message_of_a_broken_clock_is_no_gap_into_the_future(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    for number in (0, 600):
        recorder = recorder_into(path)
        broken = make_frame(number, timestamp=FIRST + 10**8)
        recorder.process(decoded(broken, make_frame(number)), FIRST + number)
        recorder.close()
    replay(sink, *path.parent.iterdir())
    told = [gap for gap in sink.gaps if gap.reason != NO_RECORDING]
    assert told == [Gap(FIRST, FIRST + 600, None, "restart")]


def test_recordings_of_the_same_time_are_no_gap_to_each_other(
    tmp_path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    paths = [tmp_path / "a.jsonl.zst", tmp_path / "b.jsonl.zst"]
    for recorded, numbers in zip(paths, (range(100), range(50, 150)), strict=True):
        recorder = recorder_into(recorded)
        recorder.process(decoded(*map(make_frame, numbers)), NOW)
        recorder.close()
    replay(sink, *paths)
    assert len(sink.messages) == 200
    assert not sink.gaps


def test_a_recording_may_begin_with_a_gap(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    gaps = [
        Gap(FIRST - 60, None, None, "connect_failed", 1),
        Gap(FIRST - 60, FIRST, None, "connect_failed", 7),
    ]
    recorder = recorder_into(path)
    for gap in gaps:
        recorder.gap(gap)
    recorder.process(decoded(make_frame(0)), NOW)
    recorder.close()
    replay(sink, path)
    assert sink.gaps == gaps
    assert sink.order == ["gap opens", "gap ends", "messages"]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"timestamp": None, "start": None, "end": None},
        {"timestamp": FIRST, "start": None, "end": None},
        {"timestamp": FIRST, "start": FIRST + 1, "end": FIRST},
        {"timestamp": FIRST, "start": FIRST - 1, "end": FIRST + 1},
        {"timestamp": 1e300, "start": 1e300, "end": None},
        {"timestamp": FIRST, "start": FIRST, "end": None, "reason": "\x1b[2J"},
    ],
    ids=["empty", "null", "no edges", "backwards", "elsewhere", "far future", "escape sequence"],
)
def test_a_bad_gap_line_is_counted_and_passed_over(
    content: dict[str, Any], tmp_path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    path = tmp_path / "r"
    fields = {"reason": "closed", **content}
    line = json.dumps({"type": "bgptui_gap", "data": fields}, separators=(",", ":")).encode()
    path.write_bytes(b"\n".join([make_frame(0), line, make_frame(1)]))
    assert replay(sink, path).drops() == {"ingest.bad_gap": 1}
    assert len(sink.messages) == 2
    assert not sink.gaps


def test_full_files_step_aside_under_names_that_sort_in_time_order(
    path: Path, sink: Any, make_frame: Callable[..., bytes]
) -> None:
    recorder = recorder_into(path, max_bytes=1_000)
    rng = Random(1)
    for number in range(40):  # what cannot be compressed fills files
        frame = make_frame(number, note=rng.randbytes(500).hex())
        recorder.process(decoded(frame), NOW)
        recorder.flush()
    recorder.close()
    names = sorted(found.name for found in path.parent.iterdir())
    assert len(names) > 10
    assert names[:2] == ["incident.000001.jsonl.zst", "incident.000002.jsonl.zst"]
    assert names[-1] == path.name
    begins = []
    for name in names:
        text = zstandard.ZstdDecompressor().stream_reader((path.parent / name).read_bytes()).read()
        begins.append(
            min(json.loads(line)["data"].get("timestamp", BIG * 4) for line in text.splitlines())
            if text
            else BIG * 4
        )
    assert begins == sorted(begins)
    assert not replay(sink, *path.parent.iterdir()).drops()
    assert [round(message.timestamp - FIRST) for message in sink.messages] == list(range(40))
    assert not sink.gaps


def test_only_the_newest_files_are_kept_and_no_other_file_is_touched(
    path: Path, make_frame: Callable[..., bytes]
) -> None:
    others = ["incident.1.jsonl.zst", "incident.000001.jsonl", "other.000001.jsonl.zst"]
    for name in others:
        path.with_name(name).touch()
    recorder = recorder_into(path, max_bytes=1, keep=3)
    for number in range(20):
        recorder.process(decoded(make_frame(number)), NOW)
        recorder.flush()
    recorder.close()
    names = {found.name for found in path.parent.iterdir()} - set(others)
    assert len(names) == 3
    assert path.name in names
    assert "incident.000001.jsonl.zst" not in names
    assert all(path.with_name(name).exists() for name in others)


def test_a_file_that_is_there_is_kept(path: Path) -> None:
    path.write_bytes(b"mine")
    recorder_into(path).close()
    assert path.with_name("incident.000001.jsonl.zst").read_bytes() == b"mine"


def test_two_recorders_cannot_have_one_file(path: Path) -> None:
    recorder = recorder_into(path)
    with pytest.raises(UsageError, match="another bgptui records into it"):
        recorder_into(path)
    recorder.close()


@pytest.mark.parametrize("name", ["incident.jsonl", ".zst", "none/incident.jsonl.zst"])
def test_a_name_that_cannot_be_is_the_users_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=name):
        recorder_into(tmp_path / name)


def test_what_was_flushed_is_read_after_a_kill_with_one_warning(
    path: Path, sink: Any, make_frame: Callable[..., bytes], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = recorder_into(path)
    recorder.process(decoded(*map(make_frame, range(300))), NOW)
    recorder.flush()
    recorder.process(decoded(*map(make_frame, range(300, 310))), NOW)  # still in the compressor
    assert replay(sink, path).drops() == {"ingest.torn_file": 1}
    assert len(sink.messages) == 300
    (warning,) = caplog.records
    assert "everything before the tear was read" in warning.getMessage()


def test_the_source_is_recorded_with_its_gaps(
    path: Path,
    sink: Any,
    serve_faults: Callable[..., Any],
    make_frame: Callable[..., bytes],
    eventually: Callable[..., None],
) -> None:
    async def send_two_and_close(connection: Any, index: int) -> None:
        for number in (2 * index, 2 * index + 1):
            await connection.send(make_frame(number).decode())
        if index:
            await connection.wait_closed()

    server = serve_faults(send_two_and_close)
    metrics = Metrics()
    source = RisLive(
        Feed(url=server.url, backoff_first_s=0.01),
        decoder=FrameDecoder(KeepReceived.YES),
        clock=WallClock(),
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        rng=Random(1),
    )
    recorder = recorder_into(path)
    stop = threading.Event()
    thread = threading.Thread(target=source.run, args=(recorder, stop))
    thread.start()
    eventually(lambda: recorder.messages == 4, "four messages")
    stop.set()
    thread.join(5)
    recorder.close()
    replay(sink, path)
    assert [message.received for message in sink.messages] == [make_frame(n) for n in range(4)]
    assert [(gap.start, gap.end, gap.reason) for gap in sink.gaps] == [
        (FIRST + 1, None, "closed"),
        (FIRST + 1, FIRST + 2, "closed"),
    ]
