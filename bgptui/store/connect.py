"""Connections: how they are made, what they say when they fail, and what they never show."""

import contextlib
import math
import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bgptui.errors import ServiceUnreachable, Transient, UsageError
from bgptui.store.embedded import EmbeddedPostgres

COLLECTOR = "bgptui collector"
CONSOLE = "bgptui console"
MASK = "***"

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
# or took too long, and the session with it.
_TIMED_OUT = {"25P03", "25P04"}


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
    given = _parsed(dsn)
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
            f"database {describe(dsn)} cannot be reached (tried for {timeout_s:g} s): "
            f"{one_line(error, dsn)}"
        ) from error
    return connection


def describe(dsn: str) -> str:
    """Who and where, for a message: `bgp on db.example.net:5432 as noc`; never a secret."""
    given = _parsed(dsn)
    host = given.get("hostaddr") or given.get("host") or "the default host"
    hosts, ports = str(host).split(","), str(given.get("port") or 5432).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    places = ",".join(f"{h}:{p}" for h, p in zip(hosts, ports, strict=False))
    user = given.get("user")
    database = given.get("dbname") or user or "(default)"
    return f"{database} on {places}" + (f" as {user}" if user else "")


def masked_dsn(dsn: str) -> str:
    """The same connection string as keywords and values, with every secret as `***`.

    One that cannot be read is masked whole: no part of it is known not to be a password.
    """
    try:
        given = _parsed(dsn)
    except UsageError:
        return MASK
    secret = _secret_keywords()
    shown = {name: MASK if name in secret else value for name, value in given.items()}
    return make_conninfo("", **shown)


def one_line(error: psycopg.Error, dsn: str = "") -> str:
    """The server's or libpq's reason on one line, without the secrets of `dsn`."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    text = " ".join(text.split())
    for prefix in ("connection failed: ", "connection is bad: "):
        text = text.removeprefix(prefix)
    given = _parsed(dsn)
    for name in _secret_keywords() & given.keys():
        if given[name]:
            text = text.replace(str(given[name]), MASK)
    return text


@contextlib.contextmanager
def transient_errors(place: str) -> Iterator[None]:
    """Turn what may pass (connection lost, restart, deadlock, disk full) into Transient.

    Other errors of the database propagate: a retry would not help.
    """
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        passes = isinstance(error, psycopg.OperationalError) or state in _TIMED_OUT
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


def _parsed(dsn: str) -> dict[str, Any]:
    """Keywords and values.

    Raises:
        UsageError: libpq cannot read it, or reads pieces of a password as something else.
    """
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.Error:
        given = None
    if given is not None and not _is_torn(dsn, given):
        return given
    # Neither chained to libpq's error nor with its text: that quotes pieces of the string.
    raise UsageError(
        "[store] dsn is no PostgreSQL connection string (not shown: it may hold a password); "
        "write host=... port=... dbname=... user=..., or postgresql://user@host:port/dbname "
        "with special characters of a password percent-encoded"
    )


def _is_torn(dsn: str, given: dict[str, Any]) -> bool:
    """Whether a `/`, `@` or `?` in a URL's password made libpq cut it in the wrong place.

    Of postgresql://noc:pass/word@db it makes host noc, port pass and database word@db.
    """
    ports = str(given.get("port") or "").split(",")
    if any(port and not port.isdecimal() for port in ports):
        return True
    _, is_url, rest = dsn.partition("://")
    authority, _, path = rest.partition("?")[0].partition("/")
    return bool(is_url) and ("@" in path or authority.count("@") > 1)


def _secret_keywords() -> set[str]:
    """Those that libpq itself shows as stars or hides, its passwords and keys."""
    keywords = (
        option.keyword.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.dispchar == b"*" or re.search(rb"password|secret|_key$", option.keyword)
    )
    return set(keywords)
