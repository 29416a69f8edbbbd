"""What two runs must have in common: the rows of every table that a recording decides."""

from typing import Any

import psycopg

# Columns that are measured on the wall or numbered by the database.
TABLES = {
    "public.raw_bgp_data": ("id", "raw_message"),
    "public.features": (),
    "public.ml_results": ("processing_time_ms",),
    "public.route_monitor_events": (),
    "public.alerts": ("created_at", "updated_at"),
    "public.alert_ids": (),
    "public.alert_status_events": ("event_id", "created_at"),
    "public.peers": (),
    "public.feed_gaps": ("gap_id",),
}


def contents(dsn: str, table: str) -> list[tuple[str | None, ...]]:
    """All rows of a table as text, sorted."""
    with psycopg.connect(dsn) as connection:
        columns = [
            name
            for (name,) in connection.execute(
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
                " and not attisdropped order by attname",
                [table],
            )
            if name not in TABLES[table]
        ]
        names = ", ".join(f'"{name}"::text' for name in columns)
        rows: list[Any] = list(connection.execute(f"select {names} from {table}".encode()))
    return sorted(rows, key=lambda row: tuple(text or "" for text in row))


def assert_same_rows(dsn: str, other: str) -> None:
    for table in TABLES:
        assert contents(dsn, table) == contents(other, table), table
