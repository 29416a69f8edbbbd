"""What travels from ingest over scoring to correlation: moments, in the order they happened."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from bgptui.detect.history import StreamHistory
from bgptui.domain.alert import Status
from bgptui.domain.event import RouteCleared, RouteEvent
from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FeatureWindow
from bgptui.features.handed_minutes import MinuteTotals
from bgptui.store.shards import HostProgress


class OperatorAct(NamedTuple):
    """A person changed an alert's status in some console, or on the command line."""

    alert_uuid: UUID
    status: Status
    operator: str


class Moment(Struct, frozen=True):
    """Everything one message, one closing of windows, one gap or one act gave rise to.

    Attributes:
        now: the pipeline's time when it happened; a batch's moments never go back.
        peers: distinct peers of each collector heard by then; None where ingest had no part in it.
        histories: baselines of a host that another process had.
        totals, progress: what a process that shares the collectors hands on of its minutes.
    """

    now: float
    peers: Mapping[str, int] | None = None
    route: tuple[RouteEvent | RouteCleared, ...] = ()
    session: BgpMessage | None = None
    gap: Gap | None = None
    windows: tuple[FeatureWindow, ...] = ()
    scores: tuple[WindowScore, ...] = ()
    acts: tuple[OperatorAct, ...] = ()
    histories: tuple[StreamHistory, ...] = ()
    totals: tuple[MinuteTotals, ...] = ()
    progress: tuple[HostProgress, ...] = ()


class Moments(Struct, frozen=True):
    """A batch of moments; `now` is that of the last one, or of the tick that sent it."""

    now: float
    items: tuple[Moment, ...]


class PeerCount:
    """Peers of the feed, and of each collector, as of the moment that is being correlated.

    Asked of ingest, it would be that of a later moment, and another one in every replay.
    """

    def __init__(self) -> None:
        self.by_collector: Mapping[str, int] = {}

    def __call__(self) -> int:
        return sum(self.by_collector.values())

    def of(self, collector: str) -> int:
        return self.by_collector.get(collector, 0)
