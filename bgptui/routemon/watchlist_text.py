"""Rules as the TOML that `watchlist_file` reads."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import tomlkit

from bgptui.domain.alert_json import printable
from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.watchlist import AsRule, Check, Rule


def watchlist_text(
    rules: Iterable[Rule],
    as_rules: Iterable[AsRule] = (),
    *,
    heading: Iterable[str] = (),
    comments: Mapping[Rule | AsRule, Iterable[str]] = MappingProxyType({}),
    ending: Iterable[str] = (),
) -> str:
    """A watchlist with these rules; only what differs from a default is written.

    Args:
        heading, ending: lines of a comment at its beginning and its end.
        comments: of a rule, lines that stand in it.
    """
    document = tomlkit.document()
    for line in heading:
        document.add(_comment(line))
    tables = {
        "prefix": [(_rule(rule), comments.get(rule, ())) for rule in rules],
        "asn": [(_as_rule(rule), comments.get(rule, ())) for rule in as_rules],
    }
    for name, listed in tables.items():
        if listed:
            document.append(name, _array(listed))
    text = tomlkit.dumps(document)
    last = "".join(_comment(line).as_string() for line in ending)
    return f"{text}\n{last}" if text and last else text + last


def _comment(line: str) -> tomlkit.items.Comment:
    # Names of files and keys of other programs may hold anything, line breaks included.
    return tomlkit.comment(printable(line))


def _array(tables: Iterable[tuple[dict[str, Any], Iterable[str]]]) -> tomlkit.items.AoT:
    """[[...]] for each of them, with its comments."""
    array = tomlkit.aot()
    for table, comments in tables:
        made = tomlkit.table()
        for line in comments:
            made.add(_comment(line))
        for key, value in table.items():
            made.append(key, _array((each, ()) for each in value) if key == "path" else value)
        array.append(made)
    return array


def _rule(rule: Rule) -> dict[str, Any]:
    length = int(rule.prefix.rpartition("/")[2])
    table = {
        "prefix": rule.prefix,
        "origins": list(rule.origins),
        "max_length": None if rule.max_length == length else rule.max_length,
        "upstreams": None if rule.upstreams is None else list(rule.upstreams),
        "checks_except": sorted(check.value for check in set(Check) - rule.checks) or None,
        "ignore": rule.ignore or None,
        "ignore_more_specifics": rule.ignore_more_specifics or None,
        "visibility_loss": rule.visibility_loss,
        "description": rule.description or None,
        **_shared(rule),
        # After the plain values: what follows [[prefix.path]] would belong to it.
        "path": [_path(pattern) for pattern in rule.paths] or None,
    }
    return {key: value for key, value in table.items() if value is not None}


def _path(pattern: PathPattern) -> dict[str, Any]:
    table = {
        "match": pattern.match or None,
        "not_match": pattern.not_match or None,
        "longer_than": pattern.longer_than,
        "shorter_than": pattern.shorter_than,
        "description": pattern.description or None,
    }
    return {key: value for key, value in table.items() if value is not None}


def _as_rule(rule: AsRule) -> dict[str, Any]:
    table = {
        "asn": rule.asn,
        "upstreams": None if rule.upstreams is None else list(rule.upstreams),
        "downstreams": None if rule.downstreams is None else list(rule.downstreams),
        "new_prefixes": None if rule.new_prefixes else False,
        "description": rule.description or None,
        **_shared(rule),
    }
    return {key: value for key, value in table.items() if value is not None}


def _shared(rule: Rule | AsRule) -> dict[str, Any]:
    muted = rule.mute_until
    return {
        "group": rule.group or None,
        "min_peers": rule.min_peers,
        "mute_until": None if muted is None else datetime.fromtimestamp(muted, UTC),
    }
