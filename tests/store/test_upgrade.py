"""Upgrades between releases: forward only, not under a collector's feet, never backwards."""

import re
import shutil
from pathlib import Path

import psycopg
import pytest

from bgptui.errors import Fatal
from bgptui.resources import resource_dir
from bgptui.store import lease
from bgptui.store.connect import connect
from bgptui.store.migrate import check_schema, migrate
from support.program import Program


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The migrations of an earlier release: all but the newest."""
    *files, newest = sorted((resource_dir("sql") / "migrations").glob("*.sql"))
    directory = tmp_path / "earlier"
    directory.mkdir()
    for file in files:
        shutil.copy(file, directory)
    assert newest.name not in {file.name for file in directory.iterdir()}
    return directory


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The migrations of a later release: one more."""
    directory = tmp_path / "later"
    shutil.copytree(resource_dir("sql") / "migrations", directory)
    (directory / "9999_later.sql").write_text("create table public.later (n int);")
    return directory


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def test_an_upgrade_applies_what_is_missing_and_keeps_the_rows(
    empty_database: str, earlier: Path
) -> None:
    before = migrate(empty_database, directory=earlier)
    with psycopg.connect(empty_database) as conn:
        conn.execute(
            "insert into peers values ('rrc00', '192.0.2.1', 64496, now(), now(), 'up', now())"
        )
    after = migrate(empty_database)
    assert len(after.applied) == 1
    assert after.version > before.version
    with psycopg.connect(empty_database) as conn:
        assert conn.execute("select count(*) from peers").fetchone() == (1,)
    assert migrate(empty_database).applied == ()


def test_nothing_is_upgraded_under_a_collector(empty_database: str, earlier: Path) -> None:
    migrate(empty_database, directory=earlier)
    with connect(empty_database, application_name="test", timeout_s=5) as conn:
        held = lease.acquire(conn, "rrc00", holder="noc1:77:x")
        assert held is not None
        with pytest.raises(Fatal, match=r"noc1:77:x \(rrc00\) collects into it: stop it") as told:
            migrate(empty_database)
        assert "\n" not in str(told.value)
        migrate(empty_database, directory=earlier)  # nothing to do: nobody is in the way
        lease.release(conn, held)
    assert len(migrate(empty_database).applied) == 1


def test_a_collector_that_was_killed_is_in_the_way_until_its_lease_runs_out(
    empty_database: str, earlier: Path
) -> None:
    migrate(empty_database, directory=earlier)
    with connect(empty_database, application_name="test", timeout_s=5) as conn:
        lease.acquire(conn, "rrc00", holder="noc1:77:x")
        conn.execute("update collector_leases set expires_at = now() - interval '1 ms'")
    assert len(migrate(empty_database).applied) == 1


def test_what_only_reads_compares_schemas_and_changes_nothing(
    empty_database: str, earlier: Path, later: Path
) -> None:
    migrate(empty_database, directory=earlier)
    with connect(empty_database, application_name="test", timeout_s=5) as conn:
        with pytest.raises(Fatal, match=r"older than this bgptui.* run bgptui db upgrade"):
            check_schema(conn, empty_database)
        migrate(empty_database)
        check_schema(conn, empty_database)
        migrate(empty_database, directory=later)
        with pytest.raises(Fatal, match=r"newer than this bgptui.*9999_later\.sql.*upgrade bgptui"):
            check_schema(conn, empty_database)


def test_db_upgrade_is_what_an_older_database_is_told_to_run(
    program: Program, empty_database: str, earlier: Path
) -> None:
    dsn = ("--dsn", empty_database)
    said = program.run("db", "upgrade", *dsn, exit_code=3).stderr
    assert "has no bgptui schema yet" in said
    migrate(empty_database, directory=earlier)
    for command in (("db", "status"), ("alerts", "list")):
        said = program.run(*command, *dsn, exit_code=1).stderr
        assert re.search(r"run bgptui db upgrade\n$", said), said
    shown = program.run("db", "upgrade", *dsn).stdout
    assert re.search(r"migrations: \d{4}_\w+\.sql; schema version \d+", shown)
    assert "objects verified" in shown
    assert "nothing to do" in program.run("db", "upgrade", *dsn).stdout
    program.run("db", "status", *dsn)


def test_a_newer_database_is_refused_by_every_command(
    program: Program, empty_database: str, later: Path
) -> None:
    migrate(empty_database, directory=later)
    for command in (("db", "init"), ("db", "upgrade"), ("db", "status"), ("--no-ui",)):
        said = program.run(*command, "--dsn", empty_database, exit_code=1).stderr
        assert re.search(r"is newer than this bgptui: .*9999_later\.sql.* upgrade bgptui\n$", said)
        assert said.count("\n") == 1
