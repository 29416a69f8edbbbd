"""Resident memory over a day of a full feed, hour by hour; flat is what it should be.

    python -m benchmarks.long_run [--hours N] [--rate N] [--vrps N] [--reloads N]

The whole pipeline runs in event time on a stream of synthetic frames, with an embedded
PostgreSQL, raw rows off, a million VRPs and a watchlist. What memory depends on is as large as
on the real feed: peers, prefixes, minutes (so rows, baselines and recent windows), withdrawn
prefixes that are remembered. What only takes time is scaled down: messages come at `--rate`
instead of 4,400 a second. So that as many withdrawn prefixes are waiting for a flap as on the real
feed, they are remembered longer by the same factor. Frames that wait to be put in order are fewer
by that factor; a live feed has none of them.

VRPs are read anew from a changed file while the day goes by; an hour's peak shows what that takes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.generator import FeedShape, frames, origin, prefix
from bgptui import app
from bgptui.config.load import load
from bgptui.config.show import example_file
from bgptui.pipeline.topology import Pipeline
from bgptui.store.connect import Database

REAL_RATE_PER_S = 4_400.0
HOUR_S = 3_600
FLAP_S = 300.0
WATCHED = 5_000
VRPS_CHANGED_AN_HOUR = 30
SAMPLE_EVERY_S = 0.2


class Hour(Struct):
    """How the process stood when a simulated hour ended."""

    number: int
    messages: int
    cpu_s: float
    resident_mib: float
    peak_mib: float
    vrps: int
    dropped: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--rate", type=float, default=50.0, help="messages a second of event time")
    parser.add_argument("--peers", type=int, default=1_500)
    parser.add_argument("--prefixes", type=int, default=1_200_000)
    parser.add_argument("--vrps", type=int, default=1_000_000)
    parser.add_argument("--reloads", type=int, default=3, help="of the VRPs, over the run")
    parser.add_argument("--play", action="store_true", help="write the frames to standard output")
    parser.add_argument("--measure", metavar="FOLDER", help="run the pipeline on standard input")
    options = parser.parse_args()
    shape = FeedShape(peers=options.peers, prefixes=options.prefixes, rate_per_s=options.rate)
    if options.play:
        _play(shape, options.hours)
    elif options.measure is not None:
        _measure(Path(options.measure), shape, hours=options.hours)
    else:
        _report(shape, options.hours, vrps=options.vrps, reloads=options.reloads)


def _report(shape: FeedShape, hours: int, *, vrps: int, reloads: int) -> None:
    """Run generator and pipeline as processes of their own and print the table."""
    scale = REAL_RATE_PER_S / shape.rate_per_s
    print(
        f"{shape.peers:,} peers, {shape.prefixes:,} prefixes, {vrps:,} VRPs, {hours} hours at"
        f" {shape.rate_per_s:g} messages/s (the real feed's {REAL_RATE_PER_S:,.0f} / {scale:g});"
        f" withdrawn prefixes remembered {FLAP_S * scale:,.0f} s instead of {FLAP_S:g}"
    )
    own = [sys.executable, "-m", "benchmarks.long_run", *sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="bgptui-long-run-") as folder:
        _write_vrps(Path(folder), vrps, shape, wrong=0)
        _write_watchlist(Path(folder), shape)
        with (
            subprocess.Popen([*own, "--play"], stdout=subprocess.PIPE) as player,
            subprocess.Popen(
                [*own, "--measure", folder], stdin=player.stdout, stdout=subprocess.PIPE
            ) as measuring,
        ):
            print(f"{'hour':>4}{'resident MiB':>14}{'peak MiB':>10}{'messages':>12}", end="")
            print(f"{'messages/CPU-s':>16}{'VRPs':>11}")
            before = Hour(0, 0, 0.0, 0.0, 0.0, 0, 0)
            for line in measuring.stdout or ():
                hour = msgspec.json.decode(line, type=Hour)
                _print(hour, before)
                before = hour
                if hour.number % (hours // (reloads + 1) or hours) == 0:
                    changed = hour.number * VRPS_CHANGED_AN_HOUR
                    _write_vrps(Path(folder), vrps, shape, wrong=changed)
        if player.returncode or measuring.returncode:
            raise SystemExit("a process of the benchmark failed")


def _print(hour: Hour, before: Hour) -> None:
    rate = (hour.messages - before.messages) / max(hour.cpu_s - before.cpu_s, 1e-9)
    dropped = f"  {hour.dropped} dropped" if hour.dropped else ""
    print(
        f"{hour.number:>4}{hour.resident_mib:>14.0f}{hour.peak_mib:>10.0f}{hour.messages:>12,}"
        f"{rate:>16,.0f}{hour.vrps:>11,}{dropped}",
        flush=True,
    )


def _play(shape: FeedShape, hours: int) -> None:
    count = int(hours * HOUR_S * shape.rate_per_s)
    sys.stdout.buffer.writelines(frame + b"\n" for frame in frames(count, shape=shape))


def _write_vrps(folder: Path, count: int, shape: FeedShape, *, wrong: int) -> None:
    """VRPs of half of the prefixes and of others; of the first `wrong` the origin is another."""
    heard = min(count, shape.prefixes // 2)
    numbers = [2 * number for number in range(heard)]
    numbers += range(shape.prefixes, shape.prefixes + count - heard)
    roas = (
        json.dumps(
            {
                "prefix": prefix(number),
                "asn": origin(number) + (place < wrong),
                "maxLength": int(prefix(number).rpartition("/")[2]),
                "ta": "ripe",
            }
        )
        for place, number in enumerate(numbers)
    )
    written = folder / "vrps.new"
    with written.open("w") as file:
        file.write('{"roas":[\n')
        file.write(next(roas))
        file.writelines(",\n" + roa for roa in roas)
        file.write("\n]}\n")
    written.replace(folder / "vrps.json")


def _write_watchlist(folder: Path, shape: FeedShape) -> None:
    numbers = (number * shape.prefixes // WATCHED for number in range(WATCHED))
    rules = (
        f'[[prefix]]\nprefix = "{prefix(number)}"\norigins = [{origin(number)}]\n'
        for number in numbers
    )
    (folder / "watch.toml").write_text("".join(rules))


def _measure(folder: Path, shape: FeedShape, *, hours: int) -> None:
    """Run the pipeline on standard input and print an Hour, as JSON, for each hour."""
    flags: dict[str, object] = {
        "store.raw_rows": "none",
        "rpki.vrps": str(folder / "vrps.json"),
        "rpki.refresh_s": 10,
        "watch.file": str(folder / "watch.toml"),
        "windows.flap_s": FLAP_S * REAL_RATE_PER_S / shape.rate_per_s,
    }
    config = load(flags, {}, cwd=folder, config_file=example_file()).config
    with (
        Database.throwaway() as database,
        app.collector(config, database, legs=lambda inputs: [inputs.recording(["-"])]) as pipeline,
    ):
        watching = threading.Thread(target=_watch, args=(pipeline, shape, hours), daemon=True)
        watching.start()
        pipeline.wait()
        watching.join()


def _watch(pipeline: Pipeline, shape: FeedShape, hours: int) -> None:
    """Tell of each simulated hour once it is over; the last ends with the input."""
    for number in range(1, hours + 1):
        end = shape.start + number * HOUR_S
        while pipeline.running and (pipeline.tally.newest or 0.0) < end:
            time.sleep(SAMPLE_EVERY_S)
        health = pipeline.health()
        hour = Hour(
            number,
            pipeline.tally.messages,
            time.process_time(),
            _memory_mib("VmRSS"),
            _memory_mib("VmHWM"),
            health.rpki.vrps,
            sum(health.dropped.values()),
        )
        print(msgspec.json.encode(hour).decode(), flush=True)
        _forget_peak()


def _memory_mib(name: str) -> float:
    """A size from proc(5), status: getrusage's peak cannot be reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 1024


def _forget_peak() -> None:
    """VmHWM begins anew at what is resident now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
