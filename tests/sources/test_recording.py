"""Recordings as a source."""

import bz2
import gzip
import io
import json
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from bgptui.domain.routing import MessageType
from bgptui.errors import UsageError
from bgptui.runtime.clock import EventClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.recording import Recording
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived

FIRST = 1_789_019_600.0


class Played:
    """A recording played to its end."""

    def __init__(self, sink: Any, *inputs: Path | str, **settings: Any) -> None:
        self.metrics = Metrics()
        self.quarantine = settings.pop("quarantine", None)
        self.recording = Recording(
            [str(name) for name in inputs],
            decoder=FrameDecoder(settings.pop("keep", KeepReceived.NO)),
            clock=EventClock(),
            metrics=self.metrics,
            quarantine=Quarantine(self.quarantine, max_bytes=100_000, metrics=self.metrics),
            max_frame_bytes=settings.pop("max_frame_bytes", 2**20),
            **settings,
        )
        self.recording.run(sink, threading.Event())
        self.numbers = [round(message.timestamp - FIRST) for message in sink.messages]


@pytest.fixture
def thousand(make_frame: Callable[..., bytes]) -> bytes:
    return b"".join(make_frame(number) + b"\n" for number in range(1_000))


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_compression_is_told_by_content(
    name: str, tmp_path: Path, sink: Any, thousand: bytes
) -> None:
    path = tmp_path / "recording"
    compressed = COMPRESSIONS[name](thousand)
    path.write_bytes(compressed)
    seen: list[tuple[int, int | None]] = []
    played = Played(sink, path, on_progress=lambda read, total: seen.append((read, total)))
    assert played.numbers == list(range(1_000))
    assert max(sink.batches) == 256
    assert seen[-1] == (len(compressed), len(compressed))
    assert played.recording.feed_state.state == "ended"
    assert played.recording.feed_state.last_message == FIRST + 999


@pytest.mark.parametrize("name", ["gzip", "bzip2", "zstd"])
def test_concatenated_compressed_files_are_one(
    name: str, tmp_path: Path, sink: Any, thousand: bytes
) -> None:
    half = len(thousand) // 2
    path = tmp_path / "recording"
    path.write_bytes(COMPRESSIONS[name](thousand[:half]) + COMPRESSIONS[name](thousand[half:]))
    assert Played(sink, path).numbers == list(range(1_000))


