"""The console's queries with one million alerts and thirty days of features.

    python -m benchmarks.alert_query [--alerts N]

Each query runs a hundred times on one connection, as a console does that looks once a second;
times are the wall clock's, in the client, rows decoded. The first runs are also shown: a
statement is planned anew until psycopg has prepared it.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from benchmarks.month import fill
from bgptui.domain.alert import Status
from bgptui.store import readers
from bgptui.store.alerts import update_alert_status
from bgptui.store.connect import CONSOLE, Connection, connect
from bgptui.store.embedded import EmbeddedPostgres
from bgptui.store.migrate import migrate

TARGET_MS = 20
RUNS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=1_000_000)
    options = parser.parse_args()
    with (
        TemporaryDirectory(prefix="bgptui-benchmark-") as folder,
        EmbeddedPostgres(Path(folder)) as server,
    ):
        migrate(server.dsn)
        with connect(server.dsn, application_name=CONSOLE, timeout_s=10) as conn:
            started = time.perf_counter()
            fill(
                conn,
                end="now",
                tables=("features", "alerts"),
                alerts=options.alerts,
                alert_days=364,
                one_active_in=1_000,
            )
            print(f"filled in {time.perf_counter() - started:.0f} s: {_contents(conn)}")
            print(f"{'ms':<34}{'first':>8}{'median':>8}{'p95':>8}")
            _measure("alert list (1,200 rows)", lambda: readers.read_alerts(conn))
            _measure("open alerts by severity", lambda: readers.read_open_counts(conn))
            _measure("sparklines (120 minutes)", lambda: _windows(conn))
            opened = [row for row in readers.read_alerts(conn) if row.status is Status.OPEN]
            numbers = iter([row.alert_id for row in opened] * 2)
            _measure("one alert in full", lambda: readers.read_alert_detail(conn, next(numbers)))
            acks = iter([row.alert_id for row in opened])
            _measure("acknowledge", lambda: _acknowledge(conn, next(acks)))


def _contents(conn: Connection) -> str:
    row = conn.execute(
        "select (select count(*) from public.alerts), (select count(*) from public.features),"
        " pg_size_pretty(pg_database_size(current_database()))"
    ).fetchone()
    assert row is not None  # a select without from has one row
    return f"{row[0]:,} alerts, {row[1]:,} features, {row[2]}"


def _windows(conn: Connection) -> object:
    return readers.read_network_windows(conn, minutes=120)


def _acknowledge(conn: Connection, alert_id: int) -> object:
    return update_alert_status(conn, alert_id, Status.ACKNOWLEDGED, "benchmark")


def _measure(label: str, act: Callable[[], object]) -> None:
    times_ms = []
    for _ in range(RUNS):
        started = time.perf_counter()
        act()
        times_ms.append(1e3 * (time.perf_counter() - started))
    p95 = quantiles(times_ms, n=20)[-1]
    target = f"  target {TARGET_MS}" if label.startswith("alert list") else ""
    print(f"{label:<34}{times_ms[0]:>8.1f}{median(times_ms):>8.1f}{p95:>8.1f}{target}", flush=True)


if __name__ == "__main__":
    main()
