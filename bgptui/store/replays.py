"""Replays that can be killed: run again, they write what is missing and nothing twice.

A replay gives the same rows in the same order each time. How many of each kind are committed is
noted in their own transaction; a second run leaves out as many. So it needs no picture of the
pipeline's memory (windows, baselines, alerts): that is made anew from the input.
"""

from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace
from psycopg.rows import dict_row

from bgptui.store.batch import ReplayPosition, WriteBatch
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.start_state import NextIds, next_ids
from bgptui.store.writer import Writer

T = TypeVar("T")


class ReplayRun(Struct, frozen=True):
    """A replay that begins or goes on.

    Attributes:
        ids: those that it gives first, the same in every run.
        committed: what is in the database already.
    """

    ids: NextIds
    committed: ReplayPosition


def begin_replay(conn: Connection, fingerprint: str) -> ReplayRun:
    """Begin a replay, or go on with one that was killed.

    Args:
        fingerprint: of everything that its rows depend on.
    """
    with conn.transaction():
        with conn.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(query("store/replay"), {"fingerprint": fingerprint}).fetchone()
        if found is not None and not found["finished"]:
            return ReplayRun(
                NextIds(
                    features=found["first_feature_id"],
                    ml_results=found["first_result_id"],
                    route_monitor_events=found["first_event_id"],
                    alerts=found["first_alert_id"],
                ),
                ReplayPosition(
                    fingerprint,
                    found["messages"],
                    found["features"],
                    found["scores"],
                    found["events"],
                    found["event_updates"],
                    found["changes"],
                ),
            )
        ids = next_ids(conn)
        conn.execute(query("store/begin_replay"), {"fingerprint": fingerprint, **asdict(ids)})
        return ReplayRun(ids, ReplayPosition(fingerprint))


def finish_replay(conn: Connection, fingerprint: str) -> None:
    """It has come to its end: the same command replays it anew from now on."""
    conn.execute(query("store/finish_replay"), {"fingerprint": fingerprint})


class ReplayWriter:
    """A stage before the writer that leaves out what an earlier run has committed.

    Args:
        committed: as `begin_replay` gave it.
    """

    def __init__(self, writer: Writer, committed: ReplayPosition) -> None:
        self._writer = writer
        self._committed = committed
        self._position = ReplayPosition(committed.fingerprint)
        self._batch: WriteBatch | None = None
        self._missing: WriteBatch | None = None

    def process(self, batch: WriteBatch, now: float) -> None:
        """As Writer.process; called with the same batch again after a Transient."""
        if batch is not self._batch:
            self._batch, self._missing = batch, self._without_committed(batch)
        assert self._missing is not None  # noqa: S101 - set with _batch
        self._writer.process(self._missing, now)

    def tick(self, now: float) -> None:
        self._writer.tick(now)

    def flush(self) -> None:
        self._writer.flush()

    def _without_committed(self, batch: WriteBatch) -> WriteBatch:
        before, committed = self._position, self._committed
        self._position = ReplayPosition(
            committed.fingerprint,
            before.messages + len(batch.raw),
            before.features + len(batch.features),
            before.scores + len(batch.scores),
            before.events + len(batch.events),
            before.event_updates + len(batch.event_updates),
            before.changes + len(batch.alerts),
        )
        return replace(
            batch,
            raw=_after(batch.raw, before.messages, committed.messages),
            features=_after(batch.features, before.features, committed.features),
            scores=_after(batch.scores, before.scores, committed.scores),
            events=_after(batch.events, before.events, committed.events),
            event_updates=_after(
                batch.event_updates, before.event_updates, committed.event_updates
            ),
            alerts=_after(batch.alerts, before.changes, committed.changes),
            replay=_furthest(self._position, committed),
        )


def _after(rows: tuple[T, ...], before: int, committed: int) -> tuple[T, ...]:
    """Those of `rows`, the first of which has `before` others before it, not committed yet."""
    return rows[max(0, committed - before) :]


def _furthest(position: ReplayPosition, committed: ReplayPosition) -> ReplayPosition:
    """A run that catches up must not set the note back: it may be killed again."""
    return ReplayPosition(
        committed.fingerprint,
        max(position.messages, committed.messages),
        max(position.features, committed.features),
        max(position.scores, committed.scores),
        max(position.events, committed.events),
        max(position.event_updates, committed.event_updates),
        max(position.changes, committed.changes),
    )
