"""A storm of route events: rows of matters against a row for each peer's route.

    python -m benchmarks.event_rows [--prefixes N] [--peers N] [--spread S]

Another AS announces PREFIXES more-specifics of a watched prefix within SPREAD seconds, PEERS peers
have each within 15 seconds, and lose it in the same order. Both ways take the messages through the
route monitor and the writer into an embedded PostgreSQL; once every event is a row, once events are
grouped. CPU seconds are this process's (of the server, the time on the wall has its part); bytes
are of the table with its indexes and TOAST.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

from bgptui.correlate.event_groups import EventGroups
from bgptui.domain.event import RouteCleared, RouteEvent
from bgptui.domain.event_row import RowChanges
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.domain.rpki import NOT_FOUND
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.runtime.metrics import Metrics
from bgptui.store.batch import WriteBatch
from bgptui.store.connect import Connection, connect
from bgptui.store.embedded import EmbeddedPostgres
from bgptui.store.migrate import migrate
from bgptui.store.writer import Writer

_START = 1_767_780_000.0
_PROPAGATION_S = 15.0
_BATCH = 256
_COMMIT_EVERY_S = 0.25  # of event time, as a live feed is committed


class _EveryEvent:
    """In the place of groups: each event is a row, and none changes."""

    def __init__(self) -> None:
        self._events: list[RouteEvent] = []

    def observe(self, items: list[RouteEvent | RouteCleared], now: float) -> None:  # noqa: ARG002
        self._events += [item for item in items if isinstance(item, RouteEvent)]

    def take(self) -> RowChanges:
        events, self._events = tuple(self._events), []
        return RowChanges(events)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefixes", type=int, default=200)
    parser.add_argument("--peers", type=int, default=300)
    parser.add_argument("--spread", type=float, default=60.0, metavar="S")
    options = parser.parse_args()
    messages = list(_storm(options.prefixes, options.peers, options.spread))
    print(f"{len(messages):,} messages; {options.prefixes} prefixes at {options.peers} peers")
    print(f"{'':<12}{'rows':>9}{'updates':>9}{'MiB':>8}{'CPU-s':>8}{'wall s':>8}{'msg/CPU-s':>11}")
    for name in ("every event", "matters"):
        groups = _EveryEvent() if name != "matters" else _groups()
        with (
            tempfile.TemporaryDirectory(prefix="bgptui-benchmark-") as folder,
            EmbeddedPostgres(Path(folder)) as server,
        ):
            migrate(server.dsn)
            _measure(name, groups, messages, server.dsn)


def _storm(prefixes: int, peers: int, spread_s: float) -> Iterator[BgpMessage]:
    """Announcements, each peer's at its own time, then withdrawals in the same order."""
    rng = Random(1)
    routes = [
        (begun + rng.random() * _PROPAGATION_S, prefix, peer)
        for prefix, begun in enumerate([rng.random() * spread_s for _ in range(prefixes)])
        for peer in range(peers)
    ]
    routes.sort()
    for withdraws in (False, True):
        for at, prefix, number in routes:
            peer = Peer("rrc00", f"10.1.{number >> 8}.{number & 255}", 64_512 + number)
            named = (f"10.{prefix >> 8 | 128}.{prefix & 255}.0/24",)
            yield BgpMessage(
                _START + at + (spread_s + _PROPAGATION_S if withdraws else 0.0),
                peer,
                MessageType.UPDATE,
                announced=() if withdraws else named,
                withdrawn=named if withdraws else (),
                as_path=() if withdraws else (peer.asn, 65_000, 65_001),
                next_hops=() if withdraws else ("192.0.2.1",),
            )


def _groups() -> EventGroups:
    return EventGroups(hold_down_s=300.0, metrics=Metrics())


def _measure(
    name: str, groups: EventGroups | _EveryEvent, messages: list[BgpMessage], dsn: str
) -> None:
    monitor = RouteMonitor(
        Watchlist([Rule(1, "10.128.0.0/9", (64_500,), 9)]),
        lambda _prefix, _origin: NOT_FOUND,
        lambda: 0,
        min_peers=3,
        next_id=count(1).__next__,
    )
    writer = Writer(
        connect=lambda: _connected(dsn),
        check_lease=lambda _: None,
        holder="benchmark",
        metrics=Metrics(),
        commit_s=3_600.0,
    )
    updates = 0
    committed_at = _START
    wall, cpu = time.perf_counter(), time.process_time()
    for first in range(0, len(messages), _BATCH):
        batch = messages[first : first + _BATCH]
        for message in batch:
            now = message.timestamp
            groups.observe(monitor.observe(message, now), now)
        if isinstance(groups, EventGroups) and first + _BATCH >= len(messages):
            groups.flush()
        rows = groups.take()
        updates += len(rows.grown)
        writer.process(WriteBatch(now=now, events=rows.begun, event_updates=rows.grown), now)
        if now >= committed_at + _COMMIT_EVERY_S:
            committed_at = now
            writer.flush()
    writer.flush()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    writer.close()
    with _connected(dsn) as conn:
        found = conn.execute(
            "select (select count(*) from route_monitor_events), sum(size_bytes)::bigint"
            " from bgptui.chunks('route_monitor_events')"
        ).fetchone()
    assert found is not None  # an aggregate has one row
    print(
        f"{name:<12}{found[0]:>9,}{updates:>9,}{found[1] / 2**20:>8.1f}{cpu:>8.1f}{wall:>8.1f}"
        f"{len(messages) / cpu:>11,.0f}",
        flush=True,
    )


def _connected(dsn: str) -> Connection:
    return connect(dsn, application_name="benchmark", timeout_s=5)


if __name__ == "__main__":
    main()
