"""`bgptui demo list`, `bgptui demo write` and `bgptui --demo`."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from shlex import join

from bgptui import app
from bgptui.commands import console, headless
from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings, start_log
from bgptui.config.schema import Config
from bgptui.config.show import example_file
from bgptui.demo.catalogue import scenario, scenarios
from bgptui.demo.scenario import Scenario
from bgptui.errors import UsageError
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


def write(args: argparse.Namespace) -> int:
    """Write a scenario's files, with the times on record where it has such, and say how to replay
    them."""
    chosen, folder = scenario(args.scenario), Path(args.folder)
    recording = folder / "recording.jsonl"
    if recording.exists() and not args.force:
        raise UsageError(f"{recording}: is there already; --force writes over it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        vrps, watch = _write_settings(chosen, folder, built=chosen.recorded.start)
        with recording.open("wb") as file:
            file.writelines(frame + b"\n" for _, frame in chosen.recording(rng=Random(SEED)))
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from None
    command = ["bgptui", "replay", str(recording), *(("--vrps", vrps) if vrps else ())]
    print(join([*command, "--watch", watch]))
    return 0


def _write_settings(chosen: Scenario, folder: Path, *, built: float) -> tuple[str, str]:
    """Write VRPs and watchlist; the files' names, "" where there are no VRPs."""
    vrps, watch = folder / "vrps.json", folder / "watch.toml"
    watch.write_text(chosen.watch)
    content = chosen.vrps(built=built)
    if content is None:
        return "", str(watch)
    vrps.write_bytes(content)
    return str(vrps), str(watch)


def run(args: argparse.Namespace) -> int:
    """Play a scenario into a throw-away database: a day of history at once, then live."""
    if args.demo == "list":
        return list_scenarios(args)
    chosen = scenario(args.demo)
    if not args.no_ui:
        console.require_terminal()
    print(f"bgptui: {chosen.name}: {chosen.description}", file=sys.stderr)
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
    vrps, watch = _write_settings(chosen, folder, built=time.time())
    warm_up = folder / "day.jsonl"
    with warm_up.open("wb") as recording:
        recording.writelines(frame + b"\n" for _, frame in history)
    settings = chosen.settings(url=url, vrps=vrps, watch=watch)
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
