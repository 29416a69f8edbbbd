"""Evidence of the kinds that the correlator writes, told in as few lines as will do.

Facts come from the database, perhaps from another version of bgptui: a field may be missing, and
a kind that is not known here is told field by field (evidence.py).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bgptui.tui.lines import Line, Span, Tone, line, wrap
from bgptui.tui.present.evidence import evidence_lines
from bgptui.tui.present.figures import figure, fraction

Fact = Mapping[str, Any]

LABEL_WIDTH = 10
PEERS_SHOWN = 12
SESSIONS_SHOWN = 20


def labelled(label: str, text: str, width: int) -> list[Line]:
    """`label     text`, further lines under the text."""
    rows = wrap(text, width - LABEL_WIDTH)
    heads = [label, *[""] * (len(rows) - 1)]
    return [
        line(Span(f"{head:<{LABEL_WIDTH}}", Tone.FAINT), row)
        for head, row in zip(heads, rows, strict=True)
    ]


def why_lines(facts: Iterable[Fact], width: int) -> list[Line]:
    """Everything but paths, peers and the confidence, which have sections of their own."""
    lines: list[Line] = []
    sessions = 0
    for fact in facts:
        kind = fact.get("kind")
        sessions += kind == "session"
        if kind in ("path", "peers", "confidence") or (
            kind == "session" and sessions > SESSIONS_SHOWN
        ):
            continue
        tell = _TELLERS.get(str(kind))
        lines += evidence_lines(fact, width) if tell is None else tell(fact, width)
    if sessions > SESSIONS_SHOWN:
        lines += labelled("", f"and {sessions - SESSIONS_SHOWN} more sessions", width)
    return lines


def path_lines(facts: Iterable[Fact], width: int) -> list[Line]:
    """AS paths, neighbour first, each with who saw it when."""
    lines: list[Line] = []
    for fact in facts:
        if fact.get("kind") == "path":
            lines += [line(row) for row in wrap(path_text(fact.get("as_path", ())), width)]
            seen = _joined(_peer(fact), _time(fact.get("seen")))
            if seen:
                lines += [line(Span(f"  {row}", Tone.FAINT)) for row in wrap(seen, width - 2)]
    return lines


def peer_lines(facts: Iterable[Fact], width: int) -> list[Line]:
    """Peers that showed it, the first PEERS_SHOWN."""
    lines: list[Line] = []
    for fact in facts:
        if fact.get("kind") != "peers":
            continue
        peers = _maps(fact.get("peers"))
        for peer in peers[:PEERS_SHOWN]:
            since = f"since {_time(peer['since'])}" if peer.get("since") else ""
            until = f"until {_time(peer['until'])}" if peer.get("until") else ""
            text = _joined(
                _peer(peer), since, until, _share("ensemble", peer), peer.get("leading_reason")
            )
            lines += [line(row) for row in wrap(text, width)]
        more = max(len(peers) - PEERS_SHOWN, 0) + _whole(fact.get("peers_more"))
        if more > 0:
            lines.append(line(Span(f"and {more} more", Tone.FAINT)))
    return lines


def path_text(hops: object) -> str:
    """`64496 64511 {64500,64501}` of an AS path in JSON: neighbour first, sets as lists."""
    if not isinstance(hops, list | tuple):
        return str(hops)
    return " ".join(
        "{" + ",".join(map(str, hop)) + "}" if isinstance(hop, list | tuple) else str(hop)
        for hop in hops
    )


def _rule(fact: Fact, width: int) -> list[Line]:
    opens = f"opens at {fact['min_peers']} peer ASes" if fact.get("min_peers") else ""
    reason = _joined(fact.get("reason"), fact.get("class"), fact.get("severity"), opens, sep=", ")
    lines = labelled("rule", str(fact.get("text") or fact.get("event_type") or ""), width)
    for text in (fact.get("description"), reason):
        lines += labelled("", str(text), width) if text else []
    return lines


def _rpki(fact: Fact, width: int) -> list[Line]:
    status = str(fact.get("status") or fact.get("state") or "")
    reason = f"({fact['reason']})" if fact.get("reason") else ""
    of = f"as of {_time(fact['as_of'])}" if fact.get("as_of") else ""
    lines = labelled("rpki", _joined(status, reason, of, fact.get("source")), width)
    for vrp in _maps(fact.get("vrps")):
        lines += labelled("", _vrp(vrp), width)
    if fact.get("vrps_more"):
        lines += labelled("", f"and {fact['vrps_more']} more", width)
    return lines


def _ml(fact: Fact, width: int) -> list[Line]:
    stream = "whole network" if fact.get("stream") == "network" else _peer(fact)
    window = f"window {_time(fact['window'])}" if fact.get("window") else ""
    learning = "still learning" if fact.get("learning") else ""
    parts = [_share(name, fact) for name in ("lstm", "isolation_forest", "heuristic")]
    scores = _joined(_share("ensemble", fact), *parts, learning, sep=", ")
    lines = labelled("detector", _joined(stream, window), width) + labelled("", scores, width)
    for reason in _maps(fact.get("reasons")):
        lines += labelled("", f"{reason.get('name')} {number(reason.get('p'))}", width)
    for feature in _maps(fact.get("features")):
        lines += labelled("", _feature(feature), width)
    return lines


def _feature(feature: Fact) -> str:
    value, z = feature.get("value"), feature.get("z")
    text = f"{feature.get('name')} {_figure(value)}"
    if feature.get("median") is not None:
        text += f", usually {_figure(feature['median'])}"
        if feature.get("spread") is not None:
            text += f" +- {_figure(feature['spread'])}"
    if isinstance(z, int | float):
        text += f", z{z:+.1f}"
    share = feature.get("error_share")
    return text + (f", {share:.0%} of the error" if isinstance(share, int | float) else "")


def _session(fact: Fact, width: int) -> list[Line]:
    down, up = _time(fact.get("down_at")), _time(fact.get("up_at"))
    resets = f"{fact['resets']} resets" if _whole(fact.get("resets")) > 1 else ""
    word = "already down" if fact.get("resets") == 0 else "down"
    text = _joined(_peer(fact), f"{word} {down}", f"up {up}" if up else "still down", resets)
    return labelled("session", text, width)


def _gap(fact: Fact, width: int) -> list[Line]:
    until = _time(fact.get("end")) or "now"
    place = fact.get("collector") or "whole feed"
    text = _joined(place, fact.get("reason"), f"from {_time(fact.get('start'))} to {until}")
    return labelled("gap", text, width)


def _roa(fact: Fact, width: int) -> list[Line]:
    """What an origin lost, what ends, or which VRPs came and went."""
    origin = f"AS{fact['origin']}" if fact.get("origin") is not None else ""
    states = ""
    if fact.get("status_before"):
        states = f"{fact['status_before']} before, {fact.get('status')} now"
    ends = f"until {_time(fact['expires'])}" if fact.get("expires") else ""
    head = _joined(fact.get("prefix"), origin, states, ends)
    lines = labelled("roa", head, width) if head else []
    for word in ("before", "now", "added", "removed"):
        for vrp in _maps(fact.get(word)):
            lines += labelled("" if lines else "roa", f"{word}: {_vrp(vrp)}", width)
    return lines


def _trust_anchor(fact: Fact, width: int) -> list[Line]:
    counts = f"{fact.get('before')} VRPs before, {fact.get('now')} now"
    text = _joined(fact.get("trust_anchor") or "all", counts, f"by {fact.get('source')}")
    concerned = fact.get("watched_prefixes")
    lines = labelled("anchor", text, width)
    return lines + (
        labelled("", f"watched prefixes concerned: {concerned}", width) if concerned else []
    )


def _vrp(vrp: Fact) -> str:
    roa = f"ROA {vrp.get('prefix')} up to /{vrp.get('max_length')} AS{vrp.get('asn')}"
    return _joined(roa, vrp.get("trust_anchor"))


_TELLERS: dict[str, Callable[[Fact, int], list[Line]]] = {
    "rule": _rule,
    "rpki": _rpki,
    "ml": _ml,
    "session": _session,
    "gap": _gap,
    "roa": _roa,
    "trust_anchor": _trust_anchor,
}


def _peer(fact: Fact) -> str:
    asn = f"AS{fact['peer_asn']}" if fact.get("peer_asn") is not None else ""
    return _joined(fact.get("collector"), fact.get("peer_addr"), asn)


def _time(stamp: object) -> str:
    """`2026-01-07 14:02:31Z` of an ISO time with fractions."""
    text = str(stamp or "")
    return f"{text[:10]} {text[11:19]}Z" if len(text) >= 19 else text


def _share(name: str, fact: Fact) -> str:
    value = fact.get(name)
    return "" if value is None else f"{name.replace('_', ' ')} {number(value)}"


def number(value: object) -> str:
    """A score or weight: `.82`, `-.55`; what is none as it stands."""
    if not isinstance(value, int | float) or not -1 <= value <= 1:
        return str(value)
    return fraction(value) if value >= 0 else f"-{fraction(-value)}"


def _figure(value: object) -> str:
    if isinstance(value, int | float):
        return f"-{figure(-value)}" if value < 0 else figure(value)
    return str(value)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _joined(*parts: object, sep: str = " ") -> str:
    return sep.join(str(part) for part in parts if part)


def _maps(items: object) -> list[Fact]:
    return [i for i in items if isinstance(i, dict)] if isinstance(items, list | tuple) else []
