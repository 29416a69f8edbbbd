"""Flags of `bgptui watch`."""

import argparse
from pathlib import Path

from bgptui.arguments.common import Commands, Database, add_command
from bgptui.arguments.values import as_number, count
from bgptui.arguments.vrp_sources import add_vrp_sources


def add_watch(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("watch", help="the watchlist", description="the watchlist")
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    _add_list(acts)
    _add_check(acts)
    _add_generate(acts)
    _add_import(acts)
    _add_reload(acts)


def _add_list(acts: Commands) -> None:
    listing = add_command(acts, "list", "watch:list_rules", "what is watched, a line a rule")
    _add_file(listing)
    listing.add_argument("--json", action="store_true")


def _add_check(acts: Commands) -> None:
    check = add_command(
        acts,
        "check",
        "watch_check:run",
        "what in the watchlist does not fit the ROAs, a routing table or itself; exit code 1 where "
        "there is something",
        database=Database.UNUSED,
    )
    _add_file(check)
    _add_rib(check)
    add_vrp_sources(check)
    check.add_argument("--json", action="store_true", help="one JSON line a warning")


def _add_generate(acts: Commands) -> None:
    generate = add_command(
        acts,
        "generate",
        "watch_generate:run",
        "a first watchlist for some ASes, from what is announced, what ROAs allow, or both",
        database=Database.UNUSED,
    )
    generate.add_argument(
        "--asn",
        type=as_number,
        action="append",
        required=True,
        metavar="N",
        help="an AS whose prefixes are to be watched; may be repeated",
    )
    _add_rib(generate)
    add_vrp_sources(generate)
    generate.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="instead of standard output"
    )
    generate.add_argument("--force", action="store_true", help="write over FILE")


def _add_import(acts: Commands) -> None:
    importing = acts.add_parser(
        "import", help="rules of another program", description="rules of another program, as TOML"
    )
    formats = importing.add_subparsers(title="formats", metavar="FORMAT", required=True)
    bgpalerter = add_command(
        formats, "bgpalerter", "watch:import_bgpalerter", "BGPalerter's prefixes.yml"
    )
    bgpalerter.add_argument("file", metavar="FILE", help="- for standard input")


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", metavar="FILE", help="the watchlist, TOML (watch.file)")


def _add_rib(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rib",
        action="append",
        default=[],
        metavar="MRT",
        help="routing table (TABLE_DUMP, TABLE_DUMP_V2) that tells what is announced; may be "
        "repeated",
    )
    parser.add_argument(
        "--min-peers",
        type=count,
        metavar="N",
        help="distinct peer ASes that make a route of it believable (default: watch.min_peers)",
    )


def _add_reload(acts: Commands) -> None:
    """Add `reload`."""
    reload = add_command(
        acts, "reload", "watch_reload:run", "have the collector read its watchlist again"
    )
    reload.add_argument("--json", action="store_true")
