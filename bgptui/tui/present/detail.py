"""One alert at length: what, why, how sure, which paths, what happened since."""

from collections.abc import Mapping
from typing import Any

from bgptui.domain.alert import Status
from bgptui.store.readers import AlertDetail, AlertRow, StatusEvent
from bgptui.tui.lines import Line, Span, Tone, line, wrap
from bgptui.tui.present.bar import SEVERITY_TONE
from bgptui.tui.present.columns import SEVERITY_MARK, STATUS_LABEL, TYPE_LABEL, subject
from bgptui.tui.present.evidence import evidence_lines
from bgptui.tui.present.figures import age, clock, fraction, moment

_LABEL_WIDTH = 10


def detail_lines(row: AlertRow, detail: AlertDetail | None, width: int) -> list[Line]:
    """The alert in lines of at most `width` cells.

    Args:
        detail: of the same alert; None while it is being read, the row is shown alone then.
    """
    lines = _heading(row, width)
    if detail is None:
        return [*lines, (), line(Span("reading evidence …", Tone.FAINT))]
    lines += _facts(detail, width)
    lines += _section("Why", [*_texts(detail.description, width), *_evidence(detail, width)])
    lines += _section("Confidence", _arithmetic(detail, width))
    lines += _section("Paths", _paths(detail, width))
    lines += _section("Timeline", _timeline(detail, width))
    lines += _section("Notes", _notes(detail, width))
    return [*lines, (), *labelled("uuid", detail.alert_uuid, width)]


def _section(name: str, body: list[Line]) -> list[Line]:
    return [(), line(Span(name, Tone.HEADING)), *body] if body else []


def _heading(row: AlertRow, width: int) -> list[Line]:
    mark = Span(SEVERITY_MARK[row.severity].strip(), SEVERITY_TONE[row.severity])
    state = STATUS_LABEL[row.status]
    if row.acknowledged_by and row.status is Status.ACKNOWLEDGED:
        state += f" by {row.acknowledged_by}"
    head = line(
        mark,
        f" {row.severity.value}  ",
        Span(f"{row.alert_id}", Tone.STRONG),
        f"  {TYPE_LABEL[row.alert_type]}  ",
        Span(state, Tone.STRONG),
    )
    return [head, *(line(Span(text, Tone.STRONG)) for text in wrap(row.title, width))]


def _facts(detail: AlertDetail, width: int) -> list[Line]:
    row = detail.row
    expected = " or ".join(f"AS{asn}" for asn in detail.expected_origins)
    watched = row.watched_prefix or ""
    peers = f"{row.peers_seen} of {row.peers_total} peer ASes" if row.peers_total else ""
    pairs = (
        ("subject", subject(row)),
        ("watched", f"{watched} of {expected}" if watched and expected else watched or expected),
        ("origin", "" if row.origin_asn is None else f"AS{row.origin_asn}"),
        ("rpki", row.rpki_status or ""),
        ("class", row.hijack_class or ""),
        ("seen by", peers),
        ("peer", f"{row.peer_addr} AS{row.peer_asn}" if row.peer_addr else ""),
        ("also", _listed([p for p in detail.affected_prefixes if p != row.prefix])),
        ("signs", ", ".join(detail.anomaly_types)),
        ("ticket", detail.ticket_id or ""),
    )
    return [part for label, text in pairs if text for part in labelled(label, text, width)]


def _listed(prefixes: list[str], most: int = 8) -> str:
    more = f" and {len(prefixes) - most} more" if len(prefixes) > most else ""
    return ", ".join(prefixes[:most]) + more


def labelled(label: str, text: str, width: int) -> list[Line]:
    """`label     text`, further lines under the text."""
    rows = wrap(text, width - _LABEL_WIDTH)
    heads = [label, *[""] * (len(rows) - 1)]
    return [
        line(Span(f"{head:<{_LABEL_WIDTH}}", Tone.FAINT), row)
        for head, row in zip(heads, rows, strict=True)
    ]


def _texts(text: str, width: int) -> list[Line]:
    return [line(row) for row in wrap(text, width)] if text else []


