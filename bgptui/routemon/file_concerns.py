"""What in a watchlist does not fit itself: rules and keys that can never matter."""

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bgptui.config.toml_file import TomlFile
from bgptui.domain.prefix import parse_prefix
from bgptui.routemon.concern import Concern, of_rule
from bgptui.routemon.watchlist import Check, Rule, Watchlist

# Keys of a rule that nothing looks at once everything is expected of it.
_IDLE_WHEN_IGNORED = ("max_length", "upstreams", "path")
_CHECK_OF = {"upstreams": Check.UPSTREAM, "path": Check.PATH, "visibility_loss": Check.VISIBILITY}


def file_concerns(file: TomlFile, watchlist: Watchlist, now: float) -> Iterator[Concern]:
    """What a careful reader would ask about.

    Args:
        file: what the watchlist was read from.
        now: seconds since 1970 UTC.
    """
    tables = {name: file.tables.get(name, []) for name in ("prefix", "asn", "group")}
    for rule in watchlist.rules:
        yield from _idle_keys(rule, tables["prefix"][rule.number - 1])
    yield from _shadowed(watchlist)
    for name, listed in tables.items():
        for index, table in enumerate(listed):
            subject = _subject(name, table)
            yield from _expired_mute(f"{name}[{index}]", subject, table, now)
    yield from _groups(tables)


def _idle_keys(rule: Rule, table: dict[str, Any]) -> Iterator[Concern]:
    def idle(key: str, why: str, remedy: str) -> Concern:
        return of_rule(rule, "no_effect", f"{key} has no effect, because {why}", remedy)

    if rule.ignore:
        for key in _IDLE_WHEN_IGNORED:
            if key in table:
                yield idle(key, "the prefix is ignored", f"delete {key}, or ignore")
        return
    if not rule.checks:
        yield of_rule(
            rule, "no_effect", "checks leave nothing to be looked at", "name some, or say ignore"
        )
    for key, check in _CHECK_OF.items():
        if key in table and rule.checks and check not in rule.checks:
            yield idle(key, f"{check} is not among its checks", f"delete {key}, or check {check}")
    if rule.ignore_more_specifics and rule.max_length > parse_prefix(rule.prefix)[2]:
        yield idle("max_length", "ignore_more_specifics expects every length", "delete one of them")
    if not rule.origins and "upstreams" in table:
        yield idle("upstreams", "nobody may announce the prefix", "delete upstreams")


def _shadowed(watchlist: Watchlist) -> Iterator[Concern]:
    """Of several rules for one prefix one that expects everything leaves the others nothing."""
    by_prefix: dict[str, list[Rule]] = {}
    for rule in watchlist.rules:
        by_prefix.setdefault(rule.prefix, []).append(rule)
    for rules in by_prefix.values():
        for rule in rules:
            for other in rules:
                why = "" if other is rule else _takes_all(other, rule)
                if why:
                    yield of_rule(
                        rule,
                        "shadowed",
                        f"rule {other.number} for the same prefix {why}",
                        "delete one of the two: what one of them expects is expected",
                    )
                    break


def _takes_all(other: Rule, rule: Rule) -> str:
    """How another rule for the same prefix makes this one useless; empty where it does not."""
    if other.ignore and not rule.ignore:
        return "ignores it, so that this one never alerts"
    if not rule.origins and other.origins and not rule.ignore:
        return "expects an origin, while this one says that nobody may announce it"
    if (
        rule.upstreams is not None
        and other.upstreams is None
        and rule.origins
        and set(rule.origins) <= set(other.origins)
    ):
        return "expects these origins through any neighbour, so that upstreams has no effect here"
    return ""


def _expired_mute(place: str, subject: str, table: dict[str, Any], now: float) -> Iterator[Concern]:
    until = table.get("mute_until")
    if isinstance(until, datetime):
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        if until.timestamp() <= now:
            yield Concern(
                place,
                subject,
                "mute_expired",
                f"mute_until ended at {until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "delete it, or mute anew",
            )


def _groups(tables: dict[str, list[dict[str, Any]]]) -> Iterator[Concern]:
    names = [table["name"] for table in tables["group"]]
    used = {table.get("group", "") for kind in ("prefix", "asn") for table in tables[kind]}
    for index, name in enumerate(names):
        if name not in used:
            yield Concern(
                f"group[{index}]",
                name,
                "group_unused",
                "no rule is of this group",
                f'delete it, or give its rules group = "{name}"',
            )
    for kind in ("prefix", "asn"):
        for index, table in enumerate(tables[kind]):
            group = table.get("group", "")
            near = difflib.get_close_matches(group, names, n=1) if group not in names else []
            if group and near:
                yield Concern(
                    f"{kind}[{index}]",
                    _subject(kind, table),
                    "group_unknown",
                    f'there is no [[group]] "{group}", so that nothing of a group applies',
                    f'did you mean "{near[0]}"?',
                )


def _subject(kind: str, table: dict[str, Any]) -> str:
    if kind == "asn":
        return f"AS{table['asn']}"
    return str(table["name" if kind == "group" else "prefix"])
