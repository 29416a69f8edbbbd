"""Evidence of the kinds that the correlator writes, told in as few lines as will do.

Facts come from the database, perhaps from another version of bgptui: a field may be missing, and
a kind that is not known here is told field by field (evidence.py).
"""

from collections.abc import Callable, Iterable

from bgptui.tui.lines import Line, Span, Tone, line, wrap
from bgptui.tui.present.evidence import evidence_lines
from bgptui.tui.present.fact_text import (
    Fact,
    joined,
    labelled,
    maps,
    number,
    path_text,
    peer_text,
    time_text,
    vrp_text,
    whole,
)
from bgptui.tui.present.figures import figure
from bgptui.tui.present.route_facts import (
    aspa_lines,
    communities_text,
    end_lines,
    origins_lines,
    rpki_lines,
    rule_lines,
)

PEERS_SHOWN = 12
SESSIONS_SHOWN = 20


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
            seen = joined(peer_text(fact), time_text(fact.get("seen")))
            for text in (seen, communities_text(fact)):
                rows = wrap(text, width - 2) if text else []
                lines += [line(Span(f"  {row}", Tone.FAINT)) for row in rows]
    return lines


def peer_lines(facts: Iterable[Fact], width: int) -> list[Line]:
    """Peers that showed it, the first PEERS_SHOWN."""
    lines: list[Line] = []
    for fact in facts:
        if fact.get("kind") != "peers":
            continue
        peers = maps(fact.get("peers"))
        for peer in peers[:PEERS_SHOWN]:
            since = f"since {time_text(peer['since'])}" if peer.get("since") else ""
            until = f"until {time_text(peer['until'])}" if peer.get("until") else ""
            text = joined(
                peer_text(peer), since, until, _share("ensemble", peer), peer.get("leading_reason")
            )
            lines += [line(row) for row in wrap(text, width)]
        more = max(len(peers) - PEERS_SHOWN, 0) + whole(fact.get("peers_more"))
        if more > 0:
            lines.append(line(Span(f"and {more} more", Tone.FAINT)))
    return lines


def _ml(fact: Fact, width: int) -> list[Line]:
    stream = "whole network" if fact.get("stream") == "network" else peer_text(fact)
    window = f"window {time_text(fact['window'])}" if fact.get("window") else ""
    learning = "still learning" if fact.get("learning") else ""
    parts = [_share(name, fact) for name in ("lstm", "isolation_forest", "heuristic")]
    scores = joined(_share("ensemble", fact), *parts, learning, sep=", ")
    lines = labelled("detector", joined(stream, window), width) + labelled("", scores, width)
    for reason in maps(fact.get("reasons")):
        lines += labelled("", f"{reason.get('name')} {number(reason.get('p'))}", width)
    for feature in maps(fact.get("features")):
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
    down, up = time_text(fact.get("down_at")), time_text(fact.get("up_at"))
    resets = f"{fact['resets']} resets" if whole(fact.get("resets")) > 1 else ""
    word = "already down" if fact.get("resets") == 0 else "down"
    text = joined(peer_text(fact), f"{word} {down}", f"up {up}" if up else "still down", resets)
    return labelled("session", text, width)


def _gap(fact: Fact, width: int) -> list[Line]:
    until = time_text(fact.get("end")) or "now"
    place = fact.get("collector") or "whole feed"
    text = joined(place, fact.get("reason"), f"from {time_text(fact.get('start'))} to {until}")
    return labelled("gap", text, width)


def _roa(fact: Fact, width: int) -> list[Line]:
    """What an origin lost, what ends, or which VRPs came and went."""
    origin = f"AS{fact['origin']}" if fact.get("origin") is not None else ""
    states = ""
    if fact.get("status_before"):
        states = f"{fact['status_before']} before, {fact.get('status')} now"
    ends = f"until {time_text(fact['expires'])}" if fact.get("expires") else ""
    head = joined(fact.get("prefix"), origin, states, ends)
    lines = labelled("roa", head, width) if head else []
    for word in ("before", "now", "added", "removed"):
        for vrp in maps(fact.get(word)):
            lines += labelled("" if lines else "roa", f"{word}: {vrp_text(vrp)}", width)
    return lines


def _trust_anchor(fact: Fact, width: int) -> list[Line]:
    counts = f"{fact.get('before')} VRPs before, {fact.get('now')} now"
    text = joined(fact.get("trust_anchor") or "all", counts, f"by {fact.get('source')}")
    concerned = fact.get("watched_prefixes")
    lines = labelled("anchor", text, width)
    return lines + (
        labelled("", f"watched prefixes concerned: {concerned}", width) if concerned else []
    )


_TELLERS: dict[str, Callable[[Fact, int], list[Line]]] = {
    "rule": rule_lines,
    "rpki": rpki_lines,
    "aspa": aspa_lines,
    "origins": origins_lines,
    "withdrawn": end_lines,
    "ml": _ml,
    "session": _session,
    "gap": _gap,
    "roa": _roa,
    "trust_anchor": _trust_anchor,
}


def _share(name: str, fact: Fact) -> str:
    value = fact.get(name)
    return "" if value is None else f"{name.replace('_', ' ')} {number(value)}"


def _figure(value: object) -> str:
    if isinstance(value, int | float):
        return f"-{figure(-value)}" if value < 0 else figure(value)
    return str(value)
