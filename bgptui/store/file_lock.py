"""A lock between processes that the kernel takes back when its holder dies."""

import fcntl
import os
import time
from pathlib import Path

from bgptui.errors import ServiceUnreachable

_POLL_S = 0.02


class FileLock:
    """An open lock file. Holders are open files, not processes: two in one process conflict.

    Raises:
        OSError: the file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self) -> None:
        """Hold it beside other sharers; waits for an exclusive holder."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Hold it alone; False where somebody else holds it. A shared hold is given up."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def exclusive(self, timeout_s: float) -> None:
        """Hold it alone.

        Raises:
            ServiceUnreachable: others held it for `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while not self.try_exclusive():
            if time.monotonic() > deadline:
                raise ServiceUnreachable(
                    f"{self.path} has been locked by another bgptui for {timeout_s:.0f} s"
                )
            time.sleep(_POLL_S)

    def release(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release it for good. Closing twice is no error."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
