"""The embedded PostgreSQL: started, adopted or recovered, and stopped by its last user.

Layout of a data directory:

    open.lock    held while somebody decides whether to start or to stop the server
    users.lock   shared by every bgptui that uses it; the kernel frees it when one dies
    start.log    what the server said before its own log was open
    data/        the PostgreSQL cluster; its socket and log/ lie inside
"""

import contextlib
import hashlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs
import psycopg

from bgptui.errors import Fatal, ServiceUnreachable
from bgptui.store.cluster import failure, start_server
from bgptui.store.dsn import socket_dsn
from bgptui.store.file_lock import FileLock
from bgptui.store.postmaster import (
    POLL_S,
    PORT,
    SUPERUSER,
    Durability,
    last_log_line,
    running_pid,
    telling_line,
    wait_until_gone,
)
from bgptui.store.throwaway import (
    USERS_LOCK,
    claim_directory,
    private_directory,
    remove_directory,
)

log = logging.getLogger(__name__)

DATABASE = "bgptui"
START_TIMEOUT_S = 60.0  # recovery after a crash reads at most max_wal_size
STOP_TIMEOUT_S = 60.0
SESSIONS_END_S = 1.0
# sockaddr_un(7): sun_path has 108 bytes on Linux and 104 on macOS, with the final zero.
_MOST_SOCKET_PATH_BYTES = 103
_SHORT_DIRECTORY = "/tmp"  # noqa: S108 - TMPDIR may be long; only a directory of our own is used
_SOCKET_NAME = f".s.PGSQL.{PORT}"
# Servers that were killed or left running: kept, to be reaped. The PID of one that has died
# and was not reaped looks alive to PostgreSQL.
_children: list[subprocess.Popen[bytes]] = []


def default_data_dir() -> Path:
    """Where the database of this user lies, e.g. ~/.local/share/bgptui/postgres."""
    return platformdirs.user_data_path("bgptui") / "postgres"


