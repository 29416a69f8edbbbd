"""One stage of benchmarks.ingest, measured in this process: from a WebSocket to where it ends."""

import asyncio
import gc
import itertools
import math
import threading
import time
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from websockets.asyncio.client import connect

from benchmarks import workload
from benchmarks.process_memory import forget_peak, peak_mib
from bgptui import app
from bgptui.config.load import load
from bgptui.config.schema import Config, Keep
from bgptui.config.show import example_file
from bgptui.domain.gap import Gap
from bgptui.domain.health import FeedHealth
from bgptui.domain.routing import BgpMessage
from bgptui.features.aggregator import Aggregator
from bgptui.pipeline.ingest import IngestStage
from bgptui.pipeline.inputs import Inputs
from bgptui.pipeline.moment import Moments
from bgptui.pipeline.tally import Tally
from bgptui.pipeline.topology import Leg
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist_file import load_watchlist
from bgptui.rpki.configured import configured_validator
from bgptui.rpki.source import Ageing
from bgptui.runtime.channel import Channel
from bgptui.runtime.clock import EventClock, PipelineClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.ris_requests import requests
from bgptui.sources.sink import Sink, Source
from bgptui.store.batch import WriteBatch
from bgptui.store.connect import Database

_LOOK_EVERY_S = 0.02
# Nobody takes what these channels carry: a run's batches have room in them.
_ROOMY = 1_000_000


class Measured(Struct):
    """What a stage took.

    Attributes:
        cpu_s, wall_s: from the connection to the last row, without start-up.
        peak_mib: resident meanwhile, with the tables that the stage uses.
        start_peak_mib: resident before, while those tables were read.
        dropped: losses by reason; there must be none.
    """

    messages: int
    cpu_s: float
    wall_s: float
    peak_mib: float
    start_peak_mib: float
    dropped: dict[str, int]


class _Meter:
    """Takes the time, and the memory, between `begin` and `end`."""

    def begin(self) -> None:
        gc.collect()
        gc.freeze()  # as the collector does with what lives as long as the process
        self._start_peak_mib = peak_mib()
        forget_peak()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def end(self, messages: int, dropped: dict[str, int]) -> Measured:
        return Measured(
            messages=messages,
            cpu_s=time.process_time() - self._cpu,
            wall_s=time.perf_counter() - self._wall,
            peak_mib=peak_mib(),
            start_peak_mib=self._start_peak_mib,
            dropped=dropped,
        )


def settings(folder: Path, url: str, **flags: Any) -> Config:
    """The defaults, with the folder's VRPs and watchlist."""
    overrides = {
        "feed.url": url,
        "rpki.vrps": str(folder / workload.VRPS),
        "watch.file": str(folder / workload.WATCHLIST),
        **flags,
    }
    return load(overrides, {}, cwd=folder, config_file=example_file()).config


def socket_only(folder: Path, url: str, count: int) -> Measured:
    """The WebSocket client alone, with the settings of the real one."""
    meter = _Meter()
    asked = [each.subscribe for each in requests(settings(folder, url).feed)]

    async def receive() -> None:
        async with connect(url, compression=None, max_size=2**26, max_queue=1_024) as connection:
            for request in asked:
                await connection.send(request, text=True)
                await connection.recv()
            meter.begin()
            for _ in range(count):
                await connection.recv(decode=False)

    asyncio.run(receive())
    return meter.end(count, {})


def decode(folder: Path, url: str, count: int) -> Measured:
    """The source as the collector has it: receive, decode, check, make canonical, batch."""
    return _from_source(settings(folder, url, **_EVENT_TIME), count, lambda *_: _Nothing())


def features(folder: Path, url: str, count: int) -> Measured:
    """And the one-minute windows of nine features."""
    return _from_source(
        settings(folder, url, **_EVENT_TIME), count, lambda config, *_: _Windows(config)
    )


def validation(folder: Path, url: str, count: int) -> Measured:
    """And origin validation and the watchlist: the whole ingest thread."""
    return _from_source(settings(folder, url, **_EVENT_TIME), count, _ingest)


def copy_none(folder: Path, url: str, count: int) -> Measured:
    """The whole pipeline, scores and alerts included, into a database; no raw rows."""
    return _to_database(folder, url, count, rows=Keep.NONE, frames=Keep.NONE)


def copy_rows(folder: Path, url: str, count: int) -> Measured:
    """And a raw row for each message, without its frame."""
    return _to_database(folder, url, count, rows=Keep.ALL, frames=Keep.NONE)


def copy_frames(folder: Path, url: str, count: int) -> Measured:
    """And each message's frame with its raw row."""
    return _to_database(folder, url, count, rows=Keep.ALL, frames=Keep.ALL)


