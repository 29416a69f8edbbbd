"""Temporary directories for throw-away databases, and the removal of abandoned ones."""

import contextlib
import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

from bgptui.errors import Fatal
from bgptui.store.file_lock import FileLock
from bgptui.store.postmaster import running_pid, wait_until_gone

USERS_LOCK = "users.lock"
_PREFIX = "throwaway-"
_LOCK_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0


def private_directory(place: str | None = None) -> Path:
    """Directory of this user's own in `place`, by default the system's temporary directory.

    Raises:
        Fatal: somebody else made it; its name can be guessed, so it cannot be trusted.
        OSError: it cannot be made.
    """
    path = Path(place or tempfile.gettempdir()) / f"bgptui-{os.geteuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise Fatal(f"{path} belongs to another user; remove it, or set TMPDIR")
    path.chmod(0o700)
    return path


def claim_directory() -> tuple[Path, FileLock]:
    """A new directory and the lock that says that it is in use; abandoned ones are removed.

    Raises:
        OSError: it cannot be made.
    """
    parent = private_directory()
    # Without it another process could take the new directory for an abandoned one.
    claims = FileLock(parent / "claims.lock")
    try:
        claims.exclusive(_LOCK_TIMEOUT_S)
        for abandoned in parent.glob(f"{_PREFIX}*"):
            _remove_if_abandoned(abandoned)
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        users = FileLock(directory / USERS_LOCK)
        users.share()
    finally:
        claims.close()
    return directory, users


def remove_directory(directory: Path) -> None:
    """Kill the server in it, if any, and remove it."""
    cluster = directory / "data"
    pid = running_pid(cluster)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)  # immediate shutdown: nothing in it is wanted
        wait_until_gone(cluster, timeout_s=_STOP_TIMEOUT_S)
    shutil.rmtree(directory, ignore_errors=True)


def _remove_if_abandoned(directory: Path) -> None:
    """The kernel releases the lock of a process that died, however it died."""
    try:
        users = FileLock(directory / USERS_LOCK)
    except OSError:  # removed meanwhile
        return
    try:
        if users.try_exclusive():
            remove_directory(directory)
    finally:
        users.close()
