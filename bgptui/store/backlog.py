"""What waits for the database: in memory while it takes rows, on disk while it does not.

The pipeline's side is a stage and never waits for the database; the other side is a queue that
the committer takes from. Order is kept: memory before the spool, and while the spool holds
anything that was not taken yet, new batches go behind it.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum, auto

from msgspec import Struct
from msgspec.structs import replace

from bgptui.config.schema import Keep
from bgptui.domain.health import Health
from bgptui.errors import Transient
from bgptui.runtime.channel import ChannelClosed
from bgptui.runtime.metrics import Metrics
from bgptui.store.backlog_state import BacklogState
from bgptui.store.batch import WriteBatch
from bgptui.store.spool import NoRoom, Spool, size_text
from bgptui.store.spool_record import without_frames

log = logging.getLogger(__name__)

CAPACITY = 64  # batches in memory
# A batch that is not in the database by then is put on disk. With a worker's tick of 0.25 s a
# kill costs less than a second of rows.
STALL_S = 0.6
_LOOK_S = 0.1


class WhenAway(Enum):
    """What happens to new batches while the database is away.

    SPOOL: they go to disk; a live feed does not wait. WAIT: a recording does, and is slowed
    down by a database that is.
    """

    SPOOL = auto()
    WAIT = auto()


class _Waiting(Struct, frozen=True):
    """A batch in memory, since when (monotonic clock)."""

    batch: WriteBatch
    since: float


class Backlog:
    """A queue between the pipeline and the committer whose middle may lie on disk.

    Args:
        raw_json: frames that are not stored are not spooled either.
    Attributes:
        when_away: set by the pipeline as its sources take turns.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        metrics: Metrics,
        raw_json: Keep = Keep.ALL,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.when_away = WhenAway.WAIT
        self._spool = spool
        self._metrics = metrics
        self._raw_json = raw_json
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._fresh: deque[_Waiting] = deque()
        self._taken: deque[_Waiting] = deque()  # by the committer, and not confirmed
        self._last_taken = 0
        self._sequence = 0
        self._spooling = False  # new batches go to disk
        self._health: Health | None = None
        self._away_since: float | None = None
        self._closed = False  # nothing comes any more
        self._left = False  # nothing is taken any more: everything goes to disk
        self._failed = False

    # The pipeline's side.

    def process(self, batch: WriteBatch, now: float) -> None:  # noqa: ARG002 - rows carry theirs
        """Take a batch.

        Raises:
            Transient: the spool is full; to be called with the same batch again.
            ChannelClosed: the committer has failed.
        """
        with self._lock:
            while not self._take_in(batch):
                self._changed.wait(_LOOK_S)

    def tick(self, now: float) -> None:  # noqa: ARG002 - waiting is measured on the wall
        """Put on disk what waits for too long, and make it survive a power cut."""
        with self._lock:
            if not self._failed:
                with contextlib.suppress(NoRoom):  # then it stays in memory; `process` will wait
                    self._spool_if_stuck()
                self._spool.sync()

    def flush(self) -> None:
        """No more batches come."""
        with self._lock:
            self._closed = True
            if not self._failed:
                self._spool.sync()
            self._changed.notify_all()

    # The committer's side.

    def take(self, timeout_s: float) -> WriteBatch | None:
        """The oldest batch that was not taken; None when there is none within `timeout_s`.

        Raises:
            ChannelClosed: everything has been taken and nothing comes any more.
        """
        with self._lock:
            batch = self._next()
            if batch is None and not self._is_done():
                self._changed.wait(timeout_s)
                batch = self._next()
            if batch is None and self._is_done():
                raise ChannelClosed("the backlog is closed and empty")
            return batch

    def confirm(self, sequence: int) -> None:
        """Batches up to this one are in the database."""
        with self._lock:
            if self._left:
                return
            while self._taken and self._taken[0].batch.sequence <= sequence:
                self._taken.popleft()
            spooled = self._spool.size_bytes
            self._spool.release(sequence)
            if self._away_since is not None:
                away_s, self._away_since = self._monotonic() - self._away_since, None
                log.warning("the database is back after %.0f s", away_s)
            if spooled and not self._spool.size_bytes:
                log.warning("the database has everything that was spooled")
            self._changed.notify_all()

    def went_away(self, reason: str) -> None:
        """The database did not take what was taken from here; it will be tried again."""
        with self._lock:
            if self._away_since is None:
                self._away_since = self._monotonic()
                log.warning("%s", reason)
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    # Both sides', and everybody's.

    def leave(self) -> None:
        """Put on disk, for the next start, what is not in the database and what still comes."""
        with self._lock:
            if self._left or self._failed:
                return
            self._left = True
            self._fresh.extendleft(reversed(self._taken))
            self._taken.clear()
            try:
                self._spool_memory()
            except NoRoom as error:
                log.error("%s", error)
                self._count_lost()
            self._spool.sync()
            self._changed.notify_all()

    def fail(self) -> None:
        """The committer cannot go on; what it has not taken is lost, and counted."""
        with self._lock:
            if not self._left:
                self._failed = True
                self._count_lost()
                self._changed.notify_all()

    def close(self) -> None:
        """Give the spool back; nobody may use it any more. What is in it is said."""
        with self._lock:
            self._left = self._failed = True
            if self._spool.size_bytes:
                log.warning(
                    "%s that the database did not take are left in %s",
                    size_text(self._spool.size_bytes),
                    self._spool.directory,
                )
            self._spool.close()
            self._changed.notify_all()

    def state(self) -> BacklogState:
        with self._lock:
            return self._state()

    def _state(self) -> BacklogState:
        since = self._away_since
        away_s = None if since is None else self._monotonic() - since
        return BacklogState(away_s, self._spool.size_bytes, self._spool.max_bytes)

    def _take_in(self, batch: WriteBatch) -> bool:
        """False when there is no room in memory yet."""
        if self._failed:
            raise ChannelClosed("the database takes no more rows")
        batch = replace(batch, sequence=self._sequence + 1)
        try:
            if self._spool_if_stuck():
                self._append(batch)
        except NoRoom as error:
            if self._left:
                self._metrics.drop("store", "not_committed", batch.row_count)
            elif self._spooling or len(self._fresh) >= CAPACITY:
                raise Transient(f"{self._state().text}: {error}") from error
        if not self._spooling and not self._left:
            if len(self._fresh) >= CAPACITY:
                return False
            self._fresh.append(_Waiting(batch, self._monotonic()))
        self._sequence += 1
        self._changed.notify_all()
        return True

    def _spool_if_stuck(self) -> bool:
        """Whether new batches go to disk. Raises NoRoom: they should, and there is no room."""
        if self._left:
            return True
        if not self._spooling and self.when_away is WhenAway.SPOOL and self._is_stuck():
            self._spool_memory()
            self._spool.sync()
            self._fresh.clear()
            self._taken.clear()
            self._spooling = True
            log.warning("the database does not take rows; they go to %s", self._spool.directory)
        return self._spooling

    def _is_stuck(self) -> bool:
        oldest = self._taken or self._fresh
        if self._away_since is not None:
            return True
        return bool(oldest) and self._monotonic() - oldest[0].since >= STALL_S

    def _spool_memory(self) -> None:
        """Put what is in memory on disk as well. Raises NoRoom: not all of it."""
        for waiting in self._only_in_memory(self._taken):
            self._spool.append_copy(without_frames(waiting.batch, self._raw_json))
        self._spool.divide(self._last_taken)
        for waiting in self._only_in_memory(self._fresh):
            self._spool.append(without_frames(waiting.batch, self._raw_json))

    def _only_in_memory(self, waiting: Iterable[_Waiting]) -> list[_Waiting]:
        return [one for one in waiting if one.batch.sequence > self._spool.last_sequence]

    def _append(self, batch: WriteBatch) -> None:
        if batch.health is not None:
            self._health = batch.health
        self._spool.append(without_frames(batch, self._raw_json))

    def _is_done(self) -> bool:
        return self._left or (self._closed and not self._fresh and not self._spooling)

    def _next(self) -> WriteBatch | None:
        if self._left:
            return None
        if self._fresh:
            waiting = self._fresh.popleft()
            self._taken.append(waiting)
            batch = waiting.batch
        elif self._spooling:
            spooled = self._spool.next(after=self._last_taken)
            if spooled is None:
                self._spooling = False
                return None
            batch = replace(spooled, health=self._health)
            self._health = None
        else:
            return None
        self._last_taken = batch.sequence
        self._changed.notify_all()
        return batch

    def _count_lost(self) -> None:
        """Of what the committer has not taken."""
        rows = sum(waiting.batch.row_count for waiting in self._only_in_memory(self._fresh))
        if rows:
            self._metrics.drop("store", "not_committed", rows)
