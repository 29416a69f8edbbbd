import subprocess
import sys
import threading
from collections.abc import Iterator

import psycopg
import pytest

from bgptui.errors import Fatal, Transient
from bgptui.store import lease as leases
from bgptui.store.connect import Commit, Connection, connect, transient_errors
from bgptui.store.lease import COLLECTOR, CORRELATE, Lease, LeaseLost


@pytest.fixture
def first(database: str) -> Iterator[Connection]:
    with connect(database, application_name="first", timeout_s=5) as connection:
        yield connection


@pytest.fixture
def second(database: str) -> Iterator[Connection]:
    with connect(database, application_name="second", timeout_s=5) as connection:
        yield connection


def taken(connection: Connection, holder: str, scope: str = COLLECTOR) -> Lease:
    lease = leases.acquire(connection, scope, holder=holder)
    assert lease is not None
    return lease


def expire(connection: Connection) -> None:
    """What 15 s without a renewal do."""
    connection.execute("update collector_leases set expires_at = clock_timestamp()")


def test_a_free_lease_is_taken_and_another_process_is_refused(
    first: Connection, second: Connection
) -> None:
    assert taken(first, "a") == Lease(COLLECTOR, "a", 1)
    assert leases.acquire(second, COLLECTOR, holder="b") is None
    state = leases.state(second, COLLECTOR)
    assert state is not None
    assert (state.holder, state.epoch) == ("a", 1)
    assert 14 < state.remaining_s <= leases.LEASE_TTL_S


def test_scopes_do_not_concern_each_other(first: Connection, second: Connection) -> None:
    assert taken(first, "a", "rrc00").epoch == 1
    assert taken(second, "b", "rrc01").epoch == 1
    assert taken(second, "b", CORRELATE).epoch == 1
    assert leases.state(first, "rrc02") is None


def test_an_expired_lease_is_taken_over_and_its_old_holder_cannot_write(
    first: Connection, second: Connection
) -> None:
    old = taken(first, "a")
    expire(first)
    assert taken(second, "b") == Lease(COLLECTOR, "b", 2)

    def write() -> None:
        with first.transaction():
            first.execute("create table written (n int)")
            leases.check(first, old)

    with pytest.raises(LeaseLost, match=r"lease on collector \(epoch 1\) was lost") as lost:
        write()
    assert isinstance(lost.value, Fatal)
    assert first.execute("select to_regclass('written')").fetchone() == (None,)
    with pytest.raises(LeaseLost):
        leases.renew(first, old)


def test_an_old_epoch_of_the_same_holder_is_refused(first: Connection) -> None:
    old = taken(first, "a")
    new = taken(first, "a")
    assert new.epoch == old.epoch + 1
    leases.check(first, new)
    with pytest.raises(LeaseLost):
        leases.check(first, old)


def test_a_renewal_keeps_others_out(first: Connection, second: Connection) -> None:
    lease = taken(first, "a")
    expire(first)
    leases.renew(first, lease)
    assert leases.acquire(second, COLLECTOR, holder="b") is None
    leases.check(first, lease)


def test_a_lease_that_expired_and_that_nobody_took_goes_on(first: Connection) -> None:
    lease = taken(first, "a")
    expire(first)
    state = leases.state(first, COLLECTOR)
    assert state is not None
    assert state.remaining_s == 0
    leases.check(first, lease)
    leases.renew(first, lease)


def test_a_released_lease_is_free_at_once_and_its_holder_cannot_write(
    first: Connection, second: Connection
) -> None:
    lease = taken(first, "a")
    leases.release(first, lease)
    leases.release(first, lease)
    assert leases.state(first, COLLECTOR) is None
    with pytest.raises(LeaseLost):
        leases.check(first, lease)
    assert taken(second, "b").epoch == 2
    leases.release(first, lease)  # not the new one
    state = leases.state(first, COLLECTOR)
    assert state is not None
    assert state.holder == "b"


