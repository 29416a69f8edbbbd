"""The composition root: opens what a run needs in order, wires it, closes it in reverse."""

import contextlib
import gc
import getpass
import itertools
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from bgptui.config.schema import Config
from bgptui.correlate.correlator import Correlator
from bgptui.correlate.event_groups import EventGroups
from bgptui.detect.detector import Detector
from bgptui.detect.model_bundle import configured_bundle
from bgptui.domain.alert import AlertChange
from bgptui.domain.gap import Gap
from bgptui.errors import BadInput, Fatal, ServiceUnreachable, Transient, UsageError
from bgptui.features.aggregator import Aggregator
from bgptui.pipeline.holding import hold, hold_share, release
from bgptui.pipeline.ingest import LastRun
from bgptui.pipeline.inputs import Inputs, quarantine_path
from bgptui.pipeline.moment import PeerCount
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.pipeline.rooms import Rooms
from bgptui.pipeline.share import Share
from bgptui.pipeline.spooling import Spooling
from bgptui.pipeline.takeover import firing_before, histories
from bgptui.pipeline.topology import Held, Leg, Pipeline
from bgptui.pipeline.watch_rules import WatchRules, read_watch_rules
from bgptui.routemon.background import RpkiBackground
from bgptui.routemon.bogons import Bogons
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.whole_table import WholeTable
from bgptui.rpki.configured import configured_validator
from bgptui.rpki.source import Ageing
from bgptui.rpki.validator import Validator
from bgptui.runtime.clock import PipelineClock, WallClock
from bgptui.runtime.metrics import Metrics
from bgptui.store.backlog import WhenAway
from bgptui.store.batch import ReplayPosition
from bgptui.store.connect import CONSOLE, Connection, Database, describe
from bgptui.store.embedded import default_data_dir
from bgptui.store.migrate import check_schema, migrate
from bgptui.store.replays import begin_replay, finish_replay
from bgptui.store.start_state import (
    StartState,
    fresh_state,
    next_ids,
    own_ids,
    start_state,
)
from bgptui.store.watched_vrps import watched_vrps

log = logging.getLogger(__name__)

# A console is gone within five seconds of its quit; a service may take its time.
CONSOLE_DRAIN_S = 4.0
SERVICE_DRAIN_S = 30.0


class Replay(Struct, frozen=True):
    """A replay.

    Attributes:
        fingerprint: names it to the database, so that it can go on after a kill; None where
            the input can be read once only, or the database is thrown away.
        ribs: MRT routing tables whose routes stood before the first message.
    """

    fingerprint: str | None
    ribs: Sequence[str] = ()


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
        with database.connect(application_name=CONSOLE) as connection:
            found = connection.execute("select to_regclass('public.collector_health')").fetchone()
            if found == (None,):
                raise ServiceUnreachable(
                    f"database {describe(database.dsn)} has no bgptui schema yet: run bgptui or "
                    "bgptui --no-ui on it first, or bgptui db init"
                )
            if schema is Schema.CURRENT:
                check_schema(connection, database.dsn)
        yield database


def operator_name(config: Config) -> str:
    """In whose name alerts are acted on."""
    if config.console.operator:
        return config.console.operator
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        return f"uid-{os.getuid()}"


