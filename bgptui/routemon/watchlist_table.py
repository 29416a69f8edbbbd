"""One table of a watchlist: its values, or what is wrong with them and what would be right."""

import difflib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_network
from typing import Any

from bgptui.config.toml_file import TomlFile
from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, format_prefix, parse_prefix
from bgptui.errors import BadInput
from bgptui.routemon.path_pattern import check_expression

MAX_ASN = 2**32 - 1
_SHOWN_MOST = 200  # characters of a wrong value

# RFC 4291 section 2.5.5.2: ::ffff:0:0/96.
_IPV4_MAPPED = 0xFFFF
_IPV4_MAPPED_BITS = 96


class TableReader:
    """Reads a table's keys. After a problem it reads on.

    Args:
        name: the table as TomlFile names lines, e.g. `prefix[0]`.
        number: its place among its like, from 1.
    """

    def __init__(self, file: TomlFile, name: str, table: dict[str, Any], number: int) -> None:
        self.problems: list[str] = []
        self.number = number
        self._file = file
        self._name = name
        self._table = table
        table_name = name.partition("[")[0]
        self._kind = "rule" if table_name in ("prefix", "asn") else table_name

    def wrong(self, key: str, remedy: str) -> None:
        """The key's value, or its absence, is wrong; `remedy` says what would be right."""
        said = f"{key} = {self._table[key]!r:.{_SHOWN_MOST}}" if key in self._table else key
        place = self._file.place(f"{self._name}.{key}")
        self.problems.append(f"{place}: {self._kind} {self.number}: {said}: {remedy}")

    def only(self, keys: Sequence[str]) -> None:
        """There are no other keys."""
        for key in self._table:
            if key not in keys:
                self.wrong(key, f"unknown key; {nearest(key, keys)}")

    def prefix(self, key: str) -> tuple[str, int, int]:
        """(canonical prefix, its family's bits, its length)."""
        text = self._table.get(key)
        if not isinstance(text, str):
            self.wrong(key, 'it takes a prefix, e.g. "192.0.2.0/24"')
            return "", 128, 0
        try:
            width, address, length = parse_prefix(text)
        except BadInput as error:
            self.wrong(key, f"{error}{_without_host_bits(text)}")
            return "", 128, 0
        if width == IPV6_BITS and address >> 32 == _IPV4_MAPPED and length >= _IPV4_MAPPED_BITS:
            ipv4 = format_prefix(IPV4_BITS, address & 0xFFFFFFFF, length - _IPV4_MAPPED_BITS)
            self.wrong(key, f"IPv4 inside IPv6 is never announced; write {ipv4}")
        return format_prefix(width, address, length), width, length

    def as_numbers(self, key: str, *, required: bool = False) -> tuple[int, ...] | None:
        """A list of AS numbers, ascending, each once; None where there is none."""
        found = self._table.get(key)
        if found is None and not required:
            return None
        if not isinstance(found, list):
            self.wrong(key, "it takes a list of AS numbers, e.g. [64496]")
            return ()
        for asn in found:
            if not _is_number(asn) or not 1 <= asn <= MAX_ASN:
                self.wrong(key, f"{asn!r} is not an AS number (1 to {MAX_ASN}){_plain(asn)}")
                return ()
        return tuple(sorted(set(found)))

    def whole(self, key: str, least: int, most: int, *, required: bool = False) -> int | None:
        """A whole number; None where there is none."""
        found: Any = self._table.get(key)
        if found is None and not required:
            return None
        if not _is_number(found) or not least <= found <= most:
            self.wrong(key, f"it takes a whole number from {least} to {most}")
            return None
        return int(found)

    def share(self, key: str) -> float | None:
        """A number above 0, at most 1; None where there is none."""
        found = self._table.get(key)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found <= 1:
            self.wrong(key, "it takes a number above 0, at most 1")
            return None
        return float(found)

    def text(self, key: str) -> str:
        """A text; empty where there is none."""
        found = self._table.get(key, "")
        if not isinstance(found, str):
            self.wrong(key, "it takes a text in quotes")
            return ""
        return found

    def expression(self, key: str) -> str:
        """A regular expression; empty where there is none."""
        found = self.text(key)
        try:
            check_expression(found)
        except BadInput as error:
            self.wrong(key, str(error))
            return ""
        return found

    def flag(self, key: str, *, default: bool = False) -> bool:
        """true or false."""
        found = self._table.get(key, default)
        if not isinstance(found, bool):
            self.wrong(key, "it takes true or false")
            return default
        return found

    def moment(self, key: str) -> float | None:
        """A date and time, seconds since 1970 UTC; None where there is none."""
        found = self._table.get(key)
        if found is None:
            return None
        if not isinstance(found, datetime):
            self.wrong(key, "it takes a date and time without quotes, e.g. 2026-12-01T06:00:00Z")
            return None
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()

    def choice(self, key: str, known: Sequence[str]) -> str | None:
        """One of `known`; None, and a problem, for anything else."""
        found = self._table.get(key)
        if found not in known:
            self.wrong(key, f"it takes one of {', '.join(known)}; {nearest(str(found), known)}")
            return None
        return str(found)

    def names(self, key: str, known: Sequence[str]) -> tuple[str, ...] | None:
        """A list of names out of `known`; None where there is none."""
        found = self._table.get(key)
        if found is None:
            return None
        if not isinstance(found, list):
            self.wrong(key, f"it takes a list of {', '.join(known)}")
            return None
        for name in found:
            if name not in known:
                self.wrong(key, f"{name!r} is none of them; {nearest(str(name), known)}")
                return None
        return tuple(found)

    def tables(self, key: str) -> Iterator["TableReader"]:
        """Readers of the tables of a nested array, whose problems are this table's as well."""
        found = self._table.get(key, [])
        if isinstance(found, dict):
            found = [found]
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.wrong(key, f"write [[prefix.{key}]], in two brackets, for each of them")
            return
        for index, table in enumerate(found):
            reader = TableReader(self._file, f"{self._name}.{key}[{index}]", table, self.number)
            yield reader
            self.problems += reader.problems


def nearest(name: str, known: Sequence[str]) -> str:
    """What a name that is not known was to be, or what there is."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def _without_host_bits(text: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return ', write it like "192.0.2.0/24" or "2001:db8::/32"'
    address = network.network_address
    ipv4 = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if ipv4 is not None and network.prefixlen >= _IPV4_MAPPED_BITS:
        return f"; did you mean {ipv4}/{network.prefixlen - _IPV4_MAPPED_BITS}?"
    return f"; did you mean {network}?"


def _plain(asn: object) -> str:
    """How to write what was meant as an AS number."""
    if isinstance(asn, float):
        return "; of asdot notation write the plain number: 65546 for 1.10"
    digits = asn.upper().removeprefix("AS") if isinstance(asn, str) else ""
    return f"; write {digits}, without quotes" if digits.isdecimal() else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
