"""Shares by leases in a real database: taken, given, taken over, and fenced."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bgptui.errors import Fatal, Transient
from bgptui.pipeline import share_keeper
from bgptui.pipeline.holding import LeaseHeld, hold, hold_share, release
from bgptui.pipeline.share import Begin, Leave, Share
from bgptui.pipeline.share_keeper import ShareKeeper
from bgptui.store import lease, shards
from bgptui.store.connect import Connection, Database, connect
from bgptui.store.lease import LeaseLost
from bgptui.store.shards import HostProgress

HOSTS = ("rrc00", "rrc01", "rrc03")
START = 1_767_787_200.0


class Process:
    """One of the processes, without what it would collect."""

    def __init__(self, conn: Connection, name: str) -> None:
        self.conn = conn
        self.time_s = 0.0
        # By its name it is of another machine: only the database's clock tells that it is dead.
        number = shards.join(conn, name, HOSTS)
        self.share = Share(HOSTS, holder=name, number=number)
        self.keeper = ShareKeeper(self.share, monotonic=lambda: self.time_s)

    def tend(self, *, seconds: float = 1.0) -> None:
        self.time_s += seconds
        self.keeper.tend(self.conn)

    @property
    def hosts(self) -> set[str]:
        return set(self.share.epochs)

    def orders(self) -> list[Begin | Leave]:
        orders = list(self.share.orders)
        self.share.orders.clear()
        return orders

    def write_last_rows(self) -> None:
        """What the pipeline does with its orders to leave."""
        for order in self.orders():
            if isinstance(order, Leave):
                last = HostProgress(order.host, START + 60.0, START + 42.0, has_left=True)
                shards.write_progress(self.conn, self.share.holder, (last,))


@pytest.fixture
def connections(database: str) -> Iterator[list[Connection]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(connect(database, application_name="test", timeout_s=5))
            for _ in range(2)
        ]


@pytest.fixture
def first(connections: list[Connection]) -> Process:
    return Process(connections[0], "far:1:a-1")


@pytest.fixture
def second(connections: list[Connection]) -> Process:
    return Process(connections[1], "far:2:b-2")


def kill(process: Process) -> None:
    """What 15 s without a renewal do."""
    for table in ("bgptui.shards", "collector_leases"):
        process.conn.execute(
            f"update {table} set expires_at = clock_timestamp() where holder = %s",
            [process.share.holder],
        )


def test_a_process_alone_takes_every_host_and_correlates(first: Process) -> None:
    first.tend()
    assert first.hosts == set(HOSTS)
    assert first.share.correlate is not None
    begun = first.orders()
    assert [(order.host, order.gaps) for order in begun if isinstance(order, Begin)] == [
        (host, ()) for host in HOSTS
    ]


def test_a_process_that_joins_gets_its_share_once_the_last_rows_are_written(
    first: Process, second: Process
) -> None:
    shards.leave(second.conn, second.share.holder)
    first.tend()
    first.orders()
    second = Process(second.conn, "far:3:c-3")
    first.tend()
    second.tend()
    assert first.hosts == set(HOSTS)
    assert second.hosts == set()
    first.write_last_rows()
    first.tend()
    second.tend()
    assert first.hosts == {"rrc00", "rrc01"}
    assert second.hosts == {"rrc03"}
    begin = second.orders()[0]
    assert isinstance(begin, Begin)
    assert begin.closed_until == START + 60
    assert [(gap.start, gap.end, gap.collector, gap.reason) for gap in begin.gaps] == [
        (START + 42, None, "rrc03", "takeover")
    ]
    for _ in range(3):
        first.tend()
        second.tend()
    assert first.orders() == second.orders() == []


def test_the_share_of_a_dead_process_is_taken_over_with_a_gap_and_it_cannot_write(
    first: Process, second: Process
) -> None:
    first.tend()
    second.tend()
    first.tend(seconds=10.0)
    second.tend(seconds=10.0)
    lost = second.hosts
    assert len(lost) == 1
    seen = [HostProgress(host, START + 60.0, START + 65.0) for host in lost]
    shards.write_progress(second.conn, second.share.holder, seen)
    kill(second)
    first.orders()
    first.tend(seconds=6.0)
    assert first.hosts == set(HOSTS)
    begin = first.orders()[0]
    assert isinstance(begin, Begin)
    assert [(gap.start, gap.collector) for gap in begin.gaps] == [(START + 60, *lost)]

    def write() -> None:
        with second.conn.transaction():
            second.share.check(second.conn)

    with pytest.raises(LeaseLost):
        write()
    with pytest.raises(LeaseLost):
        second.tend(seconds=10.0)


def test_after_an_outage_of_the_database_nobody_takes_from_others_before_they_could_renew(
    first: Process, second: Process
) -> None:
    first.tend()
    second.tend()
    before = (first.hosts, second.hosts)
    kill(first)
    kill(second)
    first.tend(seconds=60.0)
    second.tend(seconds=60.0)
    assert (first.hosts, second.hosts) == before
    kill(second)
    first.tend(seconds=8.0)
    first.tend(seconds=8.0)
    assert first.hosts == set(HOSTS)


def test_a_process_that_leaves_has_its_hosts_taken_at_once(first: Process, second: Process) -> None:
    first.tend()
    second.tend()
    for host in second.hosts:
        lease.release(second.conn, lease.Lease(host, second.share.holder, 1))
    shards.leave(second.conn, second.share.holder)
    first.tend()
    assert first.hosts == set(HOSTS)


def test_a_lease_that_was_taken_as_the_connection_broke_is_taken_again(first: Process) -> None:
    assert lease.acquire(first.conn, "rrc00", holder=first.share.holder) is not None
    first.tend()
    assert first.share.epochs["rrc00"] == 2


def test_a_host_is_begun_before_it_is_left_where_the_connection_broke_in_between(
    first: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[Begin]:
        raise Transient("the connection is lost")

    first.conn.execute("delete from bgptui.shards where holder <> %s", [first.share.holder])
    with monkeypatch.context() as breaking:
        breaking.setattr(share_keeper, "host_starts", broken)
        with pytest.raises(Transient):
            first.tend()
    assert first.hosts == set(HOSTS)
    Process(first.conn, "far:3:c-3")
    first.tend()
    assert [(type(order), order.host) for order in first.orders()] == [
        (Begin, host) for host in HOSTS
    ]
    first.tend()
    assert [(type(order), order.host) for order in first.orders()] == [(Leave, "rrc03")]


def test_a_process_with_another_list_of_hosts_is_refused(database: str) -> None:
    with Database.of(database, Path("unused"), timeout_s=5.0) as opened:
        shared = hold_share(opened, HOSTS)
        told = "rrc99 only here; rrc01, rrc03 only there$"
        with pytest.raises(Fatal, match=told):
            hold_share(opened, ("rrc00", "rrc99"))
        also = hold_share(opened, HOSTS[::-1])
        for held in (shared, also):
            release(held)
        release(hold_share(opened, ("rrc00", "rrc99")))


def test_one_process_for_all_and_several_that_share_exclude_each_other(database: str) -> None:
    with Database.of(database, Path("unused"), timeout_s=5.0) as opened:
        shared = hold_share(opened, HOSTS)
        with pytest.raises(LeaseHeld, match="1 bgptui share the collectors"):
            hold(opened)
        release(shared)
        alone = hold(opened)
        release(alone)
        assert hold_share(opened, HOSTS).lease.holder != alone.lease.holder
