"""The segments of one kind of rows: a queue on disk whose ends are different files."""

import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bgptui.store.spool_segment import MAGIC, Segment, Torn

log = logging.getLogger(__name__)


class SpoolStream:
    """Records in the order of their sequence, written at one end and read at the other.

    Args:
        name: begins the names of its files.
        on_torn: called for each file that ends in a torn record.
    """

    def __init__(
        self, directory: Path, name: str, *, segment_bytes: int, on_torn: Callable[[], None]
    ) -> None:
        self._directory = directory
        self._name = name
        self._segment_bytes = segment_bytes
        self._on_torn = on_torn
        paths = sorted(directory.glob(f"{name}-*.segment"))
        self._segments = [Segment.left_behind(path) for path in paths]
        self._reading = 0  # index of the segment that is read
        self._offset = len(MAGIC)
        self._writes = False  # whether the last segment is of our own making and whole

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self._segments)

    def append(self, sequence: int, payload: bytes, rows: Counter[str]) -> None:
        """Write a record.

        Raises:
            OSError: it was not written.
        """
        if not self._writes or self._segments[-1].size_bytes >= self._segment_bytes:
            self._begin_segment(sequence)
        segment = self._segments[-1]
        try:
            segment.append(sequence, payload)
        except OSError:
            self._writes = False
            raise
        segment.rows += rows

    def next_sequence(self) -> int | None:
        """Of the record that `read` gives next; None when everything has been read."""
        record = self._look()
        return None if record is None else record[0]

    def read(self) -> bytes | None:
        """The next record's payload; None where it is torn: look for the next sequence again."""
        segment = self._segments[self._reading]
        try:
            record = segment.read(self._offset)
        except Torn as error:
            self._skip_rest(segment, error)
            return None
        if record is None:
            return None
        self._offset = record.end
        return record.payload

    def release(self, sequence: int) -> None:
        """Records up to this one are not wanted any more: remove the files that hold no other."""
        self._pass_over(sequence)
        while self._segments and self._is_read(0) and self._segments[0].last_sequence <= sequence:
            self._segments.pop(0).remove()
            if self._reading:
                self._reading -= 1
            else:
                self._offset = len(MAGIC)
        if not self._segments:
            self._writes = False

    def divide(self, sequence: int) -> None:
        """Pass over the records up to this one; what is appended next begins a file."""
        self._pass_over(sequence)
        self._writes = False

    def drop_newest(self) -> Counter[str] | None:
        """Remove the newest file that nobody has begun to read; returns its rows by table."""
        last = len(self._segments) - 1
        if last < self._reading or (last == self._reading and self._offset > len(MAGIC)):
            return None
        segment = self._segments.pop()
        segment.remove()
        self._writes = False
        return segment.rows

    def sync(self) -> None:
        """Make everything appended survive a power cut."""
        if self._writes:
            self._segments[-1].sync()

    def close(self) -> None:
        for segment in self._segments:
            segment.close()

    def _look(self) -> tuple[int, int] | None:
        """Sequence and end of the next record."""
        while self._reading < len(self._segments):
            segment = self._segments[self._reading]
            try:
                record = segment.look(self._offset)
            except Torn as error:
                self._skip_rest(segment, error)
                continue
            if record is not None:
                return record
            if self._reading == len(self._segments) - 1:
                return None
            self._next_segment()
        return None

    def _pass_over(self, sequence: int) -> None:
        while (record := self._look()) is not None and record[0] <= sequence:
            self._offset = record[1]

    def _begin_segment(self, sequence: int) -> None:
        if self._segments:
            self._segments[-1].sync()
            if self._reading < len(self._segments) - 1:
                self._segments[-1].close()
        path = self._directory / f"{self._name}-{sequence:016}.segment"
        self._segments.append(Segment.create(path))
        self._writes = True

    def _is_read(self, index: int) -> bool:
        if index < self._reading:
            return True
        return index == self._reading and self._offset >= self._segments[index].size_bytes

    def _next_segment(self) -> None:
        self._segments[self._reading].close()
        self._reading += 1
        self._offset = len(MAGIC)

    def _skip_rest(self, segment: Segment, error: Torn) -> None:
        log.warning(
            "spool: %s; its last %d bytes are lost", error, segment.size_bytes - self._offset
        )
        self._on_torn()
        self._offset = segment.size_bytes
