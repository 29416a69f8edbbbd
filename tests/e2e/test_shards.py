"""Several bgptui on one database: the rows of one alone, whatever becomes of any of them."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from bgptui.demo.catalogue import scenario
from bgptui.sources.playback import Pacing, Times
from bgptui.sources.ris_server import RisServer, TimedFrame
from support.awaiting import DEADLINE_S, rows, until
from support.program import Incident, Program

HOSTS = '["rrc00", "rrc01"]'


class FairServer(RisServer):
    """Begins once two clients have subscribed to one host each: nobody misses the begin."""

    def _look_for_subscribers(self) -> None:
        if len([each for each in self._subscribers if each.has_subscribed]) == 2:
            super()._look_for_subscribers()


def holders(dsn: str) -> dict[str, str]:
    """Who holds which host."""
    found = rows(
        dsn, "select scope, holder from collector_leases where scope like 'rrc%' and holder <> ''"
    )
    return dict(found)


def is_divided(dsn: str) -> bool:
    held = holders(dsn)
    return len(held) == 2 and len(set(held.values())) == 2


def without_ids(dsn: str, table: str) -> list[tuple[str | None, ...]]:
    """The rows of a table but for their ids, and for z-scores: which streams have their medians
    renewed in which minute depends on the place that a process has for them. Nor for earlier
    origins: a process knows those that its own peers announced."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
            " and attname not in ('id', 'zscores') order by attname",
            [table],
        ).fetchall()
        names = ", ".join(
            "(metadata #- '{evidence,origins}')::text" if name == "metadata" else f'"{name}"::text'
            for (name,) in found
        )
        table_rows: list[Any] = list(connection.execute(f"select {names} from {table}".encode()))
    return sorted(table_rows, key=lambda row: tuple(text or "" for text in row))


@contextmanager
def served(frames: Callable[[], Iterator[TimedFrame]], pacing: Pacing) -> Iterator[FairServer]:
    server = FairServer(frames, pacing=pacing)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def recorded(path: Path) -> Iterator[TimedFrame]:
    with path.open("rb") as lines:
        for line in lines:
            yield 0.0, line


def test_two_processes_leave_the_rows_and_alerts_of_one(
    program: Program, incident: Incident, database: str, empty_database: str
) -> None:
    recording = str(incident.recording)
    program.run("replay", recording, *incident.flags, "--dsn", empty_database, "--keep")
    count = rows(empty_database, "select count(*) from raw_bgp_data")
    with (
        served(lambda: recorded(incident.recording), Pacing(times=Times.RECORDED)) as server,
        ExitStack() as stack,
    ):
        command = ("--no-ui", "--clock", "event", "--url", server.url, *incident.flags)
        shared = ("--set", f"feed.collectors={HOSTS}", "--dsn", database)
        two = [stack.enter_context(program.running(*command, *shared)) for _ in range(2)]
        until(lambda: is_divided(database), "a fair division", *two)
        received = "select count(*) from raw_bgp_data"
        until(lambda: rows(database, received) == count, "the last message", *two)
        for process in two:
            process.terminate()
        said = [program.terminate(process) for process in two]
    assert "Traceback" not in "".join(said)
    for table in ("public.features", "public.route_monitor_events", "public.peers"):
        assert without_ids(database, table) == without_ids(empty_database, table), table
    scored = "select count(*) from ml_results m join features f on f.id = m.feature_id"
    assert rows(database, scored) == rows(empty_database, scored)
    # Of what is still open the total may be told by the process that stays a moment longer.
    alerts = (
        "select alert_uuid, alert_type, severity, title, peers_seen, status,"
        " case when status = 'resolved' then peers_total end, first_seen, resolved_at"
        " from alerts order by alert_uuid"
    )
    assert rows(database, alerts) == rows(empty_database, alerts)
    assert rows(database, "select count(*) from bgptui.shard_moments") == [(0,)]
    assert holders(database) == {}


