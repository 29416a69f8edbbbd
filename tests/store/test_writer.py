"""The writer on a real server: what it stores, and what it does when things break."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.rows import dict_row

from bgptui.config.schema import Keep
from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType, RouteEvent, RouteKey
from bgptui.domain.gap import Gap
from bgptui.domain.health import FeedHealth, Health, RpkiHealth
from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState, Vrp
from bgptui.domain.score import Reason, WindowScore
from bgptui.domain.window import FeatureWindow
from bgptui.errors import Fatal, Transient
from bgptui.runtime.metrics import Metrics
from bgptui.store.connect import Connection, connect
from bgptui.store.writer import Metric, WriteBatch, Writer

T0 = 1_767_780_000  # 2026-01-07 10:00 UTC
DAY_S = 86_400
PEER = Peer("rrc00", "192.0.2.1", 64496)
PEER6 = Peer("rrc01", "2001:db8::1", 64497)

MakeWriter = Callable[..., Writer]


def no_lease(conn: Connection) -> None:
    """Nobody else is there."""


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def make_writer(database: str, metrics: Metrics) -> Iterator[MakeWriter]:
    """A writer that commits with every batch, unless told otherwise."""
    with contextlib.ExitStack() as stack:

        def make(**settings: Any) -> Writer:
            defaults: dict[str, Any] = {
                "connect": lambda: connect(database, application_name="writer", timeout_s=5),
                "check_lease": no_lease,
                "holder": "here",
                "metrics": metrics,
                "commit_s": 0.0,
            }
            return stack.enter_context(contextlib.closing(Writer(**{**defaults, **settings})))

        yield make


def update(
    timestamp: float, *, announced: tuple[str, ...] = ("203.0.113.0/24",), **facts: Any
) -> MessageRecord:
    message = BgpMessage(
        timestamp,
        facts.pop("peer", PEER),
        MessageType.UPDATE,
        announced=announced,
        as_path=facts.pop("as_path", (64496, 64500)),
        withdrawn=facts.pop("withdrawn", ()),
        received=facts.pop("received", b""),
    )
    return MessageRecord(message, False, int(timestamp) // 60 * 60, **facts)


def batch(*raw: MessageRecord, **rows: Any) -> WriteBatch:
    return WriteBatch(now=float(T0), raw=raw, **rows)


def event(event_id: int, **facts: Any) -> RouteEvent:
    values: dict[str, Any] = {
        "id": event_id,
        "timestamp": T0 + 1.5,
        "key": RouteKey(EventType.HIJACK_SUSPECTED, "203.0.113.128/25", 64511, "subprefix"),
        "peer": PEER,
        "severity": Severity.CRITICAL,
        "hijack_class": "S|0",
        "description": "a more specific from elsewhere",
        "as_path": (64496, 64511),
        "next_hop": "192.0.2.254",
        "validation": OriginValidation(
            RpkiState.INVALID, InvalidReason.ASN, (Vrp("203.0.113.0/24", 24, 64500, "ripe"),)
        ),
        "watched_prefix": "203.0.113.0/24",
        "expected_origins": (64500,),
    }
    return RouteEvent(**{**values, **facts})


def rows(conn: Connection, statement: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode()).fetchall()


def count(conn: Connection, table: str) -> int:
    return int(rows(conn, f"select count(*) as n from {table}")[0]["n"])


def test_a_message_comes_back_as_it_was_written(make_writer: MakeWriter, conn: Connection) -> None:
    record = update(
        T0 + 61.000001,
        announced=("203.0.113.0/24", "2001:db8::/32"),
        withdrawn=("198.51.100.0/24",),
        as_path=(64496, 64496, (64500, 64501)),
        received=b'{"type":"UPDATE","n":1.0}',
        flap_count=1,
    )
    make_writer().process(batch(record), T0)
    (row,) = rows(
        conn,
        "select *, host(peer_addr) as addr, prefix::text as first, announced::text[] as a,"
        " withdrawn::text[] as w, raw_message::text as frame from raw_bgp_data",
    )
    assert row["timestamp"] == datetime(2026, 1, 7, 10, 1, 1, 1, tzinfo=UTC)
    assert row["window_start"] == datetime(2026, 1, 7, 10, 1, tzinfo=UTC)
    assert (row["collector"], row["addr"], row["peer_asn"]) == ("rrc00", "192.0.2.1", 64496)
    assert (row["message_type"], row["peer_state"], row["late"]) == ("UPDATE", None, False)
    assert row["first"] == "203.0.113.0/24"
    assert row["a"] == ["203.0.113.0/24", "2001:db8::/32"]
    assert row["w"] == ["198.51.100.0/24"]
    assert (row["announcements"], row["withdrawals"], row["total_updates"]) == (2, 1, 3)
    assert row["withdrawal_ratio"] == 1 / 3
    assert (row["flap_count"], row["unique_peers"], row["session_resets"]) == (1, 1, 0)
    assert (row["path_length"], row["message_rate"]) == (3.0, None)
    assert (row["as_path"], row["origin_asn"]) == ("64496 64496 {64500,64501}", None)
    assert row["frame"] == '{"n": 1.0, "type": "UPDATE"}'


def test_a_session_state_is_a_message_and_a_state_of_its_peer(
    make_writer: MakeWriter, conn: Connection
) -> None:
    def state(timestamp: float, session: Session) -> MessageRecord:
        message = BgpMessage(timestamp, PEER6, MessageType.STATE, session=session)
        return MessageRecord(message, late=False, window_start=T0, session_resets=1)

    writer = make_writer()
    writer.process(batch(state(T0 + 5, Session.UP), state(T0 + 9, Session.DOWN)), T0)
    writer.process(batch(state(T0 + 7, Session.UP)), T0)
    stored = rows(conn, "select message_type, peer_state, prefix, as_path from raw_bgp_data")
    assert [row["peer_state"] for row in stored] == ["up", "down", "up"]
    assert {(row["message_type"], row["prefix"], row["as_path"]) for row in stored} == {
        ("STATE", None, None)
    }
    (peer,) = rows(conn, "select collector, state, last_seen from peers")
    assert (peer["collector"], peer["state"]) == ("rrc01", "down")
    assert peer["last_seen"].timestamp() == T0 + 9


def test_windows_scores_events_and_metrics_come_back_as_written(
    make_writer: MakeWriter, conn: Connection
) -> None:
    network = FeatureWindow(T0, None, announcements=7, withdrawals=1, gap=True)
    peer = FeatureWindow(T0, PEER, 3, 1, 1, 2.5, 4, 0.1, 1, 0.5, 2, 6, 3, 2)
    score = WindowScore(
        id=21,
        feature_id=12,
        window=peer,
        zscores=(1.5, None, *[0.0] * 7),
        lstm_error=None,
        lstm=None,
        isolation_forest=-0.6,
        heuristic=0.9,
        reasons=(Reason("FLAPPING", 0.9), Reason("SILENCE", 0.25)),
        ensemble=0.72,
        confidence=0.7,
        is_anomaly=True,
        model_version="none",
        learning=True,
        baseline_minutes=61,
        processing_time_ms=0.25,
    )
    make_writer().process(
        batch(
            features=((11, network, ()), (12, peer, score.zscores)),
            scores=(score,),
            events=(event(31), event(32, next_hop="no address", as_path=())),
            metrics=(Metric(T0 + 1.0, "ingest", "lag", 0.5, "s"),),
        ),
        T0,
    )
    first, second = rows(conn, "select *, host(peer_addr) as addr from features order by id")
    assert (first["id"], first["collector"], first["addr"], first["gap"]) == (11, None, None, True)
    assert (first["path_length"], first["zscores"]) == (None, None)
    assert (second["addr"], second["announcements"], second["total_updates"]) == ("192.0.2.1", 3, 4)
    assert (second["withdrawal_ratio"], second["window_duration"]) == (0.25, 60)
    assert (second["path_length"], second["std_path_length"]) == (2.5, 0.5)
    assert (second["max_updates"], second["messages"], second["late_messages"]) == (2, 6, 2)
    assert second["zscores"] == [1.5, None, *[0.0] * 7]
    (result,) = rows(conn, "select * from ml_results")
    assert (result["id"], result["feature_id"]) == (21, 12)
    assert result["feature_timestamp"] == result["timestamp"] == second["timestamp"]
    assert (result["lstm_anomaly_score"], result["lstm_is_anomaly"]) == (None, None)
    assert (result["if_anomaly_score"], result["if_is_anomaly"]) == (-0.6, True)
    assert result["heuristic_reasons"] == ["FLAPPING", "SILENCE"]
    assert result["heuristic_p"] == [pytest.approx(0.9), 0.25]
    assert (result["ensemble_score"], result["ensemble_is_anomaly"]) == (0.72, True)
    assert (result["learning"], result["baseline_minutes"]) == (True, 61)
    one, other = rows(
        conn,
        "select *, host(next_hop) as hop, prefix::text as route, roa_prefix::text as roa"
        " from route_monitor_events order by id",
    )
    assert (one["route"], one["roa"], one["roa_max_length"]) == (
        "203.0.113.128/25",
        "203.0.113.0/24",
        24,
    )
    assert (one["rpki_status"], one["event_type"], one["class"]) == (
        "invalid",
        "hijack_suspected",
        "S|0",
    )
    assert (one["as_path"], one["hop"]) == ("64496 64511", "192.0.2.254")
    assert one["metadata"]["reason"] == "subprefix"
    assert one["metadata"]["covering"][0]["asn"] == 64500
    assert (other["as_path"], other["hop"]) == (None, None)
    (metric,) = rows(conn, "select component, metric_name, metric_value, unit from system_metrics")
    assert tuple(metric.values()) == ("ingest", "lag", 0.5, "s")
    (known,) = rows(conn, "select first_seen, last_seen, state from peers")
    assert (known["first_seen"].timestamp(), known["state"]) == (T0, "up")


def test_arrival_order_is_the_order_of_ids(make_writer: MakeWriter, conn: Connection) -> None:
    times = [T0 + offset for offset in (5, 3, 4, 4, 90, 1)]
    writer = make_writer()
    writer.process(batch(*[update(time) for time in times[:4]]), T0)
    writer.process(batch(*[update(time) for time in times[4:]]), T0)
    stored = rows(conn, 'select "timestamp" from raw_bgp_data order by id')
    assert [row["timestamp"].timestamp() for row in stored] == times


def test_hostile_values_are_stored_or_counted_and_never_stop_a_copy(
    make_writer: MakeWriter, conn: Connection, metrics: Metrics
) -> None:
    hostile = "'; drop table alerts; -- \t\n\\N \x01 \0 \u202e é"
    make_writer().process(
        batch(
            update(T0 + 1, received=b'{"a":"\\u0000"}'),
            update(T0 + 2, received=b'{"n":1e999999}'),
            update(T0 + 3, received=b"[" * 20_000),
            update(T0 + 4, received=b'{"fine":true}'),
            update(T0 + 5, announced=("203.0.113.1/24",)),
            update(-1.0),
            events=(
                event(1, description=hostile, evidence={"community\0": hostile}),
                event(2, key=RouteKey(EventType.BOGON, "garbage", None, "x")),
            ),
            metrics=(Metric(T0, hostile, "\ud800", float("inf"), ""),),
        ),
        T0,
    )
    stored = rows(conn, "select raw_message from raw_bgp_data order by id")
    frames = [row["raw_message"] for row in stored]
    assert frames == [{"a": "\ufffd"}, None, None, {"fine": True}]
    (kept,) = rows(conn, "select description, metadata from route_monitor_events")
    assert kept["description"] == hostile.replace("\0", "\ufffd")
    assert kept["metadata"]["evidence"]["community\ufffd"] == hostile.replace("\0", "\ufffd")
    assert rows(conn, "select metric_name from system_metrics") == [{"metric_name": "?"}]
    assert metrics.drops() == {
        "store.bad_prefix": 2,
        "store.bad_timestamp": 1,
        "store.json_refused": 2,
    }


def test_rows_forty_days_late_and_early_find_a_partition(
    make_writer: MakeWriter, conn: Connection
) -> None:
    days = (-40, 0, 1, 40)
    make_writer().process(batch(*[update(T0 + day * DAY_S) for day in days]), T0)
    stored = rows(conn, 'select "timestamp" from raw_bgp_data order by id')
    assert [row["timestamp"].timestamp() for row in stored] == [T0 + day * DAY_S for day in days]


def test_a_partition_that_maintenance_dropped_is_made_again(
    make_writer: MakeWriter, conn: Connection
) -> None:
    writer = make_writer()
    writer.process(batch(update(T0)), T0)
    conn.execute("drop table raw_bgp_data_p20260107")
    writer.process(batch(update(T0 + 1), update(T0 + 2)), T0)
    assert count(conn, "raw_bgp_data") == 2


@pytest.mark.parametrize(
    ("raw_rows", "raw_json", "stored"),
    [
        (Keep.ALL, Keep.ALL, [(1, True), (2, True)]),
        (Keep.ALL, Keep.WATCHED, [(1, False), (2, True)]),
        (Keep.ALL, Keep.NONE, [(1, False), (2, False)]),
        (Keep.WATCHED, Keep.ALL, [(2, True)]),
        (Keep.NONE, Keep.ALL, []),
    ],
)
def test_the_configuration_says_which_messages_and_frames_are_kept(
    make_writer: MakeWriter,
    conn: Connection,
    raw_rows: Keep,
    raw_json: Keep,
    stored: list[tuple[int, bool]],
) -> None:
    make_writer(raw_rows=raw_rows, raw_json=raw_json).process(
        batch(
            update(T0 + 1, received=b"{}"),
            update(T0 + 2, received=b"{}", watched=True),
        ),
        T0,
    )
    kept = rows(conn, 'select "timestamp" as t, raw_message from raw_bgp_data order by id')
    assert [(row["t"].timestamp() - T0, row["raw_message"] == {}) for row in kept] == stored


def test_batches_wait_for_each_other_and_are_committed_together(
    make_writer: MakeWriter, conn: Connection
) -> None:
    now = [0.0]
    writer = make_writer(commit_s=0.5, commit_rows=3, monotonic=lambda: now[0])
    writer.process(batch(update(T0)), T0)
    now[0] = 0.4
    writer.tick(T0)
    assert count(conn, "raw_bgp_data") == 0
    now[0] = 0.5
    writer.tick(T0)
    assert count(conn, "raw_bgp_data") == 1
    writer.process(batch(update(T0), update(T0)), T0)
    assert count(conn, "raw_bgp_data") == 1
    writer.process(batch(update(T0)), T0)  # commit_rows
    assert count(conn, "raw_bgp_data") == 4
    writer.process(batch(update(T0)), T0)
    writer.flush()
    assert count(conn, "raw_bgp_data") == 5


def test_what_is_not_committed_when_it_closes_is_counted(
    make_writer: MakeWriter, conn: Connection, metrics: Metrics
) -> None:
    writer = make_writer(commit_s=60.0)
    writer.process(batch(update(T0), update(T0)), T0)
    writer.close()
    assert metrics.drops() == {"store.not_committed": 2}
    assert count(conn, "raw_bgp_data") == 0


def test_a_lost_lease_writes_nothing(make_writer: MakeWriter, conn: Connection) -> None:
    def lost(_: Connection) -> None:
        raise Fatal("the lease was lost")

    with pytest.raises(Fatal, match="lease"):
        make_writer(check_lease=lost).process(batch(update(T0)), T0)
    assert count(conn, "raw_bgp_data") == 0


KILL_ONCE = """
create sequence kills;
create function kill_once() returns trigger language plpgsql as $$
begin
  if nextval('kills') = 1 then
    perform pg_terminate_backend(pg_backend_pid());
  end if;
  return new;
