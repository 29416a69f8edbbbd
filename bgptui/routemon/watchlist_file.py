"""Reads the watchlist from its TOML file and says precisely what is wrong with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bgptui.config.toml_file import TomlFile, read_toml
from bgptui.domain.aspa import Role
from bgptui.errors import UsageError
from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.watchlist import AsRule, Check, Rule, Watchlist
from bgptui.routemon.watchlist_table import MAX_ASN, TableReader, nearest

_PREFIX_KEYS = (
    "prefix",
    "origins",
    "max_length",
    "upstreams",
    "path",
    "checks",
    "checks_except",
    "ignore",
    "ignore_more_specifics",
    "visibility_loss",
    "description",
    "group",
    "min_peers",
    "mute_until",
)
_PATH_KEYS = ("match", "not_match", "longer_than", "shorter_than", "description")
_ASN_KEYS = (
    "asn",
    "upstreams",
    "downstreams",
    "new_prefixes",
    "description",
    "group",
    "min_peers",
    "mute_until",
)
_GROUP_KEYS = ("name", "min_peers", "mute_until")
# The tables, and what two of a kind may not have in common.
_REPEATED = {
    "prefix": "the same prefix, origins and upstreams as rule",
    "asn": "the same AS as rule",
    "group": "the same name as group",
    "peer": "the same AS as peer",
    "siblings": "the same ASes as siblings",
}
_MAX_PEERS = 10_000
_MAX_HOPS = 1_000


def load_watchlist(path: Path) -> Watchlist:
    """The watchlist in a file.

    Raises:
        UsageError: everything that is wrong, a line each: file and line, rule, key, value and
            what would be right.
    """
    return parse_watchlist(read_watchlist(path))


def read_watchlist(path: Path) -> TomlFile:
    """The file, not yet understood.

    Raises:
        UsageError: it cannot be read, or is no TOML.
    """
    file = read_toml(path)
    if file is None:
        raise UsageError(f"{path}: there is no such watchlist (--watch, watch.file)")
    return file


def parse_watchlist(file: TomlFile) -> Watchlist:
    """The watchlist in a file that was read.

    Raises:
        UsageError: as load_watchlist's.
    """
    reading = _Reading(file)
    groups = {group["name"]: group for group in reading.each("group", _group)}
    rules = reading.each("prefix", _rule)
    as_rules = reading.each("asn", _as_rule)
    roles = dict(reading.each("peer", _role))
    siblings = [frozenset(family) for family in reading.each("siblings", _siblings)]
    if reading.problems:
        raise UsageError("\n".join(reading.problems))
    return Watchlist(
        (_in_group(rule, groups) for rule in rules),
        (_in_group(rule, groups) for rule in as_rules),
        roles=roles,
        siblings=siblings,
    )


class _Reading:
    """Reads table after table; goes on after a problem, so that all of them are told at once."""

    def __init__(self, file: TomlFile) -> None:
        self._file = file
        self.problems = [
            f"{file.place(key)}: unknown key {key!r}; a rule begins with [[prefix]] or [[asn]];"
            f" {nearest(key, tuple(_REPEATED))}"
            for key in file.tables
            if key not in _REPEATED
        ]

    def each(self, name: str, read: Callable[[TableReader], Any]) -> list[Any]:
        """What `read` makes of every [[name]]; one that says the same as an earlier one is a
        mistake."""
        tables = self._file.tables.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.problems.append(
                f"{self._file.place(name)}: write [[{name}]], in two brackets, for each rule"
            )
            return []
        found: list[Any] = []
        numbers: dict[object, int] = {}
        for number, table in enumerate(tables, start=1):
            reader = TableReader(self._file, f"{name}[{number - 1}]", table, number)
            value = read(reader)
            same = _identity(value)
            if not reader.problems and same in numbers:
                reader.wrong(name, f"{_REPEATED[name]} {numbers[same]}")
            numbers.setdefault(same, number)
            found.append(value)
            self.problems += reader.problems
        return found


def _identity(value: Any) -> object:
    """Of two tables with the same identity one can never matter."""
    if isinstance(value, Rule):
        return value.prefix, value.origins, value.upstreams
    if isinstance(value, AsRule):
        return value.asn
    return value["name"] if isinstance(value, dict) else value[:1]


def _in_group(rule: Any, groups: dict[str, dict[str, Any]]) -> Any:
    """The rule with what its group says where it says nothing itself."""
    group = groups.get(rule.group)
    if group is None:
        return rule
    return replace(
        rule,
        min_peers=group["min_peers"] if rule.min_peers is None else rule.min_peers,
        mute_until=group["mute_until"] if rule.mute_until is None else rule.mute_until,
    )


def _group(reader: TableReader) -> dict[str, Any]:
    reader.only(_GROUP_KEYS)
    name = reader.text("name")
    if not name:
        reader.wrong("name", "it takes the name that rules give as their group")
    return {
        "name": name,
        "min_peers": reader.whole("min_peers", 1, _MAX_PEERS),
        "mute_until": reader.moment("mute_until"),
    }


def _rule(reader: TableReader) -> Rule:
    reader.only(_PREFIX_KEYS)
    prefix, width, length = reader.prefix("prefix")
    ignore = reader.flag("ignore")
    origins = reader.as_numbers("origins", required=not ignore)
    max_length = reader.whole("max_length", length, width)
    return Rule(
        number=reader.number,
        prefix=prefix,
        origins=origins or (),
        max_length=length if max_length is None else max_length,
        description=reader.text("description"),
        group=reader.text("group"),
        min_peers=reader.whole("min_peers", 1, _MAX_PEERS),
        upstreams=reader.as_numbers("upstreams"),
        paths=tuple(_path_pattern(table) for table in reader.tables("path")),
        checks=_checks(reader),
        ignore=ignore,
        ignore_more_specifics=reader.flag("ignore_more_specifics"),
        visibility_loss=reader.share("visibility_loss"),
        mute_until=reader.moment("mute_until"),
    )


def _path_pattern(reader: TableReader) -> PathPattern:
    reader.only(_PATH_KEYS)
    pattern = PathPattern(
        match=reader.expression("match"),
        not_match=reader.expression("not_match"),
        longer_than=reader.whole("longer_than", 0, _MAX_HOPS),
        shorter_than=reader.whole("shorter_than", 1, _MAX_HOPS),
        description=reader.text("description"),
    )
    if not reader.problems and pattern == PathPattern(description=pattern.description):
        reader.wrong("path", "it takes one or more of match, not_match, longer_than, shorter_than")
    return pattern


def _checks(reader: TableReader) -> frozenset[Check]:
    chosen = reader.names("checks", tuple(Check))
    left_out = reader.names("checks_except", tuple(Check))
    if chosen is not None and left_out is not None:
        reader.wrong("checks_except", "give checks or checks_except, not both")
    checks = frozenset(Check) if chosen is None else frozenset(map(Check, chosen))
    return checks.difference(map(Check, left_out or ()))


def _as_rule(reader: TableReader) -> AsRule:
    reader.only(_ASN_KEYS)
    return AsRule(
        number=reader.number,
        asn=reader.whole("asn", 1, MAX_ASN, required=True) or 0,
        upstreams=reader.as_numbers("upstreams"),
        downstreams=reader.as_numbers("downstreams"),
        new_prefixes=reader.flag("new_prefixes", default=True),
        description=reader.text("description"),
        group=reader.text("group"),
        min_peers=reader.whole("min_peers", 1, _MAX_PEERS),
        mute_until=reader.moment("mute_until"),
    )


def _role(reader: TableReader) -> tuple[int, Role]:
    reader.only(("asn", "role"))
    asn = reader.whole("asn", 1, MAX_ASN, required=True) or 0
    role = reader.choice("role", tuple(Role))
    return asn, Role(role or Role.PROVIDER)


def _siblings(reader: TableReader) -> tuple[int, ...]:
    reader.only(("asns",))
    asns = reader.as_numbers("asns", required=True) or ()
    if len(asns) < 2:
        reader.wrong("asns", "it takes two or more AS numbers of one organisation")
    return asns
