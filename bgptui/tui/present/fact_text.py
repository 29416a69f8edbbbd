"""Parts of evidence as text. Facts come from the database, perhaps from another version of bgptui:
a field may be missing, or not what it should be."""

from collections.abc import Mapping
from typing import Any

from bgptui.tui.lines import Line, Span, Tone, line, wrap
from bgptui.tui.present.figures import fraction

Fact = Mapping[str, Any]

LABEL_WIDTH = 10


def labelled(label: str, text: str, width: int) -> list[Line]:
    """`label     text`, further lines under the text."""
    rows = wrap(text, width - LABEL_WIDTH)
    heads = [label, *[""] * (len(rows) - 1)]
    return [
        line(Span(f"{head:<{LABEL_WIDTH}}", Tone.FAINT), row)
        for head, row in zip(heads, rows, strict=True)
    ]


def path_text(hops: object) -> str:
    """`64496 64511 {64500,64501}` of an AS path in JSON: neighbour first, sets as lists."""
    if not isinstance(hops, list | tuple):
        return str(hops)
    return " ".join(
        "{" + ",".join(map(str, hop)) + "}" if isinstance(hop, list | tuple) else str(hop)
        for hop in hops
    )


def peer_text(fact: Fact) -> str:
    """`rrc00 192.0.2.1 AS64496`."""
    asn = f"AS{fact['peer_asn']}" if fact.get("peer_asn") is not None else ""
    return joined(fact.get("collector"), fact.get("peer_addr"), asn)


def time_text(stamp: object) -> str:
    """`2026-01-07 14:02:31Z` of an ISO time with fractions."""
    text = str(stamp or "")
    return f"{text[:10]} {text[11:19]}Z" if len(text) >= 19 else text


def number(value: object) -> str:
    """A score or weight: `.82`, `-.55`; what is none as it stands."""
    if not isinstance(value, int | float) or not -1 <= value <= 1:
        return str(value)
    return fraction(value) if value >= 0 else f"-{fraction(-value)}"


def whole(value: object) -> int:
    """A count; 0 for what is none."""
    return value if isinstance(value, int) else 0


def joined(*parts: object, sep: str = " ") -> str:
    """The parts that say something."""
    return sep.join(str(part) for part in parts if part)


def maps(items: object) -> list[Fact]:
    """The tables of a list."""
    return [i for i in items if isinstance(i, dict)] if isinstance(items, list | tuple) else []


def vrp_text(vrp: Fact) -> str:
    """`ROA 192.0.2.0/24 up to /24 AS64496 ripe`."""
    roa = f"ROA {vrp.get('prefix')} up to /{vrp.get('max_length')} AS{vrp.get('asn')}"
    return joined(roa, vrp.get("trust_anchor"))
