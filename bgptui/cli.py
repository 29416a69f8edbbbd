"""Commands, their flags and exit codes. What a command does is in bgptui/commands/.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a service cannot be reached.
"""

import argparse
import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path

from bgptui import __version__
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
    _add_common(parser)
    parser.set_defaults(command="run:run")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_record(commands)
    _add_replay(commands)
    _add_serve_recording(commands)
    _add_db(commands)
    _add_alerts(commands)
    _add_rpki(commands)
    _add_watch(commands)
    _add_config(commands)
    _add_demo(commands)
    _add_score(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_export(commands)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _duration_s(text: str) -> float:
    match = re.fullmatch(r"(\d+)([smhd])", text, re.ASCII)
    if match is None or not int(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration, e.g. 90s, 15m, 2h or 1d")
    return float(int(match[1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[match[2]])


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 2026-01-07 or 2026-01-07T10:00:00Z"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


Commands = argparse._SubParsersAction


class Database(Enum):
    """Whether a command has a use for one."""

    USED = auto()
    UNUSED = auto()


def _add_common(
    parser: argparse.ArgumentParser, *, nested: str = "", database: Database = Database.USED
) -> None:
    """Flags of every command. In a subcommand they must not reset what stood before it."""
    default = argparse.SUPPRESS if nested else None
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=default, help="settings file"
    )
    parser.add_argument(
        "--set",
        action="append",
        metavar="SECTION.KEY=VALUE",
        default=default,
        help="one setting, before environment and file; may be repeated",
    )
    if database is Database.USED:
        parser.add_argument(
            "--dsn",
            default=default,
            help="PostgreSQL or TimescaleDB to use instead of the embedded one (store.dsn); "
            "passwords belong in PGPASSFILE or PGPASSWORD",
        )
    parser.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS if nested else False,
        help="show tracebacks and debug log lines",
    )


def _command(
    commands: "Commands[argparse.ArgumentParser]",
    name: str,
    run: str,
    text: str,
    *,
    database: Database = Database.USED,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    _add_common(parser, nested=name, database=database)
    return parser


def _add_record(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands,
        "record",
        "record:run",
        "write what the feed brings into a recording, for replay and serve-recording; needs no "
        "database",
        database=Database.UNUSED,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        help="zstd-compressed JSON lines, e.g. incident.jsonl.zst; a full one, or one that is "
        "there already, steps aside as incident.000001.jsonl.zst, incident.000002...",
    )
    parser.add_argument(
        "--max-size",
        type=_count,
        default=1_024,
        metavar="MIB",
        help="of one file, compressed; about an hour of the whole feed at 1024 (default)",
    )
    parser.add_argument(
        "--keep", type=_count, metavar="N", help="newest files to keep (default: all of them)"
    )
    parser.add_argument(
        "--for", dest="duration", type=_duration_s, metavar="DURATION", help="e.g. 90s, 15m, 2h"
    )
    parser.add_argument(
        "--url", default=argparse.SUPPRESS, help="RIS Live WebSocket address (feed.url)"
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default=argparse.SUPPRESS,
        help="format of log lines",
    )


def _add_replay(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands,
        "replay",
        "replay:run",
        "run recorded input through the whole pipeline in event time",
    )
    parser.add_argument(
        "input",
        nargs="+",
        metavar="INPUT",
        help="RIS Live JSON lines or MRT, which their content tells: plain, .gz, .bz2, .zst, "
        "folders of such, or - for standard input; several files are merged by time",
    )
    parser.add_argument(
        "--rib",
        action="append",
        metavar="FILE",
        help="MRT routing table (TABLE_DUMP, TABLE_DUMP_V2): what stands in it before the first "
        "message opens no alert; may be repeated",
    )
    parser.add_argument("--speed", type=float, metavar="N", help="multiple of real time")
    parser.add_argument(
        "--vrps", metavar="FILE", help="VRPs as JSON, taken as they stand: neither expiry nor age"
    )
    parser.add_argument("--watch", metavar="FILE", help="the watchlist, TOML")
    parser.add_argument("--format", choices=("text", "jsonl"), default="text")
    parser.add_argument("--ui", action="store_true", help="show it in the console")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="with --dsn: take input older than a table's retention, which the next "
        "maintenance drops",
    )


def _add_serve_recording(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands,
        "serve-recording",
        "serve_recording:run",
        "a RIS Live-compatible WebSocket server over recorded input",
        database=Database.UNUSED,
    )
    parser.add_argument("input", nargs="+", metavar="INPUT", help="as for replay")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=8765, help="0: a free one (default: 8765)")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=float, metavar="N", help="messages a second")
    pace.add_argument("--speed", type=float, metavar="N", help="multiple of real time")
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument(
        "--keep-time", action="store_true", help="leave timestamps as recorded, not shifted to now"
    )


