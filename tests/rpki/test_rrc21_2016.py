"""A recording of rrc21 with VRPs of its year, against a check that reads RFC 6811 word by word."""

import gzip
import json
from collections import Counter, defaultdict
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from bgptui.domain.routing import origin_as
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_json import inflate, read_vrps
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.record_reader import RecordReader
from bgptui.sources.ris_messages import FrameDecoder

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
