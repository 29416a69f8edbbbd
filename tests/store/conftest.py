"""The engines that sql/ must be right on."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bgptui.runtime.metrics import Metrics
from bgptui.store.connect import Connection, connect
from bgptui.store.migrate import migrate
from bgptui.store.writer import Writer
from support.servers import PostgresServer, postgres, timescaledb

ENGINES = ("embedded", "postgres", "timescaledb", "server")
_numbers = itertools.count(1)

# Everything but extensions, which are there for good.
_EMPTY_SCHEMAS = """
do $$
declare
  drop_statement text;
begin
  drop schema if exists bgptui cascade;
  for drop_statement in
    select format('drop materialized view %I.%I', view_schema, view_name)
      from timescaledb_information.continuous_aggregates
    union all
    select format('drop function %s', p.oid::regprocedure) from pg_proc p
      where p.pronamespace = 'public'::regnamespace
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    union all
    select format('drop table %s cascade', c.oid::regclass) from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
  loop
    execute drop_statement;
  end loop;
end $$
"""


@pytest.fixture(scope="session")
def postgres_of_debian() -> Iterator[PostgresServer]:
    """A server of the PostgreSQL whose programs BGPTUI_TEST_POSTGRES names (its bin directory)."""
    programs = os.environ.get("BGPTUI_TEST_POSTGRES")
    if not programs:
        pytest.skip("BGPTUI_TEST_POSTGRES names no directory of PostgreSQL programs")
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl for the server's certificate")
    with postgres(Path(programs)) as server:
        yield server


@pytest.fixture(scope="session")
def timescaledb_server() -> Iterator[str]:
    """DSN of TimescaleDB as WebAssembly; one database for all tests of the session."""
    node_modules = os.environ.get("BGPTUI_TEST_TIMESCALEDB")
    if not node_modules:
        pytest.skip("BGPTUI_TEST_TIMESCALEDB names no node_modules with the TimescaleDB package")
    if shutil.which("node") is None:
        pytest.skip("needs node for TimescaleDB as WebAssembly")
    with timescaledb(Path(node_modules)) as dsn:
        yield dsn


@pytest.fixture
def timescaledb_empty(timescaledb_server: str) -> str:
    """DSN of TimescaleDB with nothing in it."""
    with psycopg.connect(timescaledb_server, autocommit=True) as admin:
        found = admin.execute("select from pg_extension where extname = 'timescaledb'").fetchone()
        if found is not None:
            admin.execute(_EMPTY_SCHEMAS)
    return timescaledb_server


@pytest.fixture
def timescaledb_database(timescaledb_empty: str) -> str:
    """DSN of TimescaleDB with the whole schema and no rows."""
    migrate(timescaledb_empty)
    return timescaledb_empty


@pytest.fixture(params=ENGINES)
def engine_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """DSN of a database with the whole schema and no rows, on every engine that is at hand."""
    if request.param == "embedded":
        yield request.getfixturevalue("database")
    elif request.param == "timescaledb":
        yield request.getfixturevalue("timescaledb_database")
    else:
        server = _SERVERS[request.param](request)
        name = f"bgptui_test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            dsn = make_conninfo(server, dbname=name)
            try:
                migrate(dsn)
                yield dsn
            finally:
                admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _named_server(request: pytest.FixtureRequest) -> str:
    dsn = os.environ.get("BGPTUI_TEST_DSN")
    if not dsn:
        pytest.skip("BGPTUI_TEST_DSN names no server")
    return dsn


def _postgres_of_debian(request: pytest.FixtureRequest) -> str:
    server: PostgresServer = request.getfixturevalue("postgres_of_debian")
    return server.dsn


_SERVERS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "server": _named_server,
    "postgres": _postgres_of_debian,
}


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, application_name="test", timeout_s=5) as connection:
        yield connection


@pytest.fixture
def writer(database: str) -> Iterator[Writer]:
    writer = Writer(
        connect=lambda: connect(database, application_name="writer", timeout_s=5),
        check_lease=lambda _: None,
        holder="here",
        metrics=Metrics(),
        commit_s=0.0,
    )
    with contextlib.closing(writer):
        yield writer
