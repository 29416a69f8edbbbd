"""Subscription filters of RIS Live, as its manual describes them: pure.

Source: https://ris-live.ripe.net/manual/, messages `ris_subscribe` and `ris_unsubscribe`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Raw, Struct

from bgptui.domain.prefix import ParsedPrefix, covers, parse_prefix
from bgptui.errors import BadInput
from bgptui.sources.addresses import canonical_address, short_host

_TYPES = ("UPDATE", "OPEN", "NOTIFICATION", "KEEPALIVE", "RIS_PEER_STATE", "STATE")
_SESSION_TYPES = frozenset({"RIS_PEER_STATE", "STATE"})
_ITEM = r"(?:\d{1,10}|\[\d{1,10}(?:,\d{1,10})*\])"
_PATH = re.compile(rf"(!?)(\^?)({_ITEM}(?:,{_ITEM})*)(\$?)", re.ASCII)
_ITEMS = re.compile(_ITEM, re.ASCII)

_EMPTY = (b"null", b"[]", b'""')

PathItem = int | tuple[int, ...]


class PathPattern(Struct, frozen=True):
    """`^` ties the items to the path's begin (the peer), `$` to its end (the origin)."""

    items: tuple[PathItem, ...]
    from_start: bool
    to_end: bool
    inverted: bool

    def matches(self, path: Sequence[PathItem]) -> bool:
        """A message without a path matches no pattern, inverted or not."""
        return bool(path) and self._found(path) is not self.inverted

    def _found(self, path: Sequence[PathItem]) -> bool:
        size = len(self.items)
        last = len(path) - size
        starts: Sequence[int] = range(last + 1)
        if self.from_start:
            starts = starts[:1]
        if self.to_end:
            starts = [start for start in starts if start == last]
        return any(tuple(path[start : start + size]) == self.items for start in starts)


class Filter(Struct, frozen=True):
    """One subscription; None matches everything.

    Attributes:
        prefixes: any of them may match, exactly or as `more` or `less` specifics allow.
    """

    host: str | None = None
    type: str | None = None
    require: str | None = None
    peer: str | None = None
    path: PathPattern | None = None
    prefixes: tuple[ParsedPrefix, ...] | None = None
    more_specific: bool = True
    less_specific: bool = False

    def matches(self, message: "Subject") -> bool:
        """Whether the subscription asks for this message."""
        if self.host is not None and self.host != message.host:
            return False
        if self.type is not None and not _same_type(self.type, message.type):
            return False
        if self.require is not None and not message.has(self.require):
            return False
        if self.peer is not None and self.peer != message.peer:
            return False
        if self.path is not None and not self.path.matches(message.path):
            return False
        return self.prefixes is None or self._touches(message)

    def _touches(self, message: "Subject") -> bool:
        return any(
            self._covers(wanted, seen)
            for wanted in self.prefixes or ()
            for seen in message.prefixes
        )

    def _covers(self, wanted: ParsedPrefix, seen: ParsedPrefix) -> bool:
        if wanted == seen:
            return True
        return (self.more_specific and covers(wanted, seen)) or (
            self.less_specific and covers(seen, wanted)
        )


class Subject:
    """A ris_message's data as filters look at it; values are decoded when one asks.

    Args:
        fields: the members of `data`, each still in JSON.
    """

    def __init__(self, fields: dict[str, Raw]) -> None:
        self._fields = fields
        self.host = short_host(self._text("host"))
        self.type = self._text("type")

    def has(self, key: str) -> bool:
        """Whether the key is there and not empty.

        Today's frames carry empty lists where older ones leave the key out.
        """
        return bytes(self._fields.get(key, b"null")) not in _EMPTY

    @property
    def peer(self) -> str:
        return canonical_address(self._text("peer"), what="peer", reason="bad_peer")

    @property
    def path(self) -> Sequence[PathItem]:
        if not self.has("path"):
            return ()
        return msgspec.json.decode(self._fields["path"], type=tuple[int | tuple[int, ...], ...])

    @cached_property
    def prefixes(self) -> tuple[ParsedPrefix, ...]:
        return tuple(map(parse_prefix, self._listed()))

    def _text(self, key: str) -> str:
        return msgspec.json.decode(self._fields[key], type=str) if key in self._fields else ""

    def _listed(self) -> Iterator[str]:
        if self.has("announcements"):
            for entry in msgspec.json.decode(self._fields["announcements"], type=list[_Listed]):
                yield from entry.prefixes
        if self.has("withdrawals"):
            yield from msgspec.json.decode(self._fields["withdrawals"], type=list[str])


