"""The composition root: opens what a run needs in order, wires it, closes it in reverse."""

import contextlib
import gc
import getpass
import itertools
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from pathlib import Path
from random import Random

import msgspec
import platformdirs

from bgptui.config.schema import ClockKind, Config, Keep
from bgptui.correlate.correlator import Correlator
from bgptui.detect.detector import Detector
from bgptui.detect.history import StreamHistory
from bgptui.domain.alert import AlertChange
from bgptui.domain.gap import Gap
from bgptui.domain.health import STALE_AFTER_S
from bgptui.domain.routing import BgpMessage
from bgptui.domain.window import WINDOW_S
from bgptui.errors import BadInput, Fatal, ServiceUnreachable, Transient
from bgptui.features.aggregator import Aggregator
from bgptui.pipeline.ingest import LastRun
from bgptui.pipeline.rooms import Rooms
from bgptui.pipeline.spooling import Spooling
from bgptui.pipeline.takeover import firing_before
from bgptui.pipeline.topology import Held, Leg, Pipeline
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist import Watchlist
from bgptui.routemon.watchlist_file import load_watchlist
from bgptui.rpki.vrp_source import Ageing, VrpSource
from bgptui.runtime.clock import EventClock, PipelineClock, WallClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.recording import Progress, Recording
from bgptui.sources.ris_live import RisLive
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived
from bgptui.store import lease
from bgptui.store.backlog import WhenAway
from bgptui.store.connect import COLLECTOR, CONSOLE, Connection, Database, describe
from bgptui.store.embedded import default_data_dir
from bgptui.store.migrate import check_schema, migrate
from bgptui.store.readers import read_collector
from bgptui.store.start_state import StartState, start_state

log = logging.getLogger(__name__)

# A console is gone within five seconds of its quit; a service may take its time.
CONSOLE_DRAIN_S = 4.0
SERVICE_DRAIN_S = 30.0


class LeaseHeld(Fatal):
    """Another bgptui collects into this database."""


def configured_database(config: Config) -> Database:
    """The database that the settings name, not opened yet."""
    store = config.store
    data_dir = Path(store.data_dir).expanduser() if store.data_dir else default_data_dir()
    return Database.of(store.dsn, data_dir, timeout_s=store.connect_timeout_s)


class Schema(Enum):
    """Which schema an existing database must have: CURRENT is this program's."""

    CURRENT = auto()
    ANY = auto()


@contextlib.contextmanager
def existing_database(config: Config, *, schema: Schema = Schema.CURRENT) -> Iterator[Database]:
    """The database that the settings name, open; it must have bgptui's schema already.

    Raises:
        ServiceUnreachable: it cannot be reached, or nobody has collected into it yet.
        Fatal: its schema is older or newer than this program's, and must not be.
    """
    database = configured_database(config)
    embedded = database.embedded
    if embedded is not None and not (embedded.cluster / "PG_VERSION").exists():
        raise ServiceUnreachable(
            f"there is no database in {embedded.data_dir} yet: run bgptui or bgptui --no-ui "
            "first, or name a server (--dsn, store.dsn)"
        )
    with database:
        with _connected(database) as connection:
            found = connection.execute("select to_regclass('public.collector_health')").fetchone()
            if found == (None,):
                raise ServiceUnreachable(
                    f"database {describe(database.dsn)} has no bgptui schema yet: run bgptui or "
                    "bgptui --no-ui on it first, or bgptui db init"
                )
            if schema is Schema.CURRENT:
                check_schema(connection, database.dsn)
        yield database


def quarantine_path() -> Path:
    """Where bad frames are kept, e.g. ~/.local/state/bgptui/quarantine.jsonl."""
    return platformdirs.user_state_path("bgptui") / "quarantine.jsonl"


def operator_name(config: Config) -> str:
    """In whose name alerts are acted on."""
    return config.console.operator or getpass.getuser()


class Inputs:
    """Makes the sources of one run; they share a clock, counters and the quarantine.

    Args:
        quarantine: the file of bad frames; None keeps none of them.
    """

    def __init__(
        self, config: Config, *, clock: PipelineClock, metrics: Metrics, quarantine: Path | None
    ) -> None:
        self._config = config
        self._clock = clock
        self._metrics = metrics
        self._quarantine = Quarantine(
            quarantine, max_bytes=config.feed.quarantine_max_bytes, metrics=metrics
        )

    def live(self) -> Leg:
        """RIS Live, as [feed] says."""
        feed = self._config.feed
        source = RisLive(
            feed,
            decoder=self._decoder(),
            clock=self._clock,
            metrics=self._metrics,
            quarantine=self._quarantine,
            rng=Random(),
        )
        clock = EventClock() if feed.clock is ClockKind.EVENT else WallClock()
        return Leg(source, clock, when_away=WhenAway.SPOOL)

    def recording(
        self,
        paths: Sequence[str],
        *,
        speed: float | None = None,
        on_progress: Progress | None = None,
    ) -> Leg:
        """Recorded frames, in event time."""
        return Leg(self._recording(paths, speed=speed, on_progress=on_progress), EventClock())

    def lots(self, paths: Sequence[str]) -> Iterator[list[BgpMessage]]:
        """The messages of recordings in time order, without a pipeline."""
        return self._recording(paths).lots()

    def close(self) -> None:
        self._quarantine.close()

    def _recording(
        self,
        paths: Sequence[str],
        *,
        speed: float | None = None,
        on_progress: Progress | None = None,
    ) -> Recording:
        return Recording(
            paths,
            decoder=self._decoder(),
            clock=self._clock,
            metrics=self._metrics,
            quarantine=self._quarantine,
            max_frame_bytes=self._config.feed.max_frame_bytes,
            speed=speed,
            on_progress=on_progress,
        )

    def _decoder(self) -> FrameDecoder:
        store = self._config.store
        keeps = store.raw_rows is not Keep.NONE and store.raw_json is not Keep.NONE
        return FrameDecoder(KeepReceived.YES if keeps else KeepReceived.NO)


