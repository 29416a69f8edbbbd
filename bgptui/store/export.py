"""Rows for other tools, read in bounded memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from psycopg.rows import dict_row

from bgptui.domain.alert import Alert
from bgptui.store.alerts import alert_of_row
from bgptui.store.connect import Connection, transient_errors
from bgptui.store.queries import query
from bgptui.store.times import utc

_FETCHED_AT_ONCE = 2_000

Row = dict[str, Any]


class Exported(StrEnum):
    """What has rows of its own; alerts are read as alerts."""

    FEATURES = "features"
    EVENTS = "events"
    SCORES = "scores"


@contextmanager
def exported_rows(
    conn: Connection, table: Exported, *, since: float | None, until: float | None
) -> Iterator[tuple[tuple[str, ...], Iterator[Row]]]:
    """The rows of a span of time, oldest first, through a cursor on the server.

    Args:
        since, until: seconds since 1970 UTC, half open; None for no bound.
    Returns:
        names of the columns, and the rows; times in seconds since 1970 UTC.
    Raises:
        Transient: the connection was lost.
    """
    with _cursor(conn, f"export/{table.value}", _span(since, until)) as cursor:
        names = tuple(column.name for column in cursor.description or ())
        yield names, iter(cursor)


@contextmanager
def exported_alerts(
    conn: Connection, *, since: float | None, until: float | None
) -> Iterator[Iterator[Alert]]:
    """Alerts that opened in a span of time, latest first; otherwise as `exported_rows`."""
    everything = {"statuses": None, "severities": None, "row_limit": None}
    with _cursor(conn, "store/list_alerts", _span(since, until) | everything) as cursor:
        yield map(alert_of_row, cursor)


@contextmanager
def _cursor(conn: Connection, name: str, parameters: Row) -> Iterator[Any]:
    with (
        transient_errors("export"),
        conn.transaction(),
        conn.cursor("export", row_factory=dict_row) as cursor,
    ):
        cursor.itersize = _FETCHED_AT_ONCE
        cursor.execute(query(name), parameters)
        yield cursor


def _span(since: float | None, until: float | None) -> Row:
    return {
        "since": None if since is None else utc(since),
        "until": None if until is None else utc(until),
    }