class _Listed(Struct):
    prefixes: list[str]


def parse_filter(data: dict[str, Any]) -> Filter:
    """The filter of a ris_subscribe's `data` (its socketOptions are not part of it).

    Raises:
        BadInput: `bad_subscription`; a key or value that the manual does not know.
    """
    unknown = data.keys() - _KEYS
    if unknown:
        raise _bad(f"unknown key {min(unknown)!r}")
    host = _text(data, "host")
    kind = _text(data, "type")
    if kind is not None and kind not in _TYPES:
        raise _bad(f"type {kind!r} is none of {', '.join(_TYPES)}")
    peer = _text(data, "peer")
    return Filter(
        host=None if host is None else short_host(host),
        type=kind,
        require=_text(data, "require"),
        peer=None
        if peer is None
        else canonical_address(peer, what="peer", reason="bad_subscription"),
        path=_path(data.get("path")),
        prefixes=_prefixes(data.get("prefix")),
        more_specific=_flag(data, "moreSpecific", default=True),
        less_specific=_flag(data, "lessSpecific", default=False),
    )


_KEYS = frozenset(
    {"host", "type", "require", "peer", "path", "prefix", "moreSpecific", "lessSpecific"}
    | {"socketOptions"}
)


def parse_path(text: str) -> PathPattern:
    """A path pattern: `789$`, `^123,456,[789,10111]$`, `!6666$`.

    Raises:
        BadInput: `bad_subscription`.
    """
    match = _PATH.fullmatch(text)
    if match is None:
        raise _bad(f"path {text[:64]!r} is no AS number or path pattern")
    inverted, start, items, end = match.groups()
    return PathPattern(
        items=tuple(_item(item) for item in _ITEMS.findall(items)),
        from_start=bool(start),
        to_end=bool(end),
        inverted=bool(inverted),
    )


def _item(text: str) -> PathItem:
    if text.startswith("["):
        return tuple(int(asn) for asn in text[1:-1].split(","))
    return int(text)


def _path(value: object) -> PathPattern | None:
    if value is None or value == "":
        return None
    if isinstance(value, int | str) and not isinstance(value, bool):
        return parse_path(str(value))
    raise _bad(f"path {value!r} is no AS number or path pattern")


def _prefixes(value: object) -> tuple[ParsedPrefix, ...] | None:
    if value is None or value == "":
        return None
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in listed):
        raise _bad(f"prefix {value!r} is no prefix or list of prefixes")
    try:
        return tuple(map(parse_prefix, listed))
    except BadInput as error:
        raise _bad(str(error)) from None


def _text(data: dict[str, Any], key: str) -> str | None:
    """An absent, null or empty value asks for everything, as the service's own page sends it."""
    value = data.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _bad(f"{key} {value!r} is not text")
    return value


def _flag(data: dict[str, Any], key: str, *, default: bool) -> bool:
    value = data.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _bad(f"{key} {value!r} is not true or false")
    return value


def _same_type(wanted: str, seen: str) -> bool:
    return wanted == seen or (wanted in _SESSION_TYPES and seen in _SESSION_TYPES)


def _bad(what: str) -> BadInput:
    return BadInput(what, reason="bad_subscription")