def configured_legs(
    config: Config, inputs: Inputs, on_progress: Progress | None = None
) -> list[Leg]:
    """The recording to catch up on, where one is set, then RIS Live."""
    warm_up = config.feed.warm_up
    before = [inputs.recording([warm_up], on_progress=on_progress)] if warm_up else []
    return [*before, inputs.live()]


@contextlib.contextmanager
def collector(
    config: Config,
    database: Database,
    *,
    legs: Callable[[Inputs], Sequence[Leg]],
    ageing: Ageing = Ageing.BY_CLOCK,
    on_change: Callable[[AlertChange], None] | None = None,
    drain_s: float = SERVICE_DRAIN_S,
) -> Iterator[Pipeline]:
    """A running pipeline on an open database; on leaving it is stopped and drained.

    Args:
        legs: makes the sources.
        drain_s: how long the end may take. What a database that is away does not take by
            then is left in the spool; where there is none it is lost, and logged.
        ageing: NEVER where a file of VRPs was named for this run only.
    Raises:
        LeaseHeld: another bgptui collects into this database.
        UsageError: the watchlist or the VRPs cannot be used.
    """
    sys.setswitchinterval(config.runtime.switch_interval_s)
    watchlist = load_watchlist(Path(config.watch.file)) if config.watch.file else Watchlist(())
    metrics = Metrics()
    clock = PipelineClock(WallClock())
    inputs = Inputs(config, clock=clock, metrics=metrics, quarantine=quarantine_path())
    vrps = _vrps(config, ageing=ageing, metrics=metrics)
    migrate(database.dsn)
    held = _hold(database)
    try:
        spooling = Spooling(
            config.store, database, connect=held.connect, held=held.lease, metrics=metrics
        )
        spooling.recover()
        with _connected(database) as connection:
            state = start_state(connection)
        run = legs(inputs)
        if any(leg.when_away is WhenAway.SPOOL for leg in run):
            held = msgspec.structs.replace(held, spool=spooling.create())
        pipeline = Pipeline(
            config,
            legs=run,
            rooms=_rooms(config, state, watchlist=watchlist, vrps=vrps, metrics=metrics),
            held=held,
            clock=clock,
            metrics=metrics,
            last_run=_last_run(state),
            last_status_event=state.last_status_event,
            on_change=on_change,
        )
        # The tables and models just made live as long as the process: not looked at again.
        gc.freeze()
        pipeline.start()
        try:
            yield pipeline
        finally:
            try:
                _drain(pipeline, metrics, within_s=drain_s)
            finally:
                pipeline.close()
                inputs.close()
    finally:
        _release(held)


def _drain(pipeline: Pipeline, metrics: Metrics, *, within_s: float) -> None:
    if pipeline.stop(within_s=within_s):
        return
    before = metrics.drops()
    pipeline.abandon()
    pipeline.stop(within_s=within_s)
    lost = {name: count for name, count in metrics.drops().items() if count != before.get(name)}
    if lost or not pipeline.spools:
        log.error("not everything was written within %g s; lost: %s", within_s, lost or "unknown")


def console_connection(database: Database) -> Callable[[], Connection]:
    """How a console connects."""
    return lambda: database.connect(application_name=CONSOLE)


def _connected(database: Database) -> Connection:
    return database.connect(application_name=COLLECTOR)


def _hold(database: Database) -> Held:
    """Take the collector's lease; that of a collector that was killed runs out in seconds."""
    holder = lease.new_holder()
    with _connected(database) as connection:
        taken = lease.acquire(connection, lease.COLLECTOR, holder=holder)
        deadline = time.monotonic() + lease.LEASE_TTL_S + 1.0
        while taken is None:
            state = lease.state(connection, lease.COLLECTOR)
            if state is not None and (
                _is_alive(connection, state.holder) or time.monotonic() > deadline
            ):
                raise LeaseHeld(
                    f"another bgptui ({state.holder}) collects into database "
                    f"{describe(database.dsn)}"
                )
            if state is not None:
                log.info(
                    "waiting %.0f s for the lease of %s, which was not given back",
                    state.remaining_s,
                    state.holder,
                )
                time.sleep(min(state.remaining_s, 1.0) + 0.1)
            taken = lease.acquire(connection, lease.COLLECTOR, holder=holder)
    data_dir = database.embedded.data_dir if database.embedded is not None else None

    def disk_free() -> int | None:
        return shutil.disk_usage(data_dir).free if data_dir is not None else None

    return Held(connect=lambda: _connected(database), lease=taken, disk_free=disk_free)


