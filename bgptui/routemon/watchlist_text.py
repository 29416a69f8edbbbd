"""Rules as the TOML that `watchlist_file` reads."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import tomlkit

from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.watchlist import AsRule, Check, Rule


def watchlist_text(
    rules: Iterable[Rule], as_rules: Iterable[AsRule] = (), *, heading: Iterable[str] = ()
) -> str:
    """A watchlist with these rules; only what differs from a default is written.

    Args:
        heading: lines of a comment at its beginning.
    """
    document = tomlkit.document()
    for line in heading:
        document.add(tomlkit.comment(line))
    tables = {
        "prefix": [_rule(rule) for rule in rules],
        "asn": [_as_rule(rule) for rule in as_rules],
    }
    for name, listed in tables.items():
        if listed:
            document.append(name, _array(listed))
    return tomlkit.dumps(document)


def _array(tables: list[dict[str, Any]]) -> tomlkit.items.AoT:
    """[[...]] for each of them."""
    array = tomlkit.aot()
    for table in tables:
        made = tomlkit.table()
        for key, value in table.items():
            made.append(key, _array(value) if key == "path" else value)
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
