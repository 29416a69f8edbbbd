"""The writing end of a collector, from the channel to the database, without what is before it."""

import threading
from functools import partial
from pathlib import Path

from bgptui.errors import ServiceUnreachable
from bgptui.pipeline.committer import Committer
from bgptui.runtime.channel import Channel
from bgptui.runtime.metrics import Metrics
from bgptui.runtime.worker import Failure, Worker
from bgptui.store import lease
from bgptui.store.backlog import Backlog, WhenAway
from bgptui.store.batch import WriteBatch
from bgptui.store.connect import Connection, connect
from bgptui.store.spool_home import SpoolHome
from bgptui.store.spool_recovery import database_id, write_leftovers
from bgptui.store.writer import Writer

TTL_S = 1.0


class Writing:
    """What topology.py makes of a spool: the stage `write`, the backlog and the committer.

    As a collector does, it takes the lease and writes what others left before it begins.

    Attributes:
        cut_off: set while the server cannot be reached from here.
    """

    def __init__(self, dsn: str, folder: Path, *, max_bytes: int = 64 * 2**20) -> None:
        self.metrics = Metrics()
        self.failure = Failure()
        self.cut_off = threading.Event()
        self._dsn = dsn
        with self.connect() as conn:
            taken = lease.acquire(conn, lease.COLLECTOR, holder=lease.new_holder(), ttl_s=TTL_S)
            assert taken is not None
            self.held = taken
            home = SpoolHome(
                folder,
                database_id=database_id(conn),
                held=taken,
                max_bytes=max_bytes,
                metrics=self.metrics,
            )
        write_leftovers(home, held=taken, connect=self.connect, make_writer=self.make_writer)
        self.spool = home.create()
        self.backlog = Backlog(self.spool, metrics=self.metrics)
        self.backlog.when_away = WhenAway.SPOOL
        self.writes: Channel[WriteBatch] = Channel("write", capacity=64)
        self.worker = Worker(
            "write",
            self.backlog,
            self.writes,
            metrics=self.metrics,
            failure=self.failure,
            tick_time=lambda: 0.0,
            on_done=self.backlog.flush,
        )
        self.committer = Committer(
            self.backlog, self.make_writer(taken.holder), failure=self.failure, most_retry_s=0.25
        )
        self.committer.start()
        self.worker.start()

    def connect(self) -> Connection:
        if self.cut_off.is_set():
            raise ServiceUnreachable("no route to host")
        return connect(self._dsn, application_name="test", timeout_s=2)

    def put(self, *batches: WriteBatch) -> None:
        for batch in batches:
            self.writes.put(batch)

    def stop(self, *, within_s: float = 30.0) -> bool:
        """Drain as far as the database lets it; False when something is left on disk."""
        self.writes.close()
        assert self.worker.join(within_s)
        assert self.committer.join(within_s)
        self.backlog.close()
        if self.failure.error is not None:
            raise self.failure.error
        return not self.spool.directory.exists()

    @property
    def caught_up(self) -> bool:
        state = self.backlog.state()
        return state.away_s is None and not state.spool_bytes

    def make_writer(self, holder: str) -> Writer:
        return Writer(
            connect=self.connect,
            check_lease=partial(_check, self.held),
            holder=holder,
            epoch=self.held.epoch,
            metrics=self.metrics,
        )


def _check(held: lease.Lease, conn: Connection) -> None:
    lease.check(conn, held)
