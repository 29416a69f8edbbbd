"""The parts of benchmarks.validation, each measured in this process."""

import gc
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import count, islice
from pathlib import Path
from random import Random

from msgspec import Struct

from benchmarks import ingest_interface, workload
from benchmarks.generator import prefix
from benchmarks.process_memory import forget_peak, peak_mib, resident_mib
from bgptui.domain.prefix import IPV4_BITS, format_prefix
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.pipeline import topology
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.routemon.whole_table import WholeTable
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.source import Ageing
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_json import VrpFile, read_vrps
from bgptui.rpki.vrp_look import Look, look
from bgptui.rpki.vrp_set import VrpSet
from bgptui.rpki.vrp_source import MAX_BYTES, JsonSource
from bgptui.rpki.vrp_table import VrpTable
from bgptui.runtime.metrics import Metrics

FIRST = "rpkiclient_summary_20250720T093135Z.json"
SECOND = "rpkiclient_summary_20250720T100145Z.json"
ROUTES = 100_000
MANY_IN_A_MESSAGE = 50
RELOADS = 10
WHOLE_TABLE = 1_300_000
YEAR_S = 365.0 * 86_400
CONSOLE_S = 25.0
TOUCH_EVERY_S = 0.5

Route = tuple[str, int]


class Line(Struct):
    """What was measured, with its unit, and what is wanted."""

    name: str
    value: float
    unit: str
    target: str = ""

    def shown(self) -> str:
        if self.value >= 1_000:
            return f"{self.value:,.0f} {self.unit}"
        return (
            f"{self.value:.3g} {self.unit}" if self.value % 1 else f"{self.value:.0f} {self.unit}"
        )


def load(folder: Path) -> list[Line]:
    """Read each snapshot, as a source does; then change one into the other under a reader."""
    lines, files = [], []
    for name in (FIRST, SECOND):
        spent_s, cpu_s = [], []
        for _ in range(2):
            union = Union()
            source = _source(folder / name, union)
            begun, cpu = time.perf_counter(), _cpu_s()
            source.load(0.0)
            spent_s.append(time.perf_counter() - begun)
            cpu_s.append(_cpu_s() - cpu)
        files.append(_file(folder / name))
        label = f"{len(union.table):,} VRPs from JSON"
        lines += [
            Line(f"{label}, until in force", min(spent_s), "s", "2.5 s"),
            Line(f"{label}, of all processes", min(cpu_s), "CPU s"),
        ]
    first, second = (file.vrps for file in files)
    delta = second.since(first)
    lines += [
        Line("announced", len(delta.announced), "VRPs", "9"),
        Line("withdrawn", len(delta.withdrawn), "VRPs", "6"),
    ]
    return lines + _changes(first, second)


def _changes(first: VrpSet, second: VrpSet) -> list[Line]:
    """One set in place of the other, to and fro, without and with a thread that reads."""
    union = Union()
    union.put("", first, {})
    entries = [entry.vrp() for entry in islice(first, 0, None, 1_000)]
    routes = [(vrp.prefix, vrp.asn) for vrp in entries]
    found, applied = [], []

    def change() -> None:
        before = first
        for each in (second, first) * 50:
            begun = time.thread_time()
            delta = each.since(before)
            found.append(time.thread_time() - begun)
            union.change("", delta, {})
            applied.append(time.thread_time() - begun - found[-1])
            before = each
            time.sleep(0.005)

    alone = _slowest_ms(union.table, routes, lambda: time.sleep(1.0))
    beside = _slowest_ms(union.table, routes, change)
    return [
        Line("finding the difference", 1e3 * sorted(found)[50], "CPU ms"),
        Line("applying it", 1e3 * sorted(applied)[50], "CPU ms", "5 ms"),
        Line("a reader's slowest validation in 10,000, alone", alone, "ms"),
        Line("a reader's slowest validation in 10,000, beside changes", beside, "ms"),
    ]


