"""Bad frames, kept for a person to look at: a JSON-lines file of bounded size."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from bgptui.errors import BadInput
from bgptui.runtime.metrics import Metrics

log = logging.getLogger(__name__)

_FRAME_BYTES = 4_096  # of a bad frame that are kept
_ERROR_CHARACTERS = 500


class Quarantine:
    """Counts every bad frame by its reason and keeps the newest of them on disk.

    There are two generations, PATH and PATH.1 (older), of half the bound each: when PATH is
    full it takes the place of PATH.1, so the oldest go first and the bound holds.

    Args:
        path: None keeps nothing and only counts.
        max_bytes: of both files together; 0 keeps nothing.
    """

    def __init__(self, path: Path | None, *, max_bytes: int, metrics: Metrics) -> None:
        self._path = path if max_bytes > 0 else None
        self._generation_bytes = max_bytes // 2
        self._metrics = metrics
        self._file: BinaryIO | None = None
        self._failed = False

    def put(self, frame: bytes, error: BadInput, *, place: str, now: float) -> None:
        """Count a bad frame and keep it.

        Args:
            frame: its first bytes suffice.
            place: where it came from, e.g. `updates.jsonl.gz:17`.
            now: seconds since 1970 UTC.
        """
        self._metrics.drop("ingest", error.reason)
        if self._path is None:
            return
        line = _line(frame, error, place=place, now=now)
        try:
            self._write(self._path, line)
            self._metrics.count("ingest", "quarantined")
        except OSError as failure:
            self._metrics.drop("quarantine", "write_failed")
            if not self._failed:
                log.warning("quarantine %s cannot be written: %s", self._path, failure)
            self._failed = True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, path: Path, line: bytes) -> None:
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        size_bytes = self._file.tell()
        if size_bytes and size_bytes + len(line) > self._generation_bytes:
            self.close()
            path.replace(path.with_name(path.name + ".1"))
            self._file = path.open("ab", buffering=0)
        if len(line) > self._generation_bytes:
            self._metrics.drop("quarantine", "larger_than_bound")
            return
        self._file.write(line)


def _line(frame: bytes, error: BadInput, *, place: str, now: float) -> bytes:
    """One JSON line of printable ASCII, so that looking at it does a terminal no harm."""
    kept = frame[:_FRAME_BYTES].decode("utf-8", "backslashreplace").replace("\x7f", "\\x7f")
    record = {
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        "reason": error.reason,
        "error": str(error)[:_ERROR_CHARACTERS],
        "place": place,
        "frame": kept,
    }
    return json.dumps(record, ensure_ascii=True).encode() + b"\n"
