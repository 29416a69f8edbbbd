"""The database looked at from outside: what `db init`, `db status` and `db maintain` show."""

from msgspec import Struct
from psycopg.rows import class_row

from bgptui.config.schema import Store
from bgptui.store.connect import Connection, engine_text
from bgptui.store.queries import query
from bgptui.store.shards import HeldLease, leases
from bgptui.store.times import utc

# Counting takes seconds a GiB; above this the number is the planner's.
EXACT_COUNT_MAX_BYTES = 2**30


class TableStatus(Struct, frozen=True):
    """A time-series table.

    Attributes:
        engine: `timescaledb` or `native`.
        keep_days: retention, None for ever.
        compress_after_days: age at which chunks are compressed; None where they never are.
        compression_ratio: size before by size after, of the compressed chunks.
        rows: exact, or the planner's estimate where `rows_are_estimated`.
        first, last: timestamps of its rows, seconds since 1970 UTC; None when it is empty.
    """

    name: str
    engine: str
    chunks: int
    size_bytes: int
    keep_days: float | None
    compress_after_days: float | None
    compressed_chunks: int
    compression_ratio: float | None
    rows: int
    rows_are_estimated: bool
    first: float | None
    last: float | None


class Maintenance(Struct, frozen=True):
    """A run of maintenance; `ran_at` in seconds since 1970 UTC."""

    ran_at: float
    dropped_chunks: int
    dropped_bytes: int
    deleted_alerts: int


class Policy(Struct, frozen=True):
    """What TimescaleDB does by itself.

    Attributes:
        policy: its procedure, e.g. `policy_retention`.
        relation: the table or hourly view.
        rule: the age it acts at, or the span it brings up to date.
        every_s: seconds between two runs.
        last_run, next_run: seconds since 1970 UTC, None where there was or will be none.
        last_status: `Success` or `Failed`.
    """

    policy: str
    relation: str
    rule: str | None
    every_s: float
    last_run: float | None
    last_status: str | None
    next_run: float | None


class DatabaseStatus(Struct, frozen=True):
    """The whole database.

    Attributes:
        engine: e.g. `PostgreSQL 18.6` or `TimescaleDB 2.23.0 on PostgreSQL 16.4`.
        license: of TimescaleDB, `timescale` or `apache`; None without it.
        schema_version: number of the newest migration applied.
        policies: empty where maintenance does it all.
        leases: who collects what, and who correlates.
    """

    name: str
    engine: str
    license: str | None
    schema_version: int | None
    size_bytes: int
    tables: tuple[TableStatus, ...]
    policies: tuple[Policy, ...]
    last_maintenance: Maintenance | None
    leases: tuple[HeldLease, ...] = ()


class Action(Struct, frozen=True):
    """Something that maintenance did.

    Attributes:
        action: dropped (expired), dropped_for_size (above raw_max_gib), deleted_alerts, or
            busy: in use, the next run tries again.
        object: the chunk; the number of alerts for deleted_alerts.
    """

    action: str
    object: str
    size_bytes: int | None


class _Database(Struct):
    name: str
    license: str | None
    schema_version: int | None
    size_bytes: int


def database_status(conn: Connection) -> DatabaseStatus:
    """Engine, sizes, chunks, compression, retention, policies, rows and time ranges."""
    with conn.cursor(row_factory=class_row(_Database)) as cursor:
        database = cursor.execute(query("store/database")).fetchone()
    with conn.cursor(row_factory=class_row(TableStatus)) as cursor:
        cursor.execute(query("store/table_status"), {"exact_max_bytes": EXACT_COUNT_MAX_BYTES})
        tables = tuple(cursor)
    with conn.cursor(row_factory=class_row(Policy)) as cursor:
        policies = tuple(cursor.execute(query("store/policies")))
    with conn.cursor(row_factory=class_row(Maintenance)) as cursor:
        last_maintenance = cursor.execute(query("store/last_maintenance")).fetchone()
    assert database is not None  # noqa: S101 - a select without from has one row
    return DatabaseStatus(
        name=database.name,
        engine=engine_text(conn),
        license=database.license,
        schema_version=database.schema_version,
        size_bytes=database.size_bytes,
        tables=tables,
        policies=policies,
        last_maintenance=last_maintenance,
        leases=tuple(leases(conn).values()),
    )


def verify_schema(conn: Connection) -> tuple[tuple[str, bool], ...]:
    """Every object that bgptui needs, and whether it is there."""
    return tuple((name, ok) for name, ok in conn.execute(query("store/verify_schema")))


def maintain(conn: Connection, now: float, settings: Store) -> tuple[Action, ...]:
    """Set retention and compression as configured, drop what has expired as of `now`, make
    partitions ahead.
    """
    retention = settings.retention
    with conn.transaction():
        for table in retention.__struct_fields__:
            parameters = {"tbl": f"public.{table}", "days": getattr(retention, table)}
            conn.execute(query("store/set_retention"), parameters)
        conn.execute(query("store/set_compression"), {"days": settings.compress_after_days})
    with conn.transaction(), conn.cursor(row_factory=class_row(Action)) as cursor:
        bounds = {"now": utc(now), "raw_max_gib": settings.raw_max_gib}
        return tuple(cursor.execute(query("store/maintain"), bounds))
