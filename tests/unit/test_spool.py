"""The spool and the backlog before it, on real files and without a database."""

import contextlib
import errno
import logging
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from bgptui.config.schema import Keep
from bgptui.domain.alert import Severity
from bgptui.domain.health import FeedHealth, Health, RpkiHealth
from bgptui.errors import Fatal, Transient
from bgptui.runtime.channel import ChannelClosed
from bgptui.runtime.metrics import Metrics
from bgptui.store import rows
from bgptui.store.alert_writer import alert_parameters
from bgptui.store.backlog import CAPACITY, STALL_S, Backlog, WhenAway
from bgptui.store.backlog_state import BacklogState
from bgptui.store.batch import Metric, WriteBatch
from bgptui.store.file_lock import FileLock
from bgptui.store.lease import Lease
from bgptui.store.spool import LOCK_NAME, Spool
from bgptui.store.spool_home import SpoolHome
from bgptui.store.spool_record import RecordCodec, UnreadableRecord, without_frames
from support.batches import PEER, alert, message, messages, metric, window

MIB = 2**20


class Rig:
    """A backlog on a spool, with a clock that stands still."""

    def __init__(self, directory: Path, *, max_bytes: int = MIB) -> None:
        directory.mkdir()
        self.now = 0.0
        self.metrics = Metrics()
        self.directory = directory
        self.spool = Spool(
            directory,
            lock=FileLock(directory / LOCK_NAME),
            max_bytes=max_bytes,
            metrics=self.metrics,
            monotonic=lambda: self.now,
        )
        self.backlog = Backlog(self.spool, metrics=self.metrics, monotonic=lambda: self.now)
        self.backlog.when_away = WhenAway.SPOOL

    def put(self, *batches: WriteBatch) -> None:
        for batch in batches:
            self.backlog.process(batch, batch.now)

    def take(self) -> list[WriteBatch]:
        """Everything that can be taken now, without the sequences."""
        taken = []
        while (batch := self.backlog.take(0.0)) is not None:
            taken.append(batch)
        self.last = taken[-1].sequence if taken else 0
        return [replace(batch, sequence=0) for batch in taken]

    def on_disk(self) -> bool:
        return any(self.directory.glob("*.segment"))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "spool")


def test_while_the_database_takes_rows_no_file_is_touched(rig: Rig) -> None:
    rig.put(messages(0, 10), window(1))
    assert rig.take() == [messages(0, 10), window(1)]
    rig.backlog.confirm(2)
    rig.backlog.tick(0.0)
    assert not rig.on_disk()
    assert rig.backlog.state().text == ""


def test_when_it_goes_away_what_is_in_memory_goes_to_disk_and_stays_in_order(rig: Rig) -> None:
    rig.put(messages(0, 10), window(1), messages(10, 10))
    assert rig.backlog.take(0.0) is not None  # the committer holds this one
    rig.backlog.went_away("database: gone")
    rig.put(alert(1))
    rig.now = 42.0
    assert rig.on_disk()
    assert rig.backlog.state().text.startswith("database away 42 s, spool ")
    assert rig.take() == [window(1), messages(10, 10), alert(1)]
    rig.put(messages(20, 10))
    assert rig.take() == [messages(20, 10)]
    rig.backlog.confirm(5)
    assert not rig.on_disk()
    assert rig.backlog.state().text == ""


def test_a_database_that_hangs_is_away_after_a_moment(rig: Rig) -> None:
    rig.put(messages(0, 10))
    assert rig.take()
    rig.now = STALL_S
    rig.backlog.tick(0.0)
    assert rig.on_disk()
    rig.backlog.confirm(1)
    assert not rig.on_disk()


def test_it_catches_up_while_batches_keep_coming_and_then_goes_past_the_disk(rig: Rig) -> None:
    rig.put(messages(0, 10))
    rig.backlog.went_away("database: gone")
    rig.put(*(messages(number * 10, 10) for number in range(1, 20)))
    rig.put(messages(200, 10))
    taken = rig.take()
    rig.put(messages(210, 10))  # behind what is not confirmed yet
    rig.backlog.confirm(rig.last)
    rig.put(messages(220, 10))
    taken += rig.take()
    assert taken == [messages(number * 10, 10) for number in range(23)]
    rig.put(messages(230, 10))
    assert rig.take() == [messages(230, 10)]
    rig.backlog.confirm(rig.last - 1)
    assert not rig.on_disk()


