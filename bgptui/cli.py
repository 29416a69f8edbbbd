"""The command line: which commands there are, and their exit codes.

The flags of a command are in bgptui/arguments/, what it does is in bgptui/commands/.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a service cannot be reached.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from bgptui import __version__
from bgptui.arguments.alerts import add_alerts
from bgptui.arguments.common import add_common
from bgptui.arguments.config import add_config
from bgptui.arguments.db import add_db
from bgptui.arguments.demo import add_demo
from bgptui.arguments.evaluate import add_evaluate
from bgptui.arguments.export import add_export
from bgptui.arguments.record import add_record
from bgptui.arguments.replay import add_replay
from bgptui.arguments.rpki import add_rpki
from bgptui.arguments.score import add_score
from bgptui.arguments.serve_recording import add_serve_recording
from bgptui.arguments.train import add_train
from bgptui.arguments.watch import add_watch
from bgptui.errors import BgptuiError, Fatal

DEFAULT_SCENARIO = "subprefix-hijack"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its errors become one line on stderr and an exit code."""
    args = build_parser().parse_args(argv)
    try:
        run = _load(args.command)
        return run(args)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`bgptui alerts | head`); Python would complain
        # once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except BgptuiError as error:
        if args.debug:
            raise
        print(f"bgptui: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, Fatal) else 1
    except Exception as error:
        if args.debug:
            raise
        print(
            f"bgptui: internal error: {type(error).__name__}: {error} "
            "(run again with --debug and report the traceback)",
            file=sys.stderr,
        )
        return 1


def _load(command: str) -> Callable[[argparse.Namespace], int]:
    module, function = command.split(":")
    run: Callable[[argparse.Namespace], int] = getattr(
        importlib.import_module(f"bgptui.commands.{module}"), function
    )
    return run


def build_parser() -> argparse.ArgumentParser:
    """The command line, as the README and `bgptui --help` show it."""
    parser = argparse.ArgumentParser(
        prog="bgptui",
        description="Terminal monitoring console for BGP. Without a command it opens the console, "
        "and hosts the pipeline if no collector holds the database yet.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, "
        "3 a service cannot be reached.",
    )
    parser.add_argument("--version", action="version", version=f"bgptui {__version__}")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--no-ui", action="store_true", help="the pipeline alone, e.g. for systemd")
    mode.add_argument(
        "--attach", action="store_true", help="the console alone; never starts a pipeline"
    )
    parser.add_argument(
        "--demo",
        nargs="?",
        const=DEFAULT_SCENARIO,
        metavar="SCENARIO",
        help="a built-in scenario from a local server, in a throw-away database; needs no "
        "network (`bgptui demo list` names the scenarios)",
    )
    parser.add_argument(
        "--clock", choices=("wall", "event"), help="where time comes from (feed.clock)"
    )
    parser.add_argument("--url", help="RIS Live WebSocket address (feed.url)")
    parser.add_argument("--vrps", metavar="FILE|URL", help="VRPs as JSON (rpki.vrps)")
    parser.add_argument("--watch", metavar="FILE", help="the watchlist, TOML (watch.file)")
    parser.add_argument(
        "--log-format", choices=("text", "json"), help="format of --no-ui's log lines"
    )
    add_common(parser)
    parser.set_defaults(command="run:run")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_record(commands)
    add_replay(commands)
    add_serve_recording(commands)
    add_db(commands)
    add_alerts(commands)
    add_rpki(commands)
    add_watch(commands)
    add_config(commands)
    add_demo(commands)
    add_score(commands)
    add_train(commands)
    add_evaluate(commands)
    add_export(commands)
    return parser
