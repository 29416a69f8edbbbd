"""`bgptui watch reload`: the processes that collect read their watchlist again."""

import argparse
import sys
import time

import msgspec

from bgptui import app
from bgptui.commands.settings import load_settings
from bgptui.domain.alert_json import printable
from bgptui.domain.watch_reload import outcome
from bgptui.errors import BadInput, Fatal, ServiceUnreachable
from bgptui.store import watch_reloads
from bgptui.store.connect import Connection
from bgptui.store.watch_reloads import Asked

WAIT_S = 15.0
LOOK_EVERY_S = 0.1


def run(args: argparse.Namespace) -> int:
    """Ask, wait, and print what changed.

    Raises:
        ServiceUnreachable: nobody collects into this database, or nobody answers.
        Fatal: a process refused its file, and goes on by the old list.
    """
    config = load_settings(args).config
    with (
        app.existing_database(config) as database,
        app.console_connection(database)() as connection,
    ):
        try:
            asked = watch_reloads.ask(connection, app.operator_name(config))
        except BadInput as error:
            raise Fatal(str(error)) from error
        if asked is None:
            raise ServiceUnreachable(
                "nobody collects into this database: the next bgptui reads the watchlist anyway"
            )
        return _tell(connection, asked, as_json=args.json)


def _tell(connection: Connection, asked: Asked, *, as_json: bool) -> int:
    until = time.monotonic() + WAIT_S
    answers = watch_reloads.answers(connection, asked.request_id)
    while len(answers.keys() & set(asked.collectors)) < len(asked.collectors):
        if time.monotonic() >= until:
            break
        time.sleep(LOOK_EVERY_S)
        answers = watch_reloads.answers(connection, asked.request_id)
    came = outcome(asked.collectors, answers)
    if as_json:
        told = {holder: answers.get(holder) for holder in asked.collectors}
        print(msgspec.json.encode(told).decode())
    elif came.is_done:
        print("\n".join(map(printable, came.lines)))
    if came.is_done:
        return 0
    lines = printable("; ".join(came.lines))
    print(f"bgptui: {lines}", file=sys.stderr)
    return Fatal.exit_code if came.refused else ServiceUnreachable.exit_code
