"""COPY of raw rows from one thread, and what a row takes on disk.

    python -m benchmarks.copy_rows [--rows N] [--seed N] [--timescaledb DSN]

Rates are rows per second of the wall clock through the pipeline's own writer (encoding, COPY,
commit; 20,000 rows a transaction) into an embedded PostgreSQL that is as durable as a user's. The
CPU time beside it is this process's: the server has a core of its own where there is one. The
clock stands still while the frames of the next transaction are decoded; it runs until each
commit is done, so nothing is left for the server to do meanwhile.

Bytes per row are of the table with indexes and TOAST. Compression is TimescaleDB's: --timescaledb
names a server, whose database is filled with rows of 40 peers, so that each has as many as a
compressed batch holds (1,000), as it would have within a minute or two of the real feed.
"""

import argparse
import gc
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.generator import FeedShape, frames
from bgptui.config.schema import Keep
from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import BgpMessage
from bgptui.runtime.metrics import Metrics
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived
from bgptui.store import lease
from bgptui.store.batch import WriteBatch
from bgptui.store.connect import COLLECTOR, Connection, connect
from bgptui.store.embedded import EmbeddedPostgres
from bgptui.store.migrate import migrate
from bgptui.store.writer import Writer

TARGETS = {Keep.ALL: 50_000, Keep.NONE: 100_000}
TRANSACTION_ROWS = 20_000
LABELS = {Keep.ALL: "with JSON", Keep.NONE: "without JSON"}
COMPRESSED_ROWS = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timescaledb", metavar="DSN", help="its database is filled with rows")
    options = parser.parse_args()
    rows = options.rows // TRANSACTION_ROWS * TRANSACTION_ROWS
    print(f"{rows:,} rows, seed {options.seed}")
    print(f"{'':<16}{'rows/s':>10}{'rows/CPU-s':>12}{'bytes/row':>11}  target rows/s")
    for keep, target in TARGETS.items():
        with (
            tempfile.TemporaryDirectory(prefix="bgptui-benchmark-") as folder,
            EmbeddedPostgres(Path(folder)) as server,
        ):
            migrate(server.dsn)
            wall_s, cpu_s = _write(server.dsn, _batches(rows, options.seed, FeedShape()), keep)
            with _connected(server.dsn) as conn:
                size = _size(conn) / rows
        rate = rows / wall_s
        print(
            f"{LABELS[keep]:<16}{rate:>10,.0f}{rows / cpu_s:>12,.0f}{size:>11,.0f}"
            f"  {target:,} ({rate / target:.1f}x)",
            flush=True,
        )
    if options.timescaledb:
        _measure_compression(options.timescaledb, options.seed)


def _batches(count: int, seed: int, shape: FeedShape) -> Iterator[WriteBatch]:
    decoder = FrameDecoder(KeepReceived.YES)
    records: list[MessageRecord] = []
    for frame in frames(count, seed=seed, shape=shape):
        message = decoder.decode(frame)
        assert isinstance(message, BgpMessage)  # the generator makes no other frames
        start = int(message.timestamp) // 60 * 60
        records.append(MessageRecord(message, late=False, window_start=start, flap_count=0))
        if len(records) == TRANSACTION_ROWS:
            yield WriteBatch(now=message.timestamp, raw=tuple(records))
            records = []


def _write(dsn: str, batches: Iterable[WriteBatch], keep: Keep) -> tuple[float, float]:
    """Seconds on the wall and of this process's CPU."""
    with _connected(dsn) as conn:
        held = lease.acquire(conn, lease.COLLECTOR, holder=lease.new_holder(), ttl_s=3_600)
        if held is None:
            raise SystemExit("another bgptui collects into this database")
        writer = Writer(
            connect=lambda: _connected(dsn),
            check_lease=lambda connection: lease.check(connection, held),
            holder=held.holder,
            metrics=Metrics(),
            raw_json=keep,
        )
        gc.freeze()  # as the collector does with what lives as long as the process
        wall_s = cpu_s = 0.0
        for batch in batches:
            started, cpu_started = time.perf_counter(), time.process_time()
            writer.process(batch, batch.now)
            writer.flush()
            wall_s += time.perf_counter() - started
            cpu_s += time.process_time() - cpu_started
        writer.close()
        lease.release(conn, held)
    return wall_s, cpu_s


def _measure_compression(dsn: str, seed: int) -> None:
    migrate(dsn)
    print(f"{'':<16}{'bytes/row':>10}{'compressed':>12}{'ratio':>8}")
    for keep in TARGETS:
        shape = FeedShape(peers=40)
        with _connected(dsn) as conn:
            conn.execute("truncate public.raw_bgp_data")
        _write(dsn, _batches(COMPRESSED_ROWS, seed, shape), keep)
        with _connected(dsn) as conn:
            before = _size(conn) / COMPRESSED_ROWS
            conn.execute(
                "select compress_chunk(chunk::regclass) from bgptui.chunks('public.raw_bgp_data')"
            )
            after = _size(conn) / COMPRESSED_ROWS
        print(f"{LABELS[keep]:<16}{before:>10,.0f}{after:>12,.0f}{before / after:>7.1f}x")


def _connected(dsn: str) -> Connection:
    return connect(dsn, application_name=COLLECTOR, timeout_s=10)


def _size(conn: Connection) -> int:
    row = conn.execute(
        "select sum(size_bytes)::bigint from bgptui.chunks('public.raw_bgp_data')"
    ).fetchone()
    assert row is not None  # an aggregate has one row
    return int(row[0])


if __name__ == "__main__":
    main()
