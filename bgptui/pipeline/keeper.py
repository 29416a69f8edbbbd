"""The keeper: what a collector does by the clock rather than by its data.

Once a second it renews the health row and looks for what people did in consoles; it renews the
lease and writes metrics at longer intervals.
"""

import logging
import threading
import time
from collections.abc import Callable

from bgptui.domain.health import Health
from bgptui.errors import ServiceUnreachable, Transient
from bgptui.pipeline.moment import Moment, Moments, OperatorAct
from bgptui.runtime.channel import Channel
from bgptui.runtime.clock import PipelineClock
from bgptui.runtime.metrics import Metrics
from bgptui.runtime.worker import Failure
from bgptui.store import alerts, lease
from bgptui.store.alert_writer import PIPELINE
from bgptui.store.batch import Metric, WriteBatch
from bgptui.store.connect import Connection, transient_errors

log = logging.getLogger(__name__)

HEALTH_EVERY_S = 1.0
METRICS_EVERY_S = 60.0
STOP_S = 5.0


class Keeper:
    """A thread with a connection of its own; the database's absence does not end it.

    Args:
        health: builds the health row.
        moments: the correlator's channel; operators' acts go there.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Connection],
        held: lease.Lease,
        clock: PipelineClock,
        health: Callable[[], Health],
        metrics: Metrics,
        writes: Channel[WriteBatch],
        moments: Channel[Moments],
        failure: Failure,
        last_status_event: int,
    ) -> None:
        self._connect = connect
        self._held = held
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._writes = writes
        self._moments = moments
        self._failure = failure
        self._stop = threading.Event()
        self._connection: Connection | None = None
        self._last_event_id = last_status_event
        self._due = {self._renew: 0.0, self._measure: METRICS_EVERY_S}
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
        self._disconnect()

    def _look_after_the_database(self, elapsed_s: float) -> None:
        try:
            with transient_errors("database"):
                self._follow_operators()
                for act, due_s in self._due.items():
                    if elapsed_s >= due_s:
                        act()
        except (ServiceUnreachable, Transient) as error:
            # The writer says so loudly and holds its rows; here there is nothing to keep.
            log.debug("keeper: %s", error)
            self._disconnect()

    def _follow_operators(self) -> None:
        changes = alerts.status_changes_since(self._connected(), self._last_event_id)
        if not changes:
            return
        acts = tuple(
            OperatorAct(change.alert_uuid, change.status, change.operator)
            for change in changes
            if change.operator != PIPELINE
        )
        now = self._clock.now()
        if not acts or self._moments.offer(Moments(now, (Moment(now, acts=acts),))):
            self._last_event_id = changes[-1].event_id

    def _renew(self) -> None:
        lease.renew(self._connected(), self._held)
        self._due[self._renew] += lease.RENEW_EVERY_S

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
            self._due[self._measure] += METRICS_EVERY_S

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
