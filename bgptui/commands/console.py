"""The console on a database, beside a pipeline of this process or of another."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable

from bgptui import app
from bgptui.config.schema import Config
from bgptui.errors import BgptuiError
from bgptui.pipeline.topology import Pipeline
from bgptui.store.connect import Database

LAST_RESORT_S = 2.0


def require_terminal() -> None:
    """Refuse before anything is started where no console can be shown.

    Raises:
        UsageError: names --no-ui.
    """
    from bgptui.tui import terminal  # noqa: PLC0415 - Textual is loaded for a console only

    terminal.require_terminal(os.environ, sys.stdin, sys.stdout)


def show(
    config: Config,
    database: Database,
    *,
    pipeline: Pipeline | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Run the console until it is quit, a signal comes, or the hosted pipeline fails."""
    from bgptui.tui.app import Bell  # noqa: PLC0415 - Textual is loaded for a console only
    from bgptui.tui.app import Pipeline as Hosts  # noqa: PLC0415
    from bgptui.tui.feed import DatabaseFeed  # noqa: PLC0415
    from bgptui.tui.terminal import run_console  # noqa: PLC0415

    # A log line would tear the screen; what matters is in the console.
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [logging.NullHandler()]
    operator = app.operator_name(config)
    feed = DatabaseFeed(
        app.console_connection(database), operator=operator, refresh_s=config.console.refresh_s
    )
    feed.start()
    try:
        run_console(
            feed,
            hosts_pipeline=Hosts.ELSEWHERE if pipeline is None else Hosts.HOSTED,
            operator=operator,
            refresh_s=config.console.refresh_s,
            bell=Bell.ON if config.console.bell else Bell.OFF,
            stopping=lambda: (
                stopping() or (pipeline is not None and pipeline.failure.happened.is_set())
            ),
            last_resort=lambda: _save(pipeline),
        )
    finally:
        feed.stop()
        root.handlers = handlers  # what is said while draining is for the terminal again


def _save(pipeline: Pipeline | None) -> None:
    """The console hangs and the process is about to end: write what can be written."""
    if pipeline is not None:
        with contextlib.suppress(BgptuiError):
            pipeline.stop(within_s=LAST_RESORT_S)
