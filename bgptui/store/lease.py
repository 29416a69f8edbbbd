"""Leases: one process collects, one correlates, by the database's clock."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
from msgspec import Struct

from bgptui.errors import Fatal
from bgptui.store.connect import Connection

LEASE_TTL_S = 15.0
RENEW_EVERY_S = 5.0
# Scopes beside the names of RIS collectors (rrc00 ...).
COLLECTOR = "collector"
CORRELATE = "correlate"
LOST_SQLSTATE = "BG001"


class LeaseLost(Fatal):
    """Another process has taken the lease: this one must not write any more."""


class Lease(Struct, frozen=True):
    """A lease as it was taken.

    Attributes:
        scope: an RIS collector (`rrc00`), COLLECTOR for all, or CORRELATE.
        epoch: counts the takings of the scope; a writer with an older one is refused.
    """

    scope: str
    holder: str
    epoch: int


class LeaseState(Struct, frozen=True):
    """What the database says of a scope.

    Attributes:
        remaining_s: until another process may take it; 0 when one may now.
    """

    scope: str
    holder: str
    epoch: int
    remaining_s: float


def new_holder() -> str:
    """A name for this process that no other has, now or later: `host:pid:kernel-random`."""
    return f"{socket.gethostname()}:{os.getpid()}:{_kernel()}-{uuid4().hex[:8]}"


def is_gone(holder: str) -> bool:
    """Whether the holder was a process of this machine that has ended.

    False where that cannot be known: another machine, another container, or a process that has
    its number now.
    """
    parts = holder.rsplit(":", 2)
    if len(parts) != 3:
        return False
    host, pid, name = parts
    kernel = name.partition("-")[0]
    if not kernel or (host, kernel) != (socket.gethostname(), _kernel()) or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is there, and somebody else's
        return False
    return False


def _kernel() -> str:
    """What tells apart where process numbers mean the same: this boot and PID namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it names no file
    except OSError:
        return ""
    return sha256(f"{boot}{namespace}".encode()).hexdigest()[:8]


def acquire(
    connection: Connection, scope: str, *, holder: str, ttl_s: float = LEASE_TTL_S
) -> Lease | None:
    """Take the lease if it is free or has expired; None while another process holds it.

    Waits for open transactions that checked the lease of the holder before.

    Raises:
        Fatal: this role may read the database and not write to it.
    """
    try:
        with connection.transaction():
            row = connection.execute(
                "select bgptui.acquire_lease(%s, %s, %s)",
                [scope, holder, timedelta(seconds=ttl_s)],
            ).fetchone()
    except psycopg.errors.InsufficientPrivilege as error:
        raise Fatal(
            f"{connection.info.user} may read this database and not write to it: grant it "
            "bgptui_writer (sql/roles/writer.sql), or open the console alone with --attach"
        ) from error
    return Lease(scope, holder, row[0]) if row and row[0] is not None else None


def renew(connection: Connection, lease: Lease, *, ttl_s: float = LEASE_TTL_S) -> None:
    """Hold it for another `ttl_s` from now; to be called every RENEW_EVERY_S.

    Raises:
        LeaseLost: another process has taken it, or it was released.
    """
    with connection.transaction():
        row = connection.execute(
            "select bgptui.renew_lease(%s, %s, %s, %s)",
            [lease.scope, lease.holder, lease.epoch, timedelta(seconds=ttl_s)],
        ).fetchone()
    if row != (True,):
        raise _lost(lease)


def release(connection: Connection, lease: Lease) -> None:
    """Give it back, so that the next process need not wait. One that was lost is no error."""
    with connection.transaction():
        connection.execute(
            "select bgptui.release_lease(%s, %s, %s)", [lease.scope, lease.holder, lease.epoch]
        )


def check(connection: Connection, lease: Lease) -> None:
    """Make sure, inside the transaction that writes, that the lease is still ours.

    Until that transaction ends no other process can take it; it must end within 15 s of
    idleness (and, from PostgreSQL 17 on, 60 s in all), or the server ends it.

    Raises:
        LeaseLost: another process has taken it; the transaction must be rolled back.
    """
    with losing():
        connection.execute(
            "select bgptui.assert_lease(%s, %s, %s)", [lease.scope, lease.holder, lease.epoch]
        )


@contextmanager
def losing() -> Iterator[None]:
    """Turn the database's refusal (BG001) into LeaseLost, with its own words."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate == LOST_SQLSTATE:
            said = error.diag.message_primary or "a lease was lost"
            raise LeaseLost(f"{said}: another bgptui collects into this database now") from error
        raise


def state(connection: Connection, scope: str) -> LeaseState | None:
    """Who holds a scope, for a message or to decide whether to attach; None if nobody does."""
    row = connection.execute(
        "select holder, epoch,"
        " greatest(0, extract(epoch from expires_at - clock_timestamp()))::float8"
        " from public.collector_leases where scope = %s and holder <> ''",
        [scope],
    ).fetchone()
    return LeaseState(scope, *row) if row else None


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"the lease on {lease.scope} (epoch {lease.epoch}) was lost: another bgptui collects "
        "into this database now"
    )
