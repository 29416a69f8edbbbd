"""The processes that share a database's collectors: who they are, what they hold, how far it is."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from psycopg.rows import class_row

from bgptui.domain.gap import Gap
from bgptui.store import lease
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.times import utc

# Ids of features, ml_results and route_monitor_events begin at this multiple of the number that
# a process was given, so that no two processes ever give the same one.
IDS_EACH = 2**32


class Process(Struct, frozen=True):
    """One of the processes that share the collectors.

    Attributes:
        number: never given twice.
        hosts: that it shares with the others.
        is_leaving: it has handed over its last rows, and takes no host any more.
        remaining_s: until it is taken for dead; 0 when it is.
    """

    holder: str
    number: int
    hosts: Sequence[str]
    is_leaving: bool
    remaining_s: float

    @property
    def is_alive(self) -> bool:
        return self.remaining_s > 0


class HeldLease(Struct, frozen=True):
    """A lease that somebody has; `held_s` is since it was taken, `remaining_s` 0 when free."""

    scope: str
    holder: str
    epoch: int
    remaining_s: float
    held_s: float


class HostProgress(Struct, frozen=True):
    """How far one RIS host is known; the rows before it are in the same or an earlier batch.

    Attributes:
        closed_until: end of its newest window, seconds since 1970 UTC; None before the first.
        last_message: event time of its newest message; None before the first.
        has_left: this process has written its last row of it.
    """

    collector: str
    closed_until: float | None = None
    last_message: float | None = None
    has_left: bool = False


def join(
    conn: Connection, holder: str, hosts: Sequence[str], *, ttl_s: float = lease.LEASE_TTL_S
) -> int:
    """Become one of the processes that share these hosts; returns the number of this one."""
    parameters = {"holder": holder, "hosts": list(hosts), "ttl_s": ttl_s}
    row = conn.execute(query("shards/join"), parameters).fetchone()
    assert row is not None  # noqa: S101 - an insert returns its row
    return int(row[0])


def announce_leaving(conn: Connection, holder: str) -> None:
    """Tell the others that this process has handed over its last rows."""
    conn.execute(query("shards/leaving"), {"holder": holder})


def leave(conn: Connection, holder: str) -> None:
    """Take a process off the list."""
    conn.execute(query("shards/leave"), {"holders": [holder, correlating_as(holder)]})


def new_number(conn: Connection) -> int:
    """A number for a range of ids, beside that of the process."""
    row = conn.execute(query("shards/number")).fetchone()
    assert row is not None  # noqa: S101 - a select without from has one row
    return int(row[0])


def correlating_as(holder: str) -> str:
    """The name under which a process writes what it correlated."""
    return f"{holder}/{lease.CORRELATE}"


def renew(
    conn: Connection, holder: str, leases: Mapping[str, int], *, ttl_s: float = lease.LEASE_TTL_S
) -> None:
    """Hold everything for another `ttl_s`.

    Args:
        leases: epoch by scope.
    Raises:
        LeaseLost: another process has taken one of them, or has taken this process for dead.
    """
    parameters = {
        "holder": holder,
        "ttl_s": ttl_s,
        "scopes": list(leases),
        "epochs": list(leases.values()),
    }
    if conn.execute(query("shards/renew"), parameters).fetchone() != (len(leases),):
        raise lease.LeaseLost(
            f"a lease on {', '.join(sorted(leases)) or 'the share'} was lost: this process was "
            "away for too long, and another bgptui has taken its share"
        )


def check(conn: Connection, holder: str, leases: Mapping[str, int]) -> None:
    """As lease.check, of several leases.

    Raises:
        LeaseLost: one of them was lost; the transaction must be rolled back.
    """
    with lease.losing():
        conn.execute(
            "select bgptui.assert_leases(%s, %s, %s)",
            [list(leases), holder, list(leases.values())],
        )


def processes(conn: Connection) -> tuple[Process, ...]:
    """Those that did not leave in good order, dead ones included, in the order they came."""
    with conn.cursor(row_factory=class_row(Process)) as cursor:
        return tuple(cursor.execute(query("shards/processes")))


def leases(conn: Connection) -> dict[str, HeldLease]:
    """The leases that somebody has, by scope, expired ones included."""
    with conn.cursor(row_factory=class_row(HeldLease)) as cursor:
        return {held.scope: held for held in cursor.execute(query("shards/leases"))}


def hosts_left(conn: Connection, holder: str) -> frozenset[str]:
    """The hosts of which a process has written its last row."""
    return frozenset(host for (host,) in conn.execute(query("shards/left"), {"holder": holder}))


def progress(conn: Connection) -> dict[str, HostProgress]:
    """How far each host is known."""
    return {
        collector: HostProgress(collector, closed_until, last_message)
        for collector, closed_until, last_message in conn.execute(query("shards/progress"))
    }


def closed_before(conn: Connection, collector: str) -> float | None:
    """End of the newest window of a collector that had all hosts, None if it had not this one."""
    row = conn.execute(query("shards/before"), {"collector": collector}).fetchone()
    return None if row is None else row[0]


def network_closed_until(conn: Connection) -> float | None:
    """End of the newest network-wide window."""
    row = conn.execute(query("shards/network_closed_until")).fetchone()
    return None if row is None else row[0]


def gaps_since(conn: Connection, since: float) -> tuple[Gap, ...]:
    """Gaps that last, or ended at `since` or later."""
    rows = conn.execute(query("shards/gaps_since"), {"since": utc(since)})
    return tuple(Gap(*row) for row in rows)


def moments(conn: Connection, *, known: Collection[int], most: int) -> list[tuple[int, str, bytes]]:
    """(id, holder, payload) of what was handed and is not known yet, in each one's order.

    A transaction that commits late brings smaller ids than are known already.
    """
    return conn.execute(query("shards/moments"), {"known": list(known), "most": most}).fetchall()


def write_handed(conn: Connection, holder: str, payloads: Collection[bytes]) -> None:
    """Hand something to the process that correlates, inside the transaction of its rows."""
    with conn.cursor() as cursor:
        cursor.executemany(
            query("shards/insert_moment"),
            [{"holder": holder, "payload": payload} for payload in payloads],
        )


def write_progress(conn: Connection, holder: str, hosts: Collection[HostProgress]) -> None:
    """Note how far hosts are known, inside the transaction of their rows."""
    for host in hosts:
        conn.execute(
            query("shards/set_progress"),
            {
                "collector": host.collector,
                "holder": holder,
                "closed_until": None if host.closed_until is None else utc(host.closed_until),
                "last_message": None if host.last_message is None else utc(host.last_message),
                "has_left": host.has_left,
            },
        )


def consume(conn: Connection, ids: Collection[int]) -> None:
    """Remove what something was made of, inside the transaction of what it became."""
    if ids:
        conn.execute(query("shards/consume_moments"), {"ids": list(ids)})