end $$;
create trigger kill_once before insert on route_monitor_events
  for each row execute function kill_once();
"""


def test_a_backend_killed_in_the_middle_of_a_batch_leaves_every_row_once(
    make_writer: MakeWriter, conn: Connection
) -> None:
    conn.execute(KILL_ONCE.encode())
    writer = make_writer()
    writer.process(batch(update(T0)), T0)
    second = batch(update(T0 + 1), update(T0 + 2), events=(event(1), event(2)))
    with pytest.raises(Transient):
        writer.process(second, T0)
    assert count(conn, "raw_bgp_data") == 1
    writer.process(second, T0)
    assert (count(conn, "raw_bgp_data"), count(conn, "route_monitor_events")) == (3, 2)


def test_a_commit_whose_answer_was_lost_is_not_written_twice(
    database: str, make_writer: MakeWriter, conn: Connection
) -> None:
    lose_answer = [True]

    class Unlucky(psycopg.Connection[tuple[Any, ...]]):
        """Commits, and then loses the connection before it hears so."""

        @contextlib.contextmanager
        def transaction(self, *args: Any, **kwargs: Any) -> Iterator[psycopg.Transaction]:
            with super().transaction(*args, **kwargs) as transaction:
                yield transaction
            if lose_answer.pop():
                self.close()
                raise psycopg.OperationalError("the connection is lost")

    writer = make_writer(connect=lambda: Unlucky.connect(database, autocommit=True))
    first = batch(update(T0), update(T0 + 1))
    with pytest.raises(Transient):
        writer.process(first, T0)
    assert count(conn, "raw_bgp_data") == 2
    lose_answer.append(False)
    writer.process(first, T0)
    writer.flush()
    assert count(conn, "raw_bgp_data") == 2
    lose_answer.append(False)
    writer.process(batch(update(T0 + 2)), T0)
    assert count(conn, "raw_bgp_data") == 3


def test_a_server_that_cannot_be_reached_is_waited_for(make_writer: MakeWriter) -> None:
    writer = make_writer(
        connect=lambda: connect("host=127.0.0.1 port=1", application_name="x", timeout_s=2)
    )
    with pytest.raises(Transient, match="cannot be reached"):
        writer.process(batch(update(T0)), T0)


def test_a_gap_opens_without_an_end_and_is_closed_later(
    make_writer: MakeWriter, conn: Connection
) -> None:
    gap = Gap(T0 + 0.5, None, None, "closed", attempts=1)
    writer = make_writer()
    writer.process(batch(gaps=(gap,)), T0)
    assert rows(conn, "select gap_end, attempts from feed_gaps") == [
        {"gap_end": None, "attempts": 1}
    ]
    writer.process(batch(gaps=(replace(gap, end=T0 + 30.25, attempts=4),)), T0)
    writer.process(batch(gaps=(gap, replace(gap, collector="rrc01", end=T0 - 9.0))), T0)
    whole, one = rows(conn, "select * from feed_gaps order by gap_id")
    assert whole["collector"] is None
    assert (whole["gap_end"].timestamp(), whole["attempts"]) == (T0 + 30.25, 4)
    assert (one["collector"], one["gap_end"]) == ("rrc01", one["gap_start"])


def test_health_is_one_row_with_the_last_document(
    make_writer: MakeWriter, conn: Connection
) -> None:
    def health(now: float) -> Health:
        feed = FeedHealth("live", "wss://example.net", "live", error="bad\0text")
        return Health(now, feed, RpkiHealth("file", "fresh"), ())

    writer = make_writer()
    for now in (1.0, 2.0):
        writer.process(batch(health=health(now)), T0)
    (row,) = rows(
        conn, "select holder, document, clock_timestamp() - updated_at as age from collector_health"
    )
    assert (row["holder"], row["document"]["now"]) == ("here", 2.0)
    assert row["document"]["feed"]["error"] == "bad\ufffdtext"
    assert 0 <= row["age"].total_seconds() < 60
