"""The console hosting the pipeline: how late its event loop is while messages come in."""

import asyncio
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks.ingest_stages import settings
from benchmarks.process_memory import peak_mib
from bgptui import app
from bgptui.config.schema import Config
from bgptui.pipeline.topology import Pipeline
from bgptui.rpki.source import Ageing
from bgptui.store.connect import Database
from bgptui.tui.app import Bell, ConsoleApp
from bgptui.tui.app import Pipeline as Hosts
from bgptui.tui.feed import DatabaseFeed

SAMPLE_S = 0.02
SETTLE_S = 5.0
SCREEN = (120, 40)
REFRESH_S = 0.25


class Lag(Struct):
    """Of the console's event loop, over `seconds`.

    Attributes:
        p50_ms, p95_ms, most_ms: how much later than asked a sleep of SAMPLE_S ends.
        core_share: CPU time of the whole process (console, pipeline, writer) per second.
        rate_per_s: messages that came in.
        lag_s: age of the newest message at the end.
        resident_mib: peak of the process, start-up included.
        dropped: losses by reason; there must be none.
    """

    seconds: float
    p50_ms: float
    p95_ms: float
    most_ms: float
    core_share: float
    rate_per_s: float
    lag_s: float
    resident_mib: float
    dropped: dict[str, int]


def measure(
    folder: Path, url: str, seconds: float, *, ageing: Ageing = Ageing.NEVER, **others: Any
) -> Lag:
    """Host the pipeline under a headless console on live (wall clock) time.

    The screen is drawn anew four times a second, and the console reads the database as often.
    """
    flags = {
        **others,
        "store.raw_rows": "none",
        "store.raw_json": "none",
        "console.refresh_s": REFRESH_S,
    }
    config = settings(folder, url, **flags)
    with (
        Database.throwaway() as database,
        app.collector(
            config, database, legs=lambda inputs: [inputs.live()], ageing=ageing
        ) as pipeline,
    ):
        feed = DatabaseFeed(
            app.console_connection(database), operator="benchmark", refresh_s=REFRESH_S
        )
        feed.start()
        try:
            return asyncio.run(_show(config, feed, pipeline, seconds))
        finally:
            feed.stop()


async def _show(config: Config, feed: DatabaseFeed, pipeline: Pipeline, seconds: float) -> Lag:
    console = ConsoleApp(
        feed,
        hosts_pipeline=Hosts.HOSTED,
        operator="benchmark",
        refresh_s=config.console.refresh_s,
        bell=Bell.OFF,
    )
    async with console.run_test(size=SCREEN):
        await asyncio.sleep(SETTLE_S)
        messages, cpu, begun = pipeline.tally.messages, time.process_time(), time.perf_counter()
        lags = await _sample(seconds)
        took = time.perf_counter() - begun
        health = pipeline.health()
        return Lag(
            seconds=took,
            p50_ms=1_000 * lags[len(lags) // 2],
            p95_ms=1_000 * lags[len(lags) * 95 // 100],
            most_ms=1_000 * lags[-1],
            core_share=(time.process_time() - cpu) / took,
            rate_per_s=(pipeline.tally.messages - messages) / took,
            lag_s=health.lag_s,
            resident_mib=peak_mib(),
            dropped=health.dropped,
        )


async def _sample(seconds: float) -> list[float]:
    """Lateness of each sleep, sorted."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    lags = []
    while (now := loop.time()) < end:
        await asyncio.sleep(SAMPLE_S)
        lags.append(loop.time() - now - SAMPLE_S)
    return sorted(lags)