@pytest.mark.parametrize("name", ["gzip", "bzip2", "zstd"])
def test_a_torn_file_gives_everything_before_the_tear_and_one_warning(
    name: str, tmp_path: Path, sink: Any, thousand: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "recording"
    half = len(thousand) // 2
    whole, torn = COMPRESSIONS[name](thousand[:half]), COMPRESSIONS[name](thousand[half:])
    path.write_bytes(whole + torn[: len(torn) // 2])
    played = Played(sink, path)
    assert len(played.numbers) >= 499
    assert played.numbers == list(range(len(played.numbers)))
    assert played.metrics.drops() == {"ingest.torn_file": 1}
    (warning,) = caplog.records
    assert f"{path}: compressed data is torn" in warning.getMessage()


def test_standard_input_is_read(
    sink: Any, thousand: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stdin:
        buffer = io.BytesIO(gzip.compress(thousand))

    monkeypatch.setattr("sys.stdin", Stdin)
    totals: list[int | None] = []
    played = Played(sink, "-", on_progress=lambda read, total: totals.append(total))
    assert played.numbers == list(range(1_000))
    assert set(totals) == {None}


def test_several_files_are_merged_by_time(tmp_path: Path, sink: Any, make_frame: Any) -> None:
    odd, even = tmp_path / "odd", tmp_path / "even"
    odd.write_bytes(b"\n".join(make_frame(number) for number in range(1, 3_000, 2)))
    even.write_bytes(b"\n".join(make_frame(number) for number in range(0, 3_000, 2)))
    assert Played(sink, odd, even).numbers == list(range(3_000))


def test_frames_come_in_time_order_whatever_their_arrival(
    tmp_path: Path, sink: Any, make_frame: Any
) -> None:
    path = tmp_path / "r"
    arrivals = [number + (number * 7919) % 9 for number in range(3_000)]
    path.write_bytes(b"\n".join(make_frame(number) for number in arrivals))
    assert Played(sink, path).numbers == sorted(arrivals)


def test_blank_lines_line_ends_and_a_byte_order_mark_do_no_harm(
    tmp_path: Path, sink: Any, make_frame: Any
) -> None:
    path = tmp_path / "r"
    path.write_bytes(b"\xef\xbb\xbf" + make_frame(0) + b"\r\n\r\n  \n" + make_frame(1))
    played = Played(sink, path, keep=KeepReceived.YES)
    assert played.numbers == [0, 1]
    assert [message.received for message in sink.messages] == [make_frame(0), make_frame(1)]
    assert not played.metrics.drops()


def test_bare_data_objects_are_read(tmp_path: Path, sink: Any, make_frame: Any) -> None:
    path = tmp_path / "r"
    path.write_text(json.dumps(json.loads(make_frame(3))["data"]))
    assert Played(sink, path).numbers == [3]


def test_bad_lines_are_quarantined_with_their_place_and_the_rest_goes_on(
    tmp_path: Path, sink: Any, make_frame: Any
) -> None:
    path, quarantine = tmp_path / "r", tmp_path / "q"
    lines = [make_frame(0), b"{", make_frame(1, withdrawals=["10.0.0.1/8"]), make_frame(2)]
    path.write_bytes(b"\n".join(lines))
    played = Played(sink, path, quarantine=quarantine)
    assert played.numbers == [0, 2]
    assert played.metrics.drops() == {"ingest.bad_prefix": 1, "ingest.malformed": 1}
    places = [json.loads(line)["place"] for line in quarantine.read_text().splitlines()]
    assert places == [f"{path}:2", f"{path}:3"]


def test_places_of_bad_lines_are_right_in_every_block_of_a_long_file(
    tmp_path: Path, sink: Any, make_frame: Any
) -> None:
    path, quarantine = tmp_path / "r", tmp_path / "q"
    lines = [make_frame(number) for number in range(2_000)]
    bad = [3, 700, 701, 1_999]
    for number in bad:
        lines[number] = b"{"
    lines[900:900] = [b"", b"x" * 3_000, b" "]
    path.write_bytes(b"\n".join(lines))
    played = Played(sink, path, quarantine=quarantine, max_frame_bytes=2_000)
    assert played.numbers == [number for number in range(2_000) if number not in bad]
    places = [json.loads(line)["place"] for line in quarantine.read_text().splitlines()]
    assert places == [f"{path}:{number}" for number in (4, 701, 702, 902, 2_003)]


@pytest.mark.parametrize("last", [b"", b"\n"], ids=["no end", "line end"])
def test_a_line_of_many_megabytes_is_counted_and_passed_over(
    last: bytes, tmp_path: Path, sink: Any, make_frame: Any
) -> None:
    path, quarantine = tmp_path / "r", tmp_path / "q"
    path.write_bytes(
        make_frame(0)
        + b"\n"
        + b"x" * 10_000_000
        + b"\n"
        + make_frame(1)
        + b"\n"
        + b"y" * 70_000
        + last
    )
    played = Played(sink, path, quarantine=quarantine, max_frame_bytes=65_536)
    assert played.numbers == [0, 1]
    assert played.metrics.drops() == {"ingest.oversized_frame": 2}
    first = json.loads(quarantine.read_text().splitlines()[0])
    assert "frame of 10000000 bytes" in first["error"]
    assert len(first["frame"]) == 4_096


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\0" + b"\x10" * 100,
        gzip.compress(b"MRT\0\1\2"),
        b"date,value\n1,2\n",
        b"\n".join(b"line %d" % number for number in range(1_000)),
    ],
    ids=["binary", "gzipped binary", "csv", "text"],
)
def test_what_is_no_recording_is_the_users_error(content: bytes, tmp_path: Path, sink: Any) -> None:
    path = tmp_path / "updates.gz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"not a RIS Live recording"):
        Played(sink, path)
    assert not sink.messages


def test_a_file_that_cannot_be_opened_is_the_users_error(tmp_path: Path, sink: Any) -> None:
    with pytest.raises(UsageError, match=r"missing: there is no such file"):
        Played(sink, tmp_path / "missing")
    with pytest.raises(UsageError, match=f"{tmp_path}: no file in it is a recording"):
        Played(sink, tmp_path)


def test_an_empty_recording_just_ends_with_a_warning(
    tmp_path: Path, sink: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "r"
    path.write_bytes(b"")
    assert Played(sink, path).recording.feed_state.state == "ended"
    assert not sink.batches
    assert [record.getMessage() for record in caplog.records] == [f"{path} is empty"]


def test_a_paced_recording_keeps_its_intervals_and_ticks(
    tmp_path: Path, sink: Any, make_frame: Any
) -> None:
    path = tmp_path / "r"
    path.write_bytes(b"\n".join(make_frame(number) for number in (0, 0, 2, 4)))
    assert Played(sink, path, speed=10.0).numbers == [0, 0, 2, 4]
    assert sink.batches == [2, 1, 1]
    assert sink.ticks >= 2


def test_a_stop_ends_playing(tmp_path: Path, sink: Any, make_frame: Any) -> None:
    path = tmp_path / "r"
    path.write_bytes(b"\n".join(make_frame(number) for number in (0, 3_600)))
    metrics = Metrics()
    recording = Recording(
        [str(path)],
        decoder=FrameDecoder(),
        clock=EventClock(),
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        max_frame_bytes=2**20,
        speed=1.0,
    )
    stop = threading.Event()
    thread = threading.Thread(target=recording.run, args=(sink, stop))
    thread.start()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_the_recordings_of_the_real_feed_are_read_whole(shared: Path, sink: Any) -> None:
    played = Played(sink, shared / "data/rislive/ris-live-1000-frames-20190523.jsonl")
    kinds = Counter(message.type for message in sink.messages)
    assert kinds == {MessageType.UPDATE: 994, MessageType.KEEPALIVE: 6}
    assert sum(message.announced_listed for message in sink.messages) == 871
    assert sum(len(message.announced) for message in sink.messages) == 787
    assert sum(len(message.withdrawn) for message in sink.messages) == 2_394
    assert not played.metrics.drops()
    timestamps = [message.timestamp for message in sink.messages]
    assert timestamps == sorted(timestamps)


def test_control_frames_are_handled_and_one_malformed_line_is_quarantined(
    shared: Path, sink: Any, tmp_path: Path
) -> None:
    path = shared / "data/rislive/control-frames.jsonl"
    played = Played(sink, path, quarantine=tmp_path / "q")
    assert sorted(message.type for message in sink.messages) == [
        MessageType.KEEPALIVE,
        MessageType.NOTIFICATION,
        MessageType.OPEN,
        MessageType.STATE,
        MessageType.UPDATE,
    ]
    assert played.metrics.drops() == {"ingest.malformed": 1}
    assert played.metrics.counts() == {"ingest.quarantined": 1, "ingest.ris_error": 1}
    (entry,) = (tmp_path / "q").read_text().splitlines()
    assert json.loads(entry)["place"].endswith("control-frames.jsonl:7")
