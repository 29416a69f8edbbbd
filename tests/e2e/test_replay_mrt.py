"""`bgptui replay` of MRT archives, as a user runs it."""

import json
import os
import threading
from pathlib import Path

import psycopg
import pytest

from support import bgp_wire as wire
from support.program import Program

WATCHED = "203.0.113.0/24"
START = 1_767_787_200
PEERS = tuple((64496 + number, f"192.0.2.{number + 1}") for number in range(3))
WATCHLIST = """
[[prefix]]
prefix = "203.0.113.0/24"
origins = [64500]
"""


@pytest.fixture
def archive(program: Program) -> Path:
    """Three peers announce a watched prefix from a foreign origin, then the right one."""
    folder = program.home / "rrc07"
    folder.mkdir()
    octets = b""
    for seconds, origin in ((60, 64666), (120, 64500)):
        for asn, address in PEERS:
            message = wire.update(attributes(asn, origin), nlri=wire.prefix(WATCHED))
            header = wire.peer_header(asn, address)
            octets += wire.record(16, 4, header + message, seconds=START + seconds)
    (folder / "updates.mrt").write_bytes(octets)
    (program.home / "watch.toml").write_text(WATCHLIST)
    return folder


def attributes(asn: int, origin: int) -> bytes:
    return wire.origin() + wire.as_path((2, (asn, origin))) + wire.next_hop()


def foreign_table() -> bytes:
    """The routes from the foreign origin as a routing table."""
    routes = [(index, attributes(asn, 64666)) for index, (asn, _) in enumerate(PEERS)]
    return wire.record(13, 1, wire.peer_index(*PEERS), seconds=START) + wire.record(
        13, 2, wire.rib(WATCHED, *routes), seconds=START
    )


def test_what_stands_in_the_table_opens_no_alert(program: Program, archive: Path) -> None:
    command = ("replay", str(archive), "--watch", "watch.toml", "--format", "jsonl")
    told = [json.loads(line) for line in program.run(*command).stdout.splitlines()]
    assert [alert["alert_type"] for alert in told if alert["event"] == "open"] == ["hijack"]
    table = program.home / "rrc07.bview"
    table.write_bytes(foreign_table())
    said = program.run(*command, "--rib", str(table))
    assert said.stdout == ""
    assert "6 messages: 6 UPDATE" in said.stderr
    assert "--rib" in program.run("replay", str(table), exit_code=2).stderr
    swapped = program.run(*command, "--rib", str(archive / "updates.mrt"), exit_code=2)
    assert "not a routing table" in swapped.stderr


def test_a_table_and_messages_may_come_through_pipes(
    program: Program, archive: Path, database: str
) -> None:
    pipes = {"rrc07.bview": foreign_table(), "rrc07": (archive / "updates.mrt").read_bytes()}
    paths = [archive / name for name in pipes]
    writers = []
    for path, content in zip(paths, pipes.values(), strict=True):
        os.mkfifo(path)
        writers.append(threading.Thread(target=path.write_bytes, args=(content,), daemon=True))
        writers[-1].start()
    table, messages = map(str, paths)
    watched = ("--watch", "watch.toml", "--dsn", database, "--keep")
    said = program.run("replay", messages, "--rib", table, *watched, "--format", "jsonl")
    assert said.stdout == ""
    assert "6 messages: 6 UPDATE" in said.stderr


def test_every_message_of_a_real_archive_has_its_row_and_its_frame(
    program: Program, shared: Path, database: str
) -> None:
    path = shared / "data/mrt/bgpkit.rrc01_2000.11_updates.20001104.0124.gz"
    program.run("replay", str(path), "--dsn", database, "--keep")
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "select count(*), count(*) filter (where message_type = 'STATE'),"
            " sum(cardinality(announced)), sum(cardinality(withdrawn)), min(collector),"
            " count(*) filter (where raw_message -> 'data' ->> 'host' = 'rrc01.ripe.net')"
            " from raw_bgp_data"
        ).fetchone()
    assert row == (1_286, 364, 378, 141, "rrc01", 1_286)
