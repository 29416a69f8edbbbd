"""A bounded spool of batches on disk, read in the order in which they were put there.

Messages (and our own metrics) and everything else are in files of their own, so that the former
can give way to the latter when room is short. A batch is joined from both when it is read.
"""

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from bgptui.errors import BgptuiError
from bgptui.runtime.metrics import Metrics
from bgptui.store.batch import WriteBatch
from bgptui.store.file_lock import FileLock
from bgptui.store.spool_record import RecordCodec, kept_part, raw_part
from bgptui.store.spool_segment import OVERHEAD_BYTES, sync_directory
from bgptui.store.spool_stream import SpoolStream

log = logging.getLogger(__name__)

# A power cut costs at most what came in this time; what is written survives a kill.
SYNC_EVERY_S = 0.5
# A file is removed, or given up, as a whole: no more than a sixteenth of the room.
_SEGMENT_BYTES = 2**20
_FEWEST_SEGMENTS = 16
_COMPONENT = "store"
LOCK_NAME = "lock"


class NoRoom(BgptuiError):
    """A batch does not fit, though everything that may go has gone; says why."""


class Spool:
    """The spool of one collector; for one thread at a time.

    Args:
        directory: its own, existing, and locked by `lock`; removed by `close` when empty.
        max_bytes: of all its files.
    Attributes:
        last_sequence: of the newest batch put into it by this process.
    """

    def __init__(
        self,
        directory: Path,
        *,
        lock: FileLock,
        max_bytes: int,
        metrics: Metrics,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self.last_sequence = 0
        self._lock = lock
        self._metrics = metrics
        self._monotonic = monotonic
        self._codec = RecordCodec()
        segment_bytes = min(_SEGMENT_BYTES, max_bytes // _FEWEST_SEGMENTS)
        self._kept, self._raw = (
            SpoolStream(directory, name, segment_bytes=segment_bytes, on_torn=self._torn)
            for name in ("kept", "raw")
        )
        self._synced_at = monotonic()
        self._is_shedding = False

    @property
    def size_bytes(self) -> int:
        return self._kept.size_bytes + self._raw.size_bytes

    def append(self, batch: WriteBatch) -> None:
        """Put a batch behind the others; where room is short without its messages.

        Raises:
            NoRoom: nothing of it was taken.
        """
        if part := kept_part(batch):
            self._append_kept(part)
        self.last_sequence = batch.sequence
        if (part := raw_part(batch)) and (reason := self._append_raw(part)):
            self._shed(_rows(part), reason)
        if self._monotonic() - self._synced_at >= SYNC_EVERY_S:
            self.sync()

    def append_copy(self, batch: WriteBatch) -> None:
        """As `append`, of a batch that is in good hands and will not be read from here again.

        Its messages are not lost if they find no room; only a kill would make them so.
        """
        if part := kept_part(batch):
            self._append_kept(part)
        self.last_sequence = batch.sequence
        if part := raw_part(batch):
            self._append_raw(part)

    def divide(self, sequence: int) -> None:
        """Pass over the batches up to this one: they are neither read nor given up any more."""
        self._kept.divide(sequence)
        self._raw.divide(sequence)

    def next(self, *, after: int) -> WriteBatch | None:
        """The first batch with a sequence above `after` that was not read yet.

        Raises:
            UnreadableRecord: another release of the program wrote it.
        """
        while (sequence := self._next_sequence()) is not None:
            parts = [
                self._codec.decode(payload)
                for stream in (self._kept, self._raw)
                if stream.next_sequence() == sequence
                and (payload := stream.read()) is not None
                and sequence > after
            ]
            if len(parts) == 2:
                kept, raw = parts
                return replace(kept, raw=raw.raw, metrics=raw.metrics)
            if parts:
                return parts[0]
        return None

    def release(self, sequence: int) -> None:
        """Batches up to this one are in the database: their files go."""
        self._kept.release(sequence)
        self._raw.release(sequence)
        if self._is_shedding and not self.size_bytes:
            self._is_shedding = False

    def sync(self) -> None:
        """Make what was put into it survive a power cut, as far as the disk lets us."""
        self._synced_at = self._monotonic()
        try:
            self._kept.sync()
            self._raw.sync()
        except OSError as error:
            log.error("spool: %s: %s", self.directory, error.strerror)

    def close(self) -> None:
        """Give the files back; an empty spool leaves nothing behind."""
        self.sync()
        self._kept.close()
        self._raw.close()
        if not self.size_bytes:
            with contextlib.suppress(OSError):  # a file that is not ours keeps its folder
                (self.directory / LOCK_NAME).unlink(missing_ok=True)
                self.directory.rmdir()
                sync_directory(self.directory.parent)
        self._lock.close()

    def _next_sequence(self) -> int | None:
        found = (self._kept.next_sequence(), self._raw.next_sequence())
        return min((sequence for sequence in found if sequence is not None), default=None)

    def _append_kept(self, batch: WriteBatch) -> None:
        payload = self._codec.encode(batch)
        while True:
            reason = self._try(self._kept, batch, payload)
            if reason is None:
                return
            rows = self._raw.drop_newest()
            if rows is None:
                raise NoRoom(reason)
            self._shed(rows, reason)

    def _append_raw(self, batch: WriteBatch) -> str | None:
        """Append, or say why it cannot be done."""
        return self._try(self._raw, batch, self._codec.encode(batch))

    def _try(self, stream: SpoolStream, batch: WriteBatch, payload: bytes) -> str | None:
        """Append, or say why it cannot be done."""
        if self.size_bytes + OVERHEAD_BYTES + len(payload) > self.max_bytes:
            return f"the spool is full ({size_text(self.max_bytes)})"
        try:
            stream.append(batch.sequence, payload, _rows(batch))
        except OSError as error:
            return f"spool {self.directory}: {error.strerror or error}"
        return None

    def _shed(self, rows: Counter[str], reason: str) -> None:
        if not self._is_shedding:
            self._is_shedding = True
            log.error("%s: messages are not stored until there is room", reason)
        for table, count in rows.items():
            self._metrics.drop(_COMPONENT, f"{table}_spool_full", count)

    def _torn(self) -> None:
        self._metrics.drop(_COMPONENT, "spool_torn")


def size_text(size_bytes: int) -> str:
    """A size for a person: `640 KiB`, `12 MiB`, `1.0 GiB`."""
    if size_bytes >= 2**30:
        return f"{size_bytes / 2**30:.1f} GiB"
    if size_bytes >= 2**20:
        return f"{size_bytes / 2**20:.0f} MiB"
    return f"{size_bytes / 2**10:.0f} KiB"


def _rows(batch: WriteBatch) -> Counter[str]:
    """What may be given up of a batch, by table as it is counted."""
    return +Counter(raw=len(batch.raw), metrics=len(batch.metrics))