@contextmanager
def two_on_a_live_hijack(
    program: Program, incident: Incident, database: str
) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Two processes that have opened the demo's hijack together, by their holders' names."""
    _, live = scenario("subprefix-hijack").parts(time.time(), rng=Random(5))
    frames = islice(live, 20_000)
    server = RisServer(lambda: frames, pacing=Pacing(times=Times.DATED))
    server.start()
    command = ("--no-ui", "--url", server.url, *incident.flags, "--dsn", database)
    try:
        with ExitStack() as stack:
            two = [
                stack.enter_context(program.running(*command, "--set", f"feed.collectors={HOSTS}"))
                for _ in range(2)
            ]
            until(lambda: is_divided(database), "a fair division", *two)
            hijack = "select count(*) from alerts where alert_type = 'hijack' and peers_seen > 3"
            until(lambda: rows(database, hijack) == [(1,)], "the hijack", *two)
            yield {
                holder: next(each for each in two if f":{each.pid}:" in holder)
                for holder in set(holders(database).values())
            }
    finally:
        server.stop()


@pytest.mark.faults
def test_a_hijack_seen_by_both_is_one_alert_and_a_killed_process_is_replaced(
    program: Program, incident: Incident, database: str
) -> None:
    with two_on_a_live_hijack(program, incident, database) as two:
        by_host = holders(database)
        survivor = rows(
            database,
            "select holder from collector_leases where scope like 'rrc%'"
            " and holder <> (select holder from collector_leases where scope = 'correlate')",
        )[0][0]
        (killed,) = two.keys() - {survivor}
        lost = [host for host, holder in by_host.items() if holder == killed]
        two[killed].kill()
        until(
            lambda: set(holders(database).values()) == {survivor} and len(holders(database)) == 2,
            "the takeover",
            two[survivor],
        )
        ended = "select collector, reason from feed_gaps where gap_end is not null"
        until(lambda: bool(rows(database, ended)), "the end of the gap", two[survivor])
        assert [(host, "takeover") for host in lost] == [
            gap for gap in rows(database, ended) if gap[0] in lost
        ]
        # Its alerts go on in the other process: the routes are withdrawn, and hold down.
        resolved = "select count(*) from alerts where alert_type = 'hijack' and peers_seen > 3"
        assert rows(database, resolved) == [(1,)]
        program.terminate(two[survivor])
    assert rows(database, "select count(*) from alerts where alert_type = 'hijack'") == [(1,)]
    twice = (
        "select timestamp, collector, peer_addr from features where not gap"
        " group by 1, 2, 3 having count(*) > 1"
    )
    assert rows(database, twice) == []


@pytest.mark.faults
def test_a_suspended_process_loses_its_hosts_within_30_s_and_writes_nothing_more(
    program: Program, incident: Incident, database: str
) -> None:
    with two_on_a_live_hijack(program, incident, database) as two:
        by_host = holders(database)
        suspended, survivor = sorted(two)
        (lost,) = (host for host, holder in by_host.items() if holder == suspended)
        two[suspended].send_signal(signal.SIGSTOP)
        stopped_at = time.time()
        until(lambda: holders(database).get(lost) == survivor, "the takeover", two[survivor])
        assert time.time() - stopped_at < 30
        two[suspended].send_signal(signal.SIGCONT)
        _, said = two[suspended].communicate(timeout=DEADLINE_S)
        assert two[suspended].returncode != 0
        assert "lost" in said.splitlines()[-1]
        gap = f"select reason from feed_gaps where collector = '{lost}' and gap_end is not null"
        until(lambda: rows(database, gap) == [("takeover",)], "the end of the gap", two[survivor])
        since = f"timestamp > to_timestamp({stopped_at + 1}) and timestamp < gap_end"
        inside = (
            "select count(*) from raw_bgp_data r join feed_gaps g on r.collector = g.collector"
            f" where g.collector = '{lost}' and {since}"
        )
        assert rows(database, inside) == [(0,)]
        program.terminate(two[survivor])
