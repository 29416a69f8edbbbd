"""The confidence of an alert: worked case, weights, history."""

import pytest

from bgptui.correlate.confidence import Terms, route_terms, rpki_strength, spread, weigh
from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType, RouteEvent, RouteKey
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import NOT_FOUND, InvalidReason, OriginValidation, RpkiState


def event(
    event_type: EventType,
    validation: OriginValidation = NOT_FOUND,
    *,
    watched: str | None = None,
    reason: str = "origin",
) -> RouteEvent:
    return RouteEvent(
        id=1,
        timestamp=0.0,
        key=RouteKey(event_type, "203.0.113.0/24", 64666, reason),
        peer=Peer("rrc00", "192.0.2.1", 64496),
        severity=Severity.HIGH,
        hijack_class="E|0",
        description="",
        as_path=(64496, 64666),
        next_hop=None,
        validation=validation,
        watched_prefix=watched,
    )


def invalid(reason: InvalidReason) -> OriginValidation:
    return OriginValidation(RpkiState.INVALID, reason)


def test_ensemble_082_with_an_invalid_origin_at_three_peers_is_095() -> None:
    terms = route_terms(
        [event(EventType.RPKI_INVALID, invalid(InvalidReason.ASN))], peers=3, weight=3.0
    )
    weighed = weigh(
        Terms(
            route=terms.route,
            route_q=terms.route_q,
            route_source=terms.route_source,
            route_peers=3,
            ml=0.82,
            ml_q=1.0,
            ml_source="network",
        ),
        history=0.0,
    )
    assert weighed.confidence == pytest.approx(1 - (1 - 0.82) * (1 - 0.72))
    assert round(weighed.confidence, 2) == 0.95
    assert (
        weighed.evidence["formula"] == "(1 - (1 - 1 * 0.72) * (1 - 1 * 0.82)) * (1 - 0.00) = 0.95"
    )
    assert weighed.evidence["route_source"] == "rpki_invalid_asn"


@pytest.mark.parametrize(
    ("peers", "q"),
    [(0, 0.0), (0.5, 0.25), (1, 0.5), (1.5, 0.65), (2, 0.8), (2.5, 0.9), (3, 1.0), (40, 1.0)],
)
def test_the_number_of_peers_acts_through_q_only(peers: float, q: float) -> None:
    assert spread(peers) == pytest.approx(q)


def test_history_lowers_the_whole_and_is_kept_out_of_the_final_score() -> None:
    weighed = weigh(Terms(route=0.72, route_q=1.0), history=0.3)
    assert weighed.confidence == pytest.approx(0.72 * 0.7)
    assert weighed.final_score == pytest.approx(0.72)


@pytest.mark.parametrize(
    ("reason", "strength"),
    [
        (InvalidReason.ASN, 0.72),
        (InvalidReason.AS0, 0.72),
        (InvalidReason.LENGTH, 0.30),
        (InvalidReason.AS_SET, 0.30),
    ],
)
def test_a_foreign_origin_weighs_more_than_a_wrong_length(
    reason: InvalidReason, strength: float
) -> None:
    assert rpki_strength(invalid(reason)) == strength


@pytest.mark.parametrize(
    ("found", "route", "source"),
    [
        (event(EventType.HIJACK_SUSPECTED, watched="203.0.113.0/24"), 0.72, "watchlist"),
        (event(EventType.LEAK_SUSPECTED, reason="aspa"), 0.72, "leak_aspa"),
        (event(EventType.LEAK_SUSPECTED, reason="inferred"), 0.30, "leak_inferred"),
        (event(EventType.NEW_PREFIX), 0.72, "watchlist"),
        (event(EventType.BOGON), 0.30, "bogon"),
    ],
)
def test_route_is_the_strongest_of_what_speaks_for_it(
    found: RouteEvent, route: float, source: str
) -> None:
    terms = route_terms([found], peers=1, weight=1.0)
    assert (terms.route, terms.route_source, terms.route_q) == (route, source, 0.5)
