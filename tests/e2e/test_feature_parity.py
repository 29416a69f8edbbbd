"""What the aggregator counted equals what SQL computes from raw_bgp_data, window by window."""

import json
import random
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from support.program import Incident, Program

SQL = Path(__file__).with_name("features_from_raw.sql").read_text()
STORED = """
    select extract(epoch from "timestamp")::bigint as window_start,
           collector, host(peer_addr) as peer_addr, peer_asn,
           announcements, withdrawals, total_updates, withdrawal_ratio, flap_count, path_length,
           unique_peers::bigint, message_rate, session_resets::bigint, std_path_length,
           max_updates, messages, prefixes_with_path
    from public.features order by 1, 2 nulls last, 3, 4
"""
COUNTS = (
    "announcements", "withdrawals", "total_updates", "flap_count", "unique_peers",
    "session_resets", "max_updates", "messages", "prefixes_with_path",
)  # fmt: skip
RATIOS = ("withdrawal_ratio", "path_length", "message_rate", "std_path_length")
Key = tuple[int, str | None, str | None, int | None]


def rows(dsn: str, query: str) -> dict[Key, Any]:
    with psycopg.connect(dsn, row_factory=namedtuple_row) as connection:
        found: list[Any] = list(connection.execute(query.encode()))
    return {(row.window_start, row.collector, row.peer_addr, row.peer_asn): row for row in found}


def assert_same(dsn: str) -> None:
    """Every window that SQL finds is stored alike; every other stored one is all zeros."""
    computed, stored = rows(dsn, SQL), rows(dsn, STORED)
    assert computed
    assert computed.keys() <= stored.keys()
    for key, row in stored.items():
        expected = computed.get(key)
        for name in COUNTS:
            known = 0 if expected is None else getattr(expected, name)
            if expected is None and name == "unique_peers":
                continue  # a silent peer's row counts the others of its collector
            assert getattr(row, name) == known, (key, name)
        for name in RATIOS if expected is not None else ():
            assert getattr(row, name) == pytest.approx(getattr(expected, name)), (key, name)


def evictions(said: str) -> bool:
    return "flap_evicted" in said


def test_a_real_recording(program: Program, shared: Path, database: str) -> None:
    recording = shared / "data/rislive/ris-live-1000-frames-20190523.jsonl"
    said = program.run("replay", str(recording), "--dsn", database, "--keep").stderr
    assert not evictions(said)
    assert_same(database)


def test_the_incident(program: Program, incident: Incident, database: str) -> None:
    said = program.run("replay", str(incident.recording), "--dsn", database, "--keep").stderr
    assert not evictions(said)
    assert_same(database)
    with psycopg.connect(database) as connection:
        flaps, resets = connection.execute(  # type: ignore[misc]
            "select sum(flap_count), sum(session_resets) from features where peer_addr is null"
        ).fetchone()
    assert flaps > 1_000
    assert resets == 1


@pytest.mark.parametrize(
    ("archive", "resets"),
    [
        ("bgpdump.updates.20160811.1600.gz", 22),
        ("bgpkit.rrc01_2000.11_updates.20001104.0124.gz", 1),
    ],
)
def test_session_resets_of_an_archive_are_the_changes_from_established(
    program: Program, shared: Path, database: str, archive: str, resets: int
) -> None:
    path = str(shared / "data/mrt" / archive)
    program.run("replay", path, "--dsn", database, "--keep")
    assert_same(database)
    with psycopg.connect(database) as connection:
        counted = connection.execute(
            "select sum(session_resets)::int from features where peer_addr is null"
        ).fetchone()
    assert counted == (resets,)


def test_input_out_of_order_with_some_of_it_late(
    program: Program, incident: Incident, database: str
) -> None:
    rng = random.Random(7)
    arrivals = []
    for index, frame in enumerate(
        incident.recording.read_bytes().splitlines(keepends=True)[-6_000:]
    ):
        arrives = json.loads(frame)["data"]["timestamp"]
        if index % 97 == 0:
            # Within the reader's horizon, or behind the watermark of all that it has passed on.
            # What lies between is not late, and no peer's: a BGP session keeps its order.
            arrives += rng.choice((rng.uniform(0, 9), rng.uniform(90, 120)))
        arrivals.append((arrives, index, frame))
    shuffled = program.home / "shuffled.jsonl"
    shuffled.write_bytes(b"".join(frame for _, _, frame in sorted(arrivals)))
    program.run("replay", str(shuffled), "--dsn", database, "--keep")
    assert_same(database)
    with psycopg.connect(database) as connection:
        late = connection.execute("select count(*) from raw_bgp_data where late").fetchone()
        in_rows = connection.execute(
            "select sum(late_messages)::int from features where peer_addr is null"
        ).fetchone()
    assert late is not None
    assert late[0] > 0
    assert in_rows == late
