"""The filter of the alert list: `sev>=high state:active !origin:AS0 192.0.2`.

Terms are separated by spaces and all must hold; `!` negates one. `field:value` (or `=`) looks for
the value in the field; sev, conf and n also take >= and <=. A bare word is looked for everywhere.
"""

import re
from collections.abc import Callable

from msgspec import Struct

from bgptui.domain.alert import Severity, Status
from bgptui.errors import BadInput
from bgptui.store.readers import AlertRow

_TERM = re.compile(
    r"(?P<no>!?)(?:(?P<field>[a-z]+)(?P<op>>=|<=|[:=<>])(?P<value>.*)|(?P<word>[^!].*))",
    re.IGNORECASE,
)
# `dead:beef::/32` is a prefix, `dead` no field.
_IPV6 = re.compile(r"[0-9a-f]{1,4}:[0-9a-f:.]*(?:/[0-9]*)?", re.IGNORECASE)
_ACTIVE = (Status.OPEN, Status.ACKNOWLEDGED)
_NUMBERS = ("conf", "n")


class Term(Struct, frozen=True):
    """One condition; field is empty for a bare word."""

    field: str
    op: str
    value: str
    negated: bool


def haystack(row: AlertRow) -> str:
    """All that `/` and a bare word look at, in lower case."""
    return "\n".join(_text(row, field) for field in _TEXTS) + "\n" + row.title.lower()


def _asn(number: int | None) -> str:
    return "" if number is None else f"as{number}"


_TEXTS: dict[str, Callable[[AlertRow], str]] = {
    "id": lambda row: str(row.alert_id),
    "type": lambda row: row.alert_type.value,
    "class": lambda row: row.hijack_class or "",
    "prefix": lambda row: f"{row.prefix or ''} {row.watched_prefix or ''}",
    "origin": lambda row: _asn(row.origin_asn),
    "peer": lambda row: f"{row.peer_addr or ''} {_asn(row.peer_asn)}",
    "rpki": lambda row: row.rpki_status or "",
    "title": lambda row: row.title,
    "by": lambda row: row.acknowledged_by or "",
}
FIELDS = ("sev", "state", *_TEXTS, *_NUMBERS)
_SYNONYMS = {
    "severity": "sev",
    "status": "state",
    "kind": "type",
    "asn": "origin",
    "as": "origin",
    "confidence": "conf",
    "peers": "n",
    "operator": "by",
}


def _text(row: AlertRow, field: str) -> str:
    return _TEXTS[field](row).lower()


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a filter.

    Raises:
        BadInput: names the term and what it could be.
    """
    return tuple(_term(word) for word in text.split())


def _term(word: str) -> Term:
    match = _TERM.fullmatch(word)
    if match is None:
        raise BadInput(f"filter: {word!r} is no condition", reason="bad_filter")
    negated = bool(match["no"])
    bare = word.removeprefix("!").lower()
    if match["word"] is not None or _IPV6.fullmatch(bare):
        return Term("", ":", bare, negated)
    named = match["field"].lower()
    field = _SYNONYMS.get(named, named)
    if field not in FIELDS:
        # All of it is to fit the line that shows it.
        raise BadInput(f"no field {named!r}: {' '.join(FIELDS)}", reason="bad_filter")
    op = ":" if match["op"] == "=" else match["op"]
    ordered = field in ("sev", *_NUMBERS)
    if op in "<>" or (op != ":" and not ordered):
        ways = f"{named}:value" + (", >= or <=" if ordered else "")
        raise BadInput(f"filter: {named} takes {ways}, not {op}", reason="bad_filter")
    value = match["value"].lower()
    if not value:
        raise BadInput(f"filter: {named}{match['op']} what? no space before the value")
    return Term(field, op, _checked(field, value), negated)


def _checked(field: str, value: str) -> str:
    if field == "sev":
        for severity in Severity:
            if severity.value.startswith(value):
                return severity.value
        raise BadInput(f"filter: no severity {value!r}; critical, high, medium or low")
    if field == "state" and not any(
        name.startswith(value) for name in ("active", *(status.value for status in Status))
    ):
        raise BadInput(f"filter: no state {value!r}; active, {', '.join(Status)}")
    if field in _NUMBERS:
        try:
            float(value)
        except ValueError:
            raise BadInput(f"filter: {field} takes a number, not {value!r}") from None
    return value


def matches(terms: tuple[Term, ...], row: AlertRow) -> bool:
    """True when every term holds for the row."""
    return all(_holds(term, row) is not term.negated for term in terms)


def _holds(term: Term, row: AlertRow) -> bool:
    if term.field == "":
        return term.value in haystack(row)
    if term.field == "sev":
        return _compare(-row.severity.rank, term.op, -Severity(term.value).rank)
    if term.field == "state":
        if "active".startswith(term.value) and row.status in _ACTIVE:
            return True
        return row.status.value.startswith(term.value)
    if term.field in _NUMBERS:
        number = row.confidence if term.field == "conf" else row.peers_seen
        return _compare(number, term.op, float(term.value))
    return term.value in _text(row, term.field)


def _compare(number: float, op: str, bound: float) -> bool:
    if op == ">=":
        return number >= bound
    if op == "<=":
        return number <= bound
    return number == bound
