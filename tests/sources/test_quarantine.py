"""The file of bad frames."""

import json
from pathlib import Path

import pytest

from bgptui.errors import BadInput
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine

BAD = BadInput("prefix '10.0.0.1/8' has host bits set", reason="bad_prefix")


def entries(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_a_bad_frame_is_kept_with_reason_time_and_place(tmp_path: Path) -> None:
    metrics = Metrics()
    path = tmp_path / "new" / "quarantine.jsonl"
    quarantine = Quarantine(path, max_bytes=100_000, metrics=metrics)
    quarantine.put(b'{"a":1}', BAD, place="updates.jsonl:17", now=1_789_019_600.0)
    quarantine.close()
    assert entries(path) == [
        {
            "time": "2026-09-10T05:53:20.000+00:00",
            "reason": "bad_prefix",
            "error": "prefix '10.0.0.1/8' has host bits set",
            "place": "updates.jsonl:17",
            "frame": '{"a":1}',
        }
    ]
    assert metrics.drops() == {"ingest.bad_prefix": 1}


def test_a_frame_is_cut_and_made_safe_for_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    quarantine = Quarantine(path, max_bytes=100_000, metrics=Metrics())
    quarantine.put(b"\x1b[2J\x7f\xff\r\n" + b"x" * 1_000_000, BAD, place="p", now=0.0)
    raw = path.read_bytes()
    assert len(raw) < 10_000
    assert all(32 <= byte < 127 for byte in raw.rstrip(b"\n"))
    assert entries(path)[0]["frame"].startswith("\x1b[2J\\x7f\\xff\r\n")


def test_the_oldest_go_when_the_bound_is_reached(tmp_path: Path) -> None:
    metrics = Metrics()
    path = tmp_path / "q.jsonl"
    for half in (range(100), range(100, 200)):  # a restart in between continues the file
        quarantine = Quarantine(path, max_bytes=10_000, metrics=metrics)
        for number in half:
            quarantine.put(b"x" * 50, BAD, place=str(number), now=0.0)
        quarantine.close()
    older = path.with_name("q.jsonl.1")
    assert path.stat().st_size + older.stat().st_size <= 10_000
    kept = [int(entry["place"]) for entry in entries(older) + entries(path)]
    assert kept == list(range(kept[0], 200))
    assert len(kept) > 20
    assert metrics.drops() == {"ingest.bad_prefix": 200}


def test_without_a_file_bad_frames_are_still_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    Quarantine(None, max_bytes=10_000, metrics=metrics).put(b"x", BAD, place="p", now=0.0)
    Quarantine(tmp_path / "q", max_bytes=0, metrics=metrics).put(b"x", BAD, place="p", now=0.0)
    assert metrics.drops() == {"ingest.bad_prefix": 2}
    assert not list(tmp_path.iterdir())


def test_a_quarantine_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    metrics = Metrics()
    quarantine = Quarantine(tmp_path / "file" / "q", max_bytes=10_000, metrics=metrics)
    for _ in range(3):
        quarantine.put(b"x", BAD, place="p", now=0.0)
    assert metrics.drops() == {"ingest.bad_prefix": 3, "quarantine.write_failed": 3}
    assert len(caplog.records) == 1
