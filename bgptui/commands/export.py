"""`bgptui export`: rows of the database as CSV or JSON lines."""

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import msgspec

from bgptui import app
from bgptui.commands.alerts import as_change
from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings
from bgptui.domain.alert import Alert
from bgptui.domain.alert_json import alert_object, iso_utc
from bgptui.errors import UsageError
from bgptui.store.connect import CONSOLE
from bgptui.store.export import Exported, exported_alerts, exported_rows

ALERTS = "alerts"
# The keys of domain.alert_json.alert_object; the last one stands in a resolve only.
_ALERT_COLUMNS = (
    "event", "alert_id", "alert_uuid", "alert_type", "class", "severity", "confidence", "title",
    "prefix", "watched_prefix", "origin_asn", "expected_origins", "peer_addr", "peers_seen",
    "peers_total", "first_seen", "last_seen", "status", "anomaly_types", "ensemble_score",
    "rpki_status", "evidence", "duration_s",
)  # fmt: skip

_TIMES = ("timestamp", "last_seen", "ended_at")

_PROGRESS_EVERY = 5_000

Row = dict[str, Any]


def run(args: argparse.Namespace) -> int:
    """Write the rows to stdout, oldest first; alerts latest first."""
    if args.since is not None and args.until is not None and args.until <= args.since:
        raise UsageError("export: --until is not after --since")
    config = load_settings(args).config
    with (
        app.existing_database(config) as database,
        database.connect(application_name=CONSOLE) as connection,
        ProgressLine("export") as progress,
    ):
        if args.what == ALERTS:
            with exported_alerts(connection, since=args.since, until=args.until) as alerts:
                rows = counted(map(_alert_row, alerts), progress)
                _write(args.format, _ALERT_COLUMNS, rows)
        else:
            table = Exported(args.what)
            span = {"since": args.since, "until": args.until}
            with exported_rows(connection, table, **span) as (columns, found):
                _write(args.format, columns, counted(map(_dated, found), progress))
    return 0


def write_csv(out: TextIO, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """A header and a line a row: empty for null, lists joined by spaces, objects as JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([csv_cell(row.get(column)) for column in columns])


def write_jsonl(out: TextIO, rows: Iterable[Row]) -> None:
    """A JSON object a line."""
    for row in rows:
        out.write(msgspec.json.encode(row).decode() + "\n")


def csv_cell(value: object) -> str:
    """One value as CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return " ".join(str(item) for item in value)
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return str(value)


def counted(rows: Iterable[Row], progress: ProgressLine) -> Iterator[Row]:
    """The rows, their number shown now and then, unless they go to the terminal themselves."""
    for number, row in enumerate(rows, start=1):
        yield row
        if number % _PROGRESS_EVERY == 0 and not sys.stdout.isatty():
            progress.show(f"{number:,} rows")


def _write(form: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    if form == "csv":
        write_csv(sys.stdout, columns, rows)
    else:
        write_jsonl(sys.stdout, rows)


def _dated(row: Row) -> Row:
    """The row with its times as text."""
    times = {name: row[name] for name in _TIMES if row.get(name) is not None}
    return row | {name: iso_utc(seconds) for name, seconds in times.items()}


def _alert_row(alert: Alert) -> Row:
    return alert_object(as_change(alert))
