"""A BGPalerter prefixes.yml as a watchlist.

Source: BGPalerter's documentation of its prefixes list, path matching, path neighbours and user
groups. docs/watchlist.md lists where bgptui behaves differently.
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from ipaddress import ip_network
from reprlib import repr as shown  # what aliases of YAML can be grown to has no end
from typing import Any

import yaml
from msgspec import Struct

from bgptui.errors import BadInput, UsageError
from bgptui.routemon.path_pattern import PathPattern, check_expression
from bgptui.routemon.watchlist import AsRule, Check, Rule
from bgptui.routemon.watchlist_table import MAX_ASN

_PREFIX_KEYS = {
    "asn",
    "description",
    "ignoreMorespecifics",
    "ignore",
    "group",
    "includeMonitors",
    "excludeMonitors",
    "path",
}
_PATH_KEYS = {"match", "notMatch", "matchDescription", "maxLength", "minLength"}
_ASN_KEYS = {"group", "upstreams", "downstreams"}

# The names that BGPalerter's own config.yml gives its monitors, and the names of their files.
_MONITORS = {
    "basic-hijack-detection": {Check.ORIGIN},
    "monitorHijack": {Check.ORIGIN},
    "prefix-detection": {Check.MORE_SPECIFIC},
    "monitorNewPrefix": {Check.MORE_SPECIFIC},
    "withdrawal-detection": {Check.VISIBILITY},
    "monitorVisibility": {Check.VISIBILITY},
    "path-matching": {Check.PATH},
    "monitorPath": {Check.PATH},
    "path-neighbors": {Check.UPSTREAM},
    "monitorPathNeighbors": {Check.UPSTREAM},
    "rpki-monitor": {Check.RPKI},
    "monitorRPKI": {Check.RPKI},
    "rpki-diff": {Check.ROA},
    "monitorROAS": {Check.ROA},
    "asn-monitor": set[Check](),  # about ASes, not about prefixes
    "monitorAS": set[Check](),
}
# What BGPalerter has no monitor for stays on.
_OURS = frozenset({Check.LEAK})


class Imported(Struct, frozen=True):
    """What a prefixes.yml says.

    Attributes:
        notes: what was understood differently or left out, a line each.
    """

    rules: tuple[Rule, ...]
    as_rules: tuple[AsRule, ...]
    notes: tuple[str, ...]


def import_prefixes(text: str) -> Imported:
    """The rules of a prefixes.yml.

    Raises:
        UsageError: everything that is wrong, a line each: key, value and what would be right.
    """
    try:
        content = yaml.load(text, Loader=_OnceOnly)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise UsageError(f"no valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UsageError("no valid YAML: nested too deeply") from None
    if not isinstance(content, dict) or not content:
        raise UsageError("it takes a prefix a key, as BGPalerter's prefixes.yml has")
    reading = _Import()
    options = content.pop("options", None)
    rules = tuple(reading.rules(content))
    as_rules = tuple(reading.as_rules(options))
    if reading.problems:
        raise UsageError("\n".join(reading.problems))
    return Imported(rules, as_rules, tuple(dict.fromkeys(reading.notes)))


class _OnceOnly(yaml.SafeLoader):
    """YAML in which a key may stand once: BGPalerter refuses a prefix that stands twice."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,
    ) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # a list as a key, which the loader refuses
            if key.value in seen:
                line = key.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: {key.value!r} stands twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _Import:
    """Reads on after a problem, so that all of them are told at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []

    def rules(self, tables: Mapping[Any, Any]) -> Iterator[Rule]:
        seen: dict[str, str] = {}
        for number, (key, table) in enumerate(tables.items(), start=1):
            before = len(self.problems)
            rule = self._rule(number, str(key), table)
            if len(self.problems) > before or rule is None:
                continue
            if rule.prefix in seen:
                self._wrong(str(key), f"{seen[rule.prefix]} is the same prefix")
            seen[rule.prefix] = str(key)
            yield rule

    def as_rules(self, options: Any) -> Iterator[AsRule]:
        if options is None:
            return
        if not isinstance(options, dict):
            self._wrong("options", "it takes keys and values")
            return
        for key in options:
            if key != "monitorASns":
                self.notes.append(f"options.{key} was left out: bgptui has no such thing")
        tables = options.get("monitorASns") or {}
        if not isinstance(tables, dict):
            self._wrong("options.monitorASns", "it takes an AS number a key")
            return
        seen: set[int] = set()
        for number, (key, table) in enumerate(tables.items(), start=1):
            place = f"options.monitorASns.{key}"
            asn = self._asn(place, key)
            if asn in seen:
                self._wrong(place, f"AS{asn} stands twice")
            seen.add(asn)
            values = self._table(place, table or {}, _ASN_KEYS)
            yield AsRule(
                number=number,
                asn=asn,
                upstreams=self._neighbours(place, "upstreams", values),
                downstreams=self._neighbours(place, "downstreams", values),
                group=self._group(place, values),
            )

    def _rule(self, number: int, key: str, table: Any) -> Rule | None:
        values = self._table(key, table, _PREFIX_KEYS)
        try:
            network = ip_network(key, strict=False)
        except ValueError as error:
            self._wrong(key, str(error))
            return None
        prefix = str(network)
        if prefix != key:
            self.notes.append(f"{key} was read as {prefix}")
        return Rule(
            number=number,
            prefix=prefix,
            origins=self._origins(key, values.get("asn")),
            max_length=network.prefixlen,
            description=self._text(f"{key}.description", values.get("description")),
            group=self._group(key, values),
            paths=tuple(self._paths(f"{key}.path", values.get("path"))),
            checks=self._checks(key, values),
            ignore=self._flag(key, "ignore", values, default=False),
            ignore_more_specifics=self._flag(key, "ignoreMorespecifics", values, default=None),
        )

    def _origins(self, place: str, found: Any) -> tuple[int, ...]:
        listed = found if isinstance(found, list) else [found]
        if not listed:
            self._wrong(f"{place}.asn", "it takes an AS number, or a list of them")
        return tuple(sorted({self._asn(f"{place}.asn", asn) for asn in listed}))

    def _asn(self, place: str, found: Any) -> int:
        text = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
        match = re.fullmatch(r"(?:AS)?(\d{1,10})", text.strip(), re.ASCII | re.IGNORECASE)
        if match is None or not 1 <= int(match[1]) <= MAX_ASN:
            self._wrong(place, f"{shown(found)} is not an AS number (1 to {MAX_ASN})")
            return 0
        return int(match[1])

    def _neighbours(
        self, place: str, key: str, values: Mapping[str, Any]
    ) -> tuple[int, ...] | None:
        """Absent: not looked at. Empty: an alert on every neighbour."""
        if key not in values:
            return None
        found = values[key]
        listed = found if isinstance(found, list) else [] if found is None else [found]
        return tuple(sorted({self._asn(f"{place}.{key}", asn) for asn in listed}))

    def _group(self, place: str, values: Mapping[str, Any]) -> str:
        found = values.get("group", "")
        groups = found if isinstance(found, list) else [found]
        if len(groups) > 1:
            self.notes.append(f"{place}: of its groups only the first, {groups[0]}, was taken")
        return self._text(f"{place}.group", groups[0]) if groups else ""

    def _checks(self, place: str, values: Mapping[str, Any]) -> frozenset[Check]:
        if "includeMonitors" in values and "excludeMonitors" in values:
            self._wrong(place, "give includeMonitors or excludeMonitors, not both")
        if "includeMonitors" in values:
            return self._monitors(f"{place}.includeMonitors", values["includeMonitors"]) | _OURS
        left_out = self._monitors(f"{place}.excludeMonitors", values.get("excludeMonitors", []))
        return frozenset(Check) - left_out

    def _monitors(self, place: str, found: Any) -> frozenset[Check]:
        if not isinstance(found, list):
            self._wrong(place, "it takes a list of monitors")
            return frozenset()
        for name in found:
            if not isinstance(name, str) or name not in _MONITORS:
                known = ", ".join(name for name in _MONITORS if "-" in name)
                self._wrong(place, f"{shown(name)} is none of the monitors {known}")
                return frozenset()
        return frozenset(check for name in found for check in _MONITORS[name])

    def _paths(self, place: str, found: Any) -> Iterator[PathPattern]:
        if found is None:
            return
        for table in found if isinstance(found, list) else [found]:
            values = self._table(place, table, _PATH_KEYS)
            if not values.get("matchDescription"):
                self._wrong(f"{place}.matchDescription", "it takes a text")
            yield PathPattern(
                match=self._expression(place, "match", values),
                not_match=self._expression(place, "notMatch", values),
                longer_than=self._length(place, "maxLength", values),
                shorter_than=self._length(place, "minLength", values),
                description=self._text(
                    f"{place}.matchDescription", values.get("matchDescription", "")
                ),
            )

    def _expression(self, place: str, key: str, values: Mapping[str, Any]) -> str:
        found = self._text(f"{place}.{key}", values.get(key) or "")
        try:
            check_expression(found)
        except BadInput as error:
            self._wrong(f"{place}.{key}", f"{shown(found)}: {error}")
        return found

    def _text(self, place: str, found: Any) -> str:
        if not isinstance(found, str | int | float):
            self._wrong(place, f"{shown(found)} is no text")
            return ""
        return str(found)

    def _length(self, place: str, key: str, values: Mapping[str, Any]) -> int | None:
        found = values.get(key)
        if found is None:
            return None
        if not isinstance(found, int) or isinstance(found, bool) or found <= 1:
            self._wrong(f"{place}.{key}", f"{shown(found)} is not a number above 1")
            return None
        return found

    def _flag(
        self, place: str, key: str, values: Mapping[str, Any], *, default: bool | None
    ) -> bool:
        found = values.get(key, default)
        if not isinstance(found, bool):
            self._wrong(f"{place}.{key}", "it takes true or false")
            return False
        return found

    def _table(self, place: str, found: Any, keys: set[str]) -> Mapping[str, Any]:
        if not isinstance(found, dict):
            self._wrong(place, f"it takes keys and values, not {shown(found)}")
            return {}
        for key in found:
            if key not in keys:
                self.notes.append(f"{place}.{key} was left out: bgptui has no such thing")
        return found

    def _wrong(self, place: str, remedy: str) -> None:
        self.problems.append(f"{place}: {remedy}")