STAGES: dict[str, Callable[[Path, str, int], Measured]] = {
    "socket": socket_only,
    "decode": decode,
    "features": features,
    "validation": validation,
    "copy": copy_none,
    "copy-rows": copy_rows,
    "copy-frames": copy_frames,
}

_EVENT_TIME = {"feed.clock": "event", "store.raw_rows": "none", "store.raw_json": "none"}


class _Nothing:
    """A sink that looks at nothing."""

    def process(self, messages: list[BgpMessage], now: float) -> None: ...

    def tick(self, now: float) -> None: ...

    def gap(self, gap: Gap) -> None: ...

    def hold(self, collectors: Set[str] | None) -> None: ...


class _Windows(_Nothing):
    """Counts messages into windows, and drops these."""

    def __init__(self, config: Config) -> None:
        self._aggregator = _aggregator(config)
        self._now = 0.0

    def process(self, messages: list[BgpMessage], now: float) -> None:  # noqa: ARG002
        aggregator, latest = self._aggregator, self._now
        for message in messages:
            latest = max(latest, message.timestamp)
            aggregator.observe(message, latest)
            if latest >= aggregator.next_deadline:
                aggregator.advance(latest)
        self._now = latest


class _Counted:
    """Passes everything on and sets `stop` when all messages have come."""

    def __init__(self, sink: Sink, count: int, stop: threading.Event) -> None:
        self._sink = sink
        self._left = count
        self._stop = stop
        self.tick, self.gap, self.hold = sink.tick, sink.gap, sink.hold

    def process(self, messages: list[BgpMessage], now: float) -> None:
        self._sink.process(messages, now)
        self._left -= len(messages)
        if self._left <= 0:
            self._stop.set()


def _from_source(
    config: Config, count: int, sink: Callable[[Config, PipelineClock, Metrics], Sink]
) -> Measured:
    clock, metrics, meter = PipelineClock(EventClock()), Metrics(), _Meter()
    source = Inputs(config, clock=clock, metrics=metrics, quarantine=None).live().source
    stop = threading.Event()
    counted = _Counted(sink(config, clock, metrics), count, stop)
    meter.begin()
    source.run(counted, stop)
    return meter.end(count, metrics.drops())


def _ingest(config: Config, clock: PipelineClock, metrics: Metrics) -> IngestStage:
    vrps = configured_validator(config.rpki, ageing=Ageing.NEVER, metrics=metrics)
    vrps.load(0.0)
    moments: Channel[Moments] = Channel("moments", capacity=_ROOMY)
    writes: Channel[WriteBatch] = Channel("writes", capacity=_ROOMY)
    return IngestStage(
        clock=clock,
        aggregator=_aggregator(config),
        monitor=RouteMonitor(
            load_watchlist(Path(config.watch.file)),
            vrps.validate,
            vrps.generation,
            min_peers=config.watch.min_peers,
            next_id=itertools.count(1).__next__,
            metrics=metrics,
        ),
        raw_rows=config.store.raw_rows,
        raw_json=config.store.raw_json,
        tally=Tally(),
        last_run=None,
        moments=moments,
        writes=writes,
    )


def _aggregator(config: Config) -> Aggregator:
    windows = config.windows
    return Aggregator(
        lateness_s=windows.lateness_s,
        flap_s=windows.flap_s,
        flap_memory=windows.flap_memory,
        peer_expiry_s=windows.peer_expiry_s,
        closed_until=-math.inf,
    )


class _Metered:
    """A source before which the meter begins: start-up is over when it runs."""

    def __init__(self, source: Source, meter: _Meter) -> None:
        self._source = source
        self._meter = meter

    @property
    def feed_state(self) -> FeedHealth:
        return self._source.feed_state

    def run(self, sink: Sink, stop: threading.Event) -> None:
        self._meter.begin()
        self._source.run(sink, stop)


def _to_database(folder: Path, url: str, count: int, *, rows: Keep, frames: Keep) -> Measured:
    flags = {**_EVENT_TIME, "store.raw_rows": rows.value, "store.raw_json": frames.value}
    config = settings(folder, url, **flags)
    meter = _Meter()

    def metered(inputs: Inputs) -> list[Leg]:
        leg = inputs.live()
        return [msgspec.structs.replace(leg, source=_Metered(leg.source, meter))]

    with Database.throwaway() as database:
        with app.collector(config, database, legs=metered, ageing=Ageing.NEVER) as pipeline:
            while pipeline.tally.messages < count and pipeline.running:
                time.sleep(_LOOK_EVERY_S)
        return meter.end(pipeline.tally.messages, pipeline.health().dropped)
