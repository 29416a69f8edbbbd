"""`bgptui db init|upgrade|status|sample-data|maintain`."""

import argparse
import time
from datetime import UTC, datetime

import msgspec

from bgptui import app
from bgptui.commands.settings import load_settings
from bgptui.config.schema import Store
from bgptui.errors import Fatal
from bgptui.store.connect import CONSOLE, Database, describe
from bgptui.store.dsn import masked_dsn
from bgptui.store.migrate import migrate
from bgptui.store.sample_data import write_sample_data
from bgptui.store.shards import HeldLease
from bgptui.store.status import (
    DatabaseStatus,
    Policy,
    TableStatus,
    database_status,
    maintain,
    verify_schema,
)

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def init(args: argparse.Namespace) -> int:
    """Create the schema, or bring it up to date, then verify it object by object."""
    config = load_settings(args).config
    with app.configured_database(config) as database:
        _migrate_and_verify(database, config.store)
    return 0


def upgrade(args: argparse.Namespace) -> int:
    """Bring the schema of an earlier release up to date, then verify it object by object."""
    config = load_settings(args).config
    with app.existing_database(config, schema=app.Schema.ANY) as database:
        _migrate_and_verify(database, config.store)
    return 0


def _migrate_and_verify(database: Database, settings: Store) -> None:
    report = migrate(database.dsn)
    print(f"database {describe(database.dsn)}: {database.engine}")
    for note in report.notes:
        print(f"note: {note}")
    applied = ", ".join(report.applied) or "nothing to do"
    print(f"migrations: {applied}; schema version {report.version}")
    with database.connect(application_name=CONSOLE) as connection:
        maintain(connection, time.time(), settings)
        objects = verify_schema(connection)
    for name, there in objects:
        print(f"{'ok' if there else 'MISSING':<8}{name}")
    if missing := sum(1 for _, there in objects if not there):
        raise Fatal(f"{missing} of {len(objects)} objects are missing: restore a backup")
    print(f"{len(objects)} objects verified")
    if report.applied and report.roles:
        print(f"now run again, as the owner: {', '.join(report.roles)}")


def status(args: argparse.Namespace) -> int:
    """Engine, sizes, chunks, compression, retention, policies, rows and time ranges."""
    config = load_settings(args).config
    with (
        app.existing_database(config) as database,
        database.connect(application_name=CONSOLE) as connection,
    ):
        found = database_status(connection)
        dsn = masked_dsn(database.dsn)
    if args.json:
        print(msgspec.json.encode(found).decode())
        return 0
    for line in _status_lines(found):
        print(line)
    print(f"connect with: psql '{dsn}'")
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
    last = found.last_maintenance
    return [
        f"database {found.name}: {found.engine}{license_text}",
        f"schema version {found.schema_version}, {_size(found.size_bytes)}",
        f"{'table':<22}{'chunks':>6}{'size':>11}{'keep':>7}  {'compressed':<20}{'rows':>14}"
        "  time range",
        *map(_table_line, found.tables),
        *(["policies:"] if found.policies else []),
        *map(_policy_line, found.policies),
        *(["leases:"] if found.leases else []),
        *map(_lease_line, found.leases),
        "last maintenance: "
        + (
            "never"
            if last is None
            else f"{_time(last.ran_at)}, dropped {last.dropped_chunks} chunks "
            f"({_size(last.dropped_bytes)}), deleted {last.deleted_alerts} alerts"
        ),
    ]


def _table_line(table: TableStatus) -> str:
    keep = f"{table.keep_days:g} d" if table.keep_days else "ever"
    rows = f"{'~' if table.rows_are_estimated else ''}{table.rows:,}"
    span = f"{_time(table.first)} .. {_time(table.last)}" if table.first is not None else "-"
    return (
        f"{table.name:<22}{table.chunks:>6}{_size(table.size_bytes):>11}{keep:>7}"
        f"  {_compression(table):<20}{rows:>14}  {span}"
    )


def _compression(table: TableStatus) -> str:
    if table.compress_after_days is None:
        return "never"
    after = f"after {table.compress_after_days:g} d"
    if table.compression_ratio is None:
        return after
    return f"{after}: {table.compressed_chunks}, {table.compression_ratio:.1f}x"


def _policy_line(policy: Policy) -> str:
    ran = f"last {_time(policy.last_run)} {policy.last_status or ''}" if policy.last_run else "-"
    name = policy.policy.removeprefix("policy_").replace("_", " ")
    return f"  {policy.relation:<24}{name:<30}{policy.rule or '-':<32}{ran}"


def _lease_line(held: HeldLease) -> str:
    left = f"{held.remaining_s:.0f} s left" if held.remaining_s else "not renewed"
    return f"  {held.scope:<12}{held.holder}  (epoch {held.epoch}, {left})"


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