def test_the_database_measures_the_time_to_live(first: Connection, second: Connection) -> None:
    assert leases.acquire(first, COLLECTOR, holder="a", ttl_s=0.05) is not None
    second.execute("select pg_sleep(0.06)")
    assert leases.acquire(second, COLLECTOR, holder="b") is not None


def test_a_takeover_waits_for_the_transaction_that_has_checked_the_lease(
    database: str, first: Connection, second: Connection
) -> None:
    lease = taken(first, "a")
    first.execute("create table written (n int)")
    successor: list[Lease | None] = []
    takeover = threading.Thread(
        target=lambda: successor.append(leases.acquire(second, COLLECTOR, holder="b"))
    )
    with first.transaction():
        leases.check(first, lease)
        first.execute("insert into written values (1)")
        with psycopg.connect(database, autocommit=True) as watcher:
            # A renewal does not wait for the holder's own transaction.
            watcher.execute("set lock_timeout to '1s'")
            leases.renew(watcher, lease)
            expire(watcher)
            takeover.start()
            waits = "select from pg_stat_activity where application_name = 'second' and"
            while watcher.execute(f"{waits} wait_event_type = 'Lock'".encode()).fetchone() is None:
                assert takeover.is_alive()
        assert successor == []
    takeover.join(timeout=10)
    assert successor == [Lease(COLLECTOR, "b", 2)]
    assert second.execute("select n from written").fetchall() == [(1,)]


def test_many_at_once_give_one_holder(database: str) -> None:
    results: list[Lease | None] = []
    barrier = threading.Barrier(6)

    def run(holder: str) -> None:
        with connect(database, application_name=holder, timeout_s=5) as connection:
            barrier.wait(timeout=10)
            results.append(leases.acquire(connection, COLLECTOR, holder=holder))

    threads = [threading.Thread(target=run, args=[f"h{number}"]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(lease is None for lease in results) == [False, *[True] * 5]


def test_a_writer_that_falls_asleep_in_its_transaction_is_ended(database: str) -> None:
    with connect(
        database, application_name="a", timeout_s=5, autocommit=Commit.ON_REQUEST
    ) as sleeper:
        lease = taken(sleeper, "a")
        sleeper.commit()
        leases.check(sleeper, lease)
        timeouts = "select current_setting('idle_in_transaction_session_timeout')"
        assert sleeper.execute(timeouts).fetchone() == ("15s",)
        sleeper.execute("set local idle_in_transaction_session_timeout to '20ms'")
        with connect(database, application_name="b", timeout_s=5) as other:
            expire_now = "update collector_leases set expires_at = clock_timestamp()"
            other.execute(expire_now)
            assert taken(other, "b").epoch == 2
        with pytest.raises(Transient, match="writer: "), transient_errors("writer"):
            sleeper.execute("select 1")


def test_other_errors_of_a_check_are_not_taken_for_a_lost_lease(empty_database: str) -> None:
    connection = connect(empty_database, application_name="a", timeout_s=5)
    with connection, pytest.raises(psycopg.errors.InvalidSchemaName):
        leases.check(connection, Lease(COLLECTOR, "a", 1))


def test_no_two_holders_have_one_name() -> None:
    assert leases.new_holder() != leases.new_holder()


def test_a_holder_is_gone_only_if_its_process_of_this_machine_has_ended() -> None:
    mine = leases.new_holder()
    host, _, name = mine.rsplit(":", 2)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not leases.is_gone(mine)
    assert leases.is_gone(f"{host}:{ended.pid}:{name}")
    assert not leases.is_gone(f"elsewhere.example.net:{ended.pid}:{name}")
    assert not leases.is_gone(f"{host}:{ended.pid}:00000000-{name.partition('-')[2]}")
    assert not leases.is_gone(f"{host}:1:{name}")
    assert not leases.is_gone("nonsense")