def _evidence(detail: AlertDetail, width: int) -> list[Line]:
    return [
        part
        for fact in detail.evidence
        if fact.get("kind") not in ("path", "confidence")
        for part in evidence_lines(fact, width)
    ]


def _arithmetic(detail: AlertDetail, width: int) -> list[Line]:
    """How sure, and the terms it was made of as the correlator wrote them down."""
    terms = next((fact for fact in detail.evidence if fact.get("kind") == "confidence"), None)
    lines: list[Line] = []
    if terms is None:
        scores = (
            ("route", detail.rpki_score),
            ("detector", detail.ensemble_score),
            ("rules", detail.heuristic_score),
            ("before", detail.final_score),
        )
        for label, score in scores:
            if score is not None:
                lines += labelled(label, fraction(score), width)
        return [*lines, *labelled("=", fraction(detail.row.confidence), width)]
    lines += _term("route", terms.get("route"), terms.get("route_q"), _route(terms), width)
    lines += _term("detector", terms.get("ml"), terms.get("ml_q"), terms.get("ml_source"), width)
    if terms.get("history"):
        lines += labelled("history", f"{fraction(terms['history'])} false positives so far", width)
    return [*lines, *labelled("=", str(terms.get("formula", "")), width)]


def _term(label: str, worth: Any, weight: Any, source: Any, width: int) -> list[Line]:
    """`route     .72 x 1  from rpki, 5 peers`; nothing where that side says nothing."""
    if not worth or weight is None:
        return []
    origin = f"  from {source}" if source else ""
    return labelled(label, f"{fraction(worth)} x {weight:g}{origin}", width)


def _route(terms: Mapping[str, Any]) -> str:
    source, peers = terms.get("route_source") or "", terms.get("route_peers")
    return f"{source} at {peers} peer ASes" if source and peers else source


def _paths(detail: AlertDetail, width: int) -> list[Line]:
    return [
        part
        for fact in detail.evidence
        if fact.get("kind") == "path"
        for part in _path(fact, width)
    ]


def _path(fact: Mapping[str, Any], width: int) -> list[Line]:
    hops = fact.get("as_path", ())
    rows = wrap(path_text(hops), width)
    others = {k: v for k, v in fact.items() if k not in ("kind", "as_path")}
    return [
        *(line(Span(row)) for row in rows),
        *(evidence_lines({"kind": "", **others}, width) if others else []),
    ]


def path_text(hops: object) -> str:
    """`64496 64511 {64500,64501}` of an AS path in JSON: neighbour first, sets as lists."""
    if not isinstance(hops, list | tuple):
        return str(hops)
    return " ".join(
        "{" + ",".join(map(str, hop)) + "}" if isinstance(hop, list | tuple) else str(hop)
        for hop in hops
    )


def _timeline(detail: AlertDetail, width: int) -> list[Line]:
    row = detail.row
    lasted = age(row.last_seen - row.first_seen)
    entries = [
        (row.first_seen, "opened"),
        (row.last_seen, f"last evidence, {lasted} after the first"),
        *((event.timestamp, _event(event)) for event in detail.history),
    ]
    if detail.resolved_at is not None and not detail.history:
        entries.append((detail.resolved_at, "closed"))
    entries.sort(key=lambda entry: entry[0])
    day = ""
    lines: list[Line] = []
    for timestamp, text in entries:
        today = moment(timestamp)[:10]
        if today != day:
            lines.append(line(Span(today, Tone.FAINT)))
            day = today
        lines += labelled(clock(timestamp), text, width)
    return lines


def _event(event: StatusEvent) -> str:
    note = f": {event.note}" if event.note else ""
    if event.from_status is event.to_status:
        return f"{event.operator} noted{note}"
    change = f"{STATUS_LABEL[event.from_status]} -> {STATUS_LABEL[event.to_status]}"
    return f"{event.operator} {change}{note}"


def _notes(detail: AlertDetail, width: int) -> list[Line]:
    return _texts(detail.resolution_notes or "", width)
