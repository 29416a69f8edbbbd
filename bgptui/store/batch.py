"""What the pipeline hands to the writer."""

from msgspec import Struct

from bgptui.domain.alert import AlertChange
from bgptui.domain.event import RouteEvent
from bgptui.domain.event_row import EventRow
from bgptui.domain.gap import Gap
from bgptui.domain.health import Health
from bgptui.domain.record import MessageRecord
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FeatureWindow
from bgptui.store.shards import HostProgress

# id of the features row, the window, and the z-scores the detector saw (empty: not scored).
FeatureRow = tuple[int, FeatureWindow, tuple[float | None, ...]]


class Metric(Struct, frozen=True):
    """A row of system_metrics. `unit` is that of `value`: messages/s, s, ms, bytes, rows, 1."""

    timestamp: float
    component: str
    name: str
    value: float
    unit: str


class ReplayPosition(Struct, frozen=True):
    """How many rows of each kind a replay has given so far; alert changes last."""

    fingerprint: str
    messages: int = 0
    features: int = 0
    scores: int = 0
    events: int = 0
    event_updates: int = 0
    changes: int = 0


class WriteBatch(Struct, frozen=True, kw_only=True):
    """Rows that belong together: they are committed in one transaction.

    Attributes:
        now: the pipeline's time, seconds since 1970 UTC (event time in a replay).
        events: first sightings, each a row.
        event_updates: how such rows, of this batch or an earlier one, stand since.
        gaps: an open gap (end None) may come again with its end.
        sequence: counts a collector's batches from 1, 0 where nobody counts them; what is
            committed is known by it.
        replay: how far the replay is with this batch; None outside of one.
        handed, progress: what a process that shares the collectors hands to the one that
            correlates, and how far its hosts are known with this batch.
        consumed: ids of what was handed and has become this batch.
        watched_vrps: what is believed of them, for the next start (JSON); None where unchanged.
    """

    now: float
    raw: tuple[MessageRecord, ...] = ()
    features: tuple[FeatureRow, ...] = ()
    scores: tuple[WindowScore, ...] = ()
    events: tuple[RouteEvent, ...] = ()
    event_updates: tuple[EventRow, ...] = ()
    alerts: tuple[AlertChange, ...] = ()
    gaps: tuple[Gap, ...] = ()
    health: Health | None = None
    metrics: tuple[Metric, ...] = ()
    sequence: int = 0
    replay: ReplayPosition | None = None
    handed: tuple[bytes, ...] = ()
    progress: tuple[HostProgress, ...] = ()
    consumed: tuple[int, ...] = ()
    watched_vrps: bytes | None = None

    @property
    def row_count(self) -> int:
        """Rows of the time series; a changed alert or event counts as one."""
        return (
            len(self.raw)
            + len(self.features)
            + len(self.scores)
            + len(self.events)
            + len(self.event_updates)
            + len(self.alerts)
            + len(self.metrics)
        )
