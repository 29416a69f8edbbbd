"""Connections: how they are made, what they say when they fail, and what they never show."""

import contextlib
import math
from collections.abc import Iterator
from enum import Enum, auto
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.conninfo import make_conninfo

from bgptui.errors import ServiceUnreachable, Transient
from bgptui.store.dsn import describe, parsed_dsn, without_secrets
from bgptui.store.embedded import EmbeddedPostgres

__all__ = [
    "COLLECTOR",
    "CONSOLE",
    "Commit",
    "Connection",
    "Database",
    "connect",
    "describe",
    "engine_text",
    "one_line",
    "transient_errors",
]

COLLECTOR = "bgptui collector"
CONSOLE = "bgptui console"

Connection = psycopg.Connection[tuple[Any, ...]]

# A server that vanished without a word is noticed within seconds, not the kernel's hours.
_LIVENESS = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",  # milliseconds
}
# What psycopg calls operational, and a retry cannot help: program_limit_exceeded.
_PERMANENT_CLASS = "54"
# What psycopg calls internal, and a retry helps: the server ended a transaction that idled
# or took too long, and the session with it; or it is a standby that is not promoted yet.
_PASSING = {"25P03", "25P04", "25006"}


class Commit(Enum):
    """EACH_STATEMENT: autocommit. ON_REQUEST: a transaction lasts until commit()."""

    EACH_STATEMENT = auto()
    ON_REQUEST = auto()


def connect(
    dsn: str,
    *,
    application_name: str,
    timeout_s: float,
    autocommit: Commit = Commit.EACH_STATEMENT,
) -> Connection:
    """Connect with the settings of every session of ours: UTC, UTF-8, a name.

    Args:
        timeout_s: for each address of the server; rounded up to whole seconds, at least 2
            (the least that libpq honours).
    Raises:
        UsageError: `dsn` is no connection string.
        ServiceUnreachable: names host, port, database and user, and the server's reason.
    """
    given = parsed_dsn(dsn)
    settings: dict[str, str | int] = {
        **{name: value for name, value in _LIVENESS.items() if name not in given},
        "application_name": application_name,
        "client_encoding": "utf8",
        "connect_timeout": max(2, math.ceil(timeout_s)),
    }
    try:
        connection = psycopg.connect(make_conninfo(dsn, **settings), autocommit=True)
        # By statement, not by `options`: that may be the user's, and poolers refuse it.
        connection.execute("set timezone to 'UTC'")
        connection.autocommit = autocommit is Commit.EACH_STATEMENT
    except psycopg.Error as error:
        raise ServiceUnreachable(
            f"database {describe(dsn)} cannot be reached: {one_line(error, dsn)}"
        ) from error
    return connection


def one_line(error: psycopg.Error, dsn: str = "") -> str:
    """The server's or libpq's reason on one line, without the secrets of `dsn`."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    text = " ".join(text.split())
    for prefix in ("connection failed: ", "connection is bad: "):
        text = text.removeprefix(prefix)
    return without_secrets(text, dsn)


@contextlib.contextmanager
def transient_errors(place: str) -> Iterator[None]:
    """Turn what may pass (connection lost, restart, deadlock, disk full) into Transient.

    Other errors of the database propagate: a retry would not help.
    """
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        passes = isinstance(error, psycopg.OperationalError) or state in _PASSING
        if not passes or state.startswith(_PERMANENT_CLASS):
            raise
        raise Transient(f"{place}: {one_line(error)}") from error


def engine_text(connection: Connection) -> str:
    """`PostgreSQL 18.6` or `TimescaleDB 2.23.0 on PostgreSQL 16.4`."""
    row = connection.execute(
        "select current_setting('server_version'),"
        " (select extversion from pg_extension where extname = 'timescaledb')"
    ).fetchone()
    assert row is not None  # noqa: S101 - a select without from has one row
    postgres, timescale = f"PostgreSQL {row[0].split()[0]}", row[1]
    return f"TimescaleDB {timescale} on {postgres}" if timescale else postgres


class Database:
    """The database that the settings name; a context manager.

    Args:
        dsn: of a server; where it is empty the embedded one is used.
        embedded: used where `dsn` is empty.
    Attributes:
        dsn: connection string, good while it is open.
        embedded: the server of our own, or None.
    """

    def __init__(
        self, dsn: str, *, embedded: EmbeddedPostgres | None, timeout_s: float = 10.0
    ) -> None:
        if bool(dsn) == (embedded is not None):
            raise ValueError("a Database has either a dsn or an embedded server")
        self.dsn = dsn
        self.embedded = embedded
        self.timeout_s = timeout_s

    @classmethod
    def of(cls, dsn: str, data_dir: Path, *, timeout_s: float = 10.0) -> Self:
        """The server at `dsn`; where that is empty an embedded one in `data_dir`."""
        embedded = None if dsn else EmbeddedPostgres(data_dir)
        return cls(dsn, embedded=embedded, timeout_s=timeout_s)

    @classmethod
    def throwaway(cls) -> Self:
        """A new embedded one in a temporary directory, removed when it is closed."""
        return cls("", embedded=EmbeddedPostgres.throwaway())

    def __enter__(self) -> Self:
        if self.embedded is not None:
            self.dsn = self.embedded.open()
        else:
            self.connect(application_name="bgptui").close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.embedded is not None:
            self.embedded.close()

    def connect(
        self, *, application_name: str, autocommit: Commit = Commit.EACH_STATEMENT
    ) -> Connection:
        """As `connect`, to this database; the embedded server is started if it was killed."""
        again = partial(
            connect,
            self.dsn,
            application_name=application_name,
            timeout_s=self.timeout_s,
            autocommit=autocommit,
        )
        try:
            return again()
        except ServiceUnreachable:
            if self.embedded is None:
                raise
        self.embedded.open()
        return again()

    @property
    def engine(self) -> str:
        """`PostgreSQL 18.6, embedded`, or what the server at `dsn` says; asks the server."""
        with self.connect(application_name="bgptui") as connection:
            text = engine_text(connection)
        return f"{text}, embedded" if self.embedded is not None else text
