"""A recording of rrc21 with VRPs of its year, against a check that reads RFC 6811 word by word."""

import gzip
import json
import shutil
import subprocess
from collections import Counter, defaultdict
from ipaddress import IPv4Network, IPv6Network, ip_network
from operator import itemgetter
from pathlib import Path

import pytest

from bgptui.domain.routing import origin_as
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_json import inflate, read_vrps
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.record_reader import RecordReader
from bgptui.sources.ris_messages import FrameDecoder
from support.program import Program

RECORDING = "bgpdump.updates.20160811.1600.gz"
Published = dict[IPv4Network | IPv6Network, list[tuple[int, int]]]


def published(path: Path) -> Published:
    """(max length, AS) by prefix, read with the standard library alone."""
    found: Published = defaultdict(list)
    for roa in json.loads(gzip.decompress(path.read_bytes()))["roas"]:
        if "/" in roa["prefix"]:
            asn = int(roa["asn"].removeprefix("AS"))
            found[ip_network(roa["prefix"])].append((roa["maxLength"], asn))
    return found


def brute_force(vrps: Published, prefix: str, origin: int | None) -> str:
    route = ip_network(prefix)
    covering = [
        vrp
        for length in range(route.prefixlen + 1)
        for vrp in vrps.get(route.supernet(new_prefix=length), ())
    ]
    if any(asn == origin != 0 and route.prefixlen <= most for most, asn in covering):
        return "valid"
    return "invalid" if covering else "not_found"


@pytest.mark.skipif(shutil.which("bgpdump") is None, reason="needs Debian's bgpdump")
def test_a_replay_counts_what_a_brute_force_over_bgpdumps_lines_does(
    shared: Path, tmp_path: Path, database: str
) -> None:
    recording = shared / "data" / "mrt" / RECORDING
    vrps = shared / "data" / "rpki" / "vrps-2016-tabi.json.gz"
    dumped = subprocess.run(
        ["bgpdump", "-m", str(recording)], capture_output=True, text=True, check=True
    ).stdout
    truth = published(vrps)
    expected: Counter[str] = Counter()
    for line in dumped.splitlines():
        kind, prefix, path = itemgetter(2, 5, 6)((*line.split("|"), ""))
        if kind == "A":
            last = (path.split() or ["{}"])[-1]
            expected[brute_force(truth, prefix, int(last) if last.isdecimal() else None)] += 1
    command = ("replay", str(recording), "--vrps", str(vrps), "--dsn", database, "--keep")
    said = Program(tmp_path).run(*command).stderr
    counts = (f"{expected[state]:,}" for state in ("valid", "invalid", "not_found"))
    assert "rpki: {} valid, {} invalid, {} not found, 0 unavailable".format(*counts) in said
    assert expected.total() == 39_256


def test_each_announcement_has_the_state_of_a_brute_force(shared: Path) -> None:
    metrics = Metrics()
    reader = RecordReader(
        decoder=FrameDecoder(),
        collector="rrc21",
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        max_frame_bytes=2**20,
    )
    routes: Counter[tuple[str, int | None]] = Counter()
    recording = shared / "data" / "mrt" / RECORDING
    for message in reader.messages(str(recording), on_read=lambda _size: None):
        origin = origin_as(message.as_path)
        routes.update((prefix, origin) for prefix in message.announced)
    path = shared / "data" / "rpki" / "vrps-2016-tabi.json.gz"
    content = inflate(path.read_bytes(), name=path.name, max_bytes=2**24)
    table = read_vrps(content, name=path.name, expired_at=None).table()
    truth = published(path)
    got: Counter[str] = Counter()
    expected: Counter[str] = Counter()
    for (prefix, origin), times in routes.items():
        got[validate(table, prefix, origin).state.value] += times
        expected[brute_force(truth, prefix, origin)] += times
    assert got == expected
    assert got == {"not_found": 38_655, "valid": 581, "invalid": 20}
