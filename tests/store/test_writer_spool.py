"""The writing end of a collector on a real server that goes away and comes back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict

from bgptui.domain.alert import Change
from bgptui.errors import ServiceUnreachable
from bgptui.store import lease
from bgptui.store.connect import connect
from bgptui.store.lease import LeaseLost
from support.batches import T0, alert, message, messages, window
from support.mortal_server import MortalServer, wait_until
from support.writing import Writing

DAY_S = 86_400


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalServer]:
    mortal = MortalServer(tmp_path_factory.mktemp("mortal"))
    yield mortal
    mortal.close()


@pytest.fixture
def dsn(server: MortalServer) -> str:
    server.start()
    return server.new_database()


def ask(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with connect(dsn, application_name="test", timeout_s=5) as conn:
        return conn.execute(statement.encode()).fetchall()


def numbers(dsn: str, table: str) -> list[int]:
    """The ids in a table of one day, in the order in which they were written."""
    column = "alert_id" if table == "alerts" else "id"
    rows = ask(dsn, f"select {column} from {table} order by ctid")
    return [int(str(number)) for (number,) in rows]


def raw_numbers(dsn: str) -> list[int]:
    rows = ask(dsn, f"select round((extract(epoch from timestamp) - {T0}) * 100) from raw_bgp_data"
                    " order by id")  # fmt: skip
    return [int(str(number)) for (number,) in rows]


BLOCK_COPY = """
create function wait_for_test() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(7);
  return new;
end $$;
create trigger wait_for_test before insert on route_monitor_events
  for each row execute function wait_for_test();