class EmbeddedPostgres:
    """A PostgreSQL server of our own in `data_dir`; a context manager over `open`, `close`.

    Several processes may use one data directory: the first starts the server, the others
    adopt it, and the last one stops it. A server left behind by a killed process is adopted.
    """

    def __init__(self, data_dir: Path, *, durability: Durability = Durability.KEPT) -> None:
        self.data_dir = data_dir.absolute()
        self.cluster = self.data_dir / "data"
        self.durability = durability
        self._opened = False
        self._users: FileLock | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def throwaway(cls) -> Self:
        """A fast one in a new temporary directory that `close` removes.

        Raises:
            ServiceUnreachable: there is no place for it.
        """
        try:
            directory, users = claim_directory()
        except OSError as error:
            raise ServiceUnreachable(f"throw-away PostgreSQL: {_os_reason(error)}") from error
        server = cls(directory, durability=Durability.THROWAWAY)
        server._users = users
        return server

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def dsn(self) -> str:
        """Connection string of the database `bgptui`; good while it is open."""
        return self._dsn(DATABASE)

    def open(self) -> str:
        """Make sure that the server runs and has the database; returns `dsn`.

        May be called again: it starts the server that was killed meanwhile.

        Raises:
            ServiceUnreachable: it could not be started; names the path, what was tried and
                what the server said last.
            Fatal: the data are of another PostgreSQL, or there are no binaries.
        """
        # It names a server that is not ours, and libpq has no other way of ignoring it.
        os.environ.pop("PGSERVICE", None)
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._users is None:
                self._users = FileLock(self.data_dir / USERS_LOCK)
            with self._deciding():
                self._users.share()
                self._ensure_running()
                self._ensure_database()
                self._opened = True
        except BaseException as error:
            if not self._opened:
                self._abandon()
            if isinstance(error, OSError):
                raise self._failure("opening it", _os_reason(error)) from error
            raise
        return self.dsn

    def close(self) -> None:
        """Stop the server unless somebody else uses it. Closing twice is no error."""
        if self._users is None:
            return
        try:
            if self.durability is Durability.THROWAWAY:
                remove_directory(self.data_dir)
            else:
                with self._deciding():
                    self._users.release()
                    if self._users.try_exclusive() and not self._other_sessions():
                        self._stop()
                        self._remove_link()
        finally:
            self._forget()

    def _abandon(self) -> None:
        """After a failed `open`: stop what we started, unless others use it by now."""
        if self.durability is Durability.THROWAWAY:
            remove_directory(self.data_dir)
        elif (
            self._process is not None
            and self._users is not None
            and self._users.try_exclusive()
            and not self._recovers()
        ):
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)
        with contextlib.suppress(Fatal, OSError):
            self._remove_link()
        self._forget()

    def _recovers(self) -> bool:
        """Whether it is busy with its logs after a crash: stopped, it would begin anew."""
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError as error:
            return "the database system is" in str(error)
        return False

    def _forget(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None
        self._opened = False
        if self._process is not None and self._process.poll() is None:
            _children.append(self._process)
        self._process = None

    @contextlib.contextmanager
    def _deciding(self) -> Iterator[None]:
        lock = FileLock(self.data_dir / "open.lock")
        try:
            lock.exclusive(START_TIMEOUT_S + STOP_TIMEOUT_S)
            yield
        finally:
            lock.close()

    def _ensure_running(self) -> None:
        """Adopt the server that answers, wait for one that starts or stops, or start one."""
        deadline = time.monotonic() + START_TIMEOUT_S
        refusal = "no answer"
        started = False
        while time.monotonic() < deadline:
            try:
                self._connect("postgres").close()
                return
            except psycopg.OperationalError as error:
                refusal = telling_line(str(error))
                # Starting up, recovering or shutting down pass; other refusals stay.
                if "FATAL:" in refusal and "the database system is" not in refusal:
                    raise self._failure("connecting to it", refusal) from error
            if running_pid(self.cluster) is None:
                said = last_log_line(self.data_dir) if started else ""
                # Processes of a server that was killed may live for a moment, and PostgreSQL
                # refuses to start beside them.
                if started and "pre-existing shared memory" not in said:
                    raise self._failure("starting it", said)
                self._start()
                started = True
            time.sleep(POLL_S)
        raise self._failure(f"waiting {START_TIMEOUT_S:.0f} s for its answer", refusal)

    def _start(self) -> None:
        """Start a server and wait until it has the cluster or dies."""
        if self._process is not None:
            _children.append(self._process)
        _children[:] = [child for child in _children if child.poll() is None]
        self._process = start_server(self.data_dir, self.durability)
        while self._process.poll() is None and running_pid(self.cluster) != self._process.pid:
            time.sleep(POLL_S)

    def _ensure_database(self) -> None:
        try:
            with self._connect("postgres") as connection:
                found = connection.execute(
                    "select from pg_database where datname = %s", [DATABASE]
                ).fetchone()
                if found is None:
                    connection.execute("create database bgptui")
        except psycopg.Error as error:
            raise self._failure("creating database bgptui", telling_line(str(error))) from error

    def _other_sessions(self) -> bool:
        """Whether anyone is connected; our own sessions may take a moment to end."""
        deadline = time.monotonic() + SESSIONS_END_S
        try:
            with self._connect("postgres") as connection:
                while connection.execute(
                    "select pid from pg_stat_activity"
                    " where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1"
                ).fetchone():
                    if time.monotonic() > deadline:
                        return True
                    time.sleep(POLL_S)
        except psycopg.OperationalError:  # it is not there, or goes already
            return False
        return False

    def _stop(self) -> None:
        pid = running_pid(self.cluster)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)  # fast shutdown
        if not wait_until_gone(self.cluster, timeout_s=STOP_TIMEOUT_S):
            log.warning("embedded PostgreSQL in %s (PID %d) does not stop", self.data_dir, pid)
        elif self._process is not None:
            self._process.wait()

    def _connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self._dsn(database), autocommit=True, connect_timeout=5)

    def _dsn(self, database: str) -> str:
        directory = self._socket_directory()
        return socket_dsn(directory, port=PORT, user=SUPERUSER, database=database)

    def _socket_directory(self) -> Path:
        """The cluster, or a short link to it where its socket's path would be too long."""
        link = self._link()
        if link is None:
            return self.cluster
        with contextlib.suppress(FileExistsError):
            link.symlink_to(self.cluster)
        return link

    def _link(self) -> Path | None:
        if len(os.fsencode(self.cluster / _SOCKET_NAME)) <= _MOST_SOCKET_PATH_BYTES:
            return None
        digest = hashlib.sha256(os.fsencode(self.cluster)).hexdigest()[:16]
        return private_directory(_SHORT_DIRECTORY) / f"socket-{digest}"

    def _remove_link(self) -> None:
        link = self._link()
        if link is not None:
            link.unlink(missing_ok=True)

    def _failure(self, tried: str, why: str) -> ServiceUnreachable:
        return failure(self.data_dir, tried=tried, why=why)


def _os_reason(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"
