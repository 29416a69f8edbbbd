"""Runs the maintenance of the database, which waits for locks at times."""

import logging
from collections.abc import Callable

from bgptui.config.schema import Store
from bgptui.errors import ServiceUnreachable, Transient
from bgptui.pipeline.drift_watch import DriftWatch
from bgptui.runtime.clock import PipelineClock
from bgptui.store import status
from bgptui.store.connect import Connection, transient_errors

log = logging.getLogger(__name__)

FIRST_AFTER_S = 5.0
EVERY_S = 3_600.0
RETRY_S = 60.0
STATEMENT_TIMEOUT_MS = 300_000


class Maintainer:
    """Makes partitions ahead, drops what has expired and reports the detector's week, as of the
    pipeline's time: a replay of an old recording must not be dropped as expired."""

    def __init__(
        self,
        *,
        connect: Callable[[], Connection],
        store: Store,
        clock: PipelineClock,
        drift: DriftWatch,
    ) -> None:
        self._connect = connect
        self._store = store
        self._clock = clock
        self._drift = drift

    def run(self) -> float:
        """Maintain it once; seconds until the next time."""
        now = self._clock.now()
        if now <= 0:  # a replay before its first message
            return FIRST_AFTER_S
        try:
            with transient_errors("maintenance"), self._connect() as connection:
                connection.execute(f"set statement_timeout to {STATEMENT_TIMEOUT_MS:d}")
                status.maintain(connection, now, self._store)
                self._drift.look(connection, now)
        except (ServiceUnreachable, Transient) as error:
            log.warning("maintenance is put off: %s", error)
            return RETRY_S
        return EVERY_S
