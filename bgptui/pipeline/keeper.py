"""The keeper: what a collector does by the clock rather than by its data.

Once a second it renews the health row, looks for what people did and asked for in consoles and
looks after the lease; it writes metrics at longer intervals.
"""

import logging
import threading
import time
from collections.abc import Callable

from bgptui.domain.health import Health
from bgptui.errors import ServiceUnreachable, Transient
from bgptui.pipeline.moment import Moment, Moments
from bgptui.pipeline.operators import OperatorWatch
from bgptui.pipeline.reload_requests import ReloadRequests
from bgptui.runtime.channel import Channel
from bgptui.runtime.clock import PipelineClock
from bgptui.runtime.metrics import Metrics
from bgptui.runtime.worker import Failure
from bgptui.store import lease
from bgptui.store.batch import Metric, WriteBatch
from bgptui.store.connect import Connection, transient_errors
from bgptui.store.kept_connection import KeptConnection

log = logging.getLogger(__name__)

HEALTH_EVERY_S = 1.0
METRICS_EVERY_S = 60.0
STOP_S = 5.0


class LeaseKeeper:
    """Renews one lease.

    Args:
        monotonic: seconds.
    """

    def __init__(
        self, held: lease.Lease, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._held = held
        self._monotonic = monotonic
        self._due = float("-inf")

    def tend(self, connection: Connection) -> None:
        """To be called about once a second.

        Raises:
            LeaseLost: another process has taken it.
        """
        now = self._monotonic()
        if now >= self._due:
            lease.renew(connection, self._held)
            self._due = now + lease.RENEW_EVERY_S


class Keeper:
    """A thread with a connection of its own; the database's absence does not end it.

    Args:
        tend: looks after the leases, about once a second.
        health: builds the health row.
        operators: what people did; None where another thread passes it on.
        moments: the correlator's channel; operators' acts go there.
        reloads: what people want read again.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Connection],
        tend: Callable[[Connection], None],
        clock: PipelineClock,
        health: Callable[[], Health],
        metrics: Metrics,
        writes: Channel[WriteBatch],
        moments: Channel[Moments],
        failure: Failure,
        operators: OperatorWatch | None,
        reloads: ReloadRequests,
    ) -> None:
        self._connection = KeptConnection(connect)
        self._tend = tend
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._writes = writes
        self._moments = moments
        self._failure = failure
        self._stop = threading.Event()
        self._operators = operators
        self._reloads = reloads
        self._measure_due_s = METRICS_EVERY_S
        self._thread = threading.Thread(target=self._run, name="bgptui-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread, give the connection back; a server that hangs is not waited for."""
        self._stop.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        started = time.monotonic()
        with self._failure:
            while not self._stop.wait(HEALTH_EVERY_S):
                self._writes.offer(WriteBatch(now=self._clock.now(), health=self._health()))
                self._look_after_the_database(time.monotonic() - started)
        self._connection.close()

    def _look_after_the_database(self, elapsed_s: float) -> None:
        try:
            with transient_errors("database"):
                self._tend(self._connection.get())
                if self._operators is not None:
                    self._follow(self._operators)
                self._reloads.tend(self._connection.get())
            if elapsed_s >= self._measure_due_s:
                self._measure()
        except (ServiceUnreachable, Transient) as error:
            # The writer says so loudly and holds its rows; here there is nothing to keep.
            log.debug("keeper: %s", error)
            self._connection.close()

    def _follow(self, operators: OperatorWatch) -> None:
        acts = operators.acts(self._connection.get())
        now = self._clock.now()
        if not acts or self._moments.offer(Moments(now, (Moment(now, acts=acts),))):
            operators.taken()

    def _measure(self) -> None:
        now = time.time()
        health = self._health()
        rows = [
            Metric(now, "ingest", "message_rate", health.rate_per_s, "messages/s"),
            Metric(now, "ingest", "lag", health.lag_s, "s"),
            Metric(now, "ingest", "messages", health.messages, "1"),
            Metric(now, "rpki", "vrps", health.rpki.vrps, "1"),
            *(Metric(now, stage.name, "busy", stage.busy_s, "s") for stage in health.stages),
            *(Metric(now, stage.name, "queue", stage.depth, "1") for stage in health.stages),
            *(
                Metric(now, name.partition(".")[0], f"dropped_{name.partition('.')[2]}", count, "1")
                for name, count in health.dropped.items()
            ),
        ]
        if self._writes.offer(WriteBatch(now=self._clock.now(), metrics=tuple(rows))):
            self._measure_due_s += METRICS_EVERY_S
