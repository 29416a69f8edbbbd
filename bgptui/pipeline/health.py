"""What a pipeline says of itself, once a second."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from bgptui.correlate.correlator import Correlator
from bgptui.domain.health import (
    DOUBTED_PEERS_NAMED,
    DoubtedPeer,
    FeedHealth,
    Health,
    RpkiHealth,
    StageHealth,
    StageState,
    WatchHealth,
)
from bgptui.domain.routing import MessageType
from bgptui.pipeline.disk import DiskForecast
from bgptui.pipeline.drift_watch import DriftWatch
from bgptui.pipeline.moment import Moments
from bgptui.pipeline.rooms import Rooms
from bgptui.pipeline.tally import Tally
from bgptui.runtime.channel import Channel
from bgptui.runtime.clock import PipelineClock
from bgptui.runtime.metrics import Metrics
from bgptui.runtime.worker import Worker
from bgptui.store.backlog import Backlog
from bgptui.store.backlog_state import BacklogState
from bgptui.store.batch import WriteBatch

RATE_OVER_S = 5.0
# A stage whose channel is this full, or whose batch takes this long, is behind its input.
SLOW_SHARE = 0.75
SLOW_BATCH_S = 1.0


class HealthReporter:
    """Builds the health row from the stages' own numbers; `report` is cheap and thread-safe.

    Args:
        workers: in the order of the pipeline, the one that writes last.
        feed: state of the source under way.
        disk_free: bytes left where the rows go, None where that cannot be known.
        watch: the watchlist in force.
        backlog: between the stage "write" and the database; None where that waits itself.
    """

    def __init__(
        self,
        *,
        clock: PipelineClock,
        tally: Tally,
        metrics: Metrics,
        workers: Sequence[Worker[Moments] | Worker[WriteBatch]],
        feed: Callable[[], FeedHealth],
        rooms: Rooms,
        disk_free: Callable[[], int | None],
        backlog: Backlog | None = None,
        drift: DriftWatch,
        watch: Callable[[], WatchHealth],
    ) -> None:
        self._clock = clock
        self._tally = tally
        self._metrics = metrics
        self._workers = workers
        self._feed = feed
        self._rooms = rooms
        self._disk = DiskForecast(disk_free)
        self._backlog = backlog
        self._drift = drift
        self._watch = watch
        self._history: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    def report(self) -> Health:
        with self._lock:
            return self._report()

    def _report(self) -> Health:
        now, feed, rooms = self._clock.now(), self._feed(), self._rooms
        newest = self._tally.newest
        free_bytes, hours_left = self._disk.look(time.monotonic())
        freshness, quiet_peers = rooms.aggregator.freshness()
        backlog = BacklogState() if self._backlog is None else self._backlog.state()
        return Health(
            now=now,
            feed=feed,
            rpki=self._rpki(),
            stages=(
                _ingest(feed),
                *map(_stage, self._workers[:-1]),
                _writing(_stage(self._workers[-1]), backlog),
            ),
            collectors=rooms.aggregator.collectors,
            freshness=freshness,
            quiet_peers=quiet_peers,
            peers=rooms.aggregator.peers,
            messages=self._tally.messages,
            rate_per_s=self._rate_per_s(),
            lag_s=max(0.0, now - newest) if newest is not None else 0.0,
            dropped=self._dropped(),
            learning=rooms.detector.learning_share,
            open_alerts=rooms.correlator.open_alerts,
            model_version=rooms.detector.model_version,
            drift=self._drift.hint,
            disk_free_bytes=free_bytes,
            disk_hours_left=hours_left,
            watched_prefixes=len(rooms.monitor.watchlist.rules),
            spool_bytes=backlog.spool_bytes,
            spool_max_bytes=backlog.spool_max_bytes,
            watch=self._watch(),
            **doubts(rooms.correlator),
        )

    def _rpki(self) -> RpkiHealth:
        return replace(self._rooms.vrps.health(), **self._rooms.monitor.counts())

    def _dropped(self) -> dict[str, int]:
        """Every loss by `where.reason`: what threads counted and what the pure rooms did."""
        rooms = {
            "agg": self._rooms.aggregator.losses(),
            "correlate": self._rooms.correlator.drops,
            "routemon": self._rooms.monitor.losses(),
        }
        counted = {
            f"{room}.{reason}": count
            for room, losses in rooms.items()
            for reason, count in losses.items()
            if count
        }
        return dict(sorted({**self._metrics.drops(), **counted}.items()))

    def _rate_per_s(self) -> float:
        """UPDATE messages a second of wall time, over the last seconds."""
        now, updates = time.monotonic(), self._tally.by_type[MessageType.UPDATE]
        self._history.append((now, updates))
        while len(self._history) > 2 and now - self._history[0][0] > RATE_OVER_S:
            self._history.popleft()
        since, before = self._history[0]
        return (updates - before) / (now - since) if now > since else 0.0


def doubts(correlator: Correlator) -> dict[str, Any]:
    """The fields of Health about peers whose word weighs less."""
    doubted = correlator.doubted
    named = itertools.islice(doubted.items(), DOUBTED_PEERS_NAMED)
    return {
        "doubted_peers": len(doubted),
        "doubted": tuple(
            DoubtedPeer(peer.collector, peer.address, peer.asn, doubt) for peer, doubt in named
        ),
    }


def _ingest(feed: FeedHealth) -> StageHealth:
    blind = feed.gap_since is not None or feed.state in {"connecting", "gap"}
    state = StageState.WAIT if blind else StageState.OK
    return StageHealth("ingest", state, detail=feed.error if blind else "")


def _stage(worker: Worker[Moments] | Worker[WriteBatch]) -> StageHealth:
    channel: Channel[Moments] | Channel[WriteBatch] = worker.inbox
    depth = len(channel)
    busy_s = worker.busy_s
    if worker.waiting_for:
        state = StageState.WAIT
    elif depth >= channel.capacity * SLOW_SHARE or busy_s > SLOW_BATCH_S:
        state = StageState.SLOW
    elif not worker.alive and not channel.closed:
        state = StageState.FAIL
    else:
        state = StageState.OK
    return StageHealth(
        worker.name, state, depth, channel.capacity, busy_s, detail=worker.waiting_for
    )


def _writing(stage: StageHealth, backlog: BacklogState) -> StageHealth:
    """The stage that writes, with what lies between it and the database."""
    if not backlog.text:
        return stage
    away = backlog.away_s is not None or stage.state is StageState.WAIT
    state = StageState.WAIT if away else StageState.SLOW
    return replace(stage, state=state, detail=stage.detail or backlog.text)
