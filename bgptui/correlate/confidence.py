"""How sure we are that an alert is a true incident, and the arithmetic to show for it."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from bgptui.domain.alert import Alert
from bgptui.domain.event import EventType, RouteEvent
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState

# What one kind of evidence of the route is worth by itself.
RPKI_INVALID = 0.72
WATCHLIST = 0.72
PATH_VERIFIED = 0.72  # a leak by ASPA or OTC
INFERRED = 0.30  # a leak by inferred relationships; an invalid that is most often a mistake
OBSERVED = 1.0  # no inference: a session that went down, a feed that fell silent
_SPREAD = (0.0, 0.5, 0.8, 1.0)  # q by the weight of the peers that bear it out

# Nothing but the watchlist raises these, for an AS as well as for a prefix.
_BY_WATCHLIST = frozenset({EventType.PATH_ANOMALY, EventType.NEW_PREFIX, EventType.VISIBILITY_LOSS})


class Terms(Struct, frozen=True, kw_only=True):
    """What goes into the confidence of one alert.

    Attributes:
        route, ml: ROUTE and ML, 0 ... 1; 0 where that side says nothing.
        route_q, ml_q: weight of each by the number of peers that bear it out (`spread`).
        route_source, ml_source: where each comes from, for the evidence.
        route_peers: distinct peer ASNs that bear the route's term out.
        route_weight: what these weigh together; route_peers when each has its full weight.
    """

    route: float = 0.0
    route_q: float = 0.0
    route_source: str | None = None
    route_peers: int = 0
    route_weight: float = 0.0
    ml: float = 0.0
    ml_q: float = 0.0
    ml_source: str | None = None


class Weighed(Struct, frozen=True):
    """The outcome.

    Attributes:
        confidence: 0 ... 1.
        final_score: the same before HISTORY.
        evidence: each term of the sum, kind `confidence`.
    """

    confidence: float
    final_score: float
    evidence: dict[str, Any]


def spread(peers: float) -> float:
    """q: 1 at three or more distinct peer ASNs of full weight, .8 at two, .5 at one, 0 at none;
    straight lines between, since a peer that often sees what nobody else does weighs less."""
    whole = min(int(peers), len(_SPREAD) - 1)
    if whole == len(_SPREAD) - 1:
        return _SPREAD[whole]
    return _SPREAD[whole] + (peers - whole) * (_SPREAD[whole + 1] - _SPREAD[whole])


def rpki_strength(validation: OriginValidation) -> float:
    """What an invalid is worth as evidence of an incident.

    A foreign or forbidden origin is what an origin hijack looks like. A length or an AS_SET
    is most often the holder's own mistake (NDSS 2026: 96.9 % of standing invalids are
    misconfigurations), and counts as inferred.
    """
    if validation.state is not RpkiState.INVALID:
        return 0.0
    if validation.reason in {InvalidReason.ASN, InvalidReason.AS0}:
        return RPKI_INVALID
    return INFERRED


def route_terms(events: Sequence[RouteEvent], *, peers: int, weight: float) -> Terms:
    """ROUTE of a matter: the strongest of what the RPKI, the watchlist and the path say.

    Args:
        events: the latest of each rule and peer.
        peers: distinct peer ASNs.
        weight: of these together.
    """
    found = [(strength, source) for event in events for strength, source in _strengths(event)]
    if not found:
        return Terms()
    strength, source = max(found)
    return Terms(
        route=strength,
        route_q=spread(weight),
        route_source=source,
        route_peers=peers,
        route_weight=weight,
    )


def _strengths(event: RouteEvent) -> Iterator[tuple[float, str]]:
    rpki = rpki_strength(event.validation)
    if rpki:
        reason = "" if event.validation.reason is None else f"_{event.validation.reason}"
        yield rpki, f"rpki_invalid{reason}"
    if event.key.event_type is EventType.LEAK_SUSPECTED:
        kind = event.key.reason.partition(":")[0]
        yield INFERRED if kind == "inferred" else PATH_VERIFIED, f"leak_{kind}"
    elif event.watched_prefix is not None or event.key.event_type in _BY_WATCHLIST:
        yield WATCHLIST, "watchlist"
    elif not rpki:
        yield INFERRED, event.key.event_type.value


def weigh(terms: Terms, *, history: float) -> Weighed:
    """(1 - (1 - q_route * ROUTE) * (1 - q_ml * ML)) * (1 - HISTORY).

    Two independent witnesses: the alert is false only when both err. False positives of
    the same kind (HISTORY) lower the whole.

    Args:
        history: 0 ... 1, see feedback.py.
    """
    final_score = 1 - (1 - terms.route_q * terms.route) * (1 - terms.ml_q * terms.ml)
    confidence = final_score * (1 - history)
    formula = (
        f"(1 - (1 - {terms.route_q:g} * {terms.route:.2f})"
        f" * (1 - {terms.ml_q:g} * {terms.ml:.2f}))"
        f" * (1 - {history:.2f}) = {confidence:.2f}"
    )
    evidence = {
        "kind": "confidence",
        "route": round(terms.route, 4),
        "route_source": terms.route_source,
        "route_peers": terms.route_peers,
        "route_weight": round(terms.route_weight, 4),
        "route_q": round(terms.route_q, 4),
        "ml": round(terms.ml, 4),
        "ml_source": terms.ml_source,
        "ml_q": terms.ml_q,
        "history": round(history, 4),
        "formula": formula,
    }
    return Weighed(confidence, final_score, evidence)


_TERMS = {"route", "route_q", "route_source", "route_peers", "ml", "ml_q", "ml_source"}


def terms_of(alert: Alert) -> Terms:
    """The terms of an alert as its evidence has them, e.g. of one read back after a restart."""
    for fact in alert.evidence:
        if fact.get("kind") == "confidence" and fact.keys() >= _TERMS:
            return Terms(
                route=fact["route"],
                route_q=fact["route_q"],
                route_source=fact["route_source"],
                route_peers=fact["route_peers"],
                route_weight=fact.get("route_weight", fact["route_peers"]),
                ml=fact["ml"],
                ml_q=fact["ml_q"],
                ml_source=fact["ml_source"],
            )
    score = alert.confidence if alert.final_score is None else alert.final_score
    return Terms(route=score, route_q=1.0, route_source="stored")
