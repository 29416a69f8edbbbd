"""Messages per CPU-second from recorded frames to committed rows, and peak memory.

    python -m benchmarks.end_to_end [--frames N] [--seed N]

Each line is a process of its own that runs the whole pipeline, as `bgptui replay` does: read,
decode, put in time order, count into windows, validate against VRPs, match a watchlist of 5,000
prefixes, score, correlate and COPY into an embedded PostgreSQL. CPU time is that of the process
with all its threads; the database server's is beside it and not counted. Compare the lines of
one run: machines are noisy.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks import workload
from benchmarks.generator import FeedShape
from benchmarks.workload import write_frames, write_vrps, write_watchlist
from bgptui import app
from bgptui.config.load import load
from bgptui.config.show import example_file
from bgptui.rpki.source import Ageing
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
        shape = FeedShape()
        size_bytes = write_frames(Path(folder), args.frames, seed=args.seed, shape=shape)
        write_vrps(Path(folder), VRPS, shape=shape)
        write_watchlist(Path(folder), WATCHED, shape=shape)
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


def _measure(folder: Path, raw_rows: str, raw_json: str) -> Measured:
    flags = {
        "store.raw_rows": raw_rows,
        "store.raw_json": raw_json,
        "rpki.vrps": str(folder / workload.VRPS),
        "watch.file": str(folder / workload.WATCHLIST),
    }
    config = load(flags, {}, cwd=folder, config_file=example_file()).config
    with Database.throwaway() as database:
        started, cpu_started = time.perf_counter(), time.process_time()
        with app.collector(
            config,
            database,
            legs=lambda inputs: [inputs.recording([str(folder / workload.FRAMES)])],
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
