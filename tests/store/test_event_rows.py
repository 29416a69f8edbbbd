"""Rows of route_monitor_events that are brought up to date: in order, once, on every engine."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from psycopg.rows import dict_row

from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType, RouteEvent, RouteKey
from bgptui.domain.event_row import EventRow, RowEnd, first_row
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import NOT_FOUND
from bgptui.runtime.metrics import Metrics
from bgptui.store.batch import ReplayPosition, WriteBatch
from bgptui.store.connect import Connection, connect
from bgptui.store.event_rows import open_event_rows
from bgptui.store.replays import ReplayWriter
from bgptui.store.spool_record import RecordCodec, kept_part
from bgptui.store.start_state import start_state
from bgptui.store.writer import Writer

T0 = 1_767_780_000.0  # 2026-01-07 10:00 UTC
PEERS = tuple(Peer("rrc00", f"192.0.2.{n}", 64500 + n) for n in range(1, 5))
KEY = RouteKey(EventType.HIJACK_SUSPECTED, "203.0.113.128/25", 64511, "subprefix")


def sighting(number: int, **facts: Any) -> RouteEvent:
    values: dict[str, Any] = {
        "id": number,
        "timestamp": T0 + number,
        "key": KEY,
        "peer": PEERS[0],
        "severity": Severity.MEDIUM,
        "hijack_class": "S|0",
        "description": "a more specific from elsewhere",
        "as_path": (64496, (64497, 64498), 64511),
        "next_hop": None,
        "validation": NOT_FOUND,
        "evidence": {"rule": {"min_peers": 3}},
    }
    return RouteEvent(**{**values, **facts})


def grown(event: RouteEvent, sightings: int, **facts: Any) -> EventRow:
    return replace(
        first_row(event),
        severity=Severity.HIGH,
        last_seen=event.timestamp + sightings,
        peers_seen=3,
        sightings=sightings,
        peers_having=PEERS[1:3],
        peers_had=PEERS[:1],
        **facts,
    )


def batch(*events: RouteEvent, updates: tuple[EventRow, ...] = ()) -> WriteBatch:
    return WriteBatch(now=T0, events=events, event_updates=updates)


def table(conn: Connection) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            'select *, extract(epoch from "timestamp")::float8 as began,'
            " extract(epoch from last_seen)::float8 as seen,"
            " extract(epoch from ended_at)::float8 as ended"
            " from route_monitor_events order by id"
        ).fetchall()


def committed_at_once(dsn: str, **settings: Any) -> Writer:
    return Writer(
        connect=lambda: connect(dsn, application_name="test", timeout_s=5),
        check_lease=lambda _: None,
        holder="test",
        metrics=Metrics(),
        **{"commit_s": 0.0, **settings},
    )


@pytest.fixture
def conn(engine_database: str) -> Iterator[Connection]:
    with connect(engine_database, application_name="test", timeout_s=5) as connection:
        yield connection


@pytest.fixture
def writer(engine_database: str) -> Iterator[Writer]:
    writer = committed_at_once(engine_database)
    yield writer
    writer.close()


def test_a_row_is_there_with_its_first_sighting_and_grows(writer: Writer, conn: Connection) -> None:
    event = sighting(1)
    writer.process(batch(event), T0)
    (row,) = table(conn)
    assert (row["reason"], row["peers_seen"], row["sightings"]) == ("subprefix", 1, 1)
    assert (row["seen"], row["ended_at"], row["severity"]) == (T0 + 1, None, "medium")
    writer.process(batch(updates=(grown(event, 7, ended_at=T0 + 9, end_reason=RowEnd.GONE),)), T0)
    (after,) = table(conn)
    assert (after["peers_seen"], after["sightings"], after["severity"]) == (3, 7, "high")
    assert (after["seen"], after["ended"], after["end_reason"]) == (T0 + 8, T0 + 9, "gone")
    assert after["metadata"] == row["metadata"] | {
        "peers": {
            "have": [["rrc00", "192.0.2.2", 64502], ["rrc00", "192.0.2.3", 64503]],
            "had": [["rrc00", "192.0.2.1", 64501]],
        }
    }
    assert after["metadata"]["paths"] == ["64496 {64497,64498} 64511"]
    changing = {
        "severity", "last_seen", "seen", "peers_seen", "sightings", "ended_at", "ended",
        "end_reason", "metadata",
    }  # fmt: skip
    assert {name for name in row if row[name] != after[name]} == changing


def test_growth_in_the_transaction_of_the_first_sighting_is_part_of_the_copy(
    engine_database: str, conn: Connection
) -> None:
    slow = committed_at_once(engine_database, commit_s=3600.0)
    first, second = sighting(1), sighting(2, key=replace(KEY, reason="origin"))
    slow.process(batch(first, second), T0)
    slow.process(batch(updates=(grown(first, 2),)), T0)
    slow.process(batch(updates=(grown(first, 5), grown(second, 3))), T0)
    slow.flush()
    slow.close()
    at_once = table(conn)
    conn.execute("delete from route_monitor_events")
    conn.execute("delete from bgptui.positions")
    quick = committed_at_once(engine_database)
    quick.process(batch(first, second), T0)
    quick.process(batch(updates=(grown(first, 2),)), T0)
    quick.process(batch(updates=(grown(first, 5), grown(second, 3))), T0)
    quick.close()
    assert [row["sightings"] for row in at_once] == [5, 3]
    assert table(conn) == at_once


def test_the_same_update_twice_and_one_of_a_row_that_is_gone_change_nothing(
    writer: Writer, conn: Connection
) -> None:
    event, gone = sighting(1), sighting(2, timestamp=T0 - 40 * 86_400)
    writer.process(batch(event), T0)
    writer.process(batch(updates=(grown(event, 7),)), T0)
    before = table(conn)
    writer.process(batch(updates=(grown(event, 7), grown(gone, 2))), T0)
    assert table(conn) == before


def test_a_first_sighting_that_the_database_cannot_hold_takes_its_growth_with_it(
    writer: Writer, conn: Connection
) -> None:
    bad, good = sighting(1, key=replace(KEY, prefix="garbage")), sighting(2)
    writer.process(batch(bad, good, updates=(grown(bad, 3), grown(good, 4))), T0)
    writer.process(batch(updates=(grown(bad, 5), grown(good, 6))), T0)
    assert [(row["id"], row["sightings"]) for row in table(conn)] == [(2, 6)]


def test_what_is_followed_is_taken_up_after_a_restart_as_it_stood(
    writer: Writer, conn: Connection
) -> None:
    on, over = sighting(1), sighting(2, key=replace(KEY, reason="origin", origin_asn=None))
    new = sighting(3, key=replace(KEY, event_type=EventType.BOGON))
    rows = (grown(on, 7), grown(over, 2, ended_at=T0, end_reason=RowEnd.GONE))
    writer.process(batch(on, over, new, updates=rows), T0)
    assert open_event_rows(conn) == (rows[0], first_row(new))
    assert start_state(conn).event_rows == open_event_rows(conn)


def test_rows_of_earlier_releases_and_of_days_ago_are_not_taken_up(
    writer: Writer, conn: Connection
) -> None:
    old, young = sighting(1, timestamp=T0 - 3 * 86_400), sighting(2)
    writer.process(batch(old, young), T0)
    conn.execute(
        "update route_monitor_events set reason = null, last_seen = null, peers_seen = null,"
        " sightings = null where id = 2"
    )
    assert open_event_rows(conn) == ()


def test_a_clock_in_the_future_does_not_hide_what_is_followed(
    writer: Writer, conn: Connection
) -> None:
    ours = sighting(1, timestamp=time.time())
    broken = sighting(2, timestamp=4_000_000_000.0)
    writer.process(batch(ours, broken), T0)
    assert {row.row.id for row in open_event_rows(conn)} == {1, 2}


def test_a_row_in_a_compressed_chunk_still_comes_to_its_end(
    timescaledb_database: str,
) -> None:
    with connect(timescaledb_database, application_name="test", timeout_s=5) as conn:
        writer = committed_at_once(timescaledb_database)
        event = sighting(1)
        writer.process(batch(event, sighting(2, key=replace(KEY, reason="origin"))), T0)
        done = conn.execute(
            "select compress_chunk(c) from show_chunks('public.route_monitor_events') c"
        ).fetchall()
        assert len(done) == 1
        end = grown(event, 7, ended_at=T0 + 9, end_reason=RowEnd.GONE)
        writer.process(batch(updates=(end,)), T0)
        writer.close()
        assert [(row["sightings"], row["end_reason"]) for row in table(conn)] == [
            (7, "gone"),
            (1, None),
        ]


def test_updates_come_out_of_the_spool_as_they_went_in() -> None:
    event = sighting(1)
    update = grown(event, 7, ended_at=T0 + 9, end_reason=RowEnd.GONE)
    codec = RecordCodec()
    kept = kept_part(batch(updates=(update,)))
    assert kept is not None
    assert codec.decode(codec.encode(kept)).event_updates == (update,)


@pytest.mark.parametrize("committed", range(5))
def test_a_replay_that_is_run_again_leaves_out_the_updates_that_are_there(
    database: str, committed: int
) -> None:
    event = sighting(1)
    told = [batch(event), *(batch(updates=(grown(event, n),)) for n in range(2, 6))]
    written: list[tuple[int, ...]] = []

    class Noting(Writer):
        def process(self, batch: WriteBatch, now: float) -> None:
            written.append(tuple(row.sightings for row in batch.event_updates))
            super().process(batch, now)

    def run(position: ReplayPosition, batches: list[WriteBatch], make: type[Writer]) -> None:
        writer = make(
            connect=lambda: connect(database, application_name="test", timeout_s=5),
            check_lease=lambda _: None,
            holder="test",
            metrics=Metrics(),
            commit_s=0.0,
        )
        stage = ReplayWriter(writer, position)
        for each in batches:
            stage.process(each, T0)
        writer.close()

    run(ReplayPosition("one"), told[: committed + 1], Writer)
    run(ReplayPosition("one", events=1, event_updates=committed), told, Noting)
    assert [sightings for one in written for sightings in one] == list(range(2 + committed, 6))
    with connect(database, application_name="test", timeout_s=5) as conn:
        assert [row["sightings"] for row in table(conn)] == [5]