"""
BLOCKED = "select 1 from pg_locks where locktype = 'advisory' and objid = 7 and not granted"


def test_a_server_killed_in_the_middle_of_copy_has_every_row_once_when_it_is_back(
    server: MortalServer, dsn: str, tmp_path: Path
) -> None:
    holding = connect(dsn, application_name="test", timeout_s=5)
    holding.execute(BLOCK_COPY.encode())
    holding.execute("select pg_advisory_lock(7)")
    writing = Writing(dsn, tmp_path)
    writing.put(messages(0, 300), window(1), alert(1))
    wait_until(lambda: bool(ask(dsn, BLOCKED)))
    server.kill()
    holding.close()
    writing.put(messages(300, 300), window(2), alert(2))
    wait_until(lambda: writing.backlog.state().spool_bytes > 0)
    server.start()
    writing.put(messages(600, 300), window(3), alert(3))
    wait_until(lambda: writing.caught_up)
    assert writing.stop()
    assert raw_numbers(dsn) == list(range(900))
    for table in ("features", "ml_results", "route_monitor_events", "alerts"):
        assert numbers(dsn, table) == [1, 2, 3], table
    assert writing.metrics.drops() == {}


def test_a_server_that_hangs_does_not_hold_up_the_pipeline(dsn: str, tmp_path: Path) -> None:
    writing = Writing(dsn, tmp_path)
    with connect(dsn, application_name="test", timeout_s=5) as conn:
        conn.execute(BLOCK_COPY.encode())
        conn.execute("select pg_advisory_lock(7)")
        writing.put(window(1))
        for number in range(500):  # many more than channel and memory have room for
            writing.put(messages(number * 4, 4))
        wait_until(lambda: writing.backlog.state().spool_bytes > 0)
        assert writing.backlog.state().away_s is None
    wait_until(lambda: writing.caught_up)
    assert writing.stop()
    assert raw_numbers(dsn) == list(range(2_000))
    assert numbers(dsn, "route_monitor_events") == [1]


def test_a_server_that_only_reads_is_waited_for_as_a_standby_is(dsn: str, tmp_path: Path) -> None:
    writing = Writing(dsn, tmp_path)
    writing.put(window(1))
    wait_until(lambda: numbers(dsn, "features") == [1])
    name = conninfo_to_dict(dsn)["dbname"]
    drop = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test'"
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"alter database {name} set default_transaction_read_only = on".encode())
        admin.execute(f"{drop} and datname = '{name}' and pid <> pg_backend_pid()".encode())
        writing.put(window(2))
        wait_until(lambda: "read-only" in writing.committer.waiting_for)
        admin.execute(f"alter database {name} reset default_transaction_read_only".encode())
    wait_until(lambda: writing.caught_up)
    assert writing.stop()
    assert numbers(dsn, "features") == [1, 2]


def test_batches_of_any_age_find_their_partition_after_an_outage(
    server: MortalServer, dsn: str, tmp_path: Path
) -> None:
    writing = Writing(dsn, tmp_path)
    server.kill()
    days = (0, -40, 1, 40)
    for day in days:
        late = message(1)
        moved = replace(late.message, timestamp=T0 + day * DAY_S + 0.01)
        start = int(moved.timestamp) // 60 * 60
        writing.put(
            replace(messages(1, 1), raw=(replace(late, message=moved, window_start=start),))
        )
    wait_until(lambda: writing.backlog.state().away_s is not None)
    server.start()
    wait_until(lambda: writing.caught_up)
    assert writing.stop()
    assert raw_numbers(dsn) == [1 + day * DAY_S * 100 for day in days]


def test_a_clock_that_steps_changes_neither_order_nor_number(
    server: MortalServer, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Writing(dsn, tmp_path)
    server.kill()
    writing.put(messages(0, 10))
    wait_until(lambda: writing.backlog.state().away_s is not None)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - DAY_S)
    writing.put(replace(messages(10, 10), now=float(T0 - DAY_S)))
    monkeypatch.setattr(time, "time", lambda: real() + DAY_S)
    writing.put(replace(messages(20, 10), now=float(T0 + DAY_S)))
    server.start()
    wait_until(lambda: writing.caught_up)
    away_s = writing.backlog.state().away_s
    assert writing.stop()
    assert away_s is None
    assert raw_numbers(dsn) == list(range(30))


def test_alerts_keep_their_changes_ids_and_notices_across_an_outage(
    server: MortalServer, dsn: str, tmp_path: Path
) -> None:
    writing = Writing(dsn, tmp_path)
    writing.put(alert(1))
    wait_until(lambda: numbers(dsn, "alerts") == [1])
    server.kill()
    writing.put(alert(2), alert(1, Change.RESOLVE, resolution="over"), alert(3))
    wait_until(lambda: writing.backlog.state().away_s is not None)
    server.start()
    wait_until(lambda: writing.caught_up)
    assert writing.stop()
    assert ask(dsn, "select alert_id, status from alerts order by alert_id") == [
        (1, "resolved"),
        (2, "open"),
        (3, "open"),
    ]
    told = ask(dsn, "select alert_id, event from notification_outbox order by outbox_id")
    assert sorted(told, key=str) == [(1, "open"), (1, "resolve"), (2, "open"), (3, "open")]


_COLLECTOR = """
import sys
from pathlib import Path
from support.batches import alert, messages, window
from support.mortal_server import wait_until
from support.writing import Writing
writing = Writing(sys.argv[1], Path(sys.argv[2]))
print("begun", flush=True)
for number, _ in enumerate(sys.stdin, start=1):
    writing.put(messages(number * 50, 50), window(number), alert(number))
    wait_until(lambda: not len(writing.writes))
    print(writing.backlog.state().spool_bytes, flush=True)
"""


class OtherCollector:
    """The writing end in a process of its own; each line that it is sent is a lot of batches."""

    def __init__(self, dsn: str, folder: Path) -> None:
        environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[1]))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COLLECTOR, dsn, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._answer() == "begun"

    def put(self) -> int:
        """Let it write a lot; returns the bytes in its spool."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._answer())

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def other(dsn: str, tmp_path: Path) -> Iterator[OtherCollector]:
    collector = OtherCollector(dsn, tmp_path)
    yield collector
    collector.kill()


def wait_for_lease(dsn: str) -> None:
    expired = "select 1 from collector_leases where expires_at > clock_timestamp()"
    wait_until(lambda: not ask(dsn, expired))


def test_a_collector_killed_while_it_spools_loses_nothing_and_the_next_writes_it_first(
    server: MortalServer, dsn: str, tmp_path: Path, other: OtherCollector
) -> None:
    other.put()
    wait_until(lambda: numbers(dsn, "features") == [1])
    server.kill()
    other.put()
    lots = 2
    while not other.put():
        lots += 1
    lots += 2
    other.put()
    other.kill()
    server.start()
    wait_for_lease(dsn)
    writing = Writing(dsn, tmp_path)
    # What was put last may have been on its way to the spool.
    found = numbers(dsn, "features")
    assert found in (list(range(1, lots + 1)), list(range(1, lots)))
    writing.put(window(800))
    assert writing.stop()
    assert numbers(dsn, "features") == [*found, 800]
    assert raw_numbers(dsn) == list(range(50, 50 + 50 * len(found)))
    assert numbers(dsn, "alerts") == found


