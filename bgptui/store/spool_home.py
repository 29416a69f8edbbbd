"""Where spools lie, and which of them may still be written into the database.

    FOLDER/<database>/<epoch>.<holder>/    the spool of one collector
    FOLDER/<database>/set-aside.<epoch>.<holder>/

<database> tells one database from another, <holder> is the process and <epoch> that of its
lease. What a collector left in its spool may be written by the next holder of the lease and
by no later one: in between, another collector gave out the same ids and wrote the same minutes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from msgspec import Struct

from bgptui.errors import Fatal
from bgptui.runtime.metrics import Metrics
from bgptui.store.file_lock import FileLock
from bgptui.store.lease import Lease
from bgptui.store.spool import LOCK_NAME, Spool, size_text
from bgptui.store.spool_segment import sync_directory

log = logging.getLogger(__name__)

_SET_ASIDE = "set-aside."
_UNFINISHED = "new."


def default_spool_folder() -> Path:
    """For databases on a server, e.g. ~/.local/state/bgptui/spool."""
    return platformdirs.user_state_path("bgptui") / "spool"


class Leftover(Struct, frozen=True):
    """The spool that a collector left behind; `holder` is that collector."""

    holder: str
    spool: Spool


class SpoolHome:
    """The spools of one database on this machine.

    Args:
        folder: of all databases; it need not exist.
        database_id: from the database itself.
        held: the lease under which rows are written now.
        max_bytes: of one spool.
    """

    def __init__(
        self, folder: Path, *, database_id: str, held: Lease, max_bytes: int, metrics: Metrics
    ) -> None:
        self.folder = folder / database_id
        self._held = held
        self._max_bytes = max_bytes
        self._metrics = metrics

    def create(self) -> Spool:
        """A spool for the holder of the lease.

        Raises:
            Fatal: there is no place for it.
        """
        name = _name(self._held.epoch, self._held.holder)
        # It gets its name once it is locked: another process may be tidying up what nobody uses.
        directory = self.folder / (_UNFINISHED + name)
        try:
            directory.mkdir(mode=0o700, parents=True)
            lock = FileLock(directory / LOCK_NAME)
            lock.try_exclusive()
            directory = _rename(directory, name)
        except OSError as error:
            raise Fatal(
                f"no spool can be made in {directory}: {error.strerror}: set store.spool_dir to a "
                "folder that can be written, or store.spool_max_mib to 0 for none"
            ) from error
        return self._spool(directory, lock)

    def leftovers(self) -> Iterator[Leftover]:
        """What the last holder of the lease left; older ones are set aside, and said.

        Raises:
            Fatal: it cannot be read, or another release of the program wrote it.
        """
        for directory in sorted(self.folder.glob("*.*"), key=_epoch):
            if _epoch(directory) < 0:
                continue
            spool = None
            with _reading(directory):
                spool = self._taken_over(directory)
            if spool is not None:
                yield Leftover(directory.name.partition(".")[2], spool)

    def set_aside(self) -> None:
        """Set everything aside that nobody uses, and say so.

        Raises:
            Fatal: it cannot be read.
        """
        for directory in sorted(self.folder.glob("*.*"), key=_epoch):
            if _epoch(directory) < 0:
                continue
            with _reading(directory):
                lock = FileLock(directory / LOCK_NAME)
                if not lock.try_exclusive():
                    lock.close()
                elif any(directory.glob("*.segment")):
                    self._set_aside(directory)
                    lock.close()
                else:
                    self._spool(directory, lock).close()

    def _taken_over(self, directory: Path) -> Spool | None:
        """A spool that may be written now; None where it may not."""
        lock = FileLock(directory / LOCK_NAME)
        if not lock.try_exclusive():
            log.warning("spool %s is in use by another bgptui", directory)
            lock.close()
            return None
        if _epoch(directory) != self._held.epoch - 1 and any(directory.glob("*.segment")):
            self._set_aside(directory)
            lock.close()
            return None
        # Under our epoch, so that the next collector goes on should this one be killed.
        holder = directory.name.partition(".")[2]
        return self._spool(_rename(directory, _name(self._held.epoch, holder)), lock)

    def _spool(self, directory: Path, lock: FileLock) -> Spool:
        return Spool(directory, lock=lock, max_bytes=self._max_bytes, metrics=self._metrics)

    def _set_aside(self, directory: Path) -> None:
        aside = _rename(directory, _SET_ASIDE + directory.name)
        size_bytes = sum(file.stat().st_size for file in aside.iterdir())
        log.error(
            "spool %s (%s) is not written: another bgptui has collected into this database since",
            aside,
            size_text(size_bytes),
        )
        self._metrics.drop("store", "spool_set_aside")


@contextmanager
def _reading(directory: Path) -> Iterator[None]:
    """Of a spool that its own process has just closed and removed there is nothing to read."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not directory.exists():
            return
        raise Fatal(
            f"spool {directory} was left by another bgptui and cannot be used: "
            f"{error.strerror}: make it readable, or move it away to start without its rows"
        ) from error


def _name(epoch: int, holder: str) -> str:
    return f"{epoch}.{holder}"


def _rename(directory: Path, name: str) -> Path:
    renamed = directory.rename(directory.with_name(name))
    sync_directory(renamed.parent)
    return renamed


def _epoch(directory: Path) -> int:
    """Of a spool's directory; -1 of what is none, or was set aside."""
    epoch = directory.name.partition(".")[0]
    return int(epoch) if epoch.isdecimal() else -1
