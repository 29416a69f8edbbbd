"""Real MRT archives: what their description counts, and what bgpdump reads line by line."""

import logging
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from msgspec import Struct

from bgptui.domain.routing import AsPath, BgpMessage, MessageType, RibEntry, Session, communities_of
from bgptui.runtime.metrics import Metrics
from bgptui.sources.mrt_records import split_records
from bgptui.sources.packed_file import read_chunks
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.record_reader import RecordReader
from bgptui.sources.ris_messages import FrameDecoder


class Counts(Struct, frozen=True):
    """Of a file; `states` are changes of a session's state."""

    records: int
    announced: int
    withdrawn: int
    states: int = 0
    losses: dict[str, int] = {}


FILES = {
    "bgpdump.updates.20160811.1600.gz": Counts(17_406, 39_256, 1_956, 22),
    # Of IPv4 multicast there are 93 announcements and 58 withdrawals besides.
    "bgpdump.updates.20070211.0141.gz": Counts(
        23_394, 51_236, 2_270, losses={"ingest.other_family": 151}
    ),
    "bgpdump.updates.20020722.2238.gz": Counts(1_121, 825, 2_419, 93),
    "bgpdump.updates.20071015.1505.gz": Counts(4_297, 10_111, 385),
    "bgpdump.updates.20100722.2015.gz": Counts(2_193, 5_067, 547, 40),
    "bgpkit.rrc15_2010.02_updates.20100227.1600.gz": Counts(6_615, 52_468, 1_318, 20),
    "bgpkit.rrc15_2010.02_updates.20100227.1610.gz": Counts(1_953, 5_920, 1_549, 16),
    "bgpkit.rrc01_2000.11_updates.20001104.0124.gz": Counts(1_286, 378, 141, 364),
    "hask-mrt.update.bz2": Counts(15_044, 23_622, 2_020),
    "bgpdump.updates.long_withdrawal.gz": Counts(1, 0, 4_096),
}
TORN = "bgpkit.rrc00_2000.03_updates.20000325.0345.gz"
SMALL_RIBS = {
    "bgpdump.bview.ipv4_unicast_add_path.gz": (32, 62),
    "bgpdump.bview.ipv6_unicast_add_path.gz": (32, 62),
}
RIBS = {
    "bgpdump.bview.20020722.2337.gz": (115_521, 115_521),
    "hask-mrt.rib.bz2": (25_879, 609_246),
}

