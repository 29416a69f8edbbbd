"""`bgptui --no-ui` on a served recording: the same rows as a replay, and gaps where it was cut."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from bgptui.demo.catalogue import scenario
from bgptui.sources.playback import Pacing, Times
from bgptui.sources.ris_server import RisServer, TimedFrame
from support.awaiting import until
from support.program import Incident, Program
from support.tables import assert_same_rows


def value(dsn: str, query: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


@contextmanager
def served(program: Program, *paths: Path) -> Iterator[str]:
    """The URL of `bgptui serve-recording --keep-time`."""
    command = ("serve-recording", *map(str, paths), "--port", "0", "--keep-time")
    with program.running(*command) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        program.terminate(process)


@pytest.fixture(params=["incident", "real"])
def recorded(request: pytest.FixtureRequest, incident: Incident) -> tuple[Path, tuple[str, ...]]:
    """A recording and the flags to run it with."""
    if request.param == "incident":
        return incident.recording, incident.flags
    shared: Path = request.getfixturevalue("shared")
    recording = shared / "data/rislive/ris-live-1000-frames-20190523.jsonl"
    return recording, ("--vrps", str(shared / "data/rpki/vrps-15k.json"))


def test_a_served_recording_leaves_the_rows_of_its_replay(
    program: Program,
    recorded: tuple[Path, tuple[str, ...]],
    database: str,
    empty_database: str,
) -> None:
    recording, flags = recorded
    program.run("replay", str(recording), *flags, "--dsn", database, "--keep")
    count = value(database, "select count(*) from raw_bgp_data")
    with (
        served(program, recording) as url,
        program.running(
            "--no-ui", "--clock", "event", "--url", url, *flags, "--dsn", empty_database
        ) as live,
    ):
        received = "select count(*) from raw_bgp_data"
        until(
            lambda: value(empty_database, "select to_regclass('alert_ids')") is not None,
            "schema",
            live,
        )
        until(lambda: value(empty_database, received) == count, "the last message", live)
        said = program.terminate(live)
    assert "Traceback" not in said
    assert_same_rows(empty_database, database)
    assert value(empty_database, "select count(*) from feed_gaps") == 0


class Feed:
    """The demo's calm traffic of now, at ten times its rate, from a server that can be stopped."""

    def __init__(self) -> None:
        self._frames = self._timed()
        self._server = RisServer(self._next_frames, pacing=Pacing(rate_per_s=50))

    @staticmethod
    def _timed() -> Iterator[TimedFrame]:
        frames = scenario("subprefix-hijack").frames(1_767_787_200.0, rng=Random(3))
        return islice(frames, 40_000)

    def _next_frames(self) -> Iterator[TimedFrame]:
        return self._frames

    def start(self, port: int = 0) -> int:
        self._server = RisServer(
            self._next_frames, port=port, pacing=Pacing(rate_per_s=50, times=Times.NOW)
        )
        self._server.start()
        return int(self._server.url.rpartition(":")[2].partition("/")[0])

    def stop(self) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return self._server.url


def test_a_server_that_is_restarted_costs_only_the_time_it_was_down(
    program: Program, database: str
) -> None:
    feed = Feed()
    port = feed.start()
    count = "select count(*) from raw_bgp_data"
    try:
        with program.running("--no-ui", "--url", feed.url, "--dsn", database) as live:
            until(lambda: value(database, count) > 50, "messages", live)
            feed.stop()
            until(
                lambda: (
                    value(database, "select count(*) from feed_gaps where gap_end is null") == 1
                ),
                "the gap",
                live,
            )
            before = value(database, count)
            feed.start(port)
            until(lambda: value(database, count) > before + 50, "messages after the restart", live)
            program.terminate(live)
    finally:
        feed.stop()
    with psycopg.connect(database) as connection:
        gaps = connection.execute(
            "select reason, collector, extract(epoch from gap_start), extract(epoch from gap_end)"
            " from feed_gaps"
        ).fetchall()
        inside = connection.execute(
            "select count(*) from raw_bgp_data r join feed_gaps g"
            " on r.timestamp > g.gap_start and r.timestamp < g.gap_end"
        ).fetchone()
    assert [(reason, collector) for reason, collector, _, _ in gaps] == [("closed", None)]
    assert gaps[0][3] > gaps[0][2]
    assert inside == (0,)


def test_an_orderly_stop_and_restart_leave_one_gap_and_no_minute_twice(
    program: Program, database: str
) -> None:
    program.run("db", "sample-data", "--dsn", database)
    program.run("alerts", "--dsn", database)
    feed = Feed()
    feed.start()
    count = "select count(*) from raw_bgp_data"
    command = ("--no-ui", "--url", feed.url, "--dsn", database)

    def more_than(rows: int) -> bool:
        return bool(value(database, count) > rows)

    try:
        for _ in range(2):
            with program.running(*command) as live:
                before = value(database, count)
                until(partial(more_than, before + 50), "messages", live)
                program.terminate(live)
    finally:
        feed.stop()
    with psycopg.connect(database) as connection:
        gaps = connection.execute(
            "select reason, gap_end - gap_start < interval '5 minutes' from feed_gaps"
            " where collector is null and gap_end is not null and reason = 'restart'"
            " order by gap_start desc limit 1"
        ).fetchall()
        twice = connection.execute(
            "select timestamp, collector, peer_addr from features where not gap"
            " group by 1, 2, 3 having count(*) > 1"
        ).fetchall()
        blind = connection.execute(
            "select count(*) from ml_results m join features f on f.id = m.feature_id"
            " where f.gap and m.ensemble_score is not null"
        ).fetchone()
    assert gaps == [("restart", True)]
    assert twice == []
    assert blind == (0,)


def test_a_killed_collector_comes_back_with_its_open_alert_and_a_gap_and_resolves_it(
    program: Program, incident: Incident, database: str
) -> None:
    chosen = scenario("subprefix-hijack")
    started = time.time()
    _, live = chosen.parts(started, rng=Random(5))
    frames = islice(live, 20_000)
    # Four times as fast as the scenario has it: nothing here depends on the minute.
    server = RisServer(lambda: frames, pacing=Pacing(speed=4, times=Times.NOW))
    server.start()
    quick = ("--set", "alerts.hold_down_s=2")
    command = ("--no-ui", "--url", server.url, *incident.flags, "--dsn", database, *quick)
    opened = "select count(*) from alerts where alert_type = 'hijack'"
    try:
        with program.running(*command) as first:
            until(lambda: value(database, opened) == 1, "the hijack", first)
            first.kill()
        with program.running(*command) as second:
            gap = "select reason from feed_gaps where gap_end is not null"
            until(lambda: value(database, gap) == "restart", "the gap of the restart", second)
            status = "select status from alerts where alert_type = 'hijack'"
            assert value(database, status) == "open"
            # The routes that fired before the kill are withdrawn after the restart.
            until(lambda: value(database, status) == "resolved", "its end", second)
            on = "select count(*) from route_monitor_events where ended_at is null"
            until(lambda: value(database, on) == 0, "the end of its row", second)
            program.terminate(second)
    finally:
        server.stop()
    assert value(database, opened) == 1
    matters = (
        "select count(*) = count(distinct (event_type, prefix, origin_asn, reason))"
        " and bool_and(end_reason = 'gone') from route_monitor_events"
    )
    assert value(database, matters)
