"""`bgptui watch`: the watchlist."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bgptui.commands.settings import load_settings
from bgptui.domain.alert_json import printable
from bgptui.errors import UsageError
from bgptui.routemon.bgpalerter_import import import_prefixes
from bgptui.routemon.rules import all_named
from bgptui.routemon.watchlist import AsRule, Check, Rule, Watchlist
from bgptui.routemon.watchlist_file import load_watchlist
from bgptui.routemon.watchlist_text import watchlist_text


def list_rules(args: argparse.Namespace) -> int:
    """What is watched, a line a rule."""
    watchlist = _configured(args)
    rules: list[Rule | AsRule] = [*watchlist.rules, *watchlist.as_rules.values()]
    for rule in rules:
        print(msgspec.json.encode(rule).decode() if args.json else printable(_line(rule)))
    if not rules:
        print("the watchlist is empty", file=sys.stderr)
    return 0


def import_bgpalerter(args: argparse.Namespace) -> int:
    """A BGPalerter prefixes.yml as our TOML; what was understood differently, on stderr."""
    path = Path(args.file)
    try:
        text = sys.stdin.read() if args.file == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is no UTF-8 text") from None
    try:
        imported = import_prefixes(text)
    except UsageError as error:
        lines = str(error).splitlines()
        raise UsageError("\n".join(f"{path}: {line}" for line in lines)) from None
    for note in imported.notes:
        print(f"{path}: {note}", file=sys.stderr)
    heading = (
        f"From BGPalerter's {'prefixes.yml' if args.file == '-' else path.name}.",
        *imported.notes,
    )
    sys.stdout.write(watchlist_text(imported.rules, imported.as_rules, heading=heading))
    return 0


def _configured(args: argparse.Namespace) -> Watchlist:
    file = load_settings(args).config.watch.file
    if not file:
        raise UsageError("there is no watchlist: name one with --watch FILE, or watch.file")
    return load_watchlist(Path(file))


def _line(rule: Rule | AsRule) -> str:
    parts = [_what(rule)]
    if rule.upstreams is not None:
        parts.append(f"upstreams {_names(rule.upstreams)}")
    if isinstance(rule, AsRule) and rule.downstreams is not None:
        parts.append(f"downstreams {_names(rule.downstreams)}")
    if isinstance(rule, Rule):
        left_out = sorted(check.value for check in set(Check) - rule.checks)
        parts += [f"without {', '.join(left_out)}"] if left_out else []
        parts += ["more-specifics ignored"] if rule.ignore_more_specifics else []
        parts += (
            [f"{len(rule.paths)} path pattern{'s' * (len(rule.paths) > 1)}"] if rule.paths else []
        )
    if rule.mute_until is not None:
        until = datetime.fromtimestamp(rule.mute_until, UTC)
        parts.append(f"muted until {until:%Y-%m-%dT%H:%M:%SZ}")
    parts += [f"[{rule.group}]"] if rule.group else []
    parts += [rule.description] if rule.description else []
    return "  ".join(parts)


def _what(rule: Rule | AsRule) -> str:
    if isinstance(rule, AsRule):
        return f"AS{rule.asn:<20}" + ("its new prefixes" if rule.new_prefixes else "")
    if rule.ignore:
        return f"{rule.prefix:<21} ignored"
    most = f" up to /{rule.max_length}" if not rule.prefix.endswith(f"/{rule.max_length}") else ""
    return f"{rule.prefix + most:<21} from {_names(rule.origins)}"


def _names(asns: tuple[int, ...]) -> str:
    return all_named(asns) or "nobody"
