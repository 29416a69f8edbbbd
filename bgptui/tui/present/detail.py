"""One alert at length: what, why, how sure, which paths, what happened since."""

from collections.abc import Mapping
from typing import Any

from bgptui.domain.alert import Status
from bgptui.store.readers import AlertDetail, AlertRow, StatusEvent
from bgptui.tui.lines import Line, Span, Tone, line, wrap
from bgptui.tui.present.bar import SEVERITY_TONE
from bgptui.tui.present.columns import SEVERITY_MARK, STATUS_LABEL, TYPE_LABEL, subject
from bgptui.tui.present.fact_text import labelled, number
from bgptui.tui.present.facts import path_lines, peer_lines, why_lines
from bgptui.tui.present.figures import age, clock, fraction, moment


def detail_lines(row: AlertRow, detail: AlertDetail | None, width: int) -> list[Line]:
    """The alert in lines of at most `width` cells.

    Args:
        detail: of the same alert; None while it is being read, the row is shown alone then.
    """
    lines = _heading(row, width)
    if detail is None:
        return [*lines, (), line(Span("reading evidence …", Tone.FAINT))]
    lines += _facts(detail, width)
    facts = detail.evidence
    lines += _section("Why", [*_texts(detail.description, width), *why_lines(facts, width)])
    lines += _section("Confidence", _arithmetic(detail, width))
    lines += _section("Paths", path_lines(facts, width))
    lines += _section("Seen by", peer_lines(facts, width))
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


def _texts(text: str, width: int) -> list[Line]:
    return [line(row) for row in wrap(text, width)] if text else []


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
    route, ml = _route_source(terms), str(terms.get("ml_source") or "")
    lines += _term("route", terms.get("route"), terms.get("route_q"), route, width)
    lines += _term("detector", terms.get("ml"), terms.get("ml_q"), ml, width)
    if terms.get("history"):
        lines += labelled("history", f"{number(terms['history'])} false positives so far", width)
    return [*lines, *labelled("=", str(terms.get("formula", "")), width)]


def _term(label: str, worth: object, weight: object, source: str, width: int) -> list[Line]:
    """`route     .72 x 1.0 from rpki at 5 peer ASes`; nothing where that side says nothing."""
    if not worth:
        return []
    origin = f" from {source}" if source else ""
    return labelled(label, f"{number(worth)} x {number(weight)}{origin}", width)


def _route_source(terms: Mapping[str, Any]) -> str:
    source, peers = terms.get("route_source") or "", terms.get("route_peers")
    return f"{source} at {peers} peer ASes" if source and peers else str(source)


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
