"""The roles of sql/roles: the writer runs the product and owns nothing; the reader only reads."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bgptui.config.schema import Retention, Store
from bgptui.demo.catalogue import scenario
from bgptui.domain.alert import Status
from bgptui.errors import Fatal
from bgptui.resources import resource_dir
from bgptui.store import lease
from bgptui.store.alerts import NotAllowed, add_note, update_alert_status
from bgptui.store.connect import Connection, connect
from bgptui.store.readers import (
    read_alert_detail,
    read_alerts,
    read_collector,
    read_network_windows,
    read_open_counts,
)
from bgptui.store.sample_data import write_sample_data
from bgptui.store.start_state import start_state
from bgptui.store.status import database_status, maintain, verify_schema
from support.program import Program
from support.sample_output import DOCUMENT, statements
from support.servers import PostgresServer

DAY_S = 86_400
ROLES = ("bgptui_writer", "bgptui_reader")
As = Callable[[str], Connection]


def grant_roles(conn: Connection) -> None:
    for file in sorted((resource_dir("sql") / "roles").glob("*.sql")):
        conn.execute(file.read_bytes())


def existing_roles(conn: Connection) -> set[str]:
    rows = conn.execute("select rolname from pg_roles where rolname = any(%s)", [list(ROLES)])
    return {name for (name,) in rows}


@pytest.fixture
def connect_as(engine_database: str) -> Iterator[As]:
    """Connects to a database whose schema was made by another role."""
    with connect(engine_database, application_name="owner", timeout_s=5) as owner:
        before = existing_roles(owner)
        grant_roles(owner)
        grant_roles(owner)  # again, as after an upgrade

    def connected(role: str) -> Connection:
        connection = connect(engine_database, application_name=role, timeout_s=5)
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        return connection

    yield connected
    with connect(engine_database, application_name="owner", timeout_s=5) as owner:
        for role in existing_roles(owner) - before:
            for act in ("drop owned by {}", "drop role {}"):
                owner.execute(sql.SQL(act).format(sql.Identifier(role)))


def test_the_writer_runs_the_product_on_tables_of_another(connect_as: As) -> None:
    now = time.time()
    for then in (now - 100 * DAY_S, now):
        write_sample_data(lambda: connect_as("bgptui_writer"), now=then)
    with connect_as("bgptui_writer") as conn:
        assert [name for name, ok in verify_schema(conn) if not ok] == []
        assert len(start_state(conn).open_alerts) == 24
        number = next(row.alert_id for row in read_alerts(conn) if row.status is Status.OPEN)
        update_alert_status(conn, number, Status.ACKNOWLEDGED, "ada")
        add_note(conn, number, "ada", "looking")
        settings = Store(retention=Retention(features=20), compress_after_days=3)
        assert {action.action for action in maintain(conn, now, settings)} == {"dropped"}
        status = {table.name: table for table in database_status(conn).tables}
        assert (status["features"].keep_days, status["features"].rows) == (20, 50)


@pytest.mark.parametrize(
    "act",
    [
        "drop table public.features",
        "delete from public.raw_bgp_data",
        "update public.features set gap = true",
        "update public.alert_status_events set operator = 'eve'",
        "delete from public.alerts",
        "select bgptui.drop_chunk('public.features', 'public.features', now(), now())",
        "alter table public.alerts add column x int",
        "insert into public.schema_migrations values (9999, 'x', 'x')",
    ],
)
def test_the_writer_may_not(database: str, act: str) -> None:
    with (
        connect(database, application_name="owner", timeout_s=5) as conn,
        conn.transaction(force_rollback=True),
    ):
        grant_roles(conn)
        conn.execute("set role bgptui_writer")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute(act.encode())


def test_no_table_was_forgotten_in_the_grants(database: str) -> None:
    """A new table must be in sql/roles/*.sql, or here."""
    with (
        connect(database, application_name="owner", timeout_s=5) as conn,
        conn.transaction(force_rollback=True),
    ):
        grant_roles(conn)
        names = conn.execute(
            "select c.oid::regclass::text, has_table_privilege('bgptui_reader', c.oid, 'select'),"
            " has_table_privilege('bgptui_writer', c.oid, 'select'),"
            " has_table_privilege('bgptui_writer', c.oid, 'insert')"
            " from pg_class c where c.relnamespace in ('public'::regnamespace,"
            " 'bgptui'::regnamespace) and c.relkind in ('r', 'p', 'v') and not c.relispartition"
        ).fetchall()
    assert [name for name, reader, writer, _ in names if not (reader and writer)] == []
    assert {name.removeprefix("bgptui.") for name, _, _, inserts in names if not inserts} == {
        "identity",
        "timeseries",
        "maintenance_runs",
        "schema_migrations",
        "recent_alerts",
        "alert_summary_hourly",
        "features_hourly",
        "system_metrics_hourly",
    }


def test_the_reader_reads_everything_and_changes_nothing(connect_as: As) -> None:
    write_sample_data(lambda: connect_as("bgptui_writer"), now=time.time())
    with connect_as("bgptui_reader") as conn:
        for statement in statements(DOCUMENT.read_text(encoding="utf-8")):
            assert conn.execute(statement.encode()).fetchall(), statement
        alerts = read_alerts(conn)
        assert len(alerts) == 15
        number = alerts[0].alert_id
        assert read_alert_detail(conn, number) is not None
        assert sum(read_open_counts(conn).values()) == 11
        assert len(read_network_windows(conn, minutes=60)) == 10
        assert read_collector(conn) is None
        assert database_status(conn).tables[0].rows == 100
        assert len(start_state(conn).open_alerts) == 12
        for refused in (
            lambda: update_alert_status(conn, number, Status.RESOLVED, "eve"),
            lambda: add_note(conn, number, "eve", "hello"),
        ):
            with pytest.raises(NotAllowed, match=r"grant it bgptui_writer"):
                refused()
        with pytest.raises(Fatal, match="--attach"):
            lease.acquire(conn, "rrc00", holder="eve")
        for statement in (
            "update alerts set status = 'resolved'",
            "insert into system_metrics values (1, now(), 'a', 'b', 1, '1')",
            "select bgptui.maintain()",
            "select bgptui.ensure_partitions('features', now(), now())",
            "select bgptui.set_retention('features', '1 day')",
            "select bgptui.set_compression('1 day')",
            "create table public.mine (n int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())


@pytest.fixture
def logins(postgres_of_debian: PostgresServer, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Connection strings without passwords for three logins of a database, over verified TLS.

    The owner made the database and its roles and is no superuser. Passwords are in tmp_path/pgpass.
    """
    names = {"owner": "bgp_owner", "writer": "collector", "reader": "grafana"}
    words = {name: f"word of {name}:\\x" for name in names.values()}
    lines = [f"*:*:bgp:{name}:{_escaped(word)}" for name, word in words.items()]
    pgpass = tmp_path / "pgpass"
    pgpass.write_text("\n".join(lines))
    pgpass.chmod(0o600)
    with psycopg.connect(postgres_of_debian.dsn, autocommit=True) as admin:
        for name, word in words.items():
            admin.execute(
                sql.SQL("create role {} login password {}").format(
                    sql.Identifier(name), sql.Literal(word)
                )
            )
        admin.execute("alter role bgp_owner createrole")
        admin.execute("create database bgp owner bgp_owner")
        yield {
            role: make_conninfo(
                host="localhost",
                port=postgres_of_debian.port,
                dbname="bgp",
                user=name,
                sslmode="verify-full",
                sslrootcert=str(postgres_of_debian.certificate),
            )
            for role, name in names.items()
        }
        admin.execute("drop database bgp with (force)")
        for name in (*words, *existing_roles(admin)):
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace(":", "\\:")


def recording(path: Path) -> Path:
    """Three minutes of the demo's incident."""
    chosen = scenario("subprefix-hijack")
    start = chosen.recorded.start
    with path.open("wb") as file:
        for timestamp, frame in chosen.recording(rng=Random(1)):
            if start - 60 <= timestamp <= start + 120:
                file.write(frame + b"\n")
    return path


def test_logins_with_a_password_file_over_verified_tls_run_the_program(
    logins: dict[str, str], tmp_path: Path
) -> None:
    """No superuser anywhere: the owner makes the schema, the writer collects, the reader looks."""
    program = Program(tmp_path)
    program.environment["PGPASSFILE"] = str(tmp_path / "pgpass")
    owner, writer, reader = logins["owner"], logins["writer"], logins["reader"]
    assert "objects verified" in program.run("db", "init", "--dsn", owner).stdout
    with psycopg.connect(
        owner, passfile=str(tmp_path / "pgpass"), autocommit=True, client_encoding="utf8"
    ) as conn:
        row = conn.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()
        assert row == (True,)
        grant_roles(conn)
        conn.execute("grant bgptui_writer to collector; grant bgptui_reader to grafana")

    input_file = str(recording(tmp_path / "input.jsonl"))
    program.run("replay", input_file, "--keep", "--dsn", writer)
    status = program.run("db", "status", "--dsn", reader).stdout
    assert re.search(r"raw_bgp_data .* [1-9][\d,]* +\d{4}-", status)
    program.run("db", "sample-data", "--dsn", writer)
    (alert, *_) = program.run("alerts", "--json", "--dsn", reader).stdout.splitlines()
    number = re.search(r'"alert_id":(\d+)', alert)
    assert number is not None
    said = program.run("alerts", "ack", number[1], "--dsn", reader, exit_code=1).stderr
    assert said.startswith("bgptui: grafana may read alerts in this database and not change them")
    assert said.count("\n") == 1
    said = program.run("--no-ui", "--dsn", reader, exit_code=1).stderr
    assert "grafana may read this database and not write to it" in said
    program.run("alerts", "ack", number[1], "--dsn", writer)
    program.run("db", "maintain", "--dsn", writer)


def test_a_server_that_cannot_prove_who_it_is_gets_no_password(
    logins: dict[str, str], tmp_path: Path
) -> None:
    program = Program(tmp_path)
    program.environment["PGPASSFILE"] = str(tmp_path / "pgpass")
    unproven = make_conninfo(logins["owner"], sslrootcert=str(tmp_path / "nobody.crt"))
    (tmp_path / "nobody.crt").write_text("")
    said = program.run("db", "init", "--dsn", unproven, exit_code=3).stderr
    assert "cannot be reached" in said
    assert "certificate" in said.lower() or "ssl" in said.lower()
    plain = make_conninfo(logins["owner"], sslmode="disable")
    said = program.run("db", "init", "--dsn", plain, exit_code=3).stderr
    assert "no encryption" in said
    del program.environment["PGPASSFILE"]
    said = program.run("db", "init", "--dsn", logins["owner"], exit_code=3).stderr
    assert "no password supplied" in said
    assert said.count("\n") == 1
