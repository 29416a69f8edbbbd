"""Origin validation and route monitoring per CPU-second, and what a table of VRPs costs.

    python -m benchmarks.validation VRPS.json[.gz|.bz2|.zst]...

Routes are drawn from the VRPs themselves (half of them a bit longer, a fifth from a wrong AS)
and from prefixes that nothing covers. Numbers are CPU time; compare those of one run.
"""

import argparse
import gc
import resource
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random

import msgspec

from bgptui.domain.prefix import IPV4_BITS, format_prefix, parse_prefix
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.errors import BadInput
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_json import inflate, read_vrps
from bgptui.rpki.vrp_table import VrpTable

MAX_BYTES = 2**30
PREFIXES_A_MESSAGE = 2

Route = tuple[str, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vrps", nargs="+", type=Path, metavar="VRPS", help="VRP file")
    parser.add_argument("--routes", type=int, default=100_000, help="distinct routes")
    options = parser.parse_args()
    for path in options.vrps:
        print(f"{path.name}")
        table, entries = _load(path)
        _measure(table, _routes(entries, options.routes, Random(1)))


def _load(path: Path) -> tuple[VrpTable, list[dict[str, object]]]:
    before = _resident_mib()
    started = time.process_time()
    content = inflate(path.read_bytes(), name=path.name, max_bytes=MAX_BYTES)
    inflated = time.process_time()
    table = read_vrps(content, name=path.name, expired_at=None).table()
    built = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = len(content) / 2**20
    entries = content
    del content
    gc.collect()
    resident = _resident_mib() - before - size
    _row("VRPs", f"{len(table):,}")
    _row("inflate", f"{inflated - started:.2f} s ({size:.0f} MiB of JSON)")
    _row("decode and build", f"{built - inflated:.2f} s")
    _row("resident", f"{resident:.0f} MiB for the table, peak of the process {peak:.0f} MiB")
    return table, msgspec.json.decode(entries)["roas"]


def _routes(entries: list[dict[str, object]], size: int, rng: Random) -> list[Route]:
    routes: set[Route] = set()
    while len(routes) < size * 7 // 10:
        entry = rng.choice(entries)
        asn = int(str(entry["asn"]).removeprefix("AS"))
        try:
            width, address, length = parse_prefix(str(entry["prefix"]))
        except BadInput:
            continue
        longest = 24 if width == IPV4_BITS else 48
        length = max(length, min(longest, length + rng.choice((0, 0, 1, 2))))
        routes.add((format_prefix(width, address, length), asn if rng.random() < 0.8 else 65000))
    while len(routes) < size:
        octets = (rng.randrange(1, 224), rng.randrange(256), rng.randrange(256))
        routes.add((".".join(map(str, octets)) + ".0/24", rng.randrange(1, 65000)))
    return rng.sample(sorted(routes), size)


def _measure(table: VrpTable, routes: list[Route]) -> None:
    def all_uncached() -> None:
        for prefix, origin in routes:
            validate(table, prefix, origin)

    _rate("validate, uncached", len(routes), all_uncached)
    monitor = RouteMonitor(
        Watchlist([Rule(1, "203.0.113.0/24", (64500,), 24)]),
        lambda prefix, origin: validate(table, prefix, origin),
        lambda: 1,
        min_peers=3,
        next_id=count(1).__next__,
    )
    peers = [Peer("rrc00", f"192.0.2.{n}", 64496 + n) for n in range(50)]
    step = PREFIXES_A_MESSAGE
    by_origin = sorted(routes, key=lambda route: route[1])
    messages = [
        BgpMessage(
            float(at),
            peers[at % len(peers)],
            MessageType.UPDATE,
            announced=tuple(prefix for prefix, _ in by_origin[at : at + step]),
            as_path=(64496, 3356, by_origin[at][1]),
        )
        for at in range(0, len(by_origin), step)
    ]

    def observe_all() -> None:
        for message in messages:
            monitor.observe(message, 1.0)

    announced = sum(len(message.announced) for message in messages)
    _rate("monitor, first sight", announced, observe_all, repeat=1)
    _rate("monitor, seen before", announced, observe_all)


def _rate(name: str, size: int, act: Callable[[], None], *, repeat: int = 3) -> None:
    spent = []
    for _ in range(repeat):
        started = time.process_time()
        act()
        spent.append(time.process_time() - started)
    best = min(spent)
    _row(name, f"{size / best:,.0f} prefixes per CPU-second ({best / size * 1e6:.2f} us)")


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _row(name: str, value: str) -> None:
    print(f"  {name:<22} {value}")


if __name__ == "__main__":
    main()
