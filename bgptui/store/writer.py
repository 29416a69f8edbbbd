"""The writer: batches of the pipeline into the database, each whole in one transaction."""

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import psycopg
from msgspec.structs import asdict

from bgptui.config.schema import Keep
from bgptui.domain.record import MessageRecord
from bgptui.errors import BadInput, ServiceUnreachable, Transient
from bgptui.runtime.metrics import Metrics
from bgptui.store import rows, shards
from bgptui.store.alert_writer import write_alerts
from bgptui.store.batch import Metric, WriteBatch
from bgptui.store.connect import Connection, one_line, transient_errors
from bgptui.store.copy_binary import NULL, SIGNATURE, TRAILER
from bgptui.store.event_rows import update_event_rows
from bgptui.store.queries import query
from bgptui.store.side_tables import write_gaps, write_health, write_peers, write_sessions
from bgptui.store.times import utc
from bgptui.store.watched_vrps import save_watched_vrps

__all__ = ["Metric", "WriteBatch", "Writer"]

T = TypeVar("T")

_COMPONENT = "store"
_BLOCK_ROWS = 256  # about 128 KiB of raw rows, the largest piece that libpq likes
_DAY_S = 86_400
_LAST_DAY = 2_932_896  # 9999-12-31


class Writer:
    """A stage that stores batches by binary COPY, several batches in a transaction.

    What came is committed after `commit_s` or `commit_rows`, whichever is first, and at `flush`.
    When the database goes away it raises Transient; called again it connects anew and writes
    what was not committed, once.

    Args:
        connect: makes a connection that commits each statement.
        check_lease: called first in each transaction; raises when the lease is lost.
        holder, epoch: of the lease; `holder` is the key of the health row and of the position.
        raw_rows, raw_json: which messages are stored, and of which the frame as received.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Connection],
        check_lease: Callable[[Connection], None],
        holder: str,
        epoch: int = 0,
        metrics: Metrics,
        raw_rows: Keep = Keep.ALL,
        raw_json: Keep = Keep.ALL,
        commit_s: float = 0.25,
        commit_rows: int = 20_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._check_lease = check_lease
        self._holder = holder
        self._epoch = epoch
        self._metrics = metrics
        self._raw_rows = raw_rows
        self._raw_json = raw_json
        self._commit_s = commit_s
        self._commit_rows = commit_rows
        self._monotonic = monotonic
        self._conn: Connection | None = None
        self._pending: list[WriteBatch] = []
        self._pending_since = 0.0
        self._refused: Counter[str] = Counter()
        self._known_days: set[tuple[str, int]] = set()
        self._is_first_connection = True
        self.committed = 0  # sequence of the newest batch that is known to be in the database

    def process(self, batch: WriteBatch, now: float) -> None:  # noqa: ARG002 - rows carry theirs
        """Take a batch and commit when it is time.

        Raises:
            Transient: the database is away; to be called with the same batch again.
        """
        if not self._pending:
            self._pending_since = self._monotonic()
        if not self._pending or self._pending[-1] is not batch:
            self._pending.append(batch)
        self._commit_if_due()

    def tick(self, now: float) -> None:  # noqa: ARG002 - waiting is measured on the wall
        """Commit what has waited long enough; Transient as in `process`."""
        self._commit_if_due()

    def flush(self) -> None:
        """Commit everything that came; Transient as in `process`."""
        if self._pending:
            self._commit()

    def position(self) -> int:
        """Sequence of the newest batch in the database; Transient as in `process`."""
        with transient_errors("database"):
            self._connected()
        return self.committed

    def forget(self) -> None:
        """Leave what is not committed to the caller, who has it in a safe place."""
        self._pending = []

    def close(self) -> None:
        """Give the connection back. What is not committed by now is lost, and counted."""
        if self._pending:
            self._metrics.drop(_COMPONENT, "not_committed", self._pending_rows)
            self._pending = []
        self._disconnect()

    @property
    def _pending_rows(self) -> int:
        return sum(batch.row_count for batch in self._pending)

    def _commit_if_due(self) -> None:
        if self._pending and (
            self._monotonic() - self._pending_since >= self._commit_s
            or self._pending_rows >= self._commit_rows
        ):
            self._commit()

    def _commit(self) -> None:
        started = self._monotonic()
        try:
            with transient_errors("database"):
                conn = self._connected()
                if self._pending:
                    self._write_patiently(conn)
        except psycopg.Error as error:
            # The server ends a session that idles in a transaction, or takes too long in one,
            # with an error that psycopg does not call operational.
            lost = self._conn is not None and self._conn.broken
            self._disconnect()
            if lost:
                raise Transient(f"database: {one_line(error)}") from error
            raise
        except BaseException:
            self._disconnect()
            raise
        for reason, count in self._refused.items():
            self._metrics.drop(_COMPONENT, reason, count)
        self._metrics.count(_COMPONENT, "rows", self._pending_rows)
        self._metrics.gauge(_COMPONENT, "commit_s", self._monotonic() - started)
        self._committed_now(len(self._pending))

    def _resolve(self, conn: Connection) -> None:
        """On a new connection, ask what became of the commit that the last one broke in."""
        row = conn.execute(
            query("store/claim_position"), {"holder": self._holder, "epoch": self._epoch}
        ).fetchone()
        assert row is not None  # noqa: S101 - an upsert returns its row
        if self._is_first_connection:
            self._is_first_connection = False
            self.committed = row[0]
        committed = bisect_right(self._sequences(), row[0])
        self._committed_now(committed)

    def _sequences(self) -> list[int]:
        """Of the pending batches; where nobody counts them they follow on the committed ones."""
        return [
            batch.sequence or self.committed + place
            for place, batch in enumerate(self._pending, start=1)
        ]

    def _committed_now(self, batches: int) -> None:
        if batches:
            self.committed = self._sequences()[batches - 1]
            del self._pending[:batches]

    def _write_patiently(self, conn: Connection) -> None:
        """Write, and again where the server refuses a frame or a partition is gone."""
        careful = False
        for _ in range(3):
            try:
                self._write(conn, careful=careful)
                return
            except (psycopg.DataError, psycopg.errors.StatementTooComplex):
                # Some frame is JSON that we take and jsonb does not, 1e999999 for one.
                if careful:
                    raise
                careful = True
            except psycopg.errors.CheckViolation as error:
                # Without a constraint's name it is the partition that is missing: maintenance
                # dropped it since we last looked.
                if error.diag.constraint_name is not None:
                    raise
            self._known_days.clear()
        raise Transient("database: partitions go away as fast as they are made")

    def _write(self, conn: Connection, *, careful: bool) -> None:
        """Everything that is pending, in one transaction."""
        self._refused.clear()
        pending = self._pending
        raw = [record for batch in pending for record in batch.raw]
        features = [row for batch in pending for row in batch.features]
        scores = [score for batch in pending for score in batch.scores]
        events = [event for batch in pending for event in batch.events]
        begun = {event.reference for event in events}
        grown = {row.row: row for batch in pending for row in batch.event_updates}
        metrics = [metric for batch in pending for metric in batch.metrics]
        stored = raw if self._raw_rows is Keep.ALL else self._watched(raw)
        with conn.transaction():
            self._check_lease(conn)
            self._copy(
                conn, "raw_bgp_data", self._raw(stored, careful=careful),
                (record.window_start for record in stored),
            )  # fmt: skip
            self._copy(
                conn, "features", self._each(rows.feature_row, features),
                (window.start for _, window, _ in features),
            )  # fmt: skip
            self._copy(
                conn, "ml_results", self._each(rows.score_row, scores),
                (score.window.start for score in scores),
            )  # fmt: skip
            self._copy(
                conn, "route_monitor_events",
                self._each(lambda event: rows.event_row(event, grown.get(event.reference)), events),
                (event.timestamp for event in events),
            )  # fmt: skip
            update_event_rows(conn, [row for row in grown.values() if row.row not in begun])
            self._copy(
                conn, "system_metrics", self._each(rows.metric_row, metrics),
                (metric.timestamp for metric in metrics),
            )  # fmt: skip
            self._write_beside(conn, raw)

    def _write_beside(self, conn: Connection, raw: Sequence[MessageRecord]) -> None:
        """The plain tables, and alerts last: they lock what people act on."""
        write_peers(conn, (row for batch in self._pending for row in batch.features))
        write_sessions(conn, raw)
        write_gaps(conn, (gap for batch in self._pending for gap in batch.gaps))
        healths = [batch.health for batch in self._pending if batch.health is not None]
        if healths:
            write_health(conn, self._holder, healths[-1])
        alerts = [change for batch in self._pending for change in batch.alerts]
        self._ensure_days(conn, "alerts", (change.alert.first_seen for change in alerts))
        write_alerts(conn, alerts)
        beliefs = [each.watched_vrps for each in self._pending if each.watched_vrps is not None]
        if beliefs:
            save_watched_vrps(conn, beliefs[-1])
        position = {"holder": self._holder, "epoch": self._epoch, "sequence": self._sequences()[-1]}
        conn.execute(query("store/set_position"), position)
        for batch in self._pending:
            shards.write_handed(conn, self._holder, batch.handed)
            shards.write_progress(conn, self._holder, batch.progress)
            shards.consume(conn, batch.consumed)
        replay = self._pending[-1].replay
        if replay is not None:
            conn.execute(query("store/set_replay_position"), asdict(replay))

    def _watched(self, raw: Sequence[MessageRecord]) -> list[MessageRecord]:
        if self._raw_rows is Keep.NONE:
            return []
        return [record for record in raw if record.watched]

    def _raw(self, records: Iterable[MessageRecord], *, careful: bool) -> Iterator[bytes]:
        encode_frame = rows.careful_received_field if careful else rows.received_field
        for record in records:
            frame = NULL
            if self._raw_json is Keep.ALL or (self._raw_json is Keep.WATCHED and record.watched):
                try:
                    frame = encode_frame(record.message)
                except BadInput as error:  # the row is stored without it
                    self._refused[error.reason] += 1
            try:
                yield rows.raw_row(record, frame)
            except BadInput as error:
                self._refused[error.reason] += 1

    def _each(self, encode: Callable[[T], bytes], values: Iterable[T]) -> Iterator[bytes]:
        for value in values:
            try:
                yield encode(value)
            except BadInput as error:
                self._refused[error.reason] += 1

    def _copy(
        self, conn: Connection, table: str, encoded: Iterator[bytes], times: Iterable[float]
    ) -> None:
        """COPY rows; `times` are theirs, for the partitions."""
        if not self._ensure_days(conn, table, times):
            return
        with conn.cursor() as cursor, cursor.copy(query(f"store/copy_{table}")) as copy:
            copy.write(SIGNATURE)
            while block := list(islice(encoded, _BLOCK_ROWS)):
                copy.write(b"".join(block))
            copy.write(TRAILER)

    def _ensure_days(self, conn: Connection, table: str, times: Iterable[float]) -> bool:
        """Make the partitions that rows of these times need; False where there are no rows."""
        days = {int(time_s // _DAY_S) for time_s in times}
        for day in sorted(days):
            if (table, day) not in self._known_days and 0 <= day <= _LAST_DAY:
                parameters = {"tbl": f"public.{table}", "at": utc(day * _DAY_S)}
                conn.execute(query("store/ensure_partition"), parameters)
                self._known_days.add((table, day))
        return bool(days)

    def _connected(self) -> Connection:
        if self._conn is None:
            try:
                self._conn = self._connect()
            except ServiceUnreachable as error:
                raise Transient(str(error)) from error
            self._resolve(self._conn)
        return self._conn

    def _disconnect(self) -> None:
        self._known_days.clear()
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()