def test_a_second_outage_before_the_first_is_confirmed_writes_nothing_twice(rig: Rig) -> None:
    rig.put(messages(0, 10))
    rig.backlog.went_away("database: gone")
    rig.put(messages(10, 10))
    taken = rig.take()
    assert rig.backlog.take(0.0) is None
    rig.put(messages(20, 10))
    rig.backlog.went_away("database: gone again")
    rig.put(messages(30, 10))
    taken += rig.take()
    assert taken == [messages(number * 10, 10) for number in range(4)]
    rig.backlog.confirm(rig.last)
    assert not rig.on_disk()


def test_a_recording_waits_for_the_database_and_touches_no_disk(rig: Rig) -> None:
    rig.backlog.when_away = WhenAway.WAIT
    rig.put(*(messages(number, 1) for number in range(CAPACITY)))
    rig.backlog.went_away("database: gone")
    waiting = threading.Thread(target=rig.put, args=(messages(CAPACITY, 1),), daemon=True)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    assert rig.backlog.take(0.0) is not None
    waiting.join(10)
    assert not waiting.is_alive()
    assert not rig.on_disk()


def test_health_is_not_spooled_and_the_newest_goes_with_the_next_rows(rig: Rig) -> None:
    def health(now: float) -> WriteBatch:
        feed = FeedHealth("live", "wss://example.net", "live")
        return WriteBatch(now=now, health=Health(now, feed, RpkiHealth("file", "fresh"), ()))

    rig.put(messages(0, 1))
    rig.backlog.went_away("database: gone")
    rig.put(health(1.0), messages(1, 1), health(2.0), messages(2, 1))
    first, *others = rig.take()
    assert first.raw == messages(0, 1).raw
    assert first.health is not None
    assert first.health.now == 2.0
    assert [batch.health for batch in others] == [None, None]


def test_a_full_spool_drops_messages_counts_them_and_keeps_the_rest(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "spool", max_bytes=16_384)
    rig.backlog.went_away("database: gone")
    number = 0
    while not rig.metrics.drops():
        number += 1
        rig.put(messages(number * 50, 50))
    windows = 0
    refusal = None
    while refusal is None:
        try:
            rig.put(window(windows + 1))
            windows += 1
        except Transient as error:
            refusal = str(error)
    assert re.match(r"database away 0 s, spool 1\d KiB of 16 KiB: .* full", refusal)
    assert windows > 10
    taken = rig.take()
    assert [batch for batch in taken if batch.features] == [
        window(number + 1) for number in range(windows)
    ]
    stored = sum(len(batch.raw) for batch in taken)
    assert rig.metrics.drops() == {"store.raw_spool_full": number * 50 - stored}
    rig.backlog.confirm(rig.last)
    rig.put(window(windows + 1))  # there is room again, and nothing was given up
    assert rig.take() == [window(windows + 1)]


def test_messages_that_the_committer_still_holds_are_not_counted_as_lost(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "spool", max_bytes=16_384)
    rig.put(*(messages(number * 50, 50) for number in range(10)))
    held = rig.take()
    rig.backlog.went_away("database: gone")
    windows = 0
    with contextlib.suppress(Transient):
        while True:
            rig.put(window(windows + 1), messages(0, 50))
            windows += 1
    taken = rig.take()
    assert held == [messages(number * 50, 50) for number in range(10)]
    assert [batch for batch in taken if batch.features] == [
        window(number + 1) for number in range(windows)
    ]
    stored = sum(len(batch.raw) for batch in taken)
    assert rig.metrics.drops() == {"store.raw_spool_full": windows * 50 - stored}