@contextlib.contextmanager
def collector(
    config: Config,
    database: Database,
    *,
    legs: Callable[[Inputs], Sequence[Leg]],
    ageing: Ageing = Ageing.BY_CLOCK,
    on_change: Callable[[AlertChange], None] | None = None,
    drain_s: float = SERVICE_DRAIN_S,
    replay: Replay | None = None,
) -> Iterator[Pipeline]:
    """A running pipeline on an open database; on leaving it is stopped and drained.

    Args:
        legs: makes the sources.
        drain_s: how long the end may take. What a database that is away does not take by
            then is left in the spool; where there is none it is lost, and logged.
        replay: for a replay, which is a world of its own: it takes up nothing that the
            database remembers, so that it gives the same whatever is in there.
        ageing: NEVER where a file of VRPs was named for this run only.
    Raises:
        LeaseHeld: another bgptui collects into this database.
        UsageError: the watchlist or the VRPs cannot be used.
    """
    sys.setswitchinterval(config.runtime.switch_interval_s)
    rules = read_watch_rules(config.watch)
    metrics = Metrics()
    clock = PipelineClock(WallClock())
    inputs = Inputs(config, clock=clock, metrics=metrics, quarantine=quarantine_path())
    by_clock = ageing is Ageing.BY_CLOCK and not replay
    vrps = _vrps(config, ageing=Ageing.BY_CLOCK if by_clock else Ageing.NEVER, metrics=metrics)
    migrate(database.dsn)
    hosts = () if replay else config.feed.collectors
    held = hold_share(database, hosts) if hosts else hold(database)
    inputs.share = held.share
    try:
        spooling = Spooling(
            config.store,
            database,
            connect=held.connect,
            held=held.lease,
            metrics=metrics,
            apart="" if held.share is None else "shards",
        )
        if held.share is None:
            spooling.recover()
        else:
            spooling.set_aside()
        with held.connect() as connection:
            state, committed = _state(connection, replay, held.share)
        held = msgspec.structs.replace(held, replay=committed)
        run = _needed(legs(inputs), state)
        if any(leg.when_away is WhenAway.SPOOL for leg in run):
            held = msgspec.structs.replace(held, spool=spooling.create())
        rooms = _rooms(
            config,
            state,
            rules=rules,
            vrps=vrps,
            metrics=metrics,
            replay=replay,
            share=held.share,
            roas=_roas(config, held, state, rules, vrps) if by_clock else None,
        )
        if state.closed_until is not None:
            with held.connect() as connection:
                rooms.detector.restore(histories(connection, state.closed_until))
        for entry in inputs.rib(replay.ribs if replay else ()):
            rooms.monitor.seed(entry)
        pipeline = Pipeline(
            config,
            legs=run,
            rooms=rooms,
            held=held,
            clock=clock,
            metrics=metrics,
            read_rules=_no_rules if replay else partial(read_watch_rules, config.watch),
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
                if committed is not None:
                    with held.connect() as connection:
                        finish_replay(connection, committed.fingerprint)
            finally:
                pipeline.close()
                vrps.stop()
                inputs.close()
    finally:
        release(held)


def _needed(legs: Sequence[Leg], state: StartState) -> Sequence[Leg]:
    """Without the recording to catch up on where the database has a past of its own: its
    windows would stand there twice."""
    if len(legs) == 1 or state.closed_until is None:
        return legs
    log.info("feed.warm_up is left out: the database has windows already")
    return legs[-1:]


def _state(
    connection: Connection, replay: Replay | None, share: Share | None
) -> tuple[StartState, ReplayPosition | None]:
    """What the run starts with, and which of its rows are committed already."""
    if share is not None:
        # Each host's past comes with the host (pipeline.host_start).
        return fresh_state(connection, own_ids(share.number)), None
    if replay is None:
        return start_state(connection), None
    if replay.fingerprint is None:
        return fresh_state(connection, next_ids(connection)), None
    run = begin_replay(connection, replay.fingerprint)
    return fresh_state(connection, run.ids), run.committed


def _drain(pipeline: Pipeline, metrics: Metrics, *, within_s: float) -> None:
    if pipeline.stop(within_s=within_s):
        return
    before = metrics.drops()
    pipeline.abandon()
    pipeline.stop(within_s=within_s)
    lost = {name: count for name, count in metrics.drops().items() if count != before.get(name)}
    if lost or not pipeline.spools:
        raise Fatal(f"not everything was written within {within_s:g} s; lost: {lost or 'unknown'}")


def console_connection(database: Database) -> Callable[[], Connection]:
    """How a console connects."""
    return lambda: database.connect(application_name=CONSOLE)


def _vrps(config: Config, *, ageing: Ageing, metrics: Metrics) -> Validator:
    """The sources of VRPs. One that is taken as it stands is read at once, and must be right:
    a replay must not depend on when a download ends."""
    vrps = configured_validator(config.rpki, ageing=ageing, metrics=metrics)
    if ageing is Ageing.NEVER:
        try:
            vrps.load(0.0)
        except (BadInput, Transient) as error:
            raise Fatal(f"VRPs: {error}") from error
    return vrps


def _roas(
    config: Config, held: Held, state: StartState, rules: WatchRules, vrps: Validator
) -> RoaWatch | None:
    """Looks after the operator's ROAs; None without VRPs. Of several processes it is the one that
    correlates which takes up the past."""
    if not vrps.statuses():
        return None
    roas = RoaWatch(vrps, rules.watchlist, config.watch)
    if held.share is None:
        with held.connect() as connection:
            roas.take_up(state.open_alerts, watched_vrps(connection))
    return roas


def _rooms(
    config: Config,
    state: StartState,
    *,
    rules: WatchRules,
    vrps: Validator,
    metrics: Metrics,
    replay: Replay | None,
    share: Share | None,
    roas: RoaWatch | None,
) -> Rooms:
    windows, watch, ids = config.windows, config.watch, state.next_ids
    aggregator = Aggregator(
        lateness_s=windows.lateness_s,
        flap_s=windows.flap_s,
        flap_memory=windows.flap_memory,
        peer_expiry_s=windows.peer_expiry_s,
        closed_until=-math.inf if state.closed_until is None else state.closed_until,
        network=None if share is None else share.minutes,
    )
    monitor = RouteMonitor(
        rules.watchlist,
        vrps.validate,
        vrps.generation,
        min_peers=config.watch.min_peers if replay else _min_peers(config),
        next_id=itertools.count(ids.route_monitor_events).__next__,
        verify=vrps.verify_from,
        otc_leak=vrps.otc_leak,
        aspa_generation=vrps.aspa_generation,
        relationships=rules.relationships,
        whole_table=WholeTable(learn_s=watch.learn_s) if watch.whole_table else None,
        bogons=Bogons.TOLD if watch.bogons else Bogons.PASSED_OVER,
        peers_of=aggregator.peers_with,
        background=RpkiBackground(
            vrps_changed_since=vrps.changes_since,
            validated_before=vrps.validated_before,
            aspas_changed_since=vrps.aspa_changes_since,
            sources=vrps.data_sources,
            exceptions=vrps.exceptions,
        ),
        learn_s=watch.learn_s,
        metrics=metrics,
    )
    detector = Detector(
        config.detect,
        bundle=configured_bundle(config.detect.model),
        next_feature_id=itertools.count(ids.features).__next__,
        next_result_id=itertools.count(ids.ml_results).__next__,
    )
    peers = PeerCount()
    correlator = Correlator(
        config.alerts,
        config.detect,
        next_alert_id=itertools.count(ids.alerts).__next__,
        peers_total=peers,
        peers_of=peers.of,
    )
    correlator.restore(state.open_alerts, state.false_positives)
    groups = EventGroups(hold_down_s=config.alerts.hold_down_s, metrics=metrics)
    groups.restore(state.event_rows)
    for firing in firing_before(state.open_alerts, state.event_rows):
        monitor.take_over(firing.key, firing.peer, origin=firing.origin)
    return Rooms(aggregator, monitor, detector, groups, correlator, peers, vrps, roas)


def _no_rules() -> WatchRules:
    raise UsageError("a replay judges by the watchlist it began with: run it again")


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
