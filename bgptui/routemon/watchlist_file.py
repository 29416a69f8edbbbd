"""Reads the watchlist from its TOML file and says precisely what is wrong with it."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bgptui.config.toml_file import TomlFile, read_toml
from bgptui.domain.prefix import format_prefix, parse_prefix
from bgptui.errors import BadInput, UsageError
from bgptui.routemon.watchlist import Rule, Watchlist

_TABLE = "prefix"
_KEYS = ("prefix", "origins", "max_length", "description", "group", "min_peers")
_MAX_ASN = 2**32 - 1
_MAX_PEERS = 10_000


def load_watchlist(path: Path) -> Watchlist:
    """The watchlist in a file.

    Raises:
        UsageError: everything that is wrong, a line each: file and line, rule, key, value and
            what would be right.
    """
    file = read_toml(path)
    if file is None:
        raise UsageError(f"{path}: there is no such watchlist (--watch, watch.file)")
    problems = [
        f"{file.place(key)}: unknown key {key!r}; a rule begins with [[{_TABLE}]]"
        for key in file.tables
        if key != _TABLE
    ]
    tables = file.tables.get(_TABLE, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"{file.place(_TABLE)}: write [[{_TABLE}]], in two brackets, for each rule")
        tables = []
    rules: dict[str, Rule] = {}
    for number, table in enumerate(tables, start=1):
        reader = _RuleReader(file, table, number)
        rule = reader.rule()
        if rule is not None and rule.prefix in rules:
            reader.wrong(_TABLE, f"rule {rules[rule.prefix].number} is for the same prefix")
        elif rule is not None:
            rules[rule.prefix] = rule
        problems += reader.problems
    if problems:
        raise UsageError("\n".join(problems))
    return Watchlist(rules.values())


class _RuleReader:
    """One [[prefix]] table. Reads on after a problem, so that all of them are told at once."""

    def __init__(self, file: TomlFile, table: dict[str, Any], number: int) -> None:
        self.problems: list[str] = []
        self._file = file
        self._table = table
        self._number = number

    def wrong(self, key: str, remedy: str) -> None:
        """The key's value, or its absence, is wrong; `remedy` says what would be right."""
        said = f"{key} = {self._table[key]!r}" if key in self._table else key
        self.problems.append(f"{self._place(key)}: rule {self._number}: {said}: {remedy}")

    def rule(self) -> Rule | None:
        """The rule, or None where `problems` says why not."""
        for key in self._table:
            if key not in _KEYS:
                self.wrong(key, f"unknown key{_nearest(key, _KEYS)}")
        prefix, width, length = self._prefix()
        origins = self._origins()
        max_length = self._number_between("max_length", length, width)
        min_peers = self._number_between("min_peers", 1, _MAX_PEERS)
        description, group = self._text("description"), self._text("group")
        if self.problems:
            return None
        return Rule(
            number=self._number,
            prefix=prefix,
            origins=origins,
            max_length=length if max_length is None else max_length,
            description=description,
            group=group,
            min_peers=min_peers,
        )

    def _prefix(self) -> tuple[str, int, int]:
        """(canonical prefix, its family's bits, its length)."""
        text = self._table.get("prefix")
        if not isinstance(text, str):
            self.wrong("prefix", 'it takes a prefix, e.g. "192.0.2.0/24"')
            return "", 128, 0
        try:
            width, address, length = parse_prefix(text)
        except BadInput as error:
            self.wrong("prefix", str(error))
            return "", 128, 0
        return format_prefix(width, address, length), width, length

    def _origins(self) -> tuple[int, ...]:
        found = self._table.get("origins")
        if not isinstance(found, list) or not found:
            self.wrong("origins", "it takes a list of AS numbers, at least one, e.g. [64496]")
            return ()
        for asn in found:
            if not _is_number(asn) or not 1 <= asn <= _MAX_ASN:
                self.wrong("origins", f"{asn!r} is not an AS number (1 to {_MAX_ASN})")
        return () if self.problems else tuple(sorted(set(found)))

    def _number_between(self, key: str, least: int, most: int) -> int | None:
        found = self._table.get(key)
        if found is None:
            return None
        if not _is_number(found) or not least <= found <= most:
            self.wrong(key, f"it takes a whole number from {least} to {most}")
            return None
        return int(found)

    def _text(self, key: str) -> str:
        found = self._table.get(key, "")
        if not isinstance(found, str):
            self.wrong(key, "it takes a text in quotes")
            return ""
        return found

    def _place(self, key: str) -> str:
        # The file counts tables from 0, people from 1.
        return self._file.place(f"{_TABLE}[{self._number - 1}].{key}")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _nearest(key: str, keys: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(keys), n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(keys)}"
