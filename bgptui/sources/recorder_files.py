"""The files of a recording: zstd, written at once, rotated by size, never overwritten."""

import fcntl
import logging
import os
import re
from pathlib import Path
from typing import NoReturn

import zstandard

from bgptui.errors import Fatal, UsageError

log = logging.getLogger(__name__)

SUFFIX = ".zst"
_LINES_SUFFIX = ".jsonl.zst"
_LEVEL = 3  # zstd's own default: 300 MB/s and more, a seventh of the size
_NUMBER_DIGITS = 6


class RecorderFiles:
    """What is written goes to `path`; a full file steps aside under the next number.

    `incident.jsonl.zst` becomes `incident.000001.jsonl.zst`, the next one `...000002...`: their
    names sort in time order, `path` itself, the newest, last. A file that is there already is
    kept in the same way, so a recorder that is started again goes on with its set.

    After `flush` everything written so far can be read back, whatever happens to the process.

    Args:
        max_bytes: of one file, as it lies on disk.
        keep: files of the set, the one being written included; None keeps all of them.
    Attributes:
        written_bytes: on disk, by this recorder.
        files: begun by this recorder.
    Raises:
        UsageError: the name does not fit, the file cannot be made, or another recorder has it.
    """

    def __init__(self, path: Path, *, max_bytes: int, keep: int | None) -> None:
        if not path.name.endswith(SUFFIX) or path.name == SUFFIX:
            raise UsageError(f"{path}: recordings are compressed; name it {path.name}{SUFFIX}")
        tail = _LINES_SUFFIX if path.name.endswith(_LINES_SUFFIX) else SUFFIX
        self._path = path
        self._head, self._tail = path.name.removesuffix(tail), tail
        self._max_bytes = max_bytes
        self._keep = keep
        self._failure: Fatal | None = None
        self.written_bytes = 0
        self.files = 0
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}; create it first")
        try:
            self._step_aside_if_there()
            self._begin()
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None

    def write(self, lines: bytes) -> None:
        """Append whole lines.

        Raises:
            Fatal: they cannot be written (the disk is full).
        """
        self._append(self._stream.compress(lines))
        if self._size_bytes >= self._max_bytes:
            self._rotate()

    def flush(self) -> None:
        """Hand everything to the kernel, in blocks that can be read without what follows.

        Raises:
            Fatal: as `write`.
        """
        self._append(self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    def close(self) -> None:
        """End the file in good order, unless writing has failed.

        Raises:
            Fatal: as `write`.
        """
        if self._file.closed:
            return
        self._append(self._stream.flush())
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._fail(error)
        self._file.close()

    def discard(self) -> None:
        """Remove the file of a recorder that is closed and had nothing worth keeping."""
        self._path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._file = self._path.open("xb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._stream = compressor.compressobj()
        self._size_bytes = 0
        self.files += 1

    def _append(self, compressed: bytes) -> None:
        if self._failure is not None:  # the source had not stopped yet
            raise self._failure
        rest = memoryview(compressed)
        try:
            while rest:
                written = self._file.write(rest)
                self._size_bytes += written
                self.written_bytes += written
                rest = rest[written:]
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> NoReturn:
        self._file.close()
        self._failure = Fatal(
            f"{self._path}: cannot be written: {error.strerror or error}; "
            "what was recorded until then can be replayed"
        )
        raise self._failure from None

    def _rotate(self) -> None:
        self.close()
        try:
            self._step_aside()
            self._begin()
        except OSError as error:
            self._fail(error)

    def _step_aside_if_there(self) -> None:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"{self._path}: another bgptui records into it") from None
            aside = self._step_aside()
        log.info("%s was there already; it is %s now", self._path, aside.name)

    def _step_aside(self) -> Path:
        """Give the file the next number, and remove what `keep` has no room for."""
        numbered = self._numbered()
        number = max(numbered, default=0) + 1
        aside = self._path.with_name(f"{self._head}.{number:0{_NUMBER_DIGITS}d}{self._tail}")
        self._path.rename(aside)
        numbered[number] = aside
        if self._keep is not None:
            for oldest in sorted(numbered)[: max(0, len(numbered) + 1 - self._keep)]:
                numbered[oldest].unlink()
        return aside

    def _numbered(self) -> dict[int, Path]:
        pattern = re.compile(
            rf"{re.escape(self._head)}\.(\d{{{_NUMBER_DIGITS},}}){re.escape(self._tail)}", re.ASCII
        )
        return {
            int(match.group(1)): path
            for path in self._path.parent.iterdir()
            if (match := pattern.fullmatch(path.name))
        }
