"""What the monitor is told of the time before: whose routes fire."""

from bgptui.domain.alert import Reference, Severity
from bgptui.domain.event import EventType, RouteKey
from bgptui.domain.event_row import EventRow
from bgptui.domain.routing import Peer
from bgptui.pipeline.takeover import FiringBefore, firing_before

HAS, HAD = Peer("rrc00", "192.0.2.1", 64496), Peer("rrc01", "192.0.2.2", 64497)


def test_the_peers_that_have_the_route_of_an_open_row_fire_and_those_that_had_it_do_not() -> None:
    keys = (
        RouteKey(EventType.LEAK_SUSPECTED, "203.0.113.0/24", 64500, "aspa:64501>64500"),
        RouteKey(EventType.RPKI_INVALID, "203.0.113.0/24", None, "as_set"),
    )
    rows = [
        EventRow(Reference(n, 1.0), key, Severity.LOW, 2.0, peers_having=(HAS,), peers_had=(HAD,))
        for n, key in enumerate(keys)
    ]
    assert list(firing_before([], rows)) == [
        FiringBefore(keys[0], HAS, 64500),
        FiringBefore(keys[1], HAS, ()),
    ]
