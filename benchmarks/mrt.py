"""MRT records and elements per CPU-second: ours beside bgpdump and pybgpkit-parser.

    python -m benchmarks.mrt FILE...

Each tool reads the same file, decompression included, in the same run: ours to messages,
bgpdump to lines (`-m`, thrown away), pybgpkit-parser to elements that are not looked at. The
best of several rounds counts, in CPU time of user and system. An element is an announced or
withdrawn prefix, a route of a table, or a change of a session's state. Tools that are not
installed are left out; neither is needed to run bgptui.
"""

import argparse
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bgptui.domain.routing import MessageType
from bgptui.errors import UsageError
from bgptui.runtime.metrics import Metrics
from bgptui.sources.input_file import open_rib
from bgptui.sources.mrt_records import split_records
from bgptui.sources.packed_file import read_chunks
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.record_reader import RecordReader
from bgptui.sources.ris_messages import FrameDecoder

# Reads a file once: (elements, CPU seconds).
Tool = Callable[[Path], tuple[int, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="MRT file")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    tools: dict[str, Tool] = {"bgptui": _ours}
    if shutil.which("bgpdump") is not None:
        tools["bgpdump"] = _bgpdump
    if find_spec("pybgpkit_parser") is not None:
        tools["pybgpkit-parser"] = _pybgpkit
    print("| file | tool | elements | records/CPU-s | elements/CPU-s | CPU time beside bgptui |")
    print("|---|---|---|---|---|---|")
    for path in options.files:
        _compare(path, tools, options.rounds)


def _compare(path: Path, tools: dict[str, Tool], rounds: int) -> None:
    records = sum(1 for _ in split_records(read_chunks(str(path), on_read=_unobserved)))
    own_s = 0.0
    for name, read in tools.items():
        runs = [read(path) for _ in range(rounds)]
        elements, spent_s = runs[0][0], min(spent_s for _, spent_s in runs)
        own_s = own_s or spent_s
        print(
            f"| {path.name} | {name} | {elements:,} | {records / spent_s:,.0f} "
            f"| {elements / spent_s:,.0f} | {spent_s / own_s:.2f} |",
            flush=True,
        )


def _ours(path: Path) -> tuple[int, float]:
    metrics = Metrics()
    started = time.process_time()
    reader = RecordReader(
        decoder=FrameDecoder(),
        collector="mrt",
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        max_frame_bytes=2**20,
    )
    elements = sum(1 for _ in reader.rib(str(path))) if _is_rib(path) else _elements(reader, path)
    return elements, time.process_time() - started


def _elements(reader: RecordReader, path: Path) -> int:
    elements = 0
    for message in reader.messages(str(path), on_read=_unobserved):
        elements += message.announced_listed + message.withdrawn_listed
        elements += message.type is MessageType.STATE
    return elements


def _is_rib(path: Path) -> bool:
    try:
        open_rib(str(path))
    except UsageError:
        return False
    return True


def _bgpdump(path: Path) -> tuple[int, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = 0
    with subprocess.Popen(
        ["bgpdump", "-m", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        while block := process.stdout.read(2**20):
            lines += block.count(b"\n")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return lines, spent_s


def _pybgpkit(path: Path) -> tuple[int, float]:
    parser = import_module("pybgpkit_parser").Parser
    started = time.process_time()
    elements = sum(1 for _ in parser(url=str(path)))
    return elements, time.process_time() - started


def _unobserved(_size_bytes: int) -> None:
    pass


if __name__ == "__main__":
    main()
