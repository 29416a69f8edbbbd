"""Messages per CPU-second from recorded frames to committed rows, and peak memory.

    python -m benchmarks.end_to_end [--frames N] [--seed N]

Each line is a process of its own that runs the whole pipeline, as `bgptui replay` does: read,
decode, put in time order, count into windows, validate against VRPs, match a watchlist of 5,000
prefixes, score, correlate and COPY into an embedded PostgreSQL. CPU time is that of the process
with all its threads; the database server's is beside it and not counted. Compare the lines of
one run: machines are noisy.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.generator import FeedShape, frames, origin, prefix
from bgptui import app
from bgptui.config.load import load
from bgptui.config.show import example_file
from bgptui.rpki.vrp_source import Ageing
from bgptui.store.connect import Database

TARGETS = {"none": 40_000, "all": 10_000}
LINES = (
    ("raw rows off", "none", "none"),
    ("raw rows on, JSON off", "all", "none"),
    ("raw rows on, JSON on", "all", "all"),
)
WATCHED = 5_000
VRPS = 100_000


class Measured(Struct):
    """What one process measured of itself."""

    messages: int
    cpu_s: float
    wall_s: float
    peak_mib: float
    dropped: int


def main() -> None:
    parser = argparse.ArgumentParser(description="end-to-end benchmark")
    parser.add_argument("--frames", type=int, default=600_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", nargs=3, metavar=("FOLDER", "ROWS", "JSON"), help="one line")
    args = parser.parse_args()
    if args.run is not None:
        folder, raw_rows, raw_json = args.run
        measured = _measure(Path(folder), raw_rows, raw_json)
        print(msgspec.json.encode(measured).decode())
        return
    with tempfile.TemporaryDirectory(prefix="bgptui-benchmark-") as folder:
        size_bytes = _prepare(Path(folder), args.frames, args.seed)
        print(f"{args.frames:,} frames, {size_bytes / 1e6:.0f} MB, seed {args.seed}")
        print(
            f"{'':<24}{'messages/CPU-s':>15}{'MB/CPU-s':>10}{'wall s':>8}{'peak MiB':>10}  target"
        )
        for label, raw_rows, raw_json in LINES:
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "benchmarks.end_to_end",
                    "--run",
                    folder,
                    raw_rows,
                    raw_json,
                ],
                stdout=subprocess.PIPE,
                check=True,
            )
            _report(
                label,
                msgspec.json.decode(done.stdout, type=Measured),
                size_bytes,
                TARGETS[raw_rows],
            )


def _prepare(folder: Path, count: int, seed: int) -> int:
    """Write frames, VRPs and a watchlist; the size of the frames in bytes."""
    shape = FeedShape()
    with (folder / "frames.jsonl").open("wb") as recording:
        recording.writelines(frame + b"\n" for frame in frames(count, seed=seed, shape=shape))
    roas = [
        {
            "prefix": prefix(number),
            "asn": origin(number),
            "maxLength": int(prefix(number).rpartition("/")[2]),
        }
        for number in _spread(VRPS, shape.prefixes)
    ]
    document = {"metadata": {"buildtime": "2026-01-07T10:00:00Z"}, "roas": roas}
    (folder / "vrps.json").write_text(json.dumps(document))
    rules = (
        f'[[prefix]]\nprefix = "{prefix(number)}"\norigins = [{origin(number)}]\n'
        for number in _spread(WATCHED, shape.prefixes)
    )
    (folder / "watch.toml").write_text("".join(rules))
    return (folder / "frames.jsonl").stat().st_size


def _spread(count: int, total: int) -> Iterator[int]:
    return (number * total // count for number in range(count))


def _measure(folder: Path, raw_rows: str, raw_json: str) -> Measured:
    flags = {
        "store.raw_rows": raw_rows,
        "store.raw_json": raw_json,
        "rpki.vrps": str(folder / "vrps.json"),
        "watch.file": str(folder / "watch.toml"),
    }
    config = load(flags, {}, cwd=folder, config_file=example_file()).config
    with Database.throwaway() as database:
        started, cpu_started = time.perf_counter(), time.process_time()
        with app.collector(
            config,
            database,
            legs=lambda inputs: [inputs.recording([str(folder / "frames.jsonl")])],
            ageing=Ageing.NEVER,
        ) as pipeline:
            pipeline.wait()
        return Measured(
            messages=pipeline.tally.messages,
            cpu_s=time.process_time() - cpu_started,
            wall_s=time.perf_counter() - started,
            peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            dropped=sum(pipeline.health().dropped.values()),
        )


def _report(label: str, measured: Measured, size_bytes: int, target: int) -> None:
    rate = measured.messages / measured.cpu_s
    dropped = f"  {measured.dropped} dropped" if measured.dropped else ""
    print(
        f"{label:<24}{rate:>15,.0f}{size_bytes / 1e6 / measured.cpu_s:>10.1f}"
        f"{measured.wall_s:>8.1f}{measured.peak_mib:>10.0f}  {target:,} ({rate / target:.1f}x)"
        f"{dropped}",
        flush=True,
    )


if __name__ == "__main__":
    main()
