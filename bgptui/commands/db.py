"""`bgptui db init|status|sample-data|maintain`."""

import argparse
import time
from datetime import UTC, datetime

import msgspec

from bgptui import app
from bgptui.commands.settings import load_settings
from bgptui.errors import Fatal
from bgptui.store.connect import CONSOLE, describe
from bgptui.store.migrate import migrate
from bgptui.store.sample_data import write_sample_data
from bgptui.store.status import (
    DatabaseStatus,
    TableStatus,
    database_status,
    maintain,
    verify_schema,
)

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def init(args: argparse.Namespace) -> int:
    """Create or migrate the schema, then verify it object by object."""
    config = load_settings(args).config
    with app.configured_database(config) as database:
        report = migrate(database.dsn)
        print(f"database {describe(database.dsn)}: {database.engine}")
        for note in report.notes:
            print(f"note: {note}")
        applied = ", ".join(report.applied) or "nothing to do"
        print(f"migrations: {applied}; schema version {report.version}")
        with database.connect(application_name=CONSOLE) as connection:
            maintain(connection, time.time(), config.store)
            objects = verify_schema(connection)
    for name, there in objects:
        print(f"{'ok' if there else 'MISSING':<8}{name}")
    if missing := sum(1 for _, there in objects if not there):
        raise Fatal(f"{missing} of {len(objects)} objects are missing: restore a backup")
    print(f"{len(objects)} objects verified")
    return 0


def status(args: argparse.Namespace) -> int:
    """Engine, sizes, chunks, retention, rows and time range of each table."""
    config = load_settings(args).config
    with (
        app.existing_database(config) as database,
        database.connect(application_name=CONSOLE) as connection,
    ):
        found = database_status(connection)
    if args.json:
        print(msgspec.json.encode(found).decode())
        return 0
    for line in _status_lines(found):
        print(line)
    return 0


def sample_data(args: argparse.Namespace) -> int:
    """Write sample rows to every table and print how many."""
    config = load_settings(args).config
    with app.configured_database(config) as database:
        migrate(database.dsn)
        written = write_sample_data(
            lambda: database.connect(application_name=CONSOLE), now=time.time()
        )
    for table, count in written.items():
        print(f"{table:<22}{count:>6} rows")
    return 0


def maintenance(args: argparse.Namespace) -> int:
    """Make partitions ahead and drop what retention has expired."""
    config = load_settings(args).config
    with (
        app.existing_database(config) as database,
        database.connect(application_name=CONSOLE) as connection,
    ):
        actions = maintain(connection, time.time(), config.store)
    for action in actions:
        size = f" ({_size(action.size_bytes)})" if action.size_bytes else ""
        print(f"{action.action:<18}{action.object}{size}")
    print(f"{len(actions)} actions")
    return 0


def _status_lines(found: DatabaseStatus) -> list[str]:
    license_text = f", {found.license} licence" if found.license else ""
    lines = [
        f"database {found.name}: {found.engine}{license_text}",
        f"schema version {found.schema_version}, {_size(found.size_bytes)}",
        f"{'table':<22}{'engine':<13}{'chunks':>6}{'size':>11}{'keep':>8}{'rows':>14}  time range",
        *map(_table_line, found.tables),
    ]
    last = found.last_maintenance
    lines.append(
        "last maintenance: "
        + (
            "never"
            if last is None
            else f"{_time(last.ran_at)}, dropped {last.dropped_chunks} chunks "
            f"({_size(last.dropped_bytes)}), deleted {last.deleted_alerts} alerts"
        )
    )
    return lines


def _table_line(table: TableStatus) -> str:
    keep = f"{table.keep_days:g} d" if table.keep_days else "ever"
    rows = f"{'~' if table.rows_are_estimated else ''}{table.rows:,}"
    span = f"{_time(table.first)} .. {_time(table.last)}" if table.first is not None else "-"
    return (
        f"{table.name:<22}{table.engine:<13}{table.chunks:>6}{_size(table.size_bytes):>11}"
        f"{keep:>8}{rows:>14}  {span}"
    )


def _time(timestamp: float | None) -> str:
    if timestamp is None:
        return "-"
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _size(size_bytes: float) -> str:
    for unit in _UNITS[:-1]:
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} {_UNITS[-1]}"