def test_a_full_disk_is_said_and_treated_as_a_full_spool(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = os.write
    room = [5_000]

    def short_write(descriptor: int, content: bytes) -> int:
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, content[: room[0]])
        room[0] -= written
        return written

    rig.backlog.went_away("database: gone")
    rig.put(messages(0, 20), window(1))
    monkeypatch.setattr("bgptui.store.spool_segment.os.write", short_write)
    number = 20
    while not rig.metrics.drops():
        rig.put(messages(number, 20))
        number += 20
    assert "No space left on device: messages are not stored until there is room" in caplog.text
    monkeypatch.undo()
    rig.put(window(2))
    taken = rig.take()
    assert [batch for batch in taken if batch.features] == [window(1), window(2)]
    stored = sum(len(batch.raw) for batch in taken)
    assert rig.metrics.drops() == {"store.raw_spool_full": number - stored}


def test_leaving_puts_on_disk_what_is_in_memory_and_what_still_comes(rig: Rig) -> None:
    rig.put(messages(0, 10), window(1))
    assert rig.backlog.take(0.0) is not None
    rig.backlog.leave()
    rig.put(alert(1))
    with pytest.raises(ChannelClosed):
        rig.backlog.take(0.0)
    rig.backlog.close()
    lock = FileLock(rig.directory / LOCK_NAME)
    assert lock.try_exclusive()
    again = Spool(rig.directory, lock=lock, max_bytes=MIB, metrics=rig.metrics)
    read = [again.next(after=0) for _ in range(4)]
    assert [batch.sequence if batch else None for batch in read] == [1, 2, 3, None]
    assert rig.metrics.drops() == {}


def test_a_committer_that_fails_lets_nobody_wait_and_counts_what_was_in_memory(rig: Rig) -> None:
    rig.put(messages(0, 10), messages(10, 5))
    assert rig.backlog.take(0.0) is not None
    rig.backlog.fail()
    assert rig.metrics.drops() == {"store.not_committed": 5}
    with pytest.raises(ChannelClosed):
        rig.put(messages(20, 5))


def test_an_empty_spool_leaves_nothing_behind(rig: Rig) -> None:
    rig.backlog.flush()
    rig.backlog.close()
    assert not rig.directory.exists()


@pytest.mark.parametrize(
    ("raw_json", "frames"),
    [(Keep.ALL, [b"{}", b"{}"]), (Keep.WATCHED, [b"", b"{}"]), (Keep.NONE, [b"", b""])],
)
def test_frames_that_are_not_stored_are_not_spooled(raw_json: Keep, frames: list[bytes]) -> None:
    batch = WriteBatch(
        now=0.0,
        raw=(message(1, received=b"{}"), message(2, received=b"{}", watched=True)),
    )
    lean = without_frames(batch, raw_json)
    assert [record.message.received for record in lean.raw] == frames


def test_evidence_with_tuples_enums_and_structs_makes_the_same_rows() -> None:
    facts = {"path": (64496, (64500, 64501)), "severity": Severity.HIGH, "peer": PEER, "n": 0.1}
    event = replace(window(1).events[0], evidence=facts)
    change = replace(alert(1).alerts[0], alert=replace(alert(1).alerts[0].alert, evidence=(facts,)))
    codec = RecordCodec()
    back = codec.decode(codec.encode(WriteBatch(now=0.0, events=(event,), alerts=(change,))))
    assert rows.event_row(back.events[0]) == rows.event_row(event)
    assert alert_parameters(back.alerts[0].alert) == alert_parameters(change.alert)


def test_text_that_is_no_unicode_is_stored_as_the_database_would_store_it() -> None:
    codec = RecordCodec()
    row = Metric(1.0, "a\ud800", "b", 1.0, "\udcff")
    batch = WriteBatch(now=0.0, raw=(message(1, received=b"\xff\0"),), metrics=(row,))
    back = codec.decode(codec.encode(batch))
    assert back.raw == batch.raw
    assert rows.metric_row(back.metrics[0]) == rows.metric_row(row)


def test_a_record_of_another_release_is_refused_as_such() -> None:
    codec = RecordCodec()
    with pytest.raises(UnreadableRecord):
        codec.decode(b"something else")


