"""The evidence of a route alert, as JSON-ready facts."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import asdict

from bgptui.correlate.ending import NO_PEER
from bgptui.correlate.grouping import RouteMatter, Sighting
from bgptui.correlate.ml_fact import ml_fact
from bgptui.correlate.recent_scores import Witness
from bgptui.domain.alert_json import from_iso_utc, iso_utc
from bgptui.domain.event import Cause, RouteEvent
from bgptui.domain.routing import Peer

VRPS_SHOWN = 8
PATHS_SHOWN = 5
PEERS_SHOWN = 2_000  # a restart takes over the peers named here; RIS has fewer
WITHDRAWN = "withdrawn"

# Of an event's evidence, what the alert tells in facts of its own: the RPKI, path and peers.
_TOLD_ELSEWHERE = frozenset(
    {
        "rule",
        "rpki",
        "rpki_before",
        "rpki_data",
        "slurm",
        "aspa",
        "origins",
        "collector",
        "peer",
        "communities",
        "communities_total",
        "communities_unreadable",
        "large_communities",
        "otc",
    }
)

# Of an event's evidence, what belongs to its path besides.
_OF_A_PATH = (
    "large_communities",
    "communities_total",
    "communities_unreadable",
    "otc",
)

# Of a peer in a fact of kind peers, what a restart needs; other programs may have less.
_PEER_KEYS = {"collector", "peer_addr", "peer_asn", "since"}

Fact = dict[str, Any]


def route_facts(matter: RouteMatter, witness: Witness | None, peers_total: int) -> tuple[Fact, ...]:
    """Rules, RPKI, ASPAs, earlier origins, the detector's word, some paths and the peers."""
    events = matter.events()
    ml = () if witness is None else (ml_fact(witness.score),)
    return (
        *_rules(events),
        _rpki(events[0]),
        *_aspa(events),
        *_origins(events[0]),
        *ml,
        *_paths(events),
        peers_fact(matter, peers_total),
    )


def _rules(events: list[RouteEvent]) -> list[Fact]:
    """One fact for each rule that fired, of its leading event."""
    leading: dict[tuple[str, str], RouteEvent] = {}
    for event in events:
        leading.setdefault((event.key.event_type.value, event.key.reason), event)
    return [_rule(event) for event in leading.values()]


def _rule(event: RouteEvent) -> Fact:
    evidence = event.evidence
    return {
        "kind": "rule",
        "event_type": event.key.event_type.value,
        "reason": event.key.reason,
        "class": event.hijack_class,
        "severity": event.severity.value,
        "why": event.description,
        "watched_prefix": event.watched_prefix,
        "expected_origins": list(event.expected_origins),
        "min_peers": event.min_peers,
        **evidence.get("rule", {}),
        **{name: fact for name, fact in evidence.items() if name not in _TOLD_ELSEWHERE},
    }


def _rpki(event: RouteEvent) -> Fact:
    """The verdict with its VRPs; where their change is why, what it was before; whose data, how
    old, and which of the operator's exceptions bear on it."""
    validation, evidence = event.validation, event.evidence
    return {
        "kind": "rpki",
        "status": validation.state.value,
        "reason": None if validation.reason is None else validation.reason.value,
        "source": validation.source,
        "as_of": None if validation.as_of is None else iso_utc(validation.as_of),
        **({"before": evidence["rpki_before"]} if "rpki_before" in evidence else {}),
        "sources": evidence.get("rpki_data", []),
        "slurm": evidence.get("slurm", []),
        "vrps": [asdict(vrp) for vrp in validation.covering[:VRPS_SHOWN]],
        "vrps_more": max(0, len(validation.covering) - VRPS_SHOWN),
    }


def _aspa(events: list[RouteEvent]) -> list[Fact]:
    """What ASPAs say, of the first path that they call invalid, or else of the first."""
    told = [event for event in events if "aspa" in event.evidence]
    worst = next((each for each in told if each.evidence["aspa"]["state"] == "invalid"), None)
    event = worst or (told[0] if told else None)
    return [] if event is None else [{"kind": "aspa", **event.evidence["aspa"]}]


def _origins(event: RouteEvent) -> list[Fact]:
    known = event.evidence.get("origins")
    return [{"kind": "origins", "prefix": event.key.prefix, "origins": known}] if known else []


def _paths(events: list[RouteEvent]) -> list[Fact]:
    """The first PATHS_SHOWN distinct paths."""
    paths: dict[object, Fact] = {}
    for event in events:
        if event.as_path and event.as_path not in paths:
            paths[event.as_path] = {
                "kind": "path",
                "as_path": [list(hop) if isinstance(hop, tuple) else hop for hop in event.as_path],
                "collector": event.peer.collector,
                "peer_addr": event.peer.address,
                "peer_asn": event.peer.asn,
                "next_hop": event.next_hop,
                "communities": event.evidence.get("communities", []),
                **{name: event.evidence[name] for name in _OF_A_PATH if name in event.evidence},
                "seen": iso_utc(event.timestamp),
            }
        if len(paths) == PATHS_SHOWN:
            break
    return list(paths.values())


def withdrawn_fact(
    at: float,
    resolves_at: float | None,
    *,
    how: str,
    causes: Iterable[tuple[Cause, str]],
) -> Fact:
    """No peer has the route since `at`.

    Args:
        how: in words.
        causes: with their details; none after a restart.
        resolves_at: None while a gap in the feed stops the hold-down.
    """
    return {
        "kind": WITHDRAWN,
        "at": iso_utc(at),
        "resolves_at": None if resolves_at is None else iso_utc(resolves_at),
        "causes": sorted({cause.value for cause, _ in causes}),
        "how": how,
    }


def how_it_ended(evidence: Iterable[Fact]) -> str:
    """In words, of an alert that says so."""
    told = (str(fact.get("how", "")) for fact in evidence if fact.get("kind") == WITHDRAWN)
    return next(filter(None, told), NO_PEER)


def sightings(evidence: tuple[Fact, ...]) -> Iterator[Sighting]:
    """The peers that the evidence of a route alert names."""
    for fact in evidence:
        peers = fact["peers"] if fact.get("kind") == "peers" else ()
        for peer in (peer for peer in peers if peer.keys() >= _PEER_KEYS):
            named = Peer(peer["collector"], peer["peer_addr"], peer["peer_asn"])
            until = from_iso_utc(peer["until"]) if peer.get("until") else None
            yield Sighting(from_iso_utc(peer["since"]), named, until)


def peers_fact(matter: RouteMatter, peers_total: int) -> Fact:
    """Who has the route, and who had it: they have an `until`."""
    peers = matter.peers()
    return {
        "kind": "peers",
        "asns": len(matter.asns),
        "total": peers_total,
        "asns_now": len({seen.peer.asn for seen in peers if seen.until is None}),
        "peers": [
            {
                "collector": seen.peer.collector,
                "peer_addr": seen.peer.address,
                "peer_asn": seen.peer.asn,
                "since": iso_utc(seen.since),
                **({} if seen.until is None else {"until": iso_utc(seen.until)}),
            }
            for seen in peers[:PEERS_SHOWN]
        ],
        "peers_more": max(0, len(peers) - PEERS_SHOWN),
    }
