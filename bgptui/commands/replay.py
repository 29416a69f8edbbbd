"""`bgptui replay`: recorded input through the whole pipeline, in event time."""

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Set
from datetime import UTC, datetime, timedelta
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import msgspec

from bgptui import __version__, app
from bgptui.commands import console, headless
from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings, start_log, vrp_ageing
from bgptui.config.schema import Config, Console, Runtime
from bgptui.domain.alert import AlertChange, Change
from bgptui.domain.alert_json import alert_line, alert_text
from bgptui.domain.health import Health
from bgptui.domain.routing import Peer
from bgptui.errors import UsageError
from bgptui.pipeline.inputs import oldest_timestamp, quarantine_path
from bgptui.pipeline.tally import Tally
from bgptui.pipeline.topology import Pipeline
from bgptui.sources.input_file import collector_of, expand, open_rib
from bgptui.sources.packed_file import STDIN
from bgptui.store.connect import Database


def run(args: argparse.Namespace) -> int:
    """Replay; alerts go to stdout as they open, update and resolve, a summary to stderr."""
    if args.speed is not None and not args.speed > 0:
        raise UsageError(f"--speed {args.speed:g}: must be above 0")
    names, ribs = expand(args.input), args.rib or []
    for rib in filter(_can_be_read_again, ribs):
        open_rib(rib)  # what is wrong with it is said before a database is made
    config = load_settings(args, overrides=_overrides()).config
    start_log(args, config.runtime.log_format)
    if args.ui:
        console.require_terminal()
    if config.store.dsn and not args.keep:
        _check_age(config, names)
    database = app.configured_database(config) if config.store.dsn else Database.throwaway()
    with ProgressLine("replay") as progress, headless.stop_signals() as stop, database:
        printer = _Printer(args.format, progress)
        started = time.monotonic()
        with app.collector(
            config,
            database,
            legs=lambda inputs: [
                inputs.recording(names, speed=args.speed, on_progress=progress.bytes_read)
            ],
            ageing=vrp_ageing(args),
            replay=app.Replay(_fingerprint(names, ribs, config), ribs),
            on_change=printer.count if args.ui else printer.print,
        ) as pipeline:
            _follow(args, config, database, pipeline=pipeline, stop=stop)
        progress.clear()
        _summarise(pipeline, printer.opened, time.monotonic() - started)
    return 0


class _Printer:
    """Prints alert changes in the correlator's thread, in their order."""

    def __init__(self, form: str, progress: ProgressLine) -> None:
        self._write = alert_text if form == "text" else alert_line
        self._progress = progress
        self.opened: Counter[str] = Counter()

    def count(self, change: AlertChange) -> None:
        if change.change is Change.OPEN:
            self.opened[change.alert.severity] += 1

    def print(self, change: AlertChange) -> None:
        self.count(change)
        self._progress.print_line(self._write(change))


def _overrides() -> Mapping[str, Any]:
    """A replay stores every row and every frame, and does not catch up on anything first."""
    return {"store.raw_rows": "all", "store.raw_json": "all", "feed.warm_up": ""}


def _can_be_read_again(name: str) -> bool:
    """Neither standard input nor a pipe: of these, what is looked at is gone."""
    return name != STDIN and not Path(name).is_fifo()


def _fingerprint(names: list[str], ribs: list[str], config: Config) -> str | None:
    """Of everything that the rows of this replay depend on.

    None where no second run could go on: standard input, pipes, and a database that is thrown
    away.
    """
    if not config.store.dsn or not all(map(_can_be_read_again, (*names, *ribs))):
        return None
    digest = sha256(__version__.encode())
    ruling = msgspec.structs.replace(
        config,
        store=msgspec.structs.replace(config.store, dsn="", spool_dir=""),
        console=Console(),
        runtime=Runtime(),
    )
    digest.update(msgspec.json.encode(ruling))
    for name in (*names, *ribs):
        digest.update(collector_of(name, "").encode())  # the path tells, not the content
    for name in (*names, *ribs, config.rpki.vrps, config.watch.file):
        if name and "://" not in name:
            with Path(name).open("rb") as file:
                digest.update(file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _check_age(config: Config, names: list[str]) -> None:
    """Refuse to fill a database with rows that its next maintenance drops.

    Raises:
        UsageError: names the table with the shortest retention that is exceeded.
    """
    oldest = oldest_timestamp(config, list(filter(_can_be_read_again, names)))
    if oldest is None:
        return
    begins = datetime.fromtimestamp(oldest, UTC)
    age = datetime.now(UTC) - begins
    retention = config.store.retention
    for table in retention.__struct_fields__:
        days = getattr(retention, table)
        if age > timedelta(days=days):
            raise UsageError(
                f"the input begins {begins:%Y-%m-%d}, and {table} keeps {days} days "
                f"(store.retention.{table}): the database's next maintenance would drop it; "
                "--keep takes it all the same, and without --dsn the replay has a database "
                "of its own"
            )


def _follow(
    args: argparse.Namespace,
    config: Config,
    database: Database,
    *,
    pipeline: Pipeline,
    stop: threading.Event,
) -> None:
    if args.ui:
        console.show(config, database, pipeline=pipeline)
    else:
        headless.watch(pipeline, stop, log_interval_s=config.runtime.log_interval_s)
        if stop.is_set():
            print("bgptui: stopped before the input's end", file=sys.stderr)


def _summarise(pipeline: Pipeline, opened: Counter[str], spent_s: float) -> None:
    tally, health = pipeline.tally, pipeline.health()
    for line in _summary(tally, health, opened, spent_s):
        print(line, file=sys.stderr)
    if pipeline.quarantined:
        print(
            f"bad frames: {pipeline.quarantined:,} are kept in {quarantine_path()}", file=sys.stderr
        )


def _heard(peers: Set[Peer]) -> str:
    """Peers, and of how many collectors; AS 0 is a connection that nobody had identified."""
    known = [peer for peer in peers if peer.asn]
    collectors = len({peer.collector for peer in known})
    return (
        f"{len(known):,} {'peer' if len(known) == 1 else 'peers'} of "
        f"{collectors} {'collector' if collectors == 1 else 'collectors'}"
    )


def _summary(tally: Tally, health: Health, opened: Counter[str], spent_s: float) -> list[str]:
    types = ", ".join(f"{count:,} {name}" for name, count in tally.by_type.most_common())
    rpki = health.rpki
    lines = [
        f"{tally.messages:,} messages: {types or 'none'}",
        f"prefixes: {tally.announced:,} announced ({tally.announced_listed:,} as listed), "
        f"{tally.withdrawn:,} withdrawn; {_heard(tally.heard)}; {tally.late:,} late messages",
        f"rpki: {rpki.valid:,} valid, {rpki.invalid:,} invalid, {rpki.not_found:,} not found, "
        f"{rpki.unavailable:,} unavailable",
        f"alerts opened: {opened.total():,}"
        + "".join(f", {count} {severity}" for severity, count in sorted(opened.items())),
        f"{spent_s:.1f} s, {tally.messages / spent_s:,.0f} messages/s",
    ]
    lost = {name: count for name, count in health.dropped.items() if name != "agg.late"}
    if lost:
        counts = ", ".join(f"{name} {count:,}" for name, count in lost.items())
        lines.append(f"dropped: {counts}")
    return lines
