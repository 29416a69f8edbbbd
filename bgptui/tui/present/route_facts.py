"""Evidence of routes: the rule, the RPKI with its data, ASPAs, earlier origins, the end."""

from bgptui.tui.lines import Line
from bgptui.tui.present.fact_text import Fact, joined, labelled, maps, time_text, vrp_text, whole
from bgptui.tui.present.figures import age

VRPS_SHOWN = 8

# Why something is told, where no announcement is why.
_CAUSES = {
    "vrp_change": "VRPs changed, the route did not: no hijack",
    "aspa_change": "ASPAs changed, the route did not",
    "watchlist_change": "the watchlist changed, the route did not",
    "mute_ended": "its mute ended",
}


def rule_lines(fact: Fact, width: int) -> list[Line]:
    """What fired, of which kind, and why it was told."""
    opens = f"opens at {fact['min_peers']} peer ASes" if fact.get("min_peers") else ""
    reason = joined(fact.get("reason"), fact.get("class"), fact.get("severity"), opens, sep=", ")
    lines = labelled("rule", str(fact.get("text") or fact.get("event_type") or ""), width)
    for text in (fact.get("description"), reason):
        lines += labelled("", str(text), width) if text else []
    cause = fact.get("cause")
    if cause:
        lines += labelled("cause", _CAUSES.get(str(cause), str(cause).replace("_", " ")), width)
    for lost in maps(fact.get("by_upstream")):
        text = f"over AS{lost.get('upstream')}: {lost.get('lost')} lost, {lost.get('have')} have it"
        lines += labelled("", text, width)
    return lines


def rpki_lines(fact: Fact, width: int) -> list[Line]:
    """The verdict with its VRPs, what it was before, and where the data is from."""
    sources = maps(fact.get("sources"))
    of = f"as of {time_text(fact['as_of'])}" if fact.get("as_of") else ""
    unnamed = () if sources else (of, fact.get("source"))
    lines = labelled("rpki", joined(_verdict(fact), *unnamed), width)
    for text in _vrps(fact):
        lines += labelled("", text, width)
    before = fact.get("before")
    if isinstance(before, dict):
        lines += labelled("before", _verdict(before), width)
        for text in _vrps(before):
            lines += labelled("", text, width)
    for index, source in enumerate(sources):
        lines += labelled("" if index else "data", _source(source), width)
    for rule in maps(fact.get("slurm")):
        kind = str(rule.get("kind", "")).replace("_", " ")
        comment = f"({rule['comment']})" if rule.get("comment") else ""
        lines += labelled("slurm", joined(f"{kind}:", rule.get("text"), comment), width)
    return lines


def aspa_lines(fact: Fact, width: int) -> list[Line]:
    """What ASPAs say of the path: the failing hop and the records that were used."""
    ramps = fact.get("ramps")
    told = ""
    if isinstance(ramps, dict):
        up, down = (
            f"{ramps.get(f'min_{way}')}-{ramps.get(f'max_{way}')}" for way in ("up", "down")
        )
        told = f"ramps up {up}, down {down}"
    state, reason = fact.get("state"), str(fact.get("reason") or "").replace("_", " ")
    lines = labelled("aspa", joined(state, f"({reason})" if reason else "", told), width)
    for hop in maps(fact.get("failing_hops")):
        text = f"fails at AS{hop.get('customer')} > AS{hop.get('provider')}: not its provider"
        lines += labelled("", text, width)
    for record in maps(fact.get("records")):
        providers = record.get("providers")
        listed = ", ".join(f"AS{asn}" for asn in providers) if isinstance(providers, list) else ""
        total = whole(record.get("providers_total"))
        more = f" of {total}" if total else ""
        text = f"ASPA of AS{record.get('customer')}: {listed or 'no providers'}{more}"
        lines += labelled("", text, width)
    return lines


def origins_lines(fact: Fact, width: int) -> list[Line]:
    """Who originated the prefix, since when, until when, seen by how many."""
    lines: list[Line] = []
    for index, origin in enumerate(maps(fact.get("origins"))):
        asn = origin.get("asn")
        named = f"AS{asn}" if not isinstance(asn, list) else "AS_SET " + " ".join(map(str, asn))
        since, last = time_text(origin.get("first_seen")), time_text(origin.get("last_seen"))
        peers = whole(origin.get("peers"))
        text = joined(
            f"since {since}" if since else "known before",
            f"last {last}" if last else "",
            f"{peers} peer AS{'es' if peers > 1 else ''}" if peers else "",
            sep=", ",
        )
        lines += labelled("" if index else "origins", f"{named} {text}", width)
    return lines


def end_lines(fact: Fact, width: int) -> list[Line]:
    """Since when nobody has the route, and how that came."""
    until = time_text(fact.get("resolves_at"))
    told = joined(
        f"since {time_text(fact.get('at'))}", f"resolves at {until}" if until else "", sep=", "
    )
    how = fact.get("how")
    return labelled("over", told, width) + (labelled("", str(how), width) if how else [])


def communities_text(path: Fact) -> str:
    """`communities 64496:1 64496:2, large 64496:1:2, OTC AS64496`; empty for none."""
    listed, large = path.get("communities"), path.get("large_communities")
    otc, total = path.get("otc"), whole(path.get("communities_total"))
    plain = " ".join(map(str, listed)) if isinstance(listed, list) else ""
    return joined(
        f"communities {plain}" if plain else "",
        "large " + " ".join(map(str, large)) if isinstance(large, list) and large else "",
        f"{total} in all" if total else "",
        f"communities unreadable: {path['communities_unreadable']}"
        if path.get("communities_unreadable")
        else "",
        f"OTC AS{otc}" if otc is not None else "",
        sep=", ",
    )


def _verdict(fact: Fact) -> str:
    status = fact.get("status") or fact.get("state") or ""
    return joined(status, f"({fact['reason']})" if fact.get("reason") else "")


def _vrps(fact: Fact) -> list[str]:
    vrps = maps(fact.get("vrps"))
    told = [vrp_text(vrp) for vrp in vrps[:VRPS_SHOWN]]
    shown = min(len(vrps), VRPS_SHOWN)
    more = max(whole(fact.get("vrps_total")) - shown, len(vrps) - shown)
    more += whole(fact.get("vrps_more"))
    return [*told, f"and {more} more"] if more > 0 else told


def _source(source: Fact) -> str:
    age_s = source.get("age_s")
    old = ""
    if isinstance(age_s, int | float):
        old = f"{age(age_s)} old" if age_s >= 0 else f"built {age(-age_s)} after"
    rtr = f"session {source['session']}" if source.get("session") is not None else ""
    serial = f"serial {source['serial']}" if source.get("serial") is not None else ""
    as_of = f"as of {time_text(source['as_of'])}" if source.get("as_of") else ""
    return joined(source.get("name"), rtr, serial, as_of, old, sep=", ")
