"""Correlating what several processes hand over: nothing lost and nothing twice, whoever does it."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from bgptui.config.schema import ClockKind, Config, Feed, Rpki, Watch
from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import OriginValidation, RpkiState
from bgptui.features.handed_minutes import MinuteTotals
from bgptui.pipeline import correlation_desk
from bgptui.pipeline.correlation_desk import CorrelationDesk
from bgptui.pipeline.handing import Handed, HandedMoment, HandedRoute, HandedTotals
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.rpki.configured import configured_validator
from bgptui.rpki.source import Ageing
from bgptui.runtime.metrics import Metrics
from bgptui.store import lease, shards
from bgptui.store.connect import Connection, connect
from bgptui.store.shards import HostProgress

MINUTE = 1_767_787_200
HOSTS = {"rrc00": "far:1:a-1", "rrc01": "far:2:b-2"}
KEY = RouteKey(EventType.HIJACK_SUSPECTED, "192.0.2.0/25", 64_666, "subprefix")


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, application_name="test", timeout_s=5) as connection:
        for host, holder in HOSTS.items():
            shards.join(connection, holder, tuple(HOSTS))
            assert lease.acquire(connection, host, holder=holder) is not None
        yield connection


@pytest.fixture
def desks(database: str, conn: Connection) -> Iterator[Any]:
    """Makes a desk for a holder, who takes the lease to correlate from the one before."""
    with ExitStack() as stack:

        def make(
            holder: str, config: Config | None = None, roas: RoaWatch | None = None
        ) -> CorrelationDesk:
            conn.execute("update collector_leases set expires_at = now() where scope = 'correlate'")
            taken = lease.acquire(conn, lease.CORRELATE, holder=holder)
            assert taken is not None
            desk = CorrelationDesk(
                config or Config(),
                conn,
                taken,
                connect=lambda: connect(database, application_name="test", timeout_s=5),
                metrics=Metrics(),
                roas=roas,
            )
            stack.callback(desk.close)
            return desk

        yield make


def hand(conn: Connection, host: str, handed: Handed) -> None:
    shards.write_handed(conn, HOSTS[host], [msgspec.msgpack.encode(handed)])


def hand_time(conn: Connection, now: float) -> None:
    for host in HOSTS:
        hand(conn, host, HandedMoment(now, peers={host: 3}))


def sighting(host: str, number: int) -> HandedMoment:
    event = RouteEvent(
        id=number,
        timestamp=MINUTE + 10.0 + number,
        key=KEY,
        peer=Peer(host, f"192.0.2.{number}", 64_500 + number),
        severity=Severity.HIGH,
        hijack_class="S|0",
        description="announced by another AS",
        as_path=(64_500 + number, 64_666),
        next_hop=None,
        validation=OriginValidation(RpkiState.INVALID),
    )
    return HandedMoment(event.timestamp, peers={host: 3}, route=(HandedRoute(event=event),))


def minute(host: str, messages: int) -> HandedTotals:
    totals = MinuteTotals(MINUTE, 2, messages, messages, 0, messages, 0, 0, 0, 0, 0, 0)
    return HandedTotals(MINUTE + 70.0, (totals,), (HostProgress(host, MINUTE + 60.0),))


def ask(conn: Connection, query: str) -> list[tuple[Any, ...]]:
    return conn.execute(query.encode()).fetchall()


def test_peers_of_all_processes_count_together_and_make_one_alert(
    conn: Connection, desks: Any
) -> None:
    desk = desks(HOSTS["rrc00"])
    for host, number in (("rrc00", 1), ("rrc01", 2), ("rrc01", 3)):
        hand(conn, host, sighting(host, number))
    hand_time(conn, MINUTE + 20.0)
    desk.turn(conn)
    assert ask(conn, "select alert_id, peers_seen, peers_total from alerts") == [(1, 3, 6)]
    assert ask(conn, "select count(*) from bgptui.shard_moments") == [(0,)]


def test_a_matter_that_peers_of_all_see_is_one_row_whoever_correlates(
    conn: Connection, desks: Any
) -> None:
    rows = (
        "select id, extract(epoch from timestamp)::float8, host(peer_addr), peers_seen, sightings,"
        " end_reason from route_monitor_events"
    )
    desk = desks(HOSTS["rrc00"])
    for host, number in (("rrc00", 1), ("rrc01", 2), ("rrc01", 3)):
        hand(conn, host, sighting(host, number))
    hand_time(conn, MINUTE + 13.0)
    desk.turn(conn)
    # What it has read it has removed: all of it is in the row, none of it in memory alone.
    assert ask(conn, rows) == [(1, MINUTE + 11.0, "192.0.2.1", 3, 3, None)]
    alert = (
        "select e.peers_seen from alerts a join route_monitor_events e"
        " on (e.id, e.timestamp) = (a.route_monitor_event_id, a.route_monitor_event_timestamp)"
    )
    assert ask(conn, alert) == [(3,)]

    second = desks(HOSTS["rrc01"])
    hand(conn, "rrc00", sighting("rrc00", 4))
    hand(conn, "rrc01", sighting("rrc01", 3))
    hand_time(conn, MINUTE + 15.0)
    second.turn(conn)
    assert ask(conn, rows) == [(1, MINUTE + 11.0, "192.0.2.1", 4, 5, None)]
    for host, number in (("rrc00", 1), ("rrc01", 2), ("rrc01", 3), ("rrc00", 4)):
        peer = Peer(host, f"192.0.2.{number}", 64_500 + number)
        gone = RouteCleared(MINUTE + 20.0, KEY, peer)
        hand(conn, host, HandedMoment(MINUTE + 20.0, {host: 3}, (HandedRoute(cleared=gone),)))
    hand_time(conn, MINUTE + 400.0)
    second.turn(conn)
    assert ask(conn, rows) == [(1, MINUTE + 11.0, "192.0.2.1", 4, 5, "gone")]


def test_the_next_one_to_correlate_goes_on_with_the_alert_and_the_minutes_that_waited(
    conn: Connection, desks: Any
) -> None:
    desk = desks(HOSTS["rrc00"])
    for host, number in (("rrc00", 1), ("rrc00", 2), ("rrc01", 3)):
        hand(conn, host, sighting(host, number))
    hand(conn, "rrc00", minute("rrc00", 5))
    hand_time(conn, MINUTE + 80.0)
    desk.turn(conn)
    assert ask(conn, "select count(*) from features") == [(0,)]

    # Killed: the other one has the lease now, and the first cannot write any more.
    second = desks(HOSTS["rrc01"])
    hand(conn, "rrc01", sighting("rrc01", 4))
    hand(conn, "rrc01", minute("rrc01", 7))
    hand_time(conn, MINUTE + 90.0)
    with pytest.raises(lease.LeaseLost):
        desk.turn(conn)
    second.turn(conn)
    assert ask(conn, "select messages, withdrawals, unique_peers, peer_addr from features") == [
        (12, 12, 4, None)
    ]
    assert ask(conn, "select alert_id, peers_seen from alerts") == [(1, 4)]
    assert ask(conn, "select count(*) from bgptui.shard_moments") == [(0,)]
    assert ask(
        conn, "select count(*) from ml_results m join features f on f.id = m.feature_id"
    ) == [(1,)]


def test_a_minute_does_not_wait_for_a_process_that_is_dead(conn: Connection, desks: Any) -> None:
    desk = desks(HOSTS["rrc00"])
    hand(conn, "rrc00", minute("rrc00", 5))
    hand(conn, "rrc01", HandedTotals(MINUTE + 5.0, (), (HostProgress("rrc01", float(MINUTE)),)))
    hand_time(conn, MINUTE + 80.0)
    desk.turn(conn)
    assert ask(conn, "select count(*) from features") == [(0,)]
    conn.execute("delete from bgptui.shards where holder = %s", [HOSTS["rrc01"]])
    desk.turn(conn)
    assert ask(conn, "select messages from features") == [(5,)]


def test_where_all_leave_at_once_the_one_that_correlates_waits_for_nobody(
    conn: Connection, desks: Any
) -> None:
    desk = desks(HOSTS["rrc00"])
    hand(
        conn, "rrc01", sighting("rrc01", 1)
    )  # its last: it has come as far as that, and no further
    hand(conn, "rrc00", sighting("rrc00", 2))
    desk.turn(conn)
    assert ask(conn, "select count(*) from bgptui.shard_moments") == [(1,)]
    for holder in HOSTS.values():
        shards.announce_leaving(conn, holder)
    desk.turn(conn)
    assert ask(conn, "select count(*) from bgptui.shard_moments") == [(0,)]


@pytest.mark.parametrize("statement", range(1, 6))
def test_a_connection_that_breaks_in_a_turn_loses_nothing(
    conn: Connection, desks: Any, statement: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desks(HOSTS["rrc00"])
    for host, number in (("rrc00", 1), ("rrc01", 2), ("rrc01", 3)):
        hand(conn, host, sighting(host, number))
    hand_time(conn, MINUTE + 20.0)
    statements = itertools.count(1)
    cursor = conn.cursor

    def breaking(*args: Any, **options: Any) -> Any:
        if next(statements) == statement:
            raise psycopg.OperationalError("the connection is lost")
        return cursor(*args, **options)

    with monkeypatch.context() as broken:
        broken.setattr(conn, "cursor", breaking)
        with suppress(psycopg.OperationalError):  # there may be fewer
            desk.turn(conn)
    desk.turn(conn)
    assert ask(conn, "select alert_id, peers_seen, peers_total from alerts") == [(1, 3, 6)]
    assert ask(conn, "select count(*) from bgptui.shard_moments") == [(0,)]


def test_a_process_that_is_far_behind_in_a_recording_cannot_stop_the_others_for_ever(
    conn: Connection, desks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlation_desk, "WAIT_MOST", 3)
    monkeypatch.setattr(correlation_desk, "READ_MOST", 3)
    desk = desks(HOSTS["rrc00"], Config(feed=Feed(clock=ClockKind.EVENT)))
    hand(conn, "rrc01", HandedMoment(MINUTE + 1.0, peers={"rrc01": 3}))
    for number in range(1, 6):
        hand(conn, "rrc00", sighting("rrc00", number))
    hand_time(conn, MINUTE + 20.0)
    for _ in range(4):
        desk.turn(conn)
    assert ask(conn, "select count(*) from alerts") == [(1,)]
    assert ask(conn, "select count(*) from bgptui.shard_moments") == [(0,)]


def test_the_one_that_correlates_tells_of_roas_and_the_next_goes_on_with_them(
    conn: Connection, desks: Any, tmp_path: Path
) -> None:
    first, second = desks(HOSTS["rrc00"], roas=roa_watch(tmp_path)), None
    for at, (holder, own) in enumerate((("rrc00", True), ("rrc00", False), ("rrc01", False))):
        now = MINUTE + 20.0 + at * 10.0
        if holder == "rrc01":
            second = desks(HOSTS["rrc01"], roas=roa_watch(tmp_path))
        publish_own(tmp_path, now, own=own)
        hand_time(conn, now)
        (second or first).turn(conn)
    found = ask(conn, "select alert_id, title, status from alerts")
    assert found == [(1, "ROA Gone", "open")]
    publish_own(tmp_path, MINUTE + 60.0, own=True)
    assert second is not None
    for later in (60.0, 400.0):
        hand_time(conn, MINUTE + later)
        second.turn(conn)
    assert ask(conn, "select alert_id, status from alerts") == [(1, "resolved")]


def roa_watch(folder: Path) -> Any:
    """A watch over one prefix, by a file that it reads anew at each look."""
    validator = configured_validator(
        Rpki(vrps=str(folder / "vrps.json"), refresh_s=1.0),
        ageing=Ageing.BY_CLOCK,
        metrics=Metrics(),
    )
    watchlist = Watchlist([Rule(1, "192.0.2.0/24", (64_500,), 24)])
    watch = RoaWatch(validator, watchlist, Watch(roa_settle_s=0.0))
    look = watch.look

    def refreshed(now: float) -> Any:
        validator.refresh(now)
        return look(now)

    watch.look = refreshed  # type: ignore[method-assign]
    return watch


def publish_own(folder: Path, at: float, *, own: bool) -> None:
    roas = [{"asn": 64_999, "prefix": f"10.{n}.0.0/16", "ta": "ripe"} for n in range(50)]
    roas += [{"asn": 64_500, "prefix": "192.0.2.0/24", "ta": "ripe"}] if own else []
    document = {"metadata": {"generated": at}, "roas": roas}
    (folder / "vrps.json").write_bytes(msgspec.json.encode(document))
