"""`bgptui`, `bgptui --no-ui`, `bgptui --attach`: the live run; `--demo` goes to demo.py."""

import argparse
import logging
import sys
import threading

from bgptui import app
from bgptui.commands import console, demo, headless
from bgptui.commands.settings import load_settings, start_log, vrp_ageing
from bgptui.config.schema import Config
from bgptui.pipeline.holding import LeaseHeld
from bgptui.pipeline.inputs import configured_legs
from bgptui.rpki.source import Ageing
from bgptui.store.connect import Database

log = logging.getLogger("bgptui")


def run(args: argparse.Namespace) -> int:
    """Open the console or run without one, and host the pipeline where nobody else does."""
    if args.demo is not None:
        return demo.run(args)
    config = load_settings(args).config
    start_log(args, config.runtime.log_format)
    ageing = vrp_ageing(args)
    if args.attach:
        with app.existing_database(config) as database:
            console.show(config, database)
    elif args.no_ui:
        with app.configured_database(config) as database:
            _run_headless(config, database, ageing)
    else:
        console.require_terminal()
        with app.configured_database(config) as database:
            _run_console(config, database, ageing)
    return 0


def _run_headless(config: Config, database: Database, ageing: Ageing) -> None:
    reload = threading.Event()
    with (
        headless.stop_signals(reload=reload) as stop,
        app.collector(
            config, database, legs=lambda inputs: configured_legs(config, inputs), ageing=ageing
        ) as pipeline,
    ):
        log.info("collecting from %s into %s", config.feed.url, database.engine)
        log.info(
            "watching %d prefixes (watch.file), VRPs from %s",
            pipeline.watched_prefixes,
            config.rpki.vrps or "nowhere (rpki.vrps)",
        )
        headless.watch(pipeline, stop, log_interval_s=config.runtime.log_interval_s, reload=reload)
        log.info("stopping: what was received is being written")
    headless.log_health(pipeline.health())


def _run_console(config: Config, database: Database, ageing: Ageing) -> None:
    """Host the pipeline if nobody does; else attach."""
    try:
        with app.collector(
            config,
            database,
            legs=lambda inputs: configured_legs(config, inputs),
            ageing=ageing,
            drain_s=app.CONSOLE_DRAIN_S,
        ) as pipeline:
            console.show(config, database, pipeline=pipeline)
    except LeaseHeld as held:
        print(f"bgptui: {held}: attaching to it", file=sys.stderr)
        console.show(config, database)
