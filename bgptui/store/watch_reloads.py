"""Asking the processes that collect to read the watchlist again, and what they answer."""

import psycopg
from msgspec import Struct

from bgptui.domain.watch_reload import Reloaded
from bgptui.errors import BadInput
from bgptui.store import lease
from bgptui.store.connect import Connection
from bgptui.store.queries import query

# So long a request waits to be taken up; who asked has given up by then.
TAKEN_WITHIN_S = 60.0


class Asked(Struct, frozen=True):
    """A request, and the processes that are to answer it."""

    request_id: int
    collectors: tuple[str, ...]


def ask(conn: Connection, operator: str) -> Asked | None:
    """Leave a request for every process that collects; None where none does.

    Raises:
        BadInput: the role may only read.
    """
    found = [holder for (holder,) in conn.execute(query("reloads/collectors"))]
    collectors = tuple(holder for holder in found if not lease.is_gone(holder))
    if not collectors:
        return None
    try:
        row = conn.execute(query("reloads/ask"), {"operator": operator}).fetchone()
    except psycopg.errors.InsufficientPrivilege as error:
        raise BadInput("this database role may only read") from error
    assert row is not None  # noqa: S101 - an insert returns its row
    return Asked(int(row[0]), collectors)


def unanswered(conn: Connection, holder: str) -> tuple[int, ...]:
    """Requests that a process is still to answer."""
    parameters = {"holder": holder, "within_s": TAKEN_WITHIN_S}
    return tuple(number for (number,) in conn.execute(query("reloads/unanswered"), parameters))


def answer(conn: Connection, holder: str, request_ids: tuple[int, ...], reloaded: Reloaded) -> None:
    """Say what came of requests in a process."""
    conn.execute(
        query("reloads/answer"),
        {
            "request_ids": list(request_ids),
            "holder": holder,
            "is_done": reloaded.is_done,
            "said": reloaded.said,
            "ended": reloaded.ended,
            "otherwise": reloaded.otherwise,
        },
    )


def answers(conn: Connection, request_id: int) -> dict[str, Reloaded]:
    """The answers so far, by process."""
    rows = conn.execute(query("reloads/answers"), {"request_id": request_id})
    return {holder: Reloaded(*values) for holder, *values in rows}
