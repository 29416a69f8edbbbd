"""Routing tables for commands that look at them once: with progress, and whole or not at all."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings
from bgptui.domain.routing import RibEntry
from bgptui.errors import BadInput
from bgptui.pipeline.inputs import Inputs
from bgptui.runtime.clock import EventClock, PipelineClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.input_file import begin_of, open_rib, size_of

_TORN = "ingest.torn_file"


def read_ribs(args: argparse.Namespace, names: Sequence[str]) -> Iterator[RibEntry]:
    """The routes of MRT routing tables, one table after another.

    Raises:
        UsageError: one cannot be read, or is no routing table.
        BadInput: `torn_file`; what half a table lacks would look like what nobody announces.
    """
    for name in names:
        if size_of(name) is not None:  # of standard input and pipes, what is looked at is gone
            open_rib(name)
    metrics = Metrics()
    inputs = Inputs(
        load_settings(args).config,
        clock=PipelineClock(EventClock()),
        metrics=metrics,
        quarantine=None,
    )
    for name in names:
        with ProgressLine(name) as progress:
            yield from _read(name, inputs, metrics, progress)
    left_out = {what: count for what, count in metrics.drops().items() if what != _TORN}
    if left_out:
        counts = ", ".join(f"{what} {count:,}" for what, count in left_out.items())
        print(f"routing tables: left out: {counts}", file=sys.stderr)


def _read(
    name: str, inputs: Inputs, metrics: Metrics, progress: ProgressLine
) -> Iterator[RibEntry]:
    done, total = 0, size_of(name)

    def on_read(size_bytes: int) -> None:
        nonlocal done
        done += size_bytes
        progress.bytes_read(done, total)

    yield from inputs.rib([name], on_read=on_read)
    if metrics.drops().get(_TORN):
        raise BadInput(
            f"{name}: is torn; a watchlist takes a whole routing table: fetch the file again",
            reason="torn_file",
        )


def rib_time(name: str) -> str:
    """The table's own time, e.g. `2002-07-22T23:37:00Z`; empty where only reading it would tell."""
    begin = begin_of(name)
    if begin == float("-inf"):
        return ""
    return f"{datetime.fromtimestamp(begin, UTC):%Y-%m-%dT%H:%M:%SZ}"
