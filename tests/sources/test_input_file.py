"""Which kind of input a file is, which files a folder gives, and how they are merged."""

import gzip
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.errors import UsageError
from bgptui.runtime.clock import EventClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.input_file import collector_of, expand
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.recording import Recording
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived
from support import bgp_wire as wire

FIRST = 1_789_019_600  # the first frame of make_frame
UPDATE = wire.update(
    wire.origin() + wire.as_path((2, (64496, 64500))) + wire.next_hop(),
    nlri=wire.prefix("203.0.113.0/24"),
)
RIB = wire.record(13, 1, wire.peer_index((64496, "192.0.2.1")))


def mrt(*seconds: int) -> bytes:
    header = wire.peer_header(64496, "192.0.2.1")
    return b"".join(wire.record(16, 4, header + UPDATE, seconds=FIRST + each) for each in seconds)


def play(sink: Any, *inputs: Path, keep: KeepReceived = KeepReceived.NO) -> list[BgpMessage]:
    metrics = Metrics()
    recording = Recording(
        [str(path) for path in inputs],
        decoder=FrameDecoder(keep),
        clock=EventClock(),
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        max_frame_bytes=2**20,
        mrt_collector="lab",
    )
    recording.run(sink, threading.Event())
    assert not metrics.drops()
    return list(sink.messages)


@pytest.mark.parametrize(
    ("path", "collector"),
    [
        ("data/rrc15/2010.02/updates.20100227.1600.gz", "rrc15"),
        ("bgpkit.rrc15_2010.02_updates.20100227.1600.gz", "rrc15"),
        ("route-views.linx/bgpdata/2020.01/UPDATES/updates.20200101.0000.bz2", "route-views.linx"),
        ("route-views6.updates.20200101.0000.bz2", "route-views6"),
        ("rrc00/route-views.saopaulo2.mrt", "route-views.saopaulo2"),
        ("updates.20200101.0000.gz", "lab"),
        ("xrrc00y/updates.gz", "lab"),
    ],
)
def test_the_path_of_an_archive_names_its_collector(path: str, collector: str) -> None:
    assert collector_of(f"/srv/{path}", "lab") == collector


def test_frames_and_archives_are_merged_by_time(tmp_path: Path, sink: Any, make_frame: Any) -> None:
    frames, archive = tmp_path / "frames.mrt", tmp_path / "archive.jsonl"
    frames.write_bytes(b"\n".join(make_frame(number) for number in (0, 2, 4)))
    archive.write_bytes(gzip.compress(mrt(1, 3, 5)))
    played = play(sink, frames, archive)
    assert [message.timestamp - FIRST for message in played] == [0, 1, 2, 3, 4, 5]
    assert [message.peer.collector for message in played] == ["rrc01", "lab"] * 3


def test_a_folder_gives_its_recordings_in_time_order_and_warns_of_the_rest(
    tmp_path: Path, sink: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    folder = tmp_path / "rrc07" / "2026.09"
    folder.mkdir(parents=True)
    for name, content in {
        "updates.1": mrt(100, 101),
        "updates.0": gzip.compress(mrt(0, 1)),
        "bview": RIB,
        "README": b"what is here\n",
        ".hidden": mrt(50),
    }.items():
        (folder / name).write_bytes(content)
    played = play(sink, tmp_path)
    assert [message.timestamp - FIRST for message in played] == [0, 1, 100, 101]
    assert {message.peer.collector for message in played} == {"rrc07"}
    warnings = [record.getMessage() for record in caplog.records]
    assert [warning.partition(" is left out: ")[2] for warning in warnings] == [
        "neither RIS Live frames nor MRT",
        "it is a routing table (--rib takes it)",
    ]


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(b'{\n  "roas": [\n' + b'    {"asn": 1},\n' * 20 + b"  ]\n}\n", id="pretty"),
        pytest.param(b'{"metadata":{"timestamp":1},"roas":[]}', id="one line"),
        pytest.param(b'{"roas":[' + b'{"asn":"AS64500"},' * 400_000, id="one long line"),
        pytest.param(gzip.compress(b'{"roas":[]}')[:-4], id="torn"),
        pytest.param(b"", id="empty"),
    ],
)
def test_json_that_is_no_recording_is_left_out_of_a_folder(
    foreign: bytes, tmp_path: Path, make_frame: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "vrps.json").write_bytes(foreign)
    recording = tmp_path / "recording"
    recording.write_bytes(b"torn line\n" + make_frame(0) + b"\n" + make_frame(1))
    assert expand([str(tmp_path)]) == [str(recording)]
    assert "vrps.json is left out: neither RIS Live frames nor MRT" in caplog.text


def test_a_folder_full_of_other_files_makes_few_warnings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        (tmp_path / f"{number:03}.txt").write_bytes(b"notes")
    (tmp_path / "updates").write_bytes(mrt(0))
    assert expand([str(tmp_path)]) == [str(tmp_path / "updates")]
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 11
    assert warnings[-1] == f"{tmp_path}: 90 more are left out"


def test_the_hole_between_two_archives_is_a_gap_before_the_second(
    tmp_path: Path, sink: Any
) -> None:
    (tmp_path / "updates.0").write_bytes(mrt(*range(300)))
    (tmp_path / "updates.2").write_bytes(mrt(*range(600, 900)))
    play(sink, tmp_path)
    assert sink.gaps == [Gap(FIRST + 299, FIRST + 600, None, "no_recording")]
    assert sink.messages[sink.seen_at_gap_end].timestamp == FIRST + 600


def test_a_file_of_a_folder_is_opened_when_its_time_comes(
    tmp_path: Path, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / f"updates.{number}").write_bytes(mrt(*range(number * 100, number * 100 + 9)))
    opened = most = 0
    plain = Recording._as_it_stands

    def watched(self: Recording, name: str) -> Any:
        nonlocal opened, most
        opened += 1
        most = max(most, opened)
        yield from plain(self, name)
        opened -= 1

    monkeypatch.setattr(Recording, "_as_it_stands", watched)
    assert len(play(sink, tmp_path)) == 45
    assert most <= 2


def test_a_routing_table_is_not_taken_for_messages(tmp_path: Path) -> None:
    path = tmp_path / "bview"
    path.write_bytes(RIB)
    with pytest.raises(UsageError, match=f"is a routing table.*--rib {path}"):
        expand([str(path)])


def test_a_message_of_an_archive_carries_the_frame_that_ris_live_would_have_sent(
    tmp_path: Path, sink: Any
) -> None:
    path = tmp_path / "rrc07.mrt"
    path.write_bytes(mrt(0))
    (message,) = play(sink, path, keep=KeepReceived.YES)
    assert message.received.decode() == (
        '{"type":"ris_message","data":{"timestamp":1789019600.0,"peer":"192.0.2.1",'
        '"peer_asn":"64496","id":"192.0.2.1-1789019600.00-1","raw":"'
        + UPDATE.hex().upper()
        + '","host":"rrc07.ripe.net","type":"UPDATE","path":[64496,64500],"origin":"igp",'
        '"announcements":[{"next_hop":"192.0.2.1","prefixes":["203.0.113.0/24"]}]}}'
    )
