"""Brings a database to this program's schema: numbered, checksummed, locked, forward only."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import psycopg
from msgspec import Struct

from bgptui.errors import Fatal, ServiceUnreachable
from bgptui.resources import resource_dir
from bgptui.store.connect import Connection, connect, engine_text, one_line
from bgptui.store.dsn import describe
from bgptui.store.queries import query

_NAME = re.compile(r"(\d{4})_\w+\.sql")
_APPLICATION = "bgptui migrate"
CONNECT_TIMEOUT_S = 10.0
# Another process may be migrating; nothing else holds that lock.
LOCK_WAIT_S = 120
# A table may be in use by a console's query.
STATEMENT_LOCK_WAIT_S = 15


class Migration(Struct, frozen=True):
    """One file of sql/migrations.

    Attributes:
        version: its number, from 1.
        sha256: of its text, with line ends as LF.
    """

    version: int
    name: str
    text: str
    sha256: str


class MigrationReport(Struct, frozen=True):
    """What `migrate` did.

    Attributes:
        applied: names of the files applied now, in order.
        version: of the schema as it stands; 0 where there are no migrations.
        engine: e.g. `PostgreSQL 18.6`.
        notes: for a person: why TimescaleDB is there and is not used.
        roles: files of sql/roles whose roles exist: what a migration made is not granted to
            them before these are run again.
    """

    applied: tuple[str, ...]
    version: int
    engine: str
    notes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


def migrate(dsn: str, *, directory: Path | None = None) -> MigrationReport:
    """Apply the migrations that the database does not have; two callers take turns.

    Args:
        directory: instead of the program's own sql/migrations.
    Raises:
        ServiceUnreachable: the database is not there, or another process holds the lock.
        Fatal: a migration fails, differs from the one applied, or the database is newer; or
            something is to be done and a collector writes to it.
    """
    migrations = read_migrations(directory or resource_dir("sql") / "migrations")
    with _connected(dsn) as lock_holder:
        _lock(lock_holder, dsn)
        _make_history(lock_holder)
        applied = _applied(lock_holder)
        _check_history(migrations, applied, dsn)
        # The engine is chosen once: native tables stay so when the extension comes later.
        # Before the session that migrates begins, so that this loads the extension.
        notes = () if applied else _create_timescaledb(dsn, lock_holder)
        missing = [migration for migration in migrations if migration.version not in applied]
        if applied and missing:
            _check_that_nobody_collects(lock_holder, dsn)
        with _connected(dsn) as connection:
            connection.execute(
                "select set_config('lock_timeout', %s, false)", [f"{STATEMENT_LOCK_WAIT_S}s"]
            )
            for migration in missing:
                _apply(connection, migration, dsn)
            engine = engine_text(connection)
            roles = tuple(name for (name,) in connection.execute(query("store/role_files")))
    version = max([*applied, *(migration.version for migration in missing)], default=0)
    return MigrationReport(tuple(m.name for m in missing), version, engine, notes, roles)


def check_schema(connection: Connection, dsn: str, *, directory: Path | None = None) -> None:
    """Compare a database that has bgptui's schema with this program; changes nothing.

    Raises:
        Fatal: it is newer, older, or has another history.
    """
    migrations = read_migrations(directory or resource_dir("sql") / "migrations")
    applied = _applied(connection)
    _check_history(migrations, applied, dsn)
    if missing := [migration for migration in migrations if migration.version not in applied]:
        raise Fatal(
            f"database {describe(dsn)} is older than this bgptui: it lacks migration "
            f"{missing[0].name}: run bgptui db upgrade"
        )


def read_migrations(directory: Path) -> tuple[Migration, ...]:
    """The files of a directory in the order of their numbers.

    Raises:
        Fatal: a name is not NNNN_name.sql, or a number is used twice.
    """
    migrations: dict[int, Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise Fatal(f"migration {path.name} is not named NNNN_name.sql")
        version = int(match[1])
        if version in migrations:
            raise Fatal(f"migrations {migrations[version].name} and {path.name} share a number")
        text = path.read_text(encoding="utf-8")  # line ends become LF here
        digest = hashlib.sha256(text.encode()).hexdigest()
        migrations[version] = Migration(version, path.name, text, digest)
    return tuple(migrations.values())


def _connected(dsn: str) -> Connection:
    return connect(dsn, application_name=_APPLICATION, timeout_s=CONNECT_TIMEOUT_S)


def _lock(connection: Connection, dsn: str) -> None:
    """Hold the migration lock of this database until the connection closes."""
    connection.execute("select set_config('lock_timeout', %s, false)", [f"{LOCK_WAIT_S}s"])
    try:
        connection.execute("select pg_advisory_lock(hashtextextended('bgptui.migrate', 0))")
    except psycopg.errors.LockNotAvailable as error:
        raise ServiceUnreachable(
            f"database {describe(dsn)}: another bgptui has been migrating it for {LOCK_WAIT_S} s"
        ) from error
    connection.execute("reset lock_timeout")


def _make_history(connection: Connection) -> None:
    """The table of what was applied, where it is missing."""
    found = connection.execute("select to_regclass('public.schema_migrations')").fetchone()
    if found == (None,):
        connection.execute(
            "create table public.schema_migrations ("
            " version integer primary key, name text not null, sha256 text not null,"
            " applied_at timestamptz not null default now())"
        )
        connection.execute(
            "comment on table public.schema_migrations is"
            " 'The files of sql/migrations that made this schema.'"
        )


def _applied(connection: Connection) -> dict[int, tuple[str, str]]:
    """Name and checksum of the migrations applied, by version."""
    rows = connection.execute("select version, name, sha256 from public.schema_migrations")
    return {version: (name, sha256) for version, name, sha256 in rows}


def _check_that_nobody_collects(connection: Connection, dsn: str) -> None:
    """A collector knows the schema that it started on.

    Raises:
        Fatal: one holds a lease.
    """
    if connection.execute("select to_regclass('public.collector_leases')").fetchone() == (None,):
        return
    holders = connection.execute(query("store/collecting_now")).fetchall()
    if holders:
        who = ", ".join(f"{holder} ({scope})" for scope, holder in holders)
        raise Fatal(
            f"database {describe(dsn)} has to be upgraded, but {who} collects into it: stop it "
            "first (the lease of one that was killed runs out within 15 s)"
        )


def _check_history(
    migrations: Sequence[Migration], applied: dict[int, tuple[str, str]], dsn: str
) -> None:
    """Raises:
    Fatal: the database's history is not a beginning of this program's.
    """
    known = {migration.version: migration for migration in migrations}
    newest_known = max(known, default=0)
    newest_applied = max(applied, default=0)
    where = f"database {describe(dsn)}"
    if newest_applied > newest_known:
        raise Fatal(
            f"{where} is newer than this bgptui: it has migration {applied[newest_applied][0]}, "
            f"the newest known here is {newest_known:04}: upgrade bgptui"
        )
    for version, (name, sha256) in sorted(applied.items()):
        if version not in known:
            raise Fatal(f"{where} has migration {name}, which this bgptui does not have")
        if known[version].sha256 != sha256:
            raise Fatal(
                f"{where}: migration {name} was applied with sha256 {sha256[:12]}, but "
                f"{known[version].name} here has {known[version].sha256[:12]}: an applied "
                "migration must not change; restore it, and write a new one"
            )
    for version in sorted(known.keys() - applied.keys()):
        if version < newest_applied:
            raise Fatal(
                f"{where} is at {newest_applied:04} without {known[version].name}: "
                "migrations only go forward"
            )


def _create_timescaledb(dsn: str, connection: Connection) -> tuple[str, ...]:
    """Create the extension where the server has it and lets us; otherwise say why not.

    In a connection of its own: installed but not in shared_preload_libraries, it raises an
    error that also closes the connection.
    """
    wanted = connection.execute(
        "select from pg_available_extensions"
        " where name = 'timescaledb' and installed_version is null"
    ).fetchone()
    if wanted is None:
        return ()
    try:
        with _connected(dsn) as own:
            own.execute("create extension if not exists timescaledb")
    except psycopg.Error as error:
        return (f"TimescaleDB is installed but not used: {one_line(error, dsn)}",)
    return ()


def _apply(connection: Connection, migration: Migration, dsn: str) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.text.encode())
            connection.execute(
                "insert into public.schema_migrations (version, name, sha256) values (%s, %s, %s)",
                [migration.version, migration.name, migration.sha256],
            )
    except psycopg.Error as error:
        if connection.broken:
            raise ServiceUnreachable(
                f"database {describe(dsn)} went away during migration {migration.name}: "
                f"{one_line(error, dsn)}"
            ) from error
        raise Fatal(
            f"database {describe(dsn)}: migration {migration.name} failed and was undone: "
            f"{one_line(error, dsn)}{_line_of(error, migration.text)}"
        ) from error


def _line_of(error: psycopg.Error, text: str) -> str:
    position = error.diag.statement_position
    return f" (line {text.count(chr(10), 0, int(position)) + 1})" if position else ""
