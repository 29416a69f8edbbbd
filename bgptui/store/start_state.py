"""What a collector takes up again after a stop, planned or not."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from psycopg.rows import class_row

from bgptui.domain.alert import Alert, Status
from bgptui.domain.event_row import EventRow
from bgptui.domain.gap import Gap
from bgptui.domain.routing import Peer
from bgptui.domain.window import FEATURES, WINDOW_S
from bgptui.store.alerts import last_status_event, list_alerts
from bgptui.store.connect import Connection
from bgptui.store.event_rows import open_event_rows
from bgptui.store.queries import query
from bgptui.store.shards import IDS_EACH
from bgptui.store.times import utc

# How long a false positive lowers the confidence of the next alert of its kind.
FALSE_POSITIVES = timedelta(days=30)

# Among names of collectors: the stream of the whole network, which has none.
NETWORK = ""

# Streams that are fetched at once: three days of 20 are 13 MiB.
_STREAMS_AT_ONCE = 20

_COLUMNS = 1 + 2 * len(FEATURES) + 1


class NextIds(Struct, frozen=True):
    """The ids that the collector gives next, one more than the largest stored."""

    features: int
    ml_results: int
    route_monitor_events: int
    alerts: int


class StreamBaseline(Struct, frozen=True):
    """The windows of one stream, oldest first.

    Attributes:
        peer: None for the whole network.
        starts: int64 [n], seconds since 1970 UTC, multiples of WINDOW_S.
        values: float64 [n, 9], in the order of FEATURES; NaN where there is none.
        zscores: float64 [n, 9], as the detector saw them; NaN where there is none.
        gaps: bool [n], we were blind for a part of the window.
    """

    peer: Peer | None
    starts: NDArray[np.int64]
    values: NDArray[np.float64]
    zscores: NDArray[np.float64]
    gaps: NDArray[np.bool_]


class StartState(Struct, frozen=True):
    """What the database knows of the time before.

    Attributes:
        open_alerts: open and acknowledged ones, in the order of their ids.
        false_positives: those that opened in the last 30 days before the watermark.
        event_rows: rows of route_monitor_events that are followed, oldest first.
        last_watermark: up to when everything is known: end of the last window that was
            committed, or the last message where it was closed early by an orderly stop; without
            windows the first message. None in an empty database.
        closed_until: end of the newest stored window; None without any.
        last_status_event: status events up to it are in open_alerts and false_positives.
        open_gaps: gaps that nobody closed; they end when data comes again.
    """

    next_ids: NextIds
    open_alerts: tuple[Alert, ...]
    false_positives: tuple[Alert, ...]
    event_rows: tuple[EventRow, ...]
    last_watermark: float | None
    closed_until: float | None
    last_status_event: int
    open_gaps: tuple[Gap, ...]


def start_state(conn: Connection) -> StartState:
    """Read it all as of one moment; the streams' windows, which are many, are for `baseline`."""
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        newest = conn.execute(query("store/last_window")).fetchone()
        last_window = newest[0] if newest else None
        open_alerts = list_alerts(conn, statuses=(Status.OPEN, Status.ACKNOWLEDGED))
        return StartState(
            next_ids=next_ids(conn),
            open_alerts=tuple(sorted(open_alerts, key=lambda alert: alert.alert_id)),
            false_positives=_false_positives(conn, last_window),
            event_rows=open_event_rows(conn),
            last_watermark=_last_watermark(conn, last_window),
            closed_until=None if last_window is None else last_window + WINDOW_S,
            last_status_event=last_status_event(conn),
            open_gaps=open_gaps(conn),
        )


def fresh_state(conn: Connection, ids: NextIds) -> StartState:
    """That of a run which takes up nothing of the time before, but for the ids."""
    return StartState(
        next_ids=ids,
        open_alerts=(),
        false_positives=(),
        event_rows=(),
        last_watermark=None,
        closed_until=None,
        last_status_event=last_status_event(conn),
        open_gaps=(),
    )


def next_ids(conn: Connection) -> NextIds:
    """The ids that are free."""
    with conn.cursor(row_factory=class_row(NextIds)) as cursor:
        ids = cursor.execute(query("store/next_ids")).fetchone()
    assert ids is not None  # noqa: S101 - a select without from has one row
    return ids


def own_ids(number: int) -> NextIds:
    """Ids that no other process gives; alerts are numbered by the one that correlates."""
    first = number * IDS_EACH
    return NextIds(features=first, ml_results=first, route_monitor_events=first, alerts=0)


def _last_watermark(conn: Connection, last_window: float | None) -> float | None:
    if last_window is not None:
        end = last_window + WINDOW_S
        since = {"since": utc(last_window)}
        last = conn.execute(query("store/last_message"), since).fetchone()
        return end if last is None or last[0] is None else max(last_window, min(end, last[0]))
    first = conn.execute(query("store/first_message")).fetchone()
    return None if first is None else first[0]


def _false_positives(conn: Connection, last_window: float | None) -> tuple[Alert, ...]:
    if last_window is None:
        return ()
    since = last_window - FALSE_POSITIVES.total_seconds()
    return tuple(reversed(list_alerts(conn, statuses=(Status.FALSE_POSITIVE,), since=since)))


def open_gaps(conn: Connection) -> tuple[Gap, ...]:
    """Gaps that nobody closed."""
    rows = conn.execute(query("store/open_gaps"))
    return tuple(Gap(start, None, collector, why, tries) for start, collector, why, tries in rows)


def baseline(
    conn: Connection,
    last_window: float,
    *,
    reach_s: float,
    collectors: Sequence[str] | None = None,
) -> Iterator[StreamBaseline]:
    """The windows of each stream from `reach_s` before a window on, few streams at a time.

    Args:
        last_window: its start, seconds since 1970 UTC.
        collectors: whose streams, NETWORK for that of the whole network; None for all.
    """
    since = utc(last_window) - timedelta(seconds=reach_s)
    of = None if collectors is None else list(collectors)
    with conn.transaction(), conn.cursor(name="baseline", binary=True) as cursor:
        cursor.itersize = _STREAMS_AT_ONCE
        cursor.execute(query("store/baseline"), {"since": since, "collectors": of})
        for collector, address, asn, packed in cursor:
            peer = None if address is None else Peer(collector, address, asn)
            yield unpacked(peer, packed)


def unpacked(peer: Peer | None, packed: bytes) -> StreamBaseline:
    """The windows of sql/queries/store/baseline.sql: float8 in network order."""
    windows = np.frombuffer(packed, dtype=">f8").reshape(-1, _COLUMNS)
    return StreamBaseline(
        peer,
        starts=windows[:, 0].astype(np.int64),
        values=windows[:, 1 : 1 + len(FEATURES)].astype(np.float64),
        zscores=windows[:, 1 + len(FEATURES) : -1].astype(np.float64),
        gaps=windows[:, -1] != 0,
    )