def _is_alive(connection: Connection, holder: str) -> bool:
    """Whether the holder renews its health row, which it does once a second.

    A row that is merely recent may be that of a collector which was killed just now.
    """
    last_age_s = 0.0
    while True:
        collector = read_collector(connection)
        if collector is None or collector.holder != holder or collector.age_s > STALE_AFTER_S:
            return False
        if collector.age_s < last_age_s:
            return True
        last_age_s = collector.age_s
        time.sleep(0.25)


def _release(held: Held) -> None:
    try:
        with held.connect() as connection:
            lease.release(connection, held.lease)
    except ServiceUnreachable as error:
        log.warning("the lease runs out by itself: %s", error)


def _vrps(config: Config, *, ageing: Ageing, metrics: Metrics) -> VrpSource:
    """The source of VRPs. A file that is named for one run must be there and be right."""
    rpki = config.rpki
    vrps = VrpSource(
        rpki.vrps,
        ageing=ageing,
        metrics=metrics,
        refresh_s=rpki.refresh_s,
        stale_after_s=rpki.stale_after_s,
        timeout_s=rpki.fetch_timeout_s,
    )
    if ageing is Ageing.NEVER:
        try:
            vrps.load(0.0)
        except (BadInput, Transient) as error:
            raise Fatal(f"--vrps: {error}") from error
    return vrps


def _rooms(
    config: Config, state: StartState, *, watchlist: Watchlist, vrps: VrpSource, metrics: Metrics
) -> Rooms:
    windows, ids = config.windows, state.next_ids
    aggregator = Aggregator(
        lateness_s=windows.lateness_s,
        flap_s=windows.flap_s,
        flap_memory=windows.flap_memory,
        peer_expiry_s=windows.peer_expiry_s,
    )
    monitor = RouteMonitor(
        watchlist,
        vrps.validate,
        vrps.generation,
        min_peers=_min_peers(config),
        next_id=itertools.count(ids.route_monitor_events).__next__,
        metrics=metrics,
    )
    detector = Detector(
        config.detect,
        next_feature_id=itertools.count(ids.features).__next__,
        next_result_id=itertools.count(ids.ml_results).__next__,
    )
    detector.restore(
        StreamHistory(
            peer=stream.peer,
            minutes=stream.starts // WINDOW_S,
            features=stream.values,
            zscores=stream.zscores,
            gap=stream.gaps,
        )
        for stream in state.baseline
    )
    correlator = Correlator(
        config.alerts,
        config.detect,
        next_alert_id=itertools.count(ids.alerts).__next__,
        peers_total=lambda: aggregator.peers,
    )
    correlator.restore(state.open_alerts, state.false_positives)
    for firing in firing_before(state.open_alerts):
        monitor.take_over(firing.key, firing.peer, origin=firing.origin)
    return Rooms(aggregator, monitor, detector, correlator, vrps)


def _min_peers(config: Config) -> int:
    """Peers it takes to open a route alert; no more than are subscribed to.

    Peers are only known beforehand where every subscription names one.
    """
    wanted = [subscription.peer for subscription in config.feed.subscription]
    subscribed = len({peer for peer in wanted if peer is not None})
    if None in wanted or subscribed >= config.watch.min_peers:
        return config.watch.min_peers
    log.info(
        "only %d peers are subscribed to: so many open a route alert, instead of %d",
        subscribed,
        config.watch.min_peers,
    )
    return subscribed


def _last_run(state: StartState) -> LastRun | None:
    if state.last_watermark is None:
        return None
    gaps: tuple[Gap, ...] = state.open_gaps
    return LastRun(state.last_watermark, gaps)


def oldest_timestamp(config: Config, paths: Sequence[str]) -> float | None:
    """Event time at which recordings begin; None where they hold no message."""
    clock, metrics = PipelineClock(EventClock()), Metrics()
    inputs = Inputs(config, clock=clock, metrics=metrics, quarantine=None)
    begins = [
        lot[0].timestamp for path in paths for lot in itertools.islice(inputs.lots([path]), 1)
    ]
    return min(begins, default=None)


def recorded_frames(config: Config, paths: Sequence[str]) -> Iterator[tuple[float, bytes]]:
    """(timestamp, frame) of every readable message of recordings, in time order."""
    keeping = msgspec.structs.replace(
        config, store=msgspec.structs.replace(config.store, raw_rows=Keep.ALL, raw_json=Keep.ALL)
    )
    clock, metrics = PipelineClock(EventClock()), Metrics()
    inputs = Inputs(keeping, clock=clock, metrics=metrics, quarantine=quarantine_path())
    for lot in inputs.lots(paths):
        for message in lot:
            yield message.timestamp, message.received
