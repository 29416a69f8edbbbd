"""Which route events are one matter, and when enough peers see it."""

from collections import Counter

import pytest
from msgspec.structs import replace

from bgptui.correlate import grouping
from bgptui.correlate.grouping import News, RouteMatter, matter_key
from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType, RouteEvent, RouteKey
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import NOT_FOUND

HIJACK = RouteKey(EventType.HIJACK_SUSPECTED, "203.0.113.0/24", 64666, "origin")


def fired(asn: int, at: float, *, address: str = "", key: RouteKey = HIJACK) -> RouteEvent:
    return RouteEvent(
        id=int(at),
        timestamp=at,
        key=key,
        peer=Peer("rrc00", address or f"192.0.2.{asn % 250}", asn),
        severity=Severity.CRITICAL,
        hijack_class="E|0",
        description="",
        as_path=(asn, 64666),
        next_hop=None,
        validation=NOT_FOUND,
    )


def matter(drops: Counter[str] | None = None) -> RouteMatter:
    return RouteMatter("k", grace_s=300.0, drops=Counter() if drops is None else drops)


def test_a_hijack_and_an_invalid_of_one_route_are_one_matter() -> None:
    invalid = replace(HIJACK, event_type=EventType.RPKI_INVALID, reason="asn")
    assert matter_key(invalid) == matter_key(HIJACK)


@pytest.mark.parametrize(
    "other",
    [
        replace(HIJACK, prefix="203.0.113.0/25"),
        replace(HIJACK, origin_asn=64667),
        replace(HIJACK, origin_asn=None),
        replace(HIJACK, event_type=EventType.LEAK_SUSPECTED),
    ],
)
def test_another_prefix_origin_or_kind_is_another_matter(other: RouteKey) -> None:
    assert matter_key(other) != matter_key(HIJACK)


def test_two_leaks_of_different_rules_are_two_matters() -> None:
    leak = replace(HIJACK, event_type=EventType.LEAK_SUSPECTED, reason="aspa")
    assert matter_key(leak) != matter_key(replace(leak, reason="otc"))


def test_routers_of_one_as_count_once() -> None:
    seen = matter()
    for at, address in enumerate(("192.0.2.1", "192.0.2.2", "192.0.2.3")):
        seen.fire(fired(64496, at, address=address))
    assert seen.quorum_at(lambda _peer: 1.0) is None
    seen.fire(fired(64497, 5.0))
    seen.fire(fired(64498, 6.0))
    assert seen.quorum_at(lambda _peer: 1.0) == 6.0


def test_the_quorum_is_reached_when_enough_peers_see_it_together() -> None:
    seen = matter()
    first = fired(64496, 0.0)
    seen.fire(first)
    seen.clear(first.key, first.peer, 1.0)
    seen.fire(fired(64497, 400.0))
    seen.fire(fired(64498, 401.0))
    assert seen.quorum_at(lambda _peer: 1.0) is None  # the first one's sighting is long over
    seen.fire(fired(64499, 402.0))
    assert seen.quorum_at(lambda _peer: 1.0) == 402.0


def test_the_order_of_arrival_does_not_move_the_quorum() -> None:
    seen = matter()
    for at in (3.0, 1.0, 2.0):
        seen.fire(fired(64496 + int(at), at))
    assert seen.quorum_at(lambda _peer: 1.0) == 3.0


def test_the_same_announcement_again_is_no_news() -> None:
    seen = matter()
    assert seen.fire(fired(64496, 0.0)) is News.FACTS
    assert seen.fire(fired(64497, 1.0)) is News.PEERS
    assert seen.fire(fired(64497, 2.0)) is News.NOTHING
    assert seen.fire(replace(fired(64497, 3.0), severity=Severity.LOW)) is News.FACTS


def test_firings_beyond_the_cap_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "PEERS_MOST", 2)
    drops: Counter[str] = Counter()
    seen = matter(drops)
    for asn in range(5):
        seen.fire(fired(asn, float(asn)))
    assert drops == {"firings": 3}
    assert len(seen.peers()) == 2


LEAK = RouteKey(EventType.LEAK_SUSPECTED, "203.0.113.0/24", 64500, "aspa:64501>64502")


def test_a_hop_is_one_matter_with_all_the_prefixes_behind_it() -> None:
    other = replace(LEAK, prefix="198.51.100.0/24", origin_asn=64510)
    assert matter_key(LEAK) == matter_key(other)
    assert matter_key(LEAK) != matter_key(replace(LEAK, reason="aspa:64502>64501"))
    grouped = matter()
    assert grouped.fire(fired(1, 0.0, key=LEAK)) is News.FACTS
    assert grouped.fire(fired(1, 1.0, key=other)) is News.PEERS
    assert grouped.fire(fired(1, 2.0, key=other)) is News.NOTHING
    assert grouped.prefixes == ("203.0.113.0/24", "198.51.100.0/24")


def test_a_peer_has_a_hop_until_the_last_prefix_behind_it_is_gone() -> None:
    grouped = matter()
    other = replace(LEAK, prefix="198.51.100.0/24", origin_asn=64510)
    peer = fired(1, 0.0, key=LEAK).peer
    grouped.fire(fired(1, 0.0, key=LEAK))
    grouped.fire(fired(1, 0.0, key=other))
    grouped.clear(LEAK, peer, 1.0)
    assert grouped.is_firing
    assert grouped.clear(other, peer, 2.0) is News.FACTS
    assert not grouped.is_firing


def test_the_prefixes_of_a_matter_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "PREFIXES_MOST", 2)
    grouped = matter()
    for number in range(5):
        grouped.fire(fired(1, 0.0, key=replace(LEAK, prefix=f"10.0.{number}.0/24")))
    assert len(grouped.prefixes) == 2
