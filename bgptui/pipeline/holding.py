"""Taking and giving back the right to collect into a database."""

import logging
import shutil
import time
from collections.abc import Sequence

from msgspec.structs import replace

from bgptui.domain.health import STALE_AFTER_S
from bgptui.errors import Fatal, ServiceUnreachable, Transient
from bgptui.pipeline.share import Share
from bgptui.pipeline.topology import Held
from bgptui.store import lease, shards
from bgptui.store.connect import COLLECTOR, Connection, Database, describe, transient_errors
from bgptui.store.readers import read_collector

# In the place of a lease's scope in the name of a spool.
SHARE = "share"

log = logging.getLogger(__name__)


class LeaseHeld(Fatal):
    """Another bgptui collects into this database."""


def hold(database: Database) -> Held:
    """Take the collector's lease; that of a collector that was killed runs out in seconds.

    Raises:
        LeaseHeld: another process collects, or several share this database.
    """
    with _connected(database) as connection:
        taken = _take_all(connection, database)
        processes = shards.processes(connection)
        for gone in [each for each in processes if not _lives(each)]:
            shards.leave(connection, gone.holder)
        if sharing := [each for each in processes if _lives(each)]:
            lease.release(connection, taken)
            raise LeaseHeld(
                f"{len(sharing)} bgptui share the collectors of database "
                f"{describe(database.dsn)} (feed.collectors)"
            )
    return _held(database, taken)


def hold_share(database: Database, hosts: tuple[str, ...]) -> Held:
    """Become one of the processes that share the collectors.

    Raises:
        LeaseHeld: a process has all of them, without feed.collectors.
        Fatal: the others share other hosts.
    """
    with _connected(database) as connection:
        # While this is ours nobody can begin to collect everything.
        alone = _take_all(connection, database)
        try:
            for process in shards.processes(connection):
                if _lives(process):
                    _check_same(hosts, process)
            number = shards.join(connection, alone.holder, hosts)
        finally:
            lease.release(connection, alone)
    share = Share(hosts, holder=alone.holder, number=number)
    return replace(_held(database, lease.Lease(SHARE, alone.holder, number)), share=share)


def _check_same(hosts: Sequence[str], other: shards.Process) -> None:
    """Raises:
    Fatal: the other process shares other hosts.
    """
    differing = [
        f"{', '.join(sorted(only))} only {where}"
        for only, where in (
            (set(hosts) - set(other.hosts), "here"),
            (set(other.hosts) - set(hosts), "there"),
        )
        if only
    ]
    if differing:
        raise Fatal(
            f"feed.collectors differs from that of bgptui {other.holder}, which shares this "
            f"database: {'; '.join(differing)}"
        )


def _take_all(connection: Connection, database: Database) -> lease.Lease:
    holder = lease.new_holder()
    taken = lease.acquire(connection, lease.COLLECTOR, holder=holder)
    deadline = time.monotonic() + lease.LEASE_TTL_S + 1.0
    while taken is None:
        state = lease.state(connection, lease.COLLECTOR)
        if state is not None:
            _wait_for(connection, state, database=database, deadline=deadline)
        taken = lease.acquire(connection, lease.COLLECTOR, holder=holder)
    return taken


def _lives(process: shards.Process) -> bool:
    return process.is_alive and not lease.is_gone(process.holder)


def _held(database: Database, taken: lease.Lease) -> Held:
    data_dir = database.embedded.data_dir if database.embedded is not None else None

    def disk_free() -> int | None:
        return shutil.disk_usage(data_dir).free if data_dir is not None else None

    return Held(connect=lambda: _connected(database), lease=taken, disk_free=disk_free)


def _wait_for(
    connection: Connection, state: lease.LeaseState, *, database: Database, deadline: float
) -> None:
    """Wait a moment for a lease that nobody renews any more.

    Raises:
        LeaseHeld: its holder is alive.
    """
    if lease.is_gone(state.holder):
        log.info("taking over the lease of %s, which has ended", state.holder)
        gone = lease.Lease(state.scope, state.holder, state.epoch)
        lease.release(connection, gone)
        return
    if _is_alive(connection, state.holder) or time.monotonic() > deadline:
        raise LeaseHeld(
            f"another bgptui ({state.holder}) collects into database {describe(database.dsn)}"
        )
    log.info(
        "waiting %.0f s for the lease of %s, which was not given back",
        state.remaining_s,
        state.holder,
    )
    time.sleep(min(state.remaining_s, 1.0) + 0.1)


def _is_alive(connection: Connection, holder: str) -> bool:
    """Whether the holder renews its health row, which it does once a second.

    A row that is merely recent may be that of a collector which was killed just now.
    """
    last_age_s = 0.0
    while True:
        collector = read_collector(connection)
        if collector is None or collector.holder != holder or collector.age_s > STALE_AFTER_S:
            return False
        if collector.age_s < last_age_s:
            return True
        last_age_s = collector.age_s
        time.sleep(0.25)


def release(held: Held) -> None:
    """Give the lease back, or the share; where that fails it runs out by itself."""
    try:
        with transient_errors("database"), held.connect() as connection:
            if held.share is None:
                lease.release(connection, held.lease)
            else:
                _release_share(connection, held.share)
    except (ServiceUnreachable, Transient) as error:
        log.warning("the lease runs out by itself: %s", error)


def _release_share(connection: Connection, share: Share) -> None:
    for host, epoch in share.epochs.items():
        lease.release(connection, lease.Lease(host, share.holder, epoch))
    if share.correlate is not None:
        lease.release(connection, share.correlate)
    shards.leave(connection, share.holder)


def _connected(database: Database) -> Connection:
    return database.connect(application_name=COLLECTOR)
