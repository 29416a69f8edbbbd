"""The committer: a thread that takes batches from the backlog and writes them.

It is the only one that waits for the database, so that the pipeline need not.
"""

import threading
from collections.abc import Callable
from functools import partial
from random import Random

from bgptui.errors import Transient
from bgptui.runtime.backoff import next_delay_s
from bgptui.runtime.channel import ChannelClosed
from bgptui.runtime.worker import TICK_S, Failure
from bgptui.store.backlog import Backlog
from bgptui.store.writer import Writer

FIRST_RETRY_S = 0.25
MOST_RETRY_S = 5.0
# At the end a database that is away is not waited for: what it did not take is on disk.
LAST_ATTEMPTS = 3


class Committer:
    """Writes until the backlog is closed and empty, or until it is told to `leave`.

    Args:
        writer: raises Transient while the database is away.
    Attributes:
        waiting_for: why nothing can be written at the moment; empty while it can.
    """

    def __init__(
        self,
        backlog: Backlog,
        writer: Writer,
        *,
        failure: Failure,
        most_retry_s: float = MOST_RETRY_S,
    ) -> None:
        self.waiting_for = ""
        self._backlog = backlog
        self._writer = writer
        self._failure = failure
        self._most_retry_s = most_retry_s
        self._rng = Random()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bgptui-commit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the thread's end; False when it still runs."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def leave(self) -> None:
        """Leave what is not written on disk, for the next start; waits for nothing."""
        self._leaving.set()
        self._backlog.leave()

    def _run(self) -> None:
        with self._failure:
            self._loop()
        self._backlog.fail()  # where it is not over, it is now: nobody shall wait for room in it
        self._writer.close()

    def _loop(self) -> None:
        while not self._leaving.is_set():
            try:
                batch = self._backlog.take(TICK_S)
            except ChannelClosed:
                self._until_done(self._writer.flush)
                break
            act = partial(self._writer.tick, 0.0)
            if batch is not None:
                act = partial(self._writer.process, batch, batch.now)
            if not self._until_done(act):
                break
        if self._leaving.is_set():
            self._writer.forget()

    def _until_done(self, act: Callable[[], None]) -> bool:
        """Try until the database takes it; False when it is left on disk instead."""
        attempt = 0
        while not self._leaving.is_set():
            try:
                act()
            except Transient as error:
                attempt += 1
                self.waiting_for = str(error)
                self._backlog.went_away(self.waiting_for)
                if self._backlog.closed and attempt >= LAST_ATTEMPTS:
                    self.leave()
                delay_s = next_delay_s(
                    attempt, self._rng, first_s=FIRST_RETRY_S, most_s=self._most_retry_s
                )
                self._leaving.wait(delay_s)
            else:
                self.waiting_for = ""
                self._backlog.confirm(self._writer.committed)
                return True
        return False
