"""A route matter as the alert that it makes at this moment."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from bgptui.correlate.confidence import Terms, route_terms
from bgptui.correlate.ending import ended_words, withdrawn_words, without_end
from bgptui.correlate.grouping import RouteMatter
from bgptui.correlate.ledger import NO_UUID, Draft
from bgptui.correlate.recent_scores import Witness
from bgptui.correlate.route_evidence import (
    WITHDRAWN,
    how_it_ended,
    peers_fact,
    route_facts,
    withdrawn_fact,
)
from bgptui.correlate.wording import route_description, route_title
from bgptui.domain.alert import Alert, AlertType, Reference
from bgptui.domain.event import EventType
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import RpkiState

ALERT_TYPES = {
    EventType.HIJACK_SUSPECTED: AlertType.HIJACK,
    EventType.LEAK_SUSPECTED: AlertType.LEAK,
    EventType.RPKI_INVALID: AlertType.RPKI_INVALID,
    EventType.PATH_ANOMALY: AlertType.PATH_ANOMALY,
    EventType.NEW_PREFIX: AlertType.NEW_PREFIX,
    EventType.VISIBILITY_LOSS: AlertType.VISIBILITY_LOSS,
}  # a bogon is an event row and never an alert: the noise policy has no line for it


def route_draft(
    matter: RouteMatter,
    *,
    before: Alert | None,
    witness: Witness | None,
    peers_total: int,
    weight: Callable[[Peer], float],
) -> Draft:
    """The alert, without its identity and confidence.

    Args:
        matter: with at least one event.
        before: the alert as last told. What it counted stays counted, and after a restart it
            is all that is known of the peers seen earlier.
        weight: what a peer's word weighs, 0 ... 1.
    """
    events = matter.events()
    lead = events[0]
    peers_seen = max(len(matter.asns), 0 if before is None else before.peers_seen)
    terms = route_terms(events, peers=peers_seen, weight=peers_seen - matter.shortfall(weight))
    terms = _with_witness(terms, witness)
    first = matter.peers()[0].peer
    affected = matter.prefixes if lead.key.is_about_a_hop else (lead.key.prefix,)
    alert = Alert(
        alert_id=0,
        alert_uuid=NO_UUID,
        key=matter.key,
        alert_type=ALERT_TYPES[lead.key.event_type],
        severity=min((event.severity for event in events), key=lambda severity: severity.rank),
        confidence=0.0,
        title=route_title(lead),
        description=route_description(
            lead, prefixes=len(affected), peers_seen=peers_seen, peers_total=peers_total
        ),
        first_seen=0.0,
        last_seen=matter.last_seen,
        hijack_class=lead.hijack_class,
        prefix=lead.key.prefix,
        watched_prefix=lead.watched_prefix,
        origin_asn=lead.key.origin_asn,
        expected_origins=lead.expected_origins,
        affected_prefixes=affected,
        peer_addr=first.address,
        peer_asn=first.asn,
        collector=first.collector,
        peers_seen=peers_seen,
        peers_total=peers_total,
        anomaly_types=matter.anomaly_types(),
        ensemble_score=None if witness is None else witness.score.ensemble,
        heuristic_score=None if witness is None else witness.score.heuristic,
        rpki_score=terms.route if lead.validation.state is RpkiState.INVALID else None,
        rpki_status=lead.validation.state.value,
        ml_result=None if witness is None else _ml_result(witness),
        route_event=lead.reference,
        evidence=route_facts(matter, witness, peers_total),
    )
    collectors = frozenset(matter.collectors)
    return Draft(alert=_with_peer_of(alert, before), terms=terms, collectors=collectors)


def withdrawn_draft(
    draft: Draft, matter: RouteMatter, *, at: float, resolves_at: float | None, ended: bool
) -> Draft:
    """`draft` of a matter that no peer has any more, saying so.

    Args:
        draft: after a restart perhaps as it was stored, with such words of its own.
        at: event time since which it is gone.
        resolves_at: end of the hold-down; None while a gap in the feed stops it.
    """
    alert = draft.alert
    known = how_it_ended(alert.evidence)  # an earlier run's words, where its peers told none since
    how = ended_words(matter.ends) or known
    told = without_end(alert.description)
    told += withdrawn_words(at, how=how, resolves_at=resolves_at, ended=ended)
    total = alert.peers_total
    facts = [
        peers_fact(matter, total) if _is_of(fact, "peers") else fact for fact in alert.evidence
    ]
    kept = (fact for fact in facts if not _is_of(fact, WITHDRAWN))
    marked = replace(
        alert,
        description=told,
        last_seen=max(alert.last_seen, at),
        evidence=(*kept, withdrawn_fact(at, resolves_at, how=how, causes=matter.ends)),
    )
    return replace(draft, alert=marked)


def _is_of(fact: dict[str, Any], kind: str) -> bool:
    return fact.get("kind") == kind


def _with_peer_of(alert: Alert, before: Alert | None) -> Alert:
    """The peer that is named at the opening stays the one that is named."""
    if before is None:
        return alert
    return replace(
        alert, peer_addr=before.peer_addr, peer_asn=before.peer_asn, collector=before.collector
    )


def _with_witness(terms: Terms, witness: Witness | None) -> Terms:
    if witness is None or witness.score.ensemble is None:
        return terms
    source = "network" if witness.score.window.peer is None else "peers"
    return replace(terms, ml=witness.score.ensemble, ml_q=witness.q, ml_source=source)


def _ml_result(witness: Witness) -> Reference:
    return Reference(witness.score.id, witness.score.window.start)
