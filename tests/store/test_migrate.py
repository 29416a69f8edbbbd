import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bgptui.errors import BgptuiError, Fatal, ServiceUnreachable
from bgptui.resources import resource_dir
from bgptui.store import migrate as migrating
from bgptui.store.migrate import MigrationReport, migrate, read_migrations

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a migration file of the given name and text into tmp_path."""

    def put(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)

    return put


@pytest.fixture
def two(tmp_path: Path, write: Write) -> Path:
    write("0001_first.sql", "create table first (n int); insert into first values (1);")
    write("0002_second.sql", "-- 100% of a comment\ncreate table second (n int);")
    return tmp_path


class FakeTimescaleDB:
    """An extension of that name: what its script does is what creating it does."""

    def __init__(self, dsn: str, directory: Path) -> None:
        self._files = directory / "extension"
        self._files.mkdir()
        with psycopg.connect(dsn, autocommit=True) as admin:
            path = sql.Literal(f"$system:{directory}")
            admin.execute(
                sql.SQL("alter database {} set extension_control_path to {}").format(
                    sql.Identifier(admin.info.dbname), path
                )
            )

    def on_creation(self, script: str) -> None:
        control = "default_version = '2.99'\nrelocatable = false\n"
        (self._files / "timescaledb.control").write_text(control)
        (self._files / "timescaledb--2.99.sql").write_text(script)


@pytest.fixture
def timescaledb(empty_database: str) -> Iterator[FakeTimescaleDB]:
    # The server, which may run as another user, must reach it.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)
        yield FakeTimescaleDB(empty_database, Path(directory))


def names(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select name from public.schema_migrations order by version")
        return [name for (name,) in rows]


def test_the_programs_own_migrations_apply_once(empty_database: str) -> None:
    files = sorted(path.name for path in (resource_dir("sql") / "migrations").glob("*.sql"))
    first = migrate(empty_database)
    assert list(first.applied) == files
    assert first.version == int(files[-1][:4])
    assert first.engine.startswith("PostgreSQL 18.")
    assert migrate(empty_database) == MigrationReport((), first.version, first.engine)
    assert names(empty_database) == files


def test_migrations_go_forward_in_the_order_of_their_numbers(
    empty_database: str, two: Path, write: Write
) -> None:
    assert migrate(empty_database, directory=two).applied == ("0001_first.sql", "0002_second.sql")
    write("0003_third.sql", "create table third (n int);")
    report = migrate(empty_database, directory=two)
    assert report.applied == ("0003_third.sql",)
    assert report.version == 3


def test_no_migrations_are_version_0(empty_database: str, tmp_path: Path) -> None:
    assert migrate(empty_database, directory=tmp_path).version == 0


def test_line_ends_do_not_change_a_checksum(two: Path) -> None:
    before = read_migrations(two)
    file = two / "0002_second.sql"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert read_migrations(two) == before


def test_an_applied_migration_that_changed_is_refused_by_name(
    empty_database: str, two: Path, write: Write
) -> None:
    migrate(empty_database, directory=two)
    write("0001_first.sql", "create table first (n bigint);")
    write("0003_third.sql", "create table third (n int);")
    with pytest.raises(
        Fatal, match=r"migration 0001_first\.sql was applied with sha256"
    ) as refusal:
        migrate(empty_database, directory=two)
    assert "\n" not in str(refusal.value)
    assert len(names(empty_database)) == 2


def test_a_database_newer_than_the_program_is_refused(empty_database: str, two: Path) -> None:
    migrate(empty_database, directory=two)
    (two / "0002_second.sql").unlink()
    with pytest.raises(Fatal, match=r"newer than this bgptui: .*0002_second\.sql.*upgrade bgptui"):
        migrate(empty_database, directory=two)


def test_a_migration_that_this_program_lacks_is_refused(empty_database: str, two: Path) -> None:
    migrate(empty_database, directory=two)
    (two / "0001_first.sql").unlink()
    with pytest.raises(Fatal, match=r"has migration 0001_first\.sql, which this bgptui does not"):
        migrate(empty_database, directory=two)


def test_a_migration_that_comes_late_is_refused(
    empty_database: str, tmp_path: Path, write: Write
) -> None:
    write("0002_second.sql", "create table second (n int);")
    migrate(empty_database, directory=tmp_path)
    write("0001_first.sql", "create table first (n int);")
    with pytest.raises(Fatal, match=r"is at 0002 without 0001_first\.sql"):
        migrate(empty_database, directory=tmp_path)


def test_a_failing_migration_is_undone_whole_and_the_ones_before_it_stay(
    empty_database: str, two: Path, write: Write
) -> None:
    write("0003_broken.sql", "create table third (n int);\nselect * from nowhere;")
    with pytest.raises(Fatal) as failure:
        migrate(empty_database, directory=two)
    assert "migration 0003_broken.sql failed and was undone" in str(failure.value)
    assert 'relation "nowhere" does not exist (line 2)' in str(failure.value)
    assert names(empty_database) == ["0001_first.sql", "0002_second.sql"]
    write("0003_broken.sql", "create table third (n int);")
    assert migrate(empty_database, directory=two).applied == ("0003_broken.sql",)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("3_third.sql", r"3_third\.sql is not named NNNN_name\.sql"),
        ("0002_again.sql", r"0002_again\.sql and 0002_second\.sql share a number"),
    ],
)
def test_file_names_are_checked(two: Path, write: Write, extra: str, message: str) -> None:
    write(extra, "select 1;")
    with pytest.raises(Fatal, match=message):
        read_migrations(two)


def test_of_processes_that_start_at_once_one_migrates_and_the_others_wait(
    empty_database: str, two: Path, write: Write
) -> None:
    write("0003_slow.sql", "select pg_sleep(0.3); create table third (n int);")
    reports: list[MigrationReport] = []
    errors: list[BgptuiError] = []

    def run() -> None:
        try:
            reports.append(migrate(empty_database, directory=two))
        except BgptuiError as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []
    assert sorted(len(report.applied) for report in reports) == [0, 0, 0, 3]
    assert {report.version for report in reports} == {3}


def test_waiting_for_another_process_ends(
    empty_database: str, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_WAIT_S", 0.1)
    with psycopg.connect(empty_database) as other:
        other.execute("select pg_advisory_lock(hashtextextended('bgptui.migrate', 0))")
        with pytest.raises(ServiceUnreachable, match="another bgptui has been migrating it"):
            migrate(empty_database, directory=two)


def test_a_table_in_use_ends_the_migration_with_a_line(
    empty_database: str, two: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty_database, directory=two)
    write("0003_alter.sql", "alter table first add m int;")
    monkeypatch.setattr(migrating, "STATEMENT_LOCK_WAIT_S", 0.1)
    with psycopg.connect(empty_database) as reader:
        reader.execute("select * from first")
        with pytest.raises(Fatal, match=r"0003_alter\.sql failed and was undone: .*lock timeout"):
            migrate(empty_database, directory=two)
    assert migrate(empty_database, directory=two).version == 3


def test_timescaledb_is_created_where_the_server_has_it(
    empty_database: str, two: Path, timescaledb: FakeTimescaleDB
) -> None:
    timescaledb.on_creation("create function public.made_by_extension() returns int return 1;")
    report = migrate(empty_database, directory=two)
    assert report.engine.startswith("TimescaleDB 2.99 on PostgreSQL 18.")
    assert report.notes == ()
    again = migrate(empty_database, directory=two)
    assert (again.applied, again.engine) == ((), report.engine)


def test_timescaledb_that_is_installed_but_not_preloaded_is_survived(
    empty_database: str, two: Path, timescaledb: FakeTimescaleDB
) -> None:
    # Its loader ends the session then.
    timescaledb.on_creation("select pg_terminate_backend(pg_backend_pid());")
    report = migrate(empty_database, directory=two)
    assert report.version == 2
    assert report.engine.startswith("PostgreSQL 18.")
    [note] = report.notes
    assert note.startswith("TimescaleDB is installed but not used: terminating connection")


def test_timescaledb_that_we_may_not_create_is_survived(
    empty_database: str, two: Path, timescaledb: FakeTimescaleDB
) -> None:
    timescaledb.on_creation("select 1;")
    with psycopg.connect(empty_database, autocommit=True) as admin:
        role = sql.Identifier(f"{admin.info.dbname}_writer")
        admin.execute(sql.SQL("create role {}").format(role))
        admin.execute(sql.SQL("grant create on schema public to {}").format(role))
        dsn = make_conninfo(empty_database, options=f"-c role={admin.info.dbname}_writer")
        report = migrate(dsn, directory=two)
        assert report.version == 2
        assert "permission denied to create extension" in report.notes[0]
        admin.execute(sql.SQL("drop owned by {}").format(role))
        admin.execute(sql.SQL("drop role {}").format(role))


def test_timescaledb_that_comes_later_does_not_change_the_engine(
    empty_database: str, two: Path, timescaledb: FakeTimescaleDB, write: Write
) -> None:
    migrate(empty_database, directory=two)
    timescaledb.on_creation("select 1;")
    write("0003_third.sql", "create table third (n int);")
    report = migrate(empty_database, directory=two)
    assert report.applied == ("0003_third.sql",)
    assert report.engine.startswith("PostgreSQL 18.")
