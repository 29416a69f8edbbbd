"""VRPs and origin validation: loading, changing, asking, what it takes, and who has to wait.

    python -m benchmarks.validation [--json] [--snapshots FOLDER] [--skip-interface]

Takes under three minutes. Each part is a process of its own. The snapshots are two real ones, half
an hour apart (shared/data/rpki, where that folder is beside the checkout; without them their part
is left out); everything else is synthetic. Rates are of CPU time, the best of several; compare
those of one run. Targets stand in the last column.
"""

import argparse
import bz2
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks import validation_parts, workload
from benchmarks.generator import FeedShape
from benchmarks.ingest import served
from benchmarks.validation_parts import FIRST, SECOND, Line

VRPS = 1_500_000
ASPAS = 100_000
CONSOLE_VRPS = 1_000_000
WATCHED = 5_000
FRAMES = 200_000
LIVE_RATE_PER_S = 20_000
MOST_S = 300.0


class Part(Struct):
    """A function of validation_parts, and what it needs."""

    measure: Callable[[Path], list[Line]]
    title: str


PARTS = {
    "load": Part(validation_parts.load, "two real snapshots"),
    "rates": Part(validation_parts.rates, "validations of the first of them"),
    "memory": Part(validation_parts.memory, f"{VRPS:,} VRPs, {ASPAS:,} ASPAs"),
    "look": Part(validation_parts.look_apart, "the process that reads them"),
    "table": Part(validation_parts.whole_table, "whole-table mode"),
}
NEED_SNAPSHOTS = ("load", "rates")
CONSOLE = "console"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshots", type=Path, help="folder with the two of rpki-client")
    parser.add_argument("--skip-interface", action="store_true", help="without the console")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--part", nargs="+", metavar=("NAME", "FOLDER"))
    options = parser.parse_args()
    if options.part is not None:
        print(msgspec.json.encode(_in_this_process(*options.part)).decode())
        return
    shown = sys.stderr if options.json else sys.stdout
    report: dict[str, list[Line]] = {}

    def add(title: str, lines: list[Line]) -> None:
        report[title] = lines
        print(f"\n| {title} | measured | target |\n|---|---|---|", file=shown)
        for line in lines:
            print(f"| {line.name} | {line.shown()} | {line.target} |", file=shown, flush=True)

    with tempfile.TemporaryDirectory(prefix="bgptui-benchmark-") as name:
        folder = Path(name)
        workload.write_vrps(folder, VRPS, shape=FeedShape(), aspas=ASPAS)
        has_snapshots = _unpack(options.snapshots, folder)
        for part, about in PARTS.items():
            if has_snapshots or part not in NEED_SNAPSHOTS:
                add(about.title, _measured(part, folder))
        if not options.skip_interface:
            for title, lines in _console(folder):
                add(title, lines)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())


def _unpack(snapshots: Path | None, folder: Path) -> bool:
    source = snapshots or Path(__file__).parents[2] / "shared" / "data" / "rpki"
    for name in (FIRST, SECOND):
        packed = source / f"{name}.bz2"
        if not packed.is_file():
            return False
        (folder / name).write_bytes(bz2.decompress(packed.read_bytes()))
    return True


def _console(folder: Path) -> list[tuple[str, list[Line]]]:
    """The console with VRPs that are read once, and again and again."""
    shape = FeedShape()
    workload.write_frames(folder, FRAMES, seed=1, shape=shape)
    workload.write_vrps(folder, CONSOLE_VRPS, shape=shape)
    workload.write_watchlist(folder, WATCHED, shape=shape)
    title = f"the console's event loop, {LIVE_RATE_PER_S:,} messages/s, {CONSOLE_VRPS:,} VRPs"
    tables = []
    for reloads, about in (("no", "read once"), ("yes", "read again and again")):
        with served(folder / workload.FRAMES, LIVE_RATE_PER_S) as url:
            tables.append((f"{title}, {about}", _measured(CONSOLE, folder, url, reloads)))
    return tables


def _measured(part: str, folder: Path, *others: str) -> list[Line]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.validation", "--part", part, str(folder), *others],
        stdout=subprocess.PIPE,
        timeout=MOST_S,
        check=True,
        env=os.environ,
    )
    return msgspec.json.decode(done.stdout, type=list[Line])


def _in_this_process(part: str, folder: str, *others: str) -> list[Line]:
    if part == CONSOLE:
        url, reloads = others
        return validation_parts.console(Path(folder), url, reloads=reloads == "yes")
    return PARTS[part].measure(Path(folder))


if __name__ == "__main__":
    main()