def test_a_changed_byte_costs_the_rest_of_its_file_and_nothing_else(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "spool", max_bytes=32_768)  # files of 2 KiB
    rig.backlog.went_away("database: gone")
    rig.put(*(window(number) for number in range(1, 21)))
    files = sorted(rig.directory.glob("kept-*"))
    assert len(files) > 2
    content = bytearray(files[1].read_bytes())
    content[-1] ^= 1
    files[1].write_bytes(content)
    read = [batch.features[0][0] for batch in rig.take()]
    assert len(read) == 19
    assert read == sorted(read)
    assert rig.metrics.drops() == {"store.spool_torn": 1}


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., SpoolHome]:
    def make(epoch: int, database_id: str = "one") -> SpoolHome:
        return SpoolHome(
            tmp_path,
            database_id=database_id,
            held=Lease("collector", f"host:1:{epoch}", epoch),
            max_bytes=MIB,
            metrics=Metrics(),
        )

    return make


def leave_behind(home: SpoolHome, *batches: WriteBatch) -> None:
    spool = home.create()
    for number, batch in enumerate(batches, start=1):
        spool.append(replace(batch, sequence=number))
    spool.close()


def test_the_next_collector_takes_over_what_the_last_one_left(
    make_home: Callable[..., SpoolHome],
) -> None:
    leave_behind(make_home(7), window(1))
    (leftover,) = make_home(8).leftovers()
    assert leftover.holder == "host:1:7"
    leftover.spool.close()  # this one is killed before it has written it
    (leftover,) = make_home(9).leftovers()
    assert leftover.holder == "host:1:7"
    assert leftover.spool.next(after=0) == replace(window(1), sequence=1)
    leftover.spool.release(1)
    leftover.spool.close()
    assert list(make_home(10).leftovers()) == []


def test_what_another_collector_has_overtaken_is_set_aside_and_said(
    make_home: Callable[..., SpoolHome], caplog: pytest.LogCaptureFixture
) -> None:
    leave_behind(make_home(7), window(1))
    home = make_home(9)
    assert list(home.leftovers()) == []
    (aside,) = home.folder.iterdir()
    assert aside.name == "set-aside.7.host:1:7"
    assert any(aside.glob("kept-*"))
    assert "is not written: another bgptui has collected into this database since" in caplog.text
    assert list(make_home(10).leftovers()) == []


def test_a_spool_in_use_and_one_of_another_database_are_left_alone(
    make_home: Callable[..., SpoolHome], caplog: pytest.LogCaptureFixture
) -> None:
    leave_behind(make_home(7, "other"), window(1))
    in_use = make_home(7).create()
    in_use.append(replace(window(1), sequence=1))
    with caplog.at_level(logging.WARNING):
        assert list(make_home(8).leftovers()) == []
    assert "in use by another bgptui" in caplog.text
    in_use.close()


def test_a_spool_is_made_and_closed_while_another_process_tidies_up(
    make_home: Callable[..., SpoolHome],
) -> None:
    tidy, stop = make_home(9), threading.Event()
    errors: list[BaseException] = []

    def tidy_up() -> None:
        try:
            while not stop.is_set():
                tidy.set_aside()
                list(tidy.leftovers())
        except Fatal as error:
            errors.append(error)

    thread = threading.Thread(target=tidy_up)
    thread.start()
    try:
        for epoch in range(100, 400):
            make_home(epoch).create().close()
    finally:
        stop.set()
        thread.join()
    assert not errors


def test_a_folder_that_cannot_be_written_is_a_fatal_error_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = SpoolHome(
        tmp_path / "file",
        database_id="one",
        held=Lease("collector", "h", 1),
        max_bytes=MIB,
        metrics=Metrics(),
    )
    with pytest.raises(Fatal, match=r"store\.spool_dir .* store\.spool_max_mib to 0"):
        home.create()


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (BacklogState(), ""),
        (BacklogState(None, 3 * 2**20, 2**30), "catching up, spool 3 MiB of 1.0 GiB"),
        (BacklogState(41.7, 12 * 2**20, 2**30), "database away 42 s, spool 12 MiB of 1.0 GiB"),
        (BacklogState(0.2), "database away 0 s"),
    ],
)
def test_the_state_says_how_long_and_how_much(state: BacklogState, text: str) -> None:
    assert state.text == text


def test_our_own_metrics_go_when_messages_do(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "spool", max_bytes=4_096)
    rig.backlog.went_away("database: gone")
    number = 0
    while "store.metrics_spool_full" not in rig.metrics.drops():
        number += 1
        rig.put(metric(number))
    assert number > 5
