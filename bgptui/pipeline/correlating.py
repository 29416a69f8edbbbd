"""The thread that correlates for all processes, while this one holds the lease to do so."""

import logging
import threading
from collections.abc import Callable
from enum import Enum, auto

from msgspec.structs import replace

from bgptui.config.schema import Config
from bgptui.domain.health import Health
from bgptui.errors import ServiceUnreachable, Transient
from bgptui.pipeline.correlation_desk import CorrelationDesk
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.pipeline.share import Share
from bgptui.runtime.metrics import Metrics
from bgptui.runtime.worker import Failure
from bgptui.store import lease, shards
from bgptui.store.connect import Connection, transient_errors
from bgptui.store.kept_connection import KeptConnection

log = logging.getLogger(__name__)

# Between two looks for what was handed over; it is committed four times a second.
LOOK_EVERY_S = 0.25


class Outlook(Enum):
    """What a look has brought: there may be MORE, or NOTHING for now; WAIT for somebody else."""

    MORE = auto()
    NOTHING = auto()
    WAIT = auto()


class Correlating:
    """A thread with a connection of its own; a database that is away is waited for.

    Args:
        connect: makes a connection that commits each statement.
    """

    def __init__(
        self,
        config: Config,
        *,
        connect: Callable[[], Connection],
        share: Share,
        metrics: Metrics,
        failure: Failure,
        roas: RoaWatch | None = None,
    ) -> None:
        self._config = config
        self._connect = connect
        self._share = share
        self._metrics = metrics
        self._failure = failure
        self._roas = roas
        self._finishing = threading.Event()
        self._connection = KeptConnection(connect)
        self._desk: CorrelationDesk | None = None
        self._thread = threading.Thread(target=self._run, name="bgptui-correlating", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, timeout_s: float | None) -> bool:
        """Correlate what this process has handed over, then end; False when it still runs.

        To be called when everything is handed over. What waits for other processes is theirs;
        where all leave together the last one to have the lease finds everything.
        """
        self._finishing.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def completed(self, health: Health) -> Health:
        """A process's health, with what the one that correlates alone knows."""
        desk = self._desk
        if desk is None:
            return replace(health, learning=1.0, collectors=tuple(sorted(self._share.active)))
        dropped = {f"correlate.{reason}": count for reason, count in desk.drops.items()}
        return replace(
            health,
            collectors=tuple(sorted(self._share.active)),
            open_alerts=desk.open_alerts,
            learning=desk.learning_share,
            dropped=dict(sorted({**health.dropped, **dropped}.items())),
            **desk.doubts,
        )

    def _run(self) -> None:
        with self._failure:
            while not self._failure.happened.is_set():
                leaving = self._finishing.is_set()
                outlook = self._look(leaving=leaving)
                if leaving and outlook is Outlook.NOTHING:
                    break
                if outlook is not Outlook.MORE:
                    self._rest(leaving=leaving)
        if self._desk is not None:
            self._desk.close()
        self._connection.close()

    def _rest(self, *, leaving: bool) -> None:
        (self._failure.happened if leaving else self._finishing).wait(LOOK_EVERY_S)

    def _look(self, *, leaving: bool) -> Outlook:
        """Correlate what is there."""
        try:
            with transient_errors("database"):
                connection = self._connection.get()
                if leaving:
                    shards.announce_leaving(connection, self._share.holder)
                    if self._share.correlate is None and self._take_lease(connection):
                        return Outlook.WAIT
                taken = self._share.correlate
                if taken is None:
                    return Outlook.NOTHING
                if self._desk is None or self._desk.lease != taken:
                    self._desk = CorrelationDesk(
                        self._config,
                        connection,
                        taken,
                        connect=self._connect,
                        metrics=self._metrics,
                        roas=self._roas,
                    )
                    log.info("correlating for all")
                more = self._desk.turn(connection)
                return Outlook.MORE if more else Outlook.NOTHING
        except (ServiceUnreachable, Transient) as error:
            log.debug("correlating: %s", error)
            self._connection.close()
            return Outlook.NOTHING if leaving else Outlook.WAIT

    def _take_lease(self, connection: Connection) -> bool:
        """Take the lease to correlate where its holder is gone; True to ask again soon, since
        the holder is leaving, too."""
        share = self._share
        share.correlate = lease.acquire(
            connection, lease.CORRELATE, holder=share.holder, ttl_s=share.ttl_s
        )
        if share.correlate is not None:
            return False
        # In this order: one that is gone by the second look has no lease any more.
        leaving = {each.holder for each in shards.processes(connection) if each.is_leaving}
        state = lease.state(connection, lease.CORRELATE)
        return state is None or state.holder in leaving
