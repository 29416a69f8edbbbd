"""A server of a test's own that can be killed and started again."""

import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from bgptui.store.embedded import EmbeddedPostgres
from bgptui.store.migrate import migrate
from bgptui.store.postmaster import running_pid, wait_until_gone

PATIENCE_S = 30.0
_numbers = itertools.count(1)


class MortalServer:
    """An embedded server that keeps its rows; nobody but the test starts it again."""

    def __init__(self, directory: Path) -> None:
        self._server = EmbeddedPostgres(directory)
        self._server.open()
        migrate(self._server.dsn)

    def new_database(self) -> str:
        """DSN of a new database with the whole schema and no rows."""
        name = f"test_{next(_numbers)}"
        admin_dsn = make_conninfo(self._server.dsn, dbname="postgres")
        with psycopg.connect(admin_dsn, autocommit=True) as admin:
            admin.execute(f"create database {name} template bgptui".encode())
        return make_conninfo(self._server.dsn, dbname=name)

    def kill(self) -> None:
        """kill -9; its processes follow it."""
        cluster = self._server.cluster
        pid = running_pid(cluster)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert wait_until_gone(cluster, timeout_s=PATIENCE_S)

    def start(self) -> None:
        """Start it, and wait until it has recovered."""
        self._server.open()

    def close(self) -> None:
        self._server.open()
        self._server.close()


def wait_until(condition: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> None:
    """Look until it holds; a test fails that waits in vain."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