def _add_db(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("db", help="the database", description="the database")
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    _command(acts, "init", "db:init", "create or migrate the schema and verify each object")
    _command(
        acts,
        "upgrade",
        "db:upgrade",
        "bring the schema of an earlier release up to date; no collector may run",
    )
    status = _command(
        acts, "status", "db:status", "engine, sizes, chunks, compression, policies, row counts"
    )
    status.add_argument("--json", action="store_true")
    _command(acts, "sample-data", "db:sample_data", "write realistic sample rows to every table")
    _command(acts, "maintain", "db:maintenance", "make partitions ahead, drop what expired")


def _add_alerts(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands, "alerts", "alerts:list_alerts", "list alerts, show one, or change its status"
    )
    _add_alert_filters(parser)
    acts = parser.add_subparsers(title="acts", metavar="ACT")
    listing = _command(acts, "list", "alerts:list_alerts", "alerts, newest first")
    _add_alert_filters(listing)
    for name, text in (
        ("show", "one alert with its evidence and history"),
        ("ack", "acknowledge"),
        ("false-positive", "mark as false positive"),
        ("resolve", "resolve"),
        ("note", "add a note"),
    ):
        act = _command(acts, name, f"alerts:{name.replace('-', '_')}", text)
        act.add_argument("id", type=int, metavar="ID")
        if name == "note":
            act.add_argument("text", metavar="TEXT")
        elif name != "show":
            act.add_argument("--note", metavar="TEXT", help="why")
        if name != "show":
            act.add_argument("--operator", help="who acts (default: console.operator, or you)")
        act.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def _add_alert_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", choices=("open", "acknowledged", "resolved", "false_positive"))
    parser.add_argument("--severity", choices=("critical", "high", "medium", "low"))
    parser.add_argument("--limit", type=_count, default=100, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON line an alert")


def _add_rpki(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "rpki",
        help="validate routes and paths; the state of the sources",
        description="validate routes and paths; the state of the sources",
    )
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    validate = _command(
        acts,
        "validate",
        "rpki:validate",
        'origin validation (RFC 6811) of one route, or of JSON lines {"prefix", "origin"} on '
        "standard input",
    )
    validate.add_argument("prefix", nargs="?", metavar="PREFIX")
    validate.add_argument("asn", nargs="?", metavar="ASN", help="its origin")
    aspa = _command(
        acts,
        "aspa",
        "rpki:aspa",
        'ASPA verification of one AS path, or of JSON lines {"path", "direction"} on standard '
        "input",
    )
    aspa.add_argument(
        "path", nargs="*", metavar="AS", help="neighbour first, origin last; {1,2} is an AS_SET"
    )
    aspa.add_argument(
        "--direction",
        choices=("downstream", "upstream"),
        default="downstream",
        help="upstream: from a customer, lateral peer or route server (default: downstream)",
    )
    status = _command(acts, "status", "rpki:status", "each source: state, size and age")
    for act in (validate, aspa, status):
        act.add_argument(
            "--vrps",
            metavar="FILE|URL",
            help="instead of the configured sources; "
            "a file is taken as it stands: neither expiry nor age",
        )
        act.add_argument("--vrps-now", metavar="TIME", help="with a file: expire as of this time")
        act.add_argument("--rtr", metavar="HOST:PORT", help="an RTR cache instead; rtrs:// for TLS")
        act.add_argument("--json", action="store_true", help="one JSON line")


def _add_watch(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("watch", help="the watchlist", description="the watchlist")
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    listing = _command(acts, "list", "watch:list_rules", "what is watched, a line a rule")
    listing.add_argument("--watch", metavar="FILE", help="the watchlist, TOML (watch.file)")
    listing.add_argument("--json", action="store_true")
    importing = acts.add_parser(
        "import", help="rules of another program", description="rules of another program, as TOML"
    )
    formats = importing.add_subparsers(title="formats", metavar="FORMAT", required=True)
    bgpalerter = _command(
        formats, "bgpalerter", "watch:import_bgpalerter", "BGPalerter's prefixes.yml"
    )
    bgpalerter.add_argument("file", metavar="FILE", help="- for standard input")


def _add_config(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("config", help="settings", description="settings")
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    show = _command(acts, "show", "config:show", "every setting, its value and where it came from")
    show.add_argument("--json", action="store_true")


def _add_demo(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo", help="built-in scenarios", description="built-in scenarios"
    )
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    _command(acts, "list", "demo:list_scenarios", "name the scenarios of --demo")


def _add_score(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands, "score", "score:run", "scores of one stream of one-minute features, as CSV"
    )
    parser.add_argument(
        "csv",
        type=Path,
        metavar="CSV",
        help="header: epoch or timestamp, and the nine features; plain or .gz",
    )


def _add_train(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands,
        "train",
        "train:run",
        "fit the detector's models to normal minutes of the database, or of CSV files",
    )
    parser.add_argument(
        "csv",
        nargs="*",
        type=Path,
        metavar="CSV|DIR",
        help="as for evaluate; without any, the features table is read",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="the model's folder (default: the one that detect.model names by its path, else "
        "one of your own); a model that is there is replaced by one that is no worse",
    )
    parser.add_argument(
        "--days", type=_count, default=14, help="of the features table (default: 14)"
    )
    parser.add_argument(
        "--peers", type=_count, default=60, help="of the features table, at most (default: 60)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")


def _add_evaluate(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands,
        "evaluate",
        "evaluate:run",
        "judge the detector on labelled one-minute features (extra `train`)",
    )
    parser.add_argument(
        "csv",
        nargs="+",
        type=Path,
        metavar="CSV|DIR",
        help="as for score, with a column label (1 in an anomaly); a folder stands for its "
        ".csv and .csv.gz files",
    )
    parser.add_argument(
        "--leave-one-event-out",
        action="store_true",
        help="judge each event by a model trained on all the others (minutes each); streams "
        "that overlap in time are of one event",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of injected faults and thinned traffic (default: 0)"
    )
    parser.add_argument(
        "--plots",
        type=Path,
        metavar="DIR",
        help="a picture of each stream's scores over time (extra `plots`)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def _add_export(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "export", "export:run", "rows for other tools, to stdout")
    parser.add_argument("what", choices=("features", "events", "alerts", "scores"))
    parser.add_argument(
        "--since", type=_moment, metavar="TIME", help="from this time on; ISO 8601, UTC"
    )
    parser.add_argument("--until", type=_moment, metavar="TIME", help="before this time")
    parser.add_argument("--format", choices=("csv", "jsonl"), default="csv")
