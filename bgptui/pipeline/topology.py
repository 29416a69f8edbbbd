"""The pipeline on one page: every stage, channel and capacity, and how they stop.

    sources -> ingest --moments--> score --moments--> correlate -> alert lines
                  \\_____________writes: write____________/
                                           \\_ backlog (memory, or disk): commit (COPY)
    beside them: keeper (lease, health, operators' acts), maintainer, VRP refresher, watchlist

Where several processes share the collectors (feed.collectors) each of them has this line, with a
sink before ingest that lets its own hosts through, and hands over what it would correlate:

    source -> sink -> ingest --moments--> score --moments--> handover --writes--> ...
    the database --what all handed over--> correlating -> the database (in one of the processes)

Closing a channel is the stop signal. It travels the way the messages do: the source ends,
ingest closes the windows and then its channel, each worker drains, flushes and closes the next.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from bgptui.config.schema import Config
from bgptui.domain.alert import AlertChange
from bgptui.domain.health import Health
from bgptui.pipeline.committer import Committer
from bgptui.pipeline.correlating import Correlating
from bgptui.pipeline.correlation import CorrelationStage
from bgptui.pipeline.drift_watch import DriftWatch
from bgptui.pipeline.handing import HandingStage
from bgptui.pipeline.health import HealthReporter
from bgptui.pipeline.ingest import IngestStage, LastRun
from bgptui.pipeline.keeper import Keeper, LeaseKeeper
from bgptui.pipeline.maintainer import FIRST_AFTER_S, Maintainer
from bgptui.pipeline.moment import Moments
from bgptui.pipeline.operators import OperatorWatch
from bgptui.pipeline.reload_requests import ReloadRequests
from bgptui.pipeline.rooms import Rooms
from bgptui.pipeline.scoring import ScoringStage
from bgptui.pipeline.shard_sink import ShardSink
from bgptui.pipeline.share import Share
from bgptui.pipeline.share_keeper import ShareKeeper
from bgptui.pipeline.tally import Tally
from bgptui.pipeline.watch_reload import WatchReload
from bgptui.pipeline.watch_rules import WatchRules
from bgptui.rpki.validator import Validator
from bgptui.runtime.channel import Channel
from bgptui.runtime.clock import Clock, PipelineClock
from bgptui.runtime.metrics import Metrics
from bgptui.runtime.periodic import Periodic
from bgptui.runtime.worker import B, Failure, Stage, Worker
from bgptui.sources.sink import Source
from bgptui.store import lease
from bgptui.store.backlog import Backlog, WhenAway
from bgptui.store.batch import ReplayPosition, WriteBatch
from bgptui.store.connect import Connection
from bgptui.store.replays import ReplayWriter
from bgptui.store.spool import Spool
from bgptui.store.writer import Writer

# Batches. An ingest batch has up to 256 messages, so 64 of them are about 16,000 rows.
MOMENTS_CAPACITY = 64
WRITES_CAPACITY = 64

LOOK_FOR_VRPS_EVERY_S = 5.0


class Leg(Struct, frozen=True):
    """A source and the clock that holds while it runs; legs run one after the other.

    Attributes:
        when_away: whether the source waits for a database that is away.
    """

    source: Source
    clock: Clock
    when_away: WhenAway = WhenAway.WAIT


class Held(Struct, frozen=True):
    """The database as this collector holds it.

    Attributes:
        connect: makes a connection that commits each statement.
        disk_free: bytes left where the rows go; None for a server elsewhere.
        spool: takes the rows while the database is away; None where they wait.
        replay: what a replay that was killed has committed; None where no row is left out.
        share: where several processes share the collectors; `lease` then only names this one.
    """

    connect: Callable[[], Connection]
    lease: lease.Lease
    disk_free: Callable[[], int | None]
    spool: Spool | None = None
    replay: ReplayPosition | None = None
    share: Share | None = None

    def check(self, connection: Connection) -> None:
        """Make sure, inside the transaction that writes, that we may.

        Raises:
            LeaseLost: another process collects in our place.
        """
        if self.share is not None:
            self.share.check(connection)
        else:
            lease.check(connection, self.lease)


class Pipeline:
    """Threads from socket to alert. `start`, then `wait` or `stop`; both drain.

    Args:
        read_rules: reads the watchlist again; raises UsageError where it cannot or must not.
        last_run: where the collector before this one left off, None in an empty database.
        on_change: called for each alert change, in order.
    """

    def __init__(
        self,
        config: Config,
        *,
        legs: Sequence[Leg],
        rooms: Rooms,
        held: Held,
        clock: PipelineClock,
        metrics: Metrics,
        read_rules: Callable[[], WatchRules],
        last_run: LastRun | None = None,
        last_status_event: int = 0,
        on_change: Callable[[AlertChange], None] | None = None,
    ) -> None:
        self.failure = Failure()
        self.tally = Tally()
        self._legs = legs
        self._rooms = rooms
        self._metrics = metrics
        self._clock = clock
        self._stop = threading.Event()
        self._source: Source = legs[0].source
        self._lateness_s = config.windows.lateness_s

        scoring: Channel[Moments] = Channel("score", capacity=MOMENTS_CAPACITY)
        correlating: Channel[Moments] = Channel("correlate", capacity=MOMENTS_CAPACITY)
        writes: Channel[WriteBatch] = Channel("write", capacity=WRITES_CAPACITY)
        self._scoring, self._writes = scoring, writes

        self.reload = WatchReload(
            read_rules,
            file=config.watch.file,
            monitor=rooms.monitor,
            roas=rooms.roas,
            failure=self.failure,
        )
        self._ingest = IngestStage(
            clock=clock,
            aggregator=rooms.aggregator,
            monitor=rooms.monitor,
            raw_rows=config.store.raw_rows,
            raw_json=config.store.raw_json,
            tally=self.tally,
            last_run=last_run,
            moments=scoring,
            writes=writes,
            reload=self.reload,
        )
        self._sink: IngestStage | ShardSink = self._ingest
        self._correlating: Correlating | None = None
        if held.share is not None:
            self._sink = ShardSink(
                self._ingest,
                share=held.share,
                rooms=rooms,
                clock=clock,
                metrics=metrics,
                moments=scoring,
            )
            self._correlating = Correlating(
                config,
                connect=held.connect,
                share=held.share,
                metrics=metrics,
                failure=self.failure,
                roas=rooms.roas,
            )
        self._writer = Writer(
            connect=held.connect,
            check_lease=held.check,
            holder=held.lease.holder,
            epoch=held.lease.epoch,
            metrics=metrics,
            raw_rows=config.store.raw_rows,
            raw_json=config.store.raw_json,
        )
        # Without a spool the stage "write" is the writer itself, and waits for the database.
        self._backlog: Backlog | None = None
        self._committer: Committer | None = None
        if held.spool is not None:
            self._backlog = Backlog(held.spool, metrics=metrics, raw_json=config.store.raw_json)
            self._committer = Committer(self._backlog, self._writer, failure=self.failure)
        store: Backlog | ReplayWriter | Writer = self._backlog or self._writer
        if held.replay is not None:
            store = ReplayWriter(self._writer, held.replay)
        score = self._worker(
            "score",
            ScoringStage(rooms.detector, moments=correlating, writes=writes),
            scoring,
            tick_time=clock.tick_time,
            on_done=correlating.close,
        )
        correlation = CorrelationStage(
            rooms.correlator,
            groups=rooms.groups,
            peers=rooms.peers,
            writes=writes,
            roas=rooms.roas,
            on_change=on_change,
        )
        correlate = self._worker(
            "correlate" if held.share is None else "handover",
            correlation if held.share is None else HandingStage(writes=writes),
            correlating,
            tick_time=lambda: None,  # the scorer passes time on
            on_done=writes.close,
        )
        write = self._worker("write", store, writes, tick_time=clock.now, on_done=self._written)
        self._workers = (score, correlate)
        self._write = write
        drift = DriftWatch(rooms.detector)
        self._reporter = HealthReporter(
            clock=clock,
            tally=self.tally,
            metrics=metrics,
            workers=(score, correlate, write),
            feed=lambda: self._source.feed_state,
            rooms=rooms,
            disk_free=held.disk_free,
            backlog=self._backlog,
            drift=drift,
            watch=lambda: self.reload.health,
        )
        self._keeper = Keeper(
            connect=held.connect,
            tend=_tending(held),
            clock=clock,
            health=self.health,
            metrics=metrics,
            writes=writes,
            moments=scoring,
            failure=self.failure,
            operators=None if held.share is not None else OperatorWatch(last_status_event),
            reloads=ReloadRequests(self.reload, holder=held.lease.holder),
        )
        maintainer = Maintainer(connect=held.connect, store=config.store, clock=clock, drift=drift)
        self._periodic = (
            Periodic("vrps", partial(_refresh, rooms.vrps), failure=self.failure),
            Periodic(
                "maintainer", maintainer.run, failure=self.failure, first_after_s=FIRST_AFTER_S
            ),
        )
        self._ingesting = threading.Thread(target=self._run, name="bgptui-ingest", daemon=True)

    def _worker(
        self,
        name: str,
        stage: Stage[B],
        inbox: Channel[B],
        *,
        tick_time: Callable[[], float | None],
        on_done: Callable[[], None],
    ) -> Worker[B]:
        return Worker(
            name,
            stage,
            inbox,
            metrics=self._metrics,
            failure=self.failure,
            tick_time=tick_time,
            on_done=on_done,
        )

    def start(self) -> None:
        for thread in self._periodic:
            thread.start()
        if self._committer is not None:
            self._committer.start()
        self._write.start()
        for worker in self._workers:
            worker.start()
        self._keeper.start()
        if self._correlating is not None:
            self._correlating.start()
        self._ingesting.start()

    def health(self) -> Health:
        """How it does, now; any thread may ask."""
        health = self._reporter.report()
        return health if self._correlating is None else self._correlating.completed(health)

    def stop(self, *, within_s: float | None = None) -> bool:
        """Stop the source, drain and write everything; False if that was not done in time."""
        self._stop.set()
        return self.wait(within_s)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the input has ended and everything is written; False at the time-out.

        Raises:
            whatever ended a stage.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s

        def left_s() -> float | None:
            return None if deadline is None else max(0.0, deadline - time.monotonic())

        self._ingesting.join(left_s())
        if self._ingesting.is_alive():
            if self.failure.error is not None:
                raise self.failure.error
            return False
        for periodic in self._periodic:
            periodic.stop()
        self._keeper.stop()
        committer = () if self._committer is None else (self._committer,)
        done = all(thread.join(left_s()) for thread in (*self._workers, self._write, *committer))
        if self._correlating is not None:
            done = self._correlating.finish(left_s()) and done
        if self.failure.error is not None:
            raise self.failure.error
        return done

    def abandon(self) -> None:
        """Do not wait for the database any more: the rows stay in the spool, or are lost."""
        self._write.abandon()
        if self._committer is not None:
            self._committer.leave()

    def close(self) -> None:
        """Give the spool back. To be called at the end, whatever happened."""
        if self._backlog is not None:
            self._backlog.close()

    @property
    def spools(self) -> bool:
        """Whether rows that the database does not take are kept on disk."""
        return self._backlog is not None

    @property
    def quarantined(self) -> int:
        """Bad frames that were kept; other losses (a torn file) leave nothing to keep."""
        return self._metrics.counts().get("ingest.quarantined", 0)

    @property
    def watched_prefixes(self) -> int:
        """Rules of the watchlist."""
        return len(self._rooms.monitor.watchlist.rules)

    @property
    def running(self) -> bool:
        """Input is still to come or to be written; False once a stage has failed."""
        if self.failure.happened.is_set():
            return False
        return self._ingesting.is_alive() or any(
            worker.alive for worker in (*self._workers, self._write)
        )

    def _written(self) -> None:
        """The stage "write" has ended: in good order, or by a failure."""
        if self._backlog is None:
            self._writer.close()
        else:
            self._backlog.flush()

    def _run(self) -> None:
        """The ingest thread: each leg in turn, then the windows that are still open."""
        with self.failure:
            for leg in self._legs:
                if self._stop.is_set():
                    break
                if self.tally.newest is not None:
                    self._ingest.resume(LastRun(self.tally.newest, tolerated_s=self._lateness_s))
                self._clock.switch(leg.clock)
                self._source = leg.source
                if self._backlog is not None:
                    self._backlog.when_away = leg.when_away
                leg.source.run(self._sink, self._stop)
            self._sink.flush()
            # The keeper comes once a second: of a short input's end it would say nothing.
            self._writes.put(WriteBatch(now=self._clock.now(), health=self.health()))
        self._scoring.close()


def _tending(held: Held) -> Callable[[Connection], None]:
    return LeaseKeeper(held.lease).tend if held.share is None else ShareKeeper(held.share).tend


def _refresh(vrps: Validator) -> float:
    """Let the source do what is due; it decides what that is."""
    vrps.refresh(time.time())
    return LOOK_FOR_VRPS_EVERY_S
