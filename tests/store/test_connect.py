import socket
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bgptui.errors import ServiceUnreachable, Transient, UsageError
from bgptui.store.connect import (
    CONSOLE,
    Commit,
    Database,
    connect,
    transient_errors,
)
from bgptui.store.dsn import describe, masked_dsn
from bgptui.store.embedded import EmbeddedPostgres


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A TCP port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_session_has_our_name_and_utc(empty_database: str) -> None:
    with connect(empty_database, application_name=CONSOLE, timeout_s=5) as connection:
        row = connection.execute("select current_setting('application_name'), now()").fetchone()
        assert row is not None
        assert row[0] == "bgptui console"
        assert row[1].tzinfo is not None
        assert row[1].utcoffset() == UTC.utcoffset(None)
        assert connection.autocommit


def test_utc_outlives_a_rollback(empty_database: str) -> None:
    with connect(
        empty_database, application_name=CONSOLE, timeout_s=5, autocommit=Commit.ON_REQUEST
    ) as connection:
        assert not connection.autocommit
        connection.execute("select 1")
        connection.rollback()
        assert connection.execute("show timezone").fetchone() == ("UTC",)


def test_settings_of_the_dsn_are_kept(empty_database: str) -> None:
    dsn = make_conninfo(empty_database, options="-c search_path=elsewhere", keepalives_idle=99)
    with connect(dsn, application_name=CONSOLE, timeout_s=5) as connection:
        assert connection.execute("show search_path").fetchone() == ("elsewhere",)
        assert connection.info.get_parameters()["keepalives_idle"] == "99"


@pytest.mark.parametrize(
    "form",
    [
        "host=127.0.0.1 port={port} user=noc password=s3cret dbname=bgp",
        "postgresql://noc:s3cret@127.0.0.1:{port}/bgp",
        "postgres://127.0.0.1:{port}/bgp?user=noc&password=s3cret",
    ],
)
def test_an_unreachable_server_is_named_without_the_password(form: str, closed_port: int) -> None:
    with pytest.raises(ServiceUnreachable) as failure:
        connect(form.format(port=closed_port), application_name=CONSOLE, timeout_s=3)
    text = str(failure.value)
    assert f"database bgp on 127.0.0.1:{closed_port} as noc cannot be reached" in text
    assert "Connection refused" in text
    assert "s3cret" not in text
    assert "\n" not in text
    assert failure.value.exit_code == 3


def test_a_server_that_says_nothing_is_given_up(closed_port: int) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        dsn = f"host=127.0.0.1 port={mute.getsockname()[1]} dbname=bgp"
        with pytest.raises(ServiceUnreachable, match="timeout expired"):
            connect(dsn, application_name=CONSOLE, timeout_s=0.1)


def test_the_servers_reason_is_shown(postgres_server: str) -> None:
    dsn = make_conninfo(postgres_server, dbname="no_such_database")
    with pytest.raises(ServiceUnreachable, match='database "no_such_database" does not exist'):
        connect(dsn, application_name=CONSOLE, timeout_s=5)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://noc:s3c/ret@db.example.net/bgp",
        "postgresql://noc:3/s3cret@db.example.net/bgp",
        "postgresql://noc:3?s3c@ret@db.example.net/bgp",
        "postgresql://noc:s3c@ret@db.example.net/bgp",
        "host=db.example.net password=s3c ret user=noc",
        "host=db.example.net pasword=s3cret",
        "postgresql://noc:s3%zzret@db.example.net/bgp",
    ],
)
def test_what_is_no_connection_string_is_a_wrong_setting_and_not_shown(dsn: str) -> None:
    for act in (describe, lambda text: connect(text, application_name=CONSOLE, timeout_s=1)):
        with pytest.raises(UsageError) as failure:
            act(dsn)
        chain = f"{failure.value!r} {failure.value.__cause__!r}"
        assert "s3" not in chain
        assert "ret" not in chain.replace("secret", "")
    assert "ret" not in masked_dsn(dsn)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("", ""),
        ("postgresql://noc:pw@db/bgp", "user=noc password=*** dbname=bgp host=db"),
        ("host=db sslpassword='p w' user=noc", "host=db sslpassword=*** user=noc"),
        ("host=db passfile=/etc/bgptui/pgpass", "host=db passfile=/etc/bgptui/pgpass"),
    ],
)
def test_a_masked_dsn_shows_everything_but_secrets(dsn: str, shown: str) -> None:
    assert dict(part.split("=") for part in masked_dsn(dsn).split()) == dict(
        part.split("=") for part in shown.split()
    )


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://noc@db.example.net/bgp", "bgp on db.example.net:5432 as noc"),
        ("host=a,b port=1,2 dbname=bgp", "bgp on a:1,b:2"),
        ("host=a,b port=7 dbname=bgp", "bgp on a:7,b:7"),
        ("postgresql://db/bgp?user=noc@cloud", "bgp on db:5432 as noc@cloud"),
        ("user=noc", "noc on the default host:5432 as noc"),
        ("postgresql://[2001:db8::1]:6000/bgp", "bgp on 2001:db8::1:6000"),
    ],
)
def test_a_database_is_described_for_people(dsn: str, shown: str) -> None:
    assert describe(dsn) == shown


def test_a_lost_connection_is_transient(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        victim = connection.info.backend_pid
        with connect(empty_database, application_name="other", timeout_s=5) as other:
            other.execute("select pg_terminate_backend(%s)", [victim])
        for _ in range(2):  # while it is lost, and when it is known to be
            with pytest.raises(Transient, match="writer: "), transient_errors("writer"):
                connection.execute("select 1")


def test_an_error_in_a_statement_is_not_transient(empty_database: str) -> None:
    with connect(empty_database, application_name="other", timeout_s=5) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable), transient_errors("writer"):
            connection.execute("select * from nowhere")
        with pytest.raises(psycopg.errors.DivisionByZero), transient_errors("writer"):
            connection.execute("select 1 / 0")


def test_a_database_by_dsn_is_reached_or_refused_at_once(
    empty_database: str, closed_port: int, tmp_path: Path
) -> None:
    with Database.of(empty_database, tmp_path) as database:
        assert database.dsn == empty_database
        assert database.engine.startswith("PostgreSQL 18.")
        assert "embedded" not in database.engine
    with pytest.raises(ServiceUnreachable):
        Database.of(f"host=127.0.0.1 port={closed_port}", tmp_path).__enter__()


def test_a_database_has_either_a_dsn_or_a_server_of_ours(tmp_path: Path) -> None:
    for dsn, embedded in (("", None), ("host=db", EmbeddedPostgres(tmp_path))):
        with pytest.raises(ValueError):
            Database(dsn, embedded=embedded)


def test_a_throw_away_database_is_embedded() -> None:
    with Database.throwaway() as database:
        assert database.embedded is not None
        with database.connect(application_name="test") as connection:
            assert connection.execute("select current_database()").fetchone() == ("bgptui",)
        directory = database.embedded.data_dir
    assert not directory.exists()