needs_bgpdump = pytest.mark.skipif(
    shutil.which("bgpdump") is None, reason="needs bgpdump, to be compared with"
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def reader(metrics: Metrics) -> RecordReader:
    return RecordReader(
        decoder=FrameDecoder(),
        collector="mrt",
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        max_frame_bytes=2**20,
    )


def unobserved(_size_bytes: int) -> None:
    pass


def messages(reader: RecordReader, path: Path) -> Iterator[BgpMessage]:
    return reader.messages(str(path), on_read=unobserved)


def records_of(path: Path) -> int:
    return sum(1 for _ in split_records(read_chunks(str(path), on_read=unobserved)))


@pytest.mark.parametrize("name", FILES)
def test_every_record_of_an_archive_is_accounted_for(
    name: str, shared: Path, reader: RecordReader, metrics: Metrics
) -> None:
    path = shared / "data/mrt" / name
    announced = withdrawn = states = 0
    for message in messages(reader, path):
        announced += message.announced_listed
        withdrawn += message.withdrawn_listed
        states += message.type is MessageType.STATE
    found = Counts(records_of(path), announced, withdrawn, states, metrics.drops())
    assert found == FILES[name]


def test_a_torn_archive_gives_everything_before_the_tear_and_one_warning(
    shared: Path, reader: RecordReader, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    """Its fifth record swallows a part of the file, its sixth is noise, then it is torn."""
    caplog.set_level(logging.WARNING)
    kinds = Counter(message.type for message in messages(reader, shared / "data/mrt" / TORN))
    assert kinds == {MessageType.UPDATE: 3, MessageType.KEEPALIVE: 1}
    assert metrics.drops() == {
        "ingest.bad_length": 1,
        "ingest.bad_timestamp": 1,
        "ingest.torn_file": 1,
    }
    (warning,) = caplog.records
    assert "everything before the tear was read" in warning.getMessage()


@pytest.mark.parametrize("name", SMALL_RIBS)
def test_every_route_of_an_add_path_table_is_read(
    name: str, shared: Path, reader: RecordReader, metrics: Metrics
) -> None:
    check_rib(shared / "data/mrt" / name, reader, metrics, *SMALL_RIBS[name])


@pytest.mark.faults
@pytest.mark.parametrize("name", RIBS)
def test_every_route_of_a_large_table_is_read(
    name: str, shared: Path, reader: RecordReader, metrics: Metrics
) -> None:
    check_rib(shared / "data/mrt" / name, reader, metrics, *RIBS[name])


def check_rib(
    path: Path, reader: RecordReader, metrics: Metrics, records: int, entries: int
) -> None:
    assert sum(1 for _ in reader.rib(str(path))) == entries
    assert records_of(path) == records
    assert not metrics.drops()


# Lines of IPv4 multicast, which bgpdump prints like unicast and we leave out.
MULTICAST = {"bgpdump.updates.20070211.0141.gz": 151}


@needs_bgpdump
@pytest.mark.parametrize("name", FILES)
def test_messages_are_what_bgpdump_reads(name: str, shared: Path, reader: RecordReader) -> None:
    path = shared / "data/mrt" / name
    ours = Counter(line for message in messages(reader, path) for line in lines_of(message))
    theirs = Counter(map(update_line, bgpdump(path)))
    assert not ours - theirs
    assert (theirs - ours).total() == MULTICAST.get(name, 0)


@needs_bgpdump
@pytest.mark.parametrize("name", SMALL_RIBS)
def test_a_small_table_is_what_bgpdump_reads(name: str, shared: Path, reader: RecordReader) -> None:
    compare_rib(shared / "data/mrt" / name, reader)


@needs_bgpdump
@pytest.mark.faults
@pytest.mark.parametrize("name", RIBS)
def test_a_large_table_is_what_bgpdump_reads(name: str, shared: Path, reader: RecordReader) -> None:
    compare_rib(shared / "data/mrt" / name, reader)


def compare_rib(path: Path, reader: RecordReader) -> None:
    """Route by route, in the file's order."""
    ours = map(rib_line, reader.rib(str(path)))
    for line, their_line in zip(ours, map(their_rib_line, bgpdump(path)), strict=True):
        assert line == their_line


def bgpdump(path: Path) -> Iterator[list[str]]:
    """The fields of each line of `bgpdump -m`."""
    with subprocess.Popen(
        ["bgpdump", "-m", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield line.rstrip("\n").split("|")
    assert process.returncode == 0


def update_line(fields: list[str]) -> str:
    """Of bgpdump's: what happened, when, peer, and what to which route."""
    kind, peer = fields[2], [*fields[1:3], canonical(fields[3]), fields[4]]
    if kind == "STATE":
        return "|".join([*peer, "up" if fields[6] == "6" else "down"])
    if kind == "W":
        return "|".join([*peer, canonical(fields[5])])
    return "|".join([*peer, canonical(fields[5]), in_order(fields[6]), numbers(fields[11])])


def lines_of(message: BgpMessage) -> Iterator[str]:
    """The same of ours."""
    peer = f"{message.peer.address}|{message.peer.asn}"
    seconds = f"{message.timestamp:.0f}"
    if message.type is MessageType.STATE:
        session = "up" if message.session is Session.UP else "down"
        yield f"{seconds}|STATE|{peer}|{session}"
    for prefix in message.withdrawn:
        yield f"{seconds}|W|{peer}|{prefix}"
    for prefix in message.announced:
        route = f"{prefix}|{path_text(message.as_path)}|{pairs_text(communities_of(message))}"
        yield f"{seconds}|A|{peer}|{route}"


def their_rib_line(fields: list[str]) -> str:
    # With add-path the identifier stands after the prefix.
    path, communities = (7, 12) if fields[0].endswith("_AP") else (6, 11)
    route = [canonical(fields[3]), fields[4], canonical(fields[5])]
    return "|".join([*route, in_order(fields[path]), numbers(fields[communities])])


def rib_line(entry: RibEntry) -> str:
    route = f"{entry.prefix}|{path_text(entry.as_path)}|{pairs_text(entry.communities)}"
    return f"{entry.peer.address}|{entry.peer.asn}|{route}"


@cache
def canonical(text: str) -> str:
    """An address or prefix of bgpdump, which shortens a single group of zeros, too."""
    return str(ip_network(text) if "/" in text else ip_address(text)) if ":" in text else text


def path_text(path: AsPath) -> str:
    """As bgpdump writes it, with the members of each AS_SET in numerical order."""
    return " ".join(
        str(item) if isinstance(item, int) else f"{{{','.join(map(str, sorted(item)))}}}"
        for item in path
    )


def in_order(path: str) -> str:
    """bgpdump's path with the members of each AS_SET in numerical order."""
    return re.sub(
        r"\{([\d,]+)\}",
        lambda match: f"{{{','.join(sorted(match.group(1).split(','), key=int))}}}",
        path,
    )


WELL_KNOWN = {
    "no-export": "65535:65281",
    "no-advertise": "65535:65282",
    "local-AS": "65535:65283",
}


def numbers(communities: str) -> str:
    return " ".join(WELL_KNOWN.get(word, word) for word in communities.split())


def pairs_text(communities: tuple[tuple[int, int], ...]) -> str:
    return " ".join(f"{asn}:{value}" for asn, value in communities)
