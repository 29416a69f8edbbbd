"""One thread that drives one stage: looping, timing, heartbeat and errors live here only."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Generic, Protocol, TypeVar

from bgptui.errors import BadInput, Transient
from bgptui.runtime.backoff import next_delay_s
from bgptui.runtime.channel import Channel, ChannelClosed
from bgptui.runtime.metrics import Metrics

log = logging.getLogger(__name__)

TICK_S = 0.25


class Batch(Protocol):
    """What channels carry. `now`: one time for the whole batch (event time in a replay)."""

    @property
    def now(self) -> float: ...


B = TypeVar("B", bound=Batch)
B_contra = TypeVar("B_contra", bound=Batch, contravariant=True)


class Stage(Protocol[B_contra]):
    """A step of the pipeline without a loop of its own."""

    def process(self, batch: B_contra, now: float) -> None: ...

    def tick(self, now: float) -> None: ...

    def flush(self) -> None: ...


class Failure:
    """The first fatal error of any thread; every thread and the application look at it.

    As a context manager it takes whatever its block raises: the bottom of a thread.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.happened = threading.Event()
        self._lock = threading.Lock()

    def report(self, error: BaseException) -> None:
        with self._lock:
            if self.error is None:
                self.error = error
        self.happened.set()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> bool:
        if error is not None:
            log.debug("%s failed", threading.current_thread().name, exc_info=error)
            self.report(error)
        return True


class Worker(Generic[B]):
    """Runs a stage over a channel until the channel is closed and drained, then flushes it.

    Transient errors are retried with backoff (the batch is kept), BadInput is counted, and
    anything else is reported to `failure` and ends the thread.

    Args:
        tick_time: gives `now` for ticks while nothing comes; None in a replay, where time is
            the batches' own.
        on_done: called once at the end, whatever happened; closes the next channels.
    """

    def __init__(
        self,
        name: str,
        stage: Stage[B],
        inbox: Channel[B],
        *,
        metrics: Metrics,
        failure: Failure,
        tick_time: Callable[[], float | None],
        on_done: Callable[[], None],
    ) -> None:
        self.name = name
        self.inbox = inbox
        self.busy_s = 0.0
        self.heartbeat = time.monotonic()
        self.waiting_for = ""
        self._stage = stage
        self._metrics = metrics
        self._failure = failure
        self._tick_time = tick_time
        self._on_done = on_done
        self._stop_now = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"bgptui-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the thread's end; False when it still runs."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Stop retrying: what a Transient error holds up is given up and counted."""
        self._stop_now.set()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        with self._failure:
            self._loop()
        self.inbox.close()  # after a failure nobody shall wait for room in it
        self._on_done()

    def _loop(self) -> None:
        while True:
            try:
                batch = self.inbox.get(TICK_S)
            except ChannelClosed:
                self._retry(self._stage.flush, "flush")
                return
            self.heartbeat = time.monotonic()
            if batch is not None:
                self._work(batch)
            elif (now := self._tick_time()) is not None:
                self._retry(partial(self._stage.tick, now), "tick")

    def _work(self, batch: B) -> None:
        started = time.monotonic()
        now = batch.now
        self._retry(partial(self._stage.process, batch, now), "batch")
        self.busy_s = time.monotonic() - started

    def _retry(self, act: Callable[[], None], what: str) -> None:
        attempt = 0
        rng = Random()
        while True:
            try:
                act()
                self.waiting_for = ""
                return
            except BadInput as error:
                self._metrics.drop(self.name, error.reason)
                log.warning("%s: %s", self.name, error)
                return
            except Transient as error:
                attempt += 1
                self.waiting_for = str(error)
                if attempt == 1:
                    log.warning("%s waits: %s", self.name, error)
                if self._stop_now.wait(next_delay_s(attempt, rng, most_s=5.0)):
                    self._metrics.drop(self.name, f"{what}_abandoned")
                    return
                self.heartbeat = time.monotonic()
