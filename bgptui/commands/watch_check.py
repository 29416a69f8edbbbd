"""`bgptui watch check`: what in the watchlist does not fit the world, or itself."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bgptui.commands.rib import read_ribs
from bgptui.commands.settings import load_settings
from bgptui.commands.vrp_sources import fresh_vrps
from bgptui.config.schema import Config
from bgptui.config.toml_file import TomlFile
from bgptui.domain.alert_json import printable
from bgptui.errors import UsageError
from bgptui.routemon.concern import Concern
from bgptui.routemon.file_concerns import file_concerns
from bgptui.routemon.rib_concerns import announced, census_of, rib_concerns
from bgptui.routemon.roa_concerns import roa_concerns
from bgptui.routemon.watchlist import Watchlist
from bgptui.routemon.watchlist_file import parse_watchlist, read_watchlist


def run(args: argparse.Namespace) -> int:
    """A line a warning, in the file's order; 1 where there is one."""
    config = load_settings(args).config
    if not config.watch.file:
        raise UsageError("there is no watchlist: name one with --watch FILE, or watch.file")
    file = read_watchlist(Path(config.watch.file))
    watchlist = parse_watchlist(file)
    found = list(file_concerns(file, watchlist, time.time()))
    seen: list[tuple[int, str]] = []
    if args.rib:
        census = census_of(watchlist)
        census.take(read_ribs(args, args.rib))
        min_peers = args.min_peers or config.watch.min_peers
        found += rib_concerns(watchlist, census, min_peers=min_peers)
        seen += announced(census, min_peers=min_peers)
    has_vrps = _names_vrps(args, config)
    if has_vrps:
        found += _by_roas(args, watchlist, seen)
    for concern in sorted(found, key=lambda concern: _line(file, concern)):
        print(_json(file, concern) if args.json else _text(file, concern))
    against = ["itself", *["ROAs"] * has_vrps, *["routing tables"] * bool(args.rib)]
    left_out = [] if has_vrps else ["ROAs (--vrps, --rtr, rpki.vrps)"]
    left_out += [] if args.rib else ["a routing table (--rib)"]
    print(
        f"{len(watchlist)} rules checked against {', '.join(against)}: {len(found)} warnings"
        + (f"; not against {' or '.join(left_out)}" if left_out else ""),
        file=sys.stderr,
    )
    return 1 if found else 0


def _names_vrps(args: argparse.Namespace, config: Config) -> bool:
    return args.rtr is not None or bool(config.rpki.vrps or config.rpki.sources)


def _by_roas(
    args: argparse.Namespace, watchlist: Watchlist, seen: list[tuple[int, str]]
) -> Iterator[Concern]:
    with fresh_vrps(args) as vrps:
        yield from roa_concerns(watchlist.rules, vrps.validate, seen)


def _line(file: TomlFile, concern: Concern) -> int:
    return file.lines.get(concern.place, 0)


def _text(file: TomlFile, concern: Concern) -> str:
    said = f"{concern.subject}: {concern.said}; {concern.remedy} [{concern.warning}]"
    return printable(f"{file.place(concern.place)}: {said}")


def _json(file: TomlFile, concern: Concern) -> str:
    line = {
        "file": str(file.path),
        "line": file.lines.get(concern.place),
        "rule": concern.place,
        "subject": concern.subject,
        "warning": concern.warning,
        "message": concern.said,
        "remedy": concern.remedy,
    }
    return msgspec.json.encode(line).decode()
