"""Ingest from socket to rows, a stage more in each line, and the console's lag beside it.

    python -m benchmarks.ingest [--frames N] [--recording FILE] [--json] [--skip-interface]

A line is a process of its own, so that its peak memory is its own. It takes its frames from a
WebSocket server in another process, through the collector's own client; CPU time is that of the
process with all its threads, start-up left out. Frames are the generator's (1,500 peers, 200,000
prefixes) and those of a recording, one round after another (shared/'s thousand real frames, where
that folder is beside the checkout). There are a million VRPs and 5,000 watched prefixes. Memory is
without start-up; the peak while VRPs are read stands in brackets.

Machines are noisy: compare the lines of one run. The targets are those of the design.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from platform import python_version
from typing import TextIO

import msgspec
from msgspec import Raw, Struct

from benchmarks import ingest_interface, workload
from benchmarks.generator import FeedShape
from benchmarks.ingest_interface import Lag
from benchmarks.ingest_stages import STAGES, Measured

VRPS = 1_000_000
WATCHED = 5_000
RECORDING = Path("shared/data/rislive/ris-live-1000-frames-20190523.jsonl")
LIVE_RATE_PER_S = 20_000
IDLE_RATE_PER_S = 10
LIVE_S = 65.0  # so that a minute's windows close meanwhile, wherever it begins
IDLE_S = 20.0
MOST_S = 300.0

LABELS = {
    "socket": "socket only",
    "decode": "+ decode",
    "features": "+ features",
    "validation": "+ validation, watchlist",
    "copy": "+ score, correlate, COPY",
    "copy-rows": "+ raw rows",
    "copy-frames": "+ raw rows' JSON",
}
TARGETS = {"copy": (60_000, 500), "copy-rows": (15_000, 500), "copy-frames": (15_000, 500)}
TO_DATABASE = ("copy", "copy-rows", "copy-frames")


class Line(Struct):
    """One line of the table, as --json has it."""

    input: str
    stage: str
    messages_per_cpu_s: float
    mb_per_cpu_s: float
    measured: Measured


class Report(Struct):
    """Everything that was measured in one run."""

    date: str
    machine: str
    python: str
    lines: list[Line]
    idle: Lag | None = None
    loaded: Lag | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recording", type=Path, help="real frames, JSON lines")
    parser.add_argument("--skip-interface", action="store_true", help="stages only")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--stage", nargs=4, metavar=("NAME", "FOLDER", "URL", "FRAMES"))
    options = parser.parse_args()
    if options.stage is not None:
        print(msgspec.json.encode(_in_this_process(*options.stage)).decode())
        return
    table = _Table(sys.stderr if options.json else sys.stdout)
    with tempfile.TemporaryDirectory(prefix="bgptui-benchmark-") as name:
        report = _run(Path(name), options, table)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())


def _in_this_process(stage: str, folder: str, url: str, number: str) -> Measured | Lag:
    if stage in STAGES:
        return STAGES[stage](Path(folder), url, int(number))
    return ingest_interface.measure(Path(folder), url, float(number))


def _run(folder: Path, options: argparse.Namespace, table: "_Table") -> Report:
    report = Report(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%MZ"),
        machine=_machine(),
        python=python_version(),
        lines=[],
    )
    table.begin(report)
    shape = FeedShape()
    size_bytes = workload.write_frames(folder, options.frames, seed=options.seed, shape=shape)
    workload.write_vrps(folder, VRPS, shape=shape)
    workload.write_watchlist(folder, WATCHED, shape=shape)
    inputs = [("generated", folder / workload.FRAMES, size_bytes, tuple(STAGES))]
    recording = options.recording or Path(__file__).parents[2] / RECORDING
    if recording.is_file():
        repeated = folder / "recorded.jsonl"
        size_bytes = _repeat(recording, repeated, options.frames)
        only = tuple(stage for stage in STAGES if stage not in TO_DATABASE)
        inputs.append(("recorded", repeated, size_bytes, only))
    for name, path, size_bytes, stages in inputs:
        table.input(name, options.frames, size_bytes)
        for stage in stages:
            measured = msgspec.json.decode(
                _measured(stage, folder, path, options.frames), type=Measured
            )
            line = Line(
                name,
                stage,
                measured.messages / measured.cpu_s,
                size_bytes / 1e6 / measured.cpu_s,
                measured,
            )
            report.lines.append(line)
            table.line(line)
    if not options.skip_interface:
        path = folder / workload.FRAMES
        report.idle = _lag(folder, path, IDLE_S, IDLE_RATE_PER_S)
        report.loaded = _lag(folder, path, LIVE_S, LIVE_RATE_PER_S)
        table.interface(report.idle, report.loaded)
    return report


def _repeat(recording: Path, target: Path, number: int) -> int:
    """Write `number` frames of a recording, each round later than the one before; their size."""
    frames = [
        msgspec.json.decode(line, type=_Frame) for line in recording.read_bytes().splitlines()
    ]
    begin, end = (float(bytes(frames[i].data["timestamp"])) for i in (0, -1))
    round_s = end - begin + 0.01

    def later() -> Iterator[bytes]:
        for repetition in count():
            for frame in frames:
                timestamp = float(bytes(frame.data["timestamp"])) + repetition * round_s
                data = frame.data | {"timestamp": Raw(f"{timestamp:.2f}".encode())}
                yield msgspec.json.encode(_Frame(frame.type, data)) + b"\n"

    with target.open("wb") as file:
        file.writelines(islice(later(), number))
    return target.stat().st_size


class _Frame(Struct):
    type: str
    data: dict[str, Raw]


def _lag(folder: Path, path: Path, seconds: float, rate_per_s: float) -> Lag:
    return msgspec.json.decode(
        _measured("interface", folder, path, seconds, rate_per_s=rate_per_s), type=Lag
    )


def _measured(
    stage: str, folder: Path, path: Path, number: float, *, rate_per_s: float | None = None
) -> bytes:
    """What a process of its own prints that measures one stage."""
    with served(path, rate_per_s) as url:
        command = ["benchmarks.ingest", "--stage", stage, str(folder), url, str(number)]
        return subprocess.run(
            [sys.executable, "-m", *command],
            stdout=subprocess.PIPE,
            timeout=MOST_S,
            check=True,
        ).stdout


@contextlib.contextmanager
def served(path: Path, rate_per_s: float | None) -> Iterator[str]:
    rate = [] if rate_per_s is None else ["--rate", str(rate_per_s)]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.feed_server", str(path), *rate],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def _machine() -> str:
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{len(processors)} x {processors[0]}" if processors else "unknown"


class _Table:
    """Prints lines as they are measured, in Markdown."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def begin(self, report: Report) -> None:
        self._print(f"{report.date}, {report.machine}, CPython {report.python}")
        self._print(f"{VRPS:,} VRPs, {WATCHED:,} watched prefixes")

    def input(self, name: str, number: int, size_bytes: int) -> None:
        self._print(
            f"\n{name}: {number:,} frames, {size_bytes / 1e6:.0f} MB\n\n"
            "| stage | messages/CPU-s | MB/CPU-s | messages/s | MiB (start) | targets |\n"
            "|---|---|---|---|---|---|"
        )

    def line(self, line: Line) -> None:
        measured = line.measured
        wanted = TARGETS.get(line.stage)
        targets = f"{wanted[0]:,}, {wanted[1]} MiB" if wanted else ""
        dropped = f" (lost: {measured.dropped})" if measured.dropped else ""
        self._print(
            f"| {LABELS[line.stage]}{dropped} | {line.messages_per_cpu_s:,.0f} "
            f"| {line.mb_per_cpu_s:.1f} | {measured.messages / measured.wall_s:,.0f} "
            f"| {measured.peak_mib:.0f} ({measured.start_peak_mib:.0f}) | {targets} |"
        )

    def interface(self, idle: Lag, loaded: Lag) -> None:
        self._print(
            "\n| console | messages/s | lag p50 | p95 | most | of a core | targets |\n"
            "|---|---|---|---|---|---|---|"
        )
        most_ms = min(50.0, idle.p95_ms + 15.0)
        for name, lag, targets in (
            ("idle", idle, ""),
            ("loaded", loaded, f"p95 {most_ms:.0f} ms, 60 % of a core"),
        ):
            dropped = f" (lost: {lag.dropped})" if lag.dropped else ""
            self._print(
                f"| {name}{dropped} | {lag.rate_per_s:,.0f} | {lag.p50_ms:.1f} ms "
                f"| {lag.p95_ms:.1f} ms | {lag.most_ms:.0f} ms | {lag.core_share:.0%} | {targets} |"
            )

    def _print(self, text: str) -> None:
        print(text, file=self._file, flush=True)


if __name__ == "__main__":
    main()
