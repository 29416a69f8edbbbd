"""Fixtures that every test may use."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bgptui.store.embedded import EmbeddedPostgres
from bgptui.store.migrate import migrate

PROJECT = Path(__file__).resolve().parent.parent
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder shared/ beside the checkout: real BGP data and conformance vectors.

    Without it the test is skipped, unless BGPTUI_REQUIRE_SHARED=1 makes that a failure.
    """
    folder = PROJECT.parent / "shared"
    if not folder.is_dir():
        if os.environ.get("BGPTUI_REQUIRE_SHARED") == "1":
            pytest.fail("BGPTUI_REQUIRE_SHARED=1, but shared/ is missing beside the checkout")
        pytest.skip("needs shared/ (real BGP data) beside the checkout")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """DSN of database `postgres` of a throw-away server, as its superuser.

    One for each test process (pytest-xdist starts several).
    """
    with EmbeddedPostgres.throwaway() as server:
        yield make_conninfo(server.dsn, dbname="postgres")


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    """Name of a database with the whole schema and no rows, to be cloned."""
    _create_database(postgres_server, "migrated", template="template1")
    migrate(make_conninfo(postgres_server, dbname="migrated"))
    return "migrated"


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    """DSN of a new database with nothing in it."""
    yield from _database(postgres_server, template="template1")


@pytest.fixture
def database(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """DSN of a new database with the whole schema and no rows."""
    yield from _database(postgres_server, template=migrated_template)


@pytest.fixture(scope="module")
def module_database(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The same, one for all tests of a module."""
    yield from _database(postgres_server, template=migrated_template)


def _database(server: str, *, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _create_database(server, name, template=template)
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _create_database(server: str, name: str, *, template: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
