"""`bgptui demo list` and `bgptui --demo`."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from bgptui import app
from bgptui.commands import console, headless
from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings, start_log
from bgptui.config.schema import Config
from bgptui.config.show import example_file
from bgptui.demo.catalogue import scenario, scenarios
from bgptui.demo.scenario import Scenario
from bgptui.pipeline.inputs import configured_legs
from bgptui.pipeline.topology import Pipeline
from bgptui.sources.playback import Pacing, Times
from bgptui.sources.ris_server import RisServer, TimedFrame
from bgptui.store.connect import Database

SEED = 2026

log = logging.getLogger("bgptui")


def list_scenarios(_args: argparse.Namespace) -> int:
    """Print a line a scenario."""
    for name, description in scenarios().items():
        print(f"{name:<20} {description}")
    return 0


def run(args: argparse.Namespace) -> int:
    """Play a scenario into a throw-away database: a day of history at once, then live."""
    if args.demo == "list":
        return list_scenarios(args)
    chosen = scenario(args.demo)
    if not args.no_ui:
        console.require_terminal()
    with tempfile.TemporaryDirectory(prefix="bgptui-demo-") as folder:
        started = time.time()
        history, live = chosen.parts(started, rng=Random(SEED))
        with _server(live) as server:
            config = _config(args, chosen, folder=Path(folder), history=history, url=server.url)
            start_log(args, config.runtime.log_format)
            _play(args, config)
    return 0


@contextmanager
def _server(live: Iterator[TimedFrame]) -> Iterator[RisServer]:
    """The scenario's live part on a port of this machine."""
    server = RisServer(lambda: live, pacing=Pacing(times=Times.DATED))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _config(
    args: argparse.Namespace,
    chosen: Scenario,
    *,
    folder: Path,
    history: list[TimedFrame],
    url: str,
) -> Config:
    """The scenario's settings over the defaults; the user's own files do not apply."""
    vrps, watch, warm_up = (folder / name for name in ("vrps.json", "watch.toml", "day.jsonl"))
    vrps.write_bytes(chosen.vrps(built=time.time()))
    watch.write_text(chosen.watchlist())
    with warm_up.open("wb") as recording:
        recording.writelines(frame + b"\n" for _, frame in history)
    settings = chosen.settings(url=url, vrps=str(vrps), watch=str(watch))
    return load_settings(
        args,
        overrides={**settings, "feed.warm_up": str(warm_up)},
        defaults_only=example_file(),
    ).config


def _play(args: argparse.Namespace, config: Config) -> None:
    with (
        Database.throwaway() as database,
        headless.stop_signals() as stop,
        ProgressLine("a day of history for the baselines") as progress,
        app.collector(
            config,
            database,
            legs=lambda inputs: configured_legs(config, inputs, progress.bytes_read),
            drain_s=app.SERVICE_DRAIN_S if args.no_ui else app.CONSOLE_DRAIN_S,
        ) as pipeline,
    ):
        print(f"bgptui: demo database: {database.dsn}", file=sys.stderr)
        _until_live(pipeline)
        progress.clear()
        if args.no_ui:
            log.info("the day of history is in; live from %s", config.feed.url)
            headless.watch(pipeline, stop, log_interval_s=config.runtime.log_interval_s)
            headless.log_health(pipeline.health())
        elif not stop.is_set():
            console.show(config, database, pipeline=pipeline)


def _until_live(pipeline: Pipeline) -> None:
    """Wait until the history is scored and stored: the console opens on baselines and peace."""
    while pipeline.running:
        health = pipeline.health()
        if health.feed.mode == "live" and not any(stage.depth for stage in health.stages):
            return
        time.sleep(0.05)
