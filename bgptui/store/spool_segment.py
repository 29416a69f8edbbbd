"""One file of the spool: records are appended, read in order, and never changed.

"bgptui spool 1\\n", then for each record
length of the payload   4 bytes, big-endian
CRC-32 of what follows  4 bytes
sequence                8 bytes
payload
"""

import contextlib
import os
import zlib
from collections import Counter
from pathlib import Path
from struct import Struct

from msgspec import Struct as Value

from bgptui.errors import Fatal

MAGIC = b"bgptui spool 1\n"
_HEADER = Struct(">IIQ")
_SEQUENCE = Struct(">Q")
# The most that a record costs beside its payload: it may begin a file.
OVERHEAD_BYTES = len(MAGIC) + _HEADER.size


class Torn(ValueError):
    """From this offset on the file holds no whole record."""


class Record(Value, frozen=True):
    """A record as read; `end` is the offset of the next."""

    sequence: int
    payload: bytes
    end: int


class Segment:
    """A segment that is written, or that another process has left.

    Attributes:
        size_bytes: up to which it holds whole records, as far as we know.
        last_sequence: of the newest record written or read, 0 before the first.
        rows: by table, of what this process has written.
    """

    def __init__(self, path: Path, *, size_bytes: int) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.last_sequence = 0
        self.rows: Counter[str] = Counter()
        self._descriptor = -1
        self._unsynced = False

    @classmethod
    def create(cls, path: Path) -> "Segment":
        """A new file, on disk with its name.

        Raises:
            OSError: no room, no permission.
        """
        segment = cls(path, size_bytes=0)
        segment._descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            segment._write(MAGIC)
            sync_directory(path.parent)
        except OSError:
            segment.remove()
            raise
        return segment

    @classmethod
    def left_behind(cls, path: Path) -> "Segment":
        """A file of another process, which is only read.

        Raises:
            Fatal: another release of the program wrote it.
        """
        segment = cls(path, size_bytes=path.stat().st_size)
        begin = os.pread(segment._opened(), len(MAGIC), 0)
        segment.close()
        if begin != MAGIC[: len(begin)]:
            raise Fatal(f"{path} is no spool of this release: start the one that wrote it once")
        return segment

    def append(self, sequence: int, payload: bytes) -> None:
        """Write a record; what a power cut leaves of it is decided by `sync`.

        Raises:
            OSError: it is not in the file, as if it had not been tried.
        """
        checksum = zlib.crc32(payload, zlib.crc32(_SEQUENCE.pack(sequence)))
        self._write(_HEADER.pack(len(payload), checksum, sequence) + payload)
        self.last_sequence = sequence

    def look(self, offset: int) -> tuple[int, int] | None:
        """Sequence and end of the record at an offset, by its header alone; None at the end.

        Raises:
            Torn: it does not fit into the file.
        """
        header = self._header(offset)
        return None if header is None else (header[2], offset + _HEADER.size + header[0])

    def read(self, offset: int) -> Record | None:
        """The record at an offset; None at the end.

        Raises:
            Torn: it is cut off or was changed.
        """
        header = self._header(offset)
        if header is None:
            return None
        length, checksum, sequence = header
        begin = offset + _HEADER.size
        payload = os.pread(self._opened(), length, begin)
        if zlib.crc32(payload, zlib.crc32(_SEQUENCE.pack(sequence))) != checksum:
            raise Torn(f"{self.path}: the record at {offset} was changed")
        self.last_sequence = max(self.last_sequence, sequence)
        return Record(sequence, payload, begin + length)

    def sync(self) -> None:
        """Make what was appended survive a power cut."""
        if self._unsynced:
            os.fsync(self._opened())
            self._unsynced = False

    def close(self) -> None:
        """Give the file back until it is needed again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)

    def _header(self, offset: int) -> tuple[int, int, int] | None:
        if offset >= self.size_bytes:
            return None
        header = os.pread(self._opened(), _HEADER.size, offset)
        if len(header) == _HEADER.size:
            length, checksum, sequence = _HEADER.unpack(header)
            if offset + _HEADER.size + length <= self.size_bytes:
                return length, checksum, sequence
        raise Torn(f"{self.path}: the record at {offset} is cut off")

    def _write(self, content: bytes) -> None:
        descriptor = self._opened()
        try:
            written = os.write(descriptor, content)
            if written < len(content):  # the rest says why it did not fit
                written += os.write(descriptor, content[written:])
            if written < len(content):
                raise OSError(f"only {written} of {len(content)} bytes could be written")
        except OSError:
            # Should this fail too, a reader finds a torn record and goes on with the next file.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self.size_bytes)
            raise
        self.size_bytes += written
        self._unsynced = True

    def _opened(self) -> int:
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        return self._descriptor


def sync_directory(directory: Path) -> None:
    """Make names that were added, changed or removed survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