def _slowest_ms(table: VrpTable, routes: list[Route], act: Callable[[], None]) -> float:
    """What 99.99 % of the validations take less than, in a thread while `act` runs."""
    taken: list[float] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            for prefix_, origin in routes:
                begun = time.perf_counter()
                validate(table, prefix_, origin)
                taken.append(time.perf_counter() - begun)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        act()
    finally:
        done.set()
        reader.join()
    return 1e3 * sorted(taken)[len(taken) * 9_999 // 10_000]


def rates(folder: Path) -> list[Line]:
    """Validations, and route monitoring, a CPU second."""
    file = _file(folder / FIRST)
    table, routes = file.table(), _routes(file.vrps, ROUTES, Random(1))
    del file
    gc.collect()
    gc.freeze()  # as the collector does with what lives as long as the process

    def ask_all() -> None:
        for prefix_, origin in routes:
            validate(table, prefix_, origin)

    few = _messages(routes, 2)
    many = [m for m in _messages(routes, MANY_IN_A_MESSAGE) if len(m.announced) > 20]
    unit = "a CPU second"
    lines = [Line("uncached", len(routes) / _best_s(ask_all), unit, "250,000")]
    for messages, about in ((many, f"{MANY_IN_A_MESSAGE} prefixes"), (few, "2 prefixes")):
        monitor = RouteMonitor(
            Watchlist([Rule(1, "203.0.113.0/24", (64500,), 24)]),
            lambda prefix_, origin: validate(table, prefix_, origin),
            lambda: 1,
            min_peers=3,
            next_id=count(1).__next__,
        )

        def observe_all(messages: list[BgpMessage] = messages, m: RouteMonitor = monitor) -> None:
            for message in messages:
                m.observe(message, 1.0)

        size = sum(len(message.announced) for message in messages)
        first = size / _best_s(observe_all, repeat=1)
        again = size / _best_s(observe_all)
        target = "2,500,000" if messages is many else ""
        lines.append(Line(f"cached, whole monitor, up to {about} a message", again, unit, target))
        lines.append(Line(f"first sight, whole monitor, up to {about} a message", first, unit))
    return lines


def _routes(vrps: VrpSet, size: int, rng: Random) -> list[Route]:
    """Of VRPs themselves, half of them a bit longer, a fifth from a wrong AS; and, three in ten,
    prefixes drawn at random, which mostly nothing covers."""
    entries = list(vrps)
    routes: set[Route] = set()
    while len(routes) < size * 7 // 10:
        entry = rng.choice(entries)
        width, address, length = entry.prefix
        longest = 24 if width == IPV4_BITS else 48
        length = max(length, min(longest, length + rng.choice((0, 0, 1, 2))))
        asn = entry.payload.asn if rng.random() < 0.8 else 65_000
        routes.add((format_prefix(width, address, length), asn))
    while len(routes) < size:
        octets = (rng.randrange(1, 224), rng.randrange(256), rng.randrange(256))
        routes.add((".".join(map(str, octets)) + ".0/24", rng.randrange(1, 65_000)))
    return rng.sample(sorted(routes), size)


def _messages(routes: Iterable[Route], most: int) -> list[BgpMessage]:
    """Each with up to so many prefixes of one origin."""
    of_origin: defaultdict[int, list[str]] = defaultdict(list)
    for prefix_, asn in routes:
        of_origin[asn].append(prefix_)
    peers = [Peer("rrc00", f"192.0.2.{n}", 64_496 + n) for n in range(50)]
    return [
        BgpMessage(
            0.0,
            peers[asn % len(peers)],
            MessageType.UPDATE,
            announced=tuple(own[begin : begin + most]),
            as_path=(64_496, 3_356, asn),
        )
        for asn, own in of_origin.items()
        for begin in range(0, len(own), most)
    ]


def memory(folder: Path) -> list[Line]:
    """A process with nothing but the VRPs; each reload brings a few dozen changes."""
    union = Union()
    path = folder / workload.VRPS
    changed = path.read_bytes().replace(b'"asn": 10000', b'"asn": 90000', 30)
    (folder / "changed.json").write_bytes(changed)
    del changed
    gc.collect()
    source = _source(folder / "in-force.json", union)
    _replace(folder, path)
    empty = resident_mib()
    forget_peak()
    source.load(0.0)
    lines = [
        Line(f"the process without any ({len(union.table):,} follow)", empty, "MiB"),
        Line("with them", resident_mib(), "MiB", "500 MiB"),
        Line("most, while they are loaded", peak_mib(), "MiB"),
    ]
    forget_peak()
    cpu = time.process_time()
    for number in range(RELOADS):
        _replace(folder, path if number % 2 else folder / "changed.json")
        source.load(0.0)
    return [
        *lines,
        Line(f"after {RELOADS} reloads", resident_mib(), "MiB", "500 MiB"),
        Line("most, during these", peak_mib(), "MiB", "700 MiB"),
        Line("this process's time for a reload", (time.process_time() - cpu) / RELOADS, "CPU s"),
        Line("changes seen", union.generation - 1, "reloads", str(RELOADS)),
    ]


def _replace(folder: Path, path: Path) -> None:
    """Let the source find this file."""
    link = folder / "next"
    link.symlink_to(path)
    link.replace(folder / "in-force.json")


def look_apart(folder: Path) -> list[Line]:
    """What reading takes, in a process that ends thereafter."""
    forget_peak()
    begun = time.process_time()
    found = look(Look(str(folder / workload.VRPS), None, timeout_s=60.0, max_bytes=MAX_BYTES))
    assert found is not None
    vrps = found.file.vrps
    return [
        Line("time", time.process_time() - begun, "CPU s"),
        Line("most", peak_mib(), "MiB"),
        Line("a VRP in a set", sum(map(len, vrps.blocks.values())) / len(vrps), "bytes"),
    ]


def whole_table(_folder: Path) -> list[Line]:
    """The baseline of a whole routing table, its prefixes included."""
    table = WholeTable(learn_s=600.0)
    before = resident_mib()
    for number in range(WHOLE_TABLE):
        table.seed(prefix(number), 100_000 + number // 16)
    took = resident_mib() - before
    assert len(table) == WHOLE_TABLE
    return [
        Line(f"{WHOLE_TABLE:,} prefixes", took, "MiB"),
        Line("a prefix", took * 2**20 / WHOLE_TABLE, "bytes"),
    ]


def console(folder: Path, url: str, *, reloads: bool) -> list[Line]:
    """The lag of the console that hosts the pipeline, with the ingest thread at work."""
    flags = {"rpki.refresh_s": 0.1, "rpki.stale_after_s": YEAR_S}
    if not reloads:
        lag = ingest_interface.measure(folder, url, CONSOLE_S)
    else:
        topology.LOOK_FOR_VRPS_EVERY_S = 0.1  # one reload after the other
        done = threading.Event()
        touching = threading.Thread(target=_touch, args=(folder / workload.VRPS, done))
        touching.start()
        try:
            lag = ingest_interface.measure(folder, url, CONSOLE_S, ageing=Ageing.BY_CLOCK, **flags)
        finally:
            done.set()
            touching.join()
    lost = f"; lost: {lag.dropped}" if lag.dropped else ""
    return [
        Line("lag p50", lag.p50_ms, "ms"),
        Line("lag p95", lag.p95_ms, "ms", "60 ms"),
        Line("most", lag.most_ms, "ms"),
        Line(f"messages{lost}", lag.rate_per_s, "a second"),
        Line("most resident", lag.resident_mib, "MiB", "700 MiB" if reloads else "500 MiB"),
        Line("of a core", 100 * lag.core_share, "%"),
    ]


def _touch(path: Path, done: threading.Event) -> None:
    """Make the file look changed at each look."""
    while not done.wait(TOUCH_EVERY_S):
        os.utime(path)


def _source(path: Path, union: Union) -> JsonSource:
    return JsonSource(
        str(path),
        union,
        ageing=Ageing.BY_CLOCK,
        metrics=Metrics(),
        refresh_s=600.0,
        stale_after_s=YEAR_S,
        timeout_s=60.0,
    )


def _file(path: Path) -> VrpFile:
    return read_vrps(path.read_bytes(), name=path.name, expired_at=None)


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _best_s(act: Callable[[], None], *, repeat: int = 5) -> float:
    spent = []
    for _ in range(repeat):
        begun = time.process_time()
        act()
        spent.append(time.process_time() - begun)
    return min(spent)
