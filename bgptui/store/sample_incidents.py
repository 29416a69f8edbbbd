"""The incidents of the sample data: their messages and route monitor events.

Only prefixes and AS numbers that are reserved for documentation appear (RFC 5737, RFC 3849,
RFC 5398).
"""

from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from bgptui.domain.alert import AlertType, Severity
from bgptui.domain.event import EventType, RouteEvent, RouteKey
from bgptui.domain.event_row import EventRow
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState, Vrp
from bgptui.domain.window import WINDOW_S

PEERS = (
    Peer("rrc00", "192.0.2.1", 64496),
    Peer("rrc00", "192.0.2.2", 64497),
    Peer("rrc01", "2001:db8:ffff::3", 64498),
    Peer("rrc01", "2001:db8:ffff::4", 64499),
)
TRANSIT = (64503, 64504, 65536, 65537)


_RULES = ("origin", "path")  # reasons of an incident's two events


class Incident(Struct, frozen=True):
    """What two messages, two events and an alert have in common."""

    alert_type: AlertType
    event_type: EventType
    severity: Severity
    hijack_class: str
    prefix: str
    watched_prefix: str
    origin: int
    owner: int
    rpki: RpkiState
    title: str


_T, _E, _S, _R = AlertType, EventType, Severity, RpkiState
INCIDENTS = (
    Incident(_T.HIJACK, _E.HIJACK_SUSPECTED, _S.CRITICAL, "S|0", "203.0.113.128/25",
              "203.0.113.0/24", 64511, 64500, _R.INVALID, "Route Hijack Suspected"),
    Incident(_T.HIJACK, _E.HIJACK_SUSPECTED, _S.CRITICAL, "E|0", "198.51.100.0/24",
              "198.51.100.0/24", 64510, 64501, _R.INVALID, "Route Hijack Suspected"),
    Incident(_T.HIJACK, _E.HIJACK_SUSPECTED, _S.HIGH, "E|1", "192.0.2.0/24",
              "192.0.2.0/24", 64502, 64502, _R.VALID, "Unexpected first neighbour"),
    Incident(_T.LEAK, _E.LEAK_SUSPECTED, _S.HIGH, "L", "2001:db8:1000::/36",
              "2001:db8:1000::/36", 64501, 64501, _R.VALID, "Route Leak Suspected"),
    Incident(_T.RPKI_INVALID, _E.RPKI_INVALID, _S.MEDIUM, "-|-", "203.0.113.0/25",
              "203.0.113.0/24", 64500, 64500, _R.INVALID, "Own route longer than its ROA allows"),
    Incident(_T.RPKI_INVALID, _E.RPKI_INVALID, _S.LOW, "-|0", "2001:db8:2000::/36",
              "2001:db8:2000::/36", 65550, 64505, _R.INVALID, "Origin contradicts a ROA"),
    Incident(_T.PATH_ANOMALY, _E.PATH_ANOMALY, _S.MEDIUM, "E|P", "198.51.100.0/24",
              "198.51.100.0/24", 64501, 64501, _R.VALID, "Path does not match the watchlist"),
    Incident(_T.NEW_PREFIX, _E.NEW_PREFIX, _S.LOW, "S|-", "2001:db8:1800::/38",
              "2001:db8:1000::/36", 64501, 64501, _R.NOT_FOUND, "New more-specific"),
    Incident(_T.VISIBILITY_LOSS, _E.VISIBILITY_LOSS, _S.HIGH, "-|-", "192.0.2.0/24",
              "192.0.2.0/24", 64502, 64502, _R.VALID, "Visibility lost at half of the peers"),
    Incident(_T.HIJACK, _E.BOGON, _S.MEDIUM, "Q|0", "2001:db8:f000::/36",
              "2001:db8:f000::/36", 65551, 64505, _R.NOT_FOUND, "Unused address space announced"),
)  # fmt: skip


def incident_events(
    start: int, rng: Random, first_id: int
) -> tuple[list[RouteEvent], list[BgpMessage]]:
    """Each incident at two peers, a few seconds apart, in the third to the ninth minute.

    For the first one's route one rule fires, which fires for the other one's, too; and for that
    another rule as well.
    """
    events: list[RouteEvent] = []
    messages: list[BgpMessage] = []
    for number, incident in enumerate(INCIDENTS):
        begin = start + (2 + number * 7 // len(INCIDENTS)) * WINDOW_S + rng.randrange(40)
        for second, peer in enumerate(rng.sample(PEERS, 2)):
            timestamp = begin + second * rng.randrange(1, 9) + rng.randrange(1_000) / 1_000
            lost = incident.event_type is EventType.VISIBILITY_LOSS
            path = (peer.asn, rng.choice(TRANSIT), incident.origin)
            messages.append(message_of(timestamp, peer, incident.prefix, () if lost else path))
            event_id = first_id + len(events)
            events.append(_event(event_id, incident, messages[-1], path, _RULES[second]))
    return events, messages


def seen_by_both(one: RouteEvent, other: RouteEvent) -> EventRow:
    """How the row of an incident's first event stands after the second peer's announcement."""
    return EventRow(
        row=one.reference,
        key=one.key,
        severity=one.severity,
        last_seen=max(one.timestamp, other.timestamp),
        peers_seen=2,
        sightings=2,
        peers_having=(one.peer, other.peer),
        paths=(one.as_path, other.as_path),
    )


def _event(
    event_id: int, incident: Incident, message: BgpMessage, path: tuple[int, ...], rule: str
) -> RouteEvent:
    roa = Vrp(incident.watched_prefix, int(incident.watched_prefix.split("/")[1]), incident.owner)
    reason = InvalidReason.LENGTH if incident.origin == incident.owner else InvalidReason.ASN
    validation = OriginValidation(
        incident.rpki,
        reason if incident.rpki is RpkiState.INVALID else None,
        () if incident.rpki is RpkiState.NOT_FOUND else (roa,),
    )
    key = RouteKey(incident.event_type, incident.prefix, incident.origin, rule)
    return RouteEvent(
        id=event_id,
        timestamp=message.timestamp,
        key=key,
        peer=message.peer,
        severity=incident.severity,
        hijack_class=incident.hijack_class,
        description=f"{incident.title}: {incident.prefix} by AS{incident.origin}",
        as_path=path,
        next_hop=message.peer.address,
        validation=validation,
        watched_prefix=incident.watched_prefix,
        expected_origins=(incident.owner,),
        evidence={"rule": incident.watched_prefix},
    )


def message_of(timestamp: float, peer: Peer, prefix: str, path: tuple[int, ...]) -> BgpMessage:
    """An announcement, or with an empty path a withdrawal."""
    document: dict[str, Any] = {
        "timestamp": timestamp, "peer": peer.address, "peer_asn": str(peer.asn),
        "host": peer.collector, "type": "UPDATE",
    }  # fmt: skip
    if path:
        document |= {
            "path": path,
            "announcements": [{"next_hop": peer.address, "prefixes": [prefix]}],
        }
    else:
        document["withdrawals"] = [prefix]
    return BgpMessage(
        timestamp,
        peer,
        MessageType.UPDATE,
        announced=(prefix,) if path else (),
        withdrawn=() if path else (prefix,),
        as_path=path,
        announced_listed=1 if path else 0,
        withdrawn_listed=0 if path else 1,
        next_hops=(peer.address,) if path else (),
        received=msgspec.json.encode({"type": "ris_message", "data": document}),
    )