def test_a_stop_while_the_database_is_away_waits_for_nothing_and_loses_nothing(
    server: MortalServer, dsn: str, tmp_path: Path
) -> None:
    writing = Writing(dsn, tmp_path)
    server.kill()
    writing.put(messages(0, 100), window(1), alert(1))
    assert not writing.stop(within_s=10.0)
    assert writing.metrics.drops() == {}
    with pytest.raises(ServiceUnreachable):
        Writing(dsn, tmp_path)
    server.start()
    wait_for_lease(dsn)
    assert Writing(dsn, tmp_path).stop()
    assert raw_numbers(dsn) == list(range(100))
    assert (numbers(dsn, "features"), numbers(dsn, "alerts")) == ([1], [1])


def test_a_collector_that_another_has_replaced_writes_nothing_over_its_rows(
    server: MortalServer, dsn: str, tmp_path: Path
) -> None:
    first = Writing(dsn, tmp_path / "first")
    first.put(window(1))
    wait_until(lambda: numbers(dsn, "features") == [1])
    first.cut_off.set()
    server.kill()
    first.put(window(2), alert(2))
    wait_until(lambda: first.backlog.state().spool_bytes > 0)
    server.start()  # the first one cannot reach it
    wait_for_lease(dsn)
    second = Writing(dsn, tmp_path / "second")
    second.put(window(2), window(3))
    assert second.stop()
    first.cut_off.clear()
    assert first.failure.happened.wait(30)
    with pytest.raises(LeaseLost, match="another bgptui collects"):
        first.stop()
    assert (numbers(dsn, "features"), numbers(dsn, "alerts")) == ([1, 2, 3], [])
    # Back on the first machine: its rows are neither written nor thrown away.
    wait_for_lease(dsn)
    again = Writing(dsn, tmp_path / "first")
    assert again.stop()
    assert (numbers(dsn, "features"), numbers(dsn, "alerts")) == ([1, 2, 3], [])
    assert again.metrics.drops() == {"store.spool_set_aside": 1}
    assert list((tmp_path / "first").glob("*/set-aside.1.*/kept-*"))


def test_a_second_collector_on_one_database_gets_no_lease(dsn: str, tmp_path: Path) -> None:
    first = Writing(dsn, tmp_path)
    with first.connect() as conn:
        assert lease.acquire(conn, lease.COLLECTOR, holder="second", ttl_s=60) is None
    assert first.stop()


def test_what_was_committed_before_a_kill_is_not_written_again_though_it_is_still_spooled(
    dsn: str, tmp_path: Path
) -> None:
    writing = Writing(dsn, tmp_path)
    batches = [replace(window(number), sequence=number) for number in (1, 2, 3)]
    for batch in batches:
        writing.spool.append(batch)
    writer = writing.make_writer(writing.held.holder)
    writer.process(batches[0], 0.0)
    writer.process(batches[1], 0.0)
    writer.flush()
    writer.close()
    assert not writing.stop()  # as if killed here: the files of the first two are still there
    wait_for_lease(dsn)
    again = Writing(dsn, tmp_path)
    again.put(window(4))
    assert again.stop()
    assert numbers(dsn, "features") == [1, 2, 3, 4]
    assert ask(dsn, "select holder from bgptui.positions") == [(again.held.holder,)]


def test_a_spool_is_never_written_into_another_database(
    server: MortalServer, dsn: str, tmp_path: Path
) -> None:
    writing = Writing(dsn, tmp_path)
    server.kill()
    writing.put(window(1))
    assert not writing.stop(within_s=10.0)
    server.start()
    elsewhere = server.new_database()
    assert Writing(elsewhere, tmp_path).stop()
    assert numbers(elsewhere, "features") == []
    wait_for_lease(dsn)
    assert Writing(dsn, tmp_path).stop()
    assert numbers(dsn, "features") == [1]
