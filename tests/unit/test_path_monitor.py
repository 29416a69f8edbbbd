"""Paths, visibility and muted rules, through the whole route monitor."""

from itertools import count, pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from bgptui.domain.alert import Severity
from bgptui.domain.aspa import Hop, OtcLeak, PathState, PathVerification, Role
from bgptui.domain.event import RouteCleared, RouteEvent
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import NOT_FOUND
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.watchlist import AsRule, Rule, Watchlist
from bgptui.runtime.metrics import Metrics

PREFIX, OTHER = "203.0.113.0/24", "198.51.100.0/24"
PEERS = [Peer("rrc00", f"192.0.2.{n}", 64400 + n) for n in range(10)]
UPSTREAM = Watchlist([Rule(1, PREFIX, (64500,), 24, upstreams=(64501,))])
EXPECTED: AsPath = (64501, 64500)


class Aspas:
    """Paths that a test calls invalid, by the hop from customer to provider."""

    def __init__(self) -> None:
        self.bad: set[tuple[int, int]] = set()
        self.changes = 1
        self.asked: list[Role | None] = []

    def generation(self) -> int:
        return self.changes

    def verify(self, path: AsPath, role: Role | None) -> PathVerification:
        self.asked.append(role)
        for provider, customer in pairwise(path):
            if (customer, provider) in self.bad:
                assert isinstance(customer, int)
                assert isinstance(provider, int)
                return PathVerification(
                    PathState.INVALID, "not_provider", failing_hops=(Hop(customer, provider),)
                )
        return PathVerification(PathState.UNKNOWN)


def monitor(
    watchlist: Watchlist = UPSTREAM, aspas: Aspas | None = None, **settings: Any
) -> RouteMonitor:
    given: dict[str, Any] = {"min_peers": 3, "next_id": count(1).__next__, **settings}
    if aspas is not None:
        given |= {"verify": aspas.verify, "aspa_generation": aspas.generation}
    return RouteMonitor(watchlist, lambda _prefix, _origin: NOT_FOUND, lambda: 0, **given)


def update(
    *announced: str,
    path: AsPath = EXPECTED,
    peer: Peer = PEERS[0],
    withdrawn: tuple[str, ...] = (),
    at: float = 1.0,
) -> BgpMessage:
    return BgpMessage(at, peer, MessageType.UPDATE, announced, withdrawn, path)


def told(changes: list[RouteEvent | RouteCleared]) -> list[str]:
    return [
        f"{'-' if isinstance(change, RouteCleared) else '+'} {change.key.event_type.value}"
        f" {change.key.prefix} {change.key.reason}"
        for change in changes
    ]


def test_a_forged_origin_begins_and_ends_with_the_path() -> None:
    watch = monitor()
    assert watch.observe(update(PREFIX), 1.0) == []
    [event] = watch.observe(update(PREFIX, path=(64666, 64500)), 2.0)
    assert isinstance(event, RouteEvent)
    assert (event.hijack_class, event.severity) == ("E|1", Severity.HIGH)
    assert event.evidence["rule"]["upstreams"] == [64501]
    assert watch.observe(update(PREFIX, path=(64666, 64500)), 3.0) == []
    assert watch.firing == 1
    assert told(watch.observe(update(PREFIX), 4.0)) == [f"- hijack_suspected {PREFIX} upstream"]
    assert watch.firing == 0


@pytest.mark.parametrize(
    "end",
    [
        update(withdrawn=(PREFIX,)),
        BgpMessage(5.0, PEERS[0], MessageType.STATE, session=Session.DOWN),
    ],
)
def test_a_forged_origin_ends_with_the_route(end: BgpMessage) -> None:
    watch = monitor()
    watch.observe(update(PREFIX, path=(64666, 64500)), 1.0)
    assert told(watch.observe(end, 5.0)) == [f"- hijack_suspected {PREFIX} upstream"]


def test_a_forged_origin_is_critical_where_aspas_forbid_the_path() -> None:
    aspas = Aspas()
    aspas.bad.add((64500, 64666))
    watch = monitor(aspas=aspas)
    changes = watch.observe(update(PREFIX, path=(64666, 64500)), 1.0)
    assert told(changes) == [f"+ hijack_suspected {PREFIX} upstream"]
    assert isinstance(changes[0], RouteEvent)
    assert changes[0].severity is Severity.CRITICAL


def test_a_leak_further_on_is_told_beside_a_forged_origin() -> None:
    aspas = Aspas()
    aspas.bad.add((64666, 64667))
    watch = monitor(aspas=aspas)
    assert told(watch.observe(update(PREFIX, path=(64667, 64666, 64500)), 1.0)) == [
        f"+ leak_suspected {PREFIX} aspa:64666>64667",
        f"+ hijack_suspected {PREFIX} upstream",
    ]


def test_patterns_and_neighbours_fire_beside_each_other() -> None:
    rules = [Rule(1, PREFIX, (64500,), 24, paths=(PathPattern("64666", description="x"),))]
    watch = monitor(Watchlist(rules, [AsRule(1, 64500, upstreams=(64501,))]))
    assert told(watch.observe(update(PREFIX, path=(64666, 64500)), 1.0)) == [
        f"+ path_anomaly {PREFIX} upstream:64666>64500",
        f"+ path_anomaly {PREFIX} pattern:1",
    ]


def test_a_leak_that_stood_when_we_began_is_only_counted() -> None:
    aspas, metrics = Aspas(), Metrics()
    aspas.bad |= {(10, 11), (20, 21)}
    watch = monitor(aspas=aspas, learn_s=60.0, metrics=metrics)
    assert watch.observe(update(OTHER, path=(11, 10, 1), at=100.0), 100.0) == []
    assert watch.observe(update(OTHER, path=(11, 10, 2), at=500.0), 500.0) == []
    changes = watch.observe(update(OTHER, path=(21, 20, 1), at=500.0), 500.0)
    assert told(changes) == [f"+ leak_suspected {OTHER} aspa:20>21"]
    changes = watch.observe(update(PREFIX, path=(11, 10, 64501, 64500), at=501.0), 501.0)
    assert told(changes) == [f"+ leak_suspected {PREFIX} aspa:10>11"]


def test_a_leak_is_news_though_it_is_the_first_that_was_ever_met() -> None:
    aspas = Aspas()
    aspas.bad.add((20, 21))
    watch = monitor(aspas=aspas, learn_s=60.0)
    assert watch.observe(update(OTHER, path=(1, 2), at=100.0), 100.0) == []
    assert len(watch.observe(update(OTHER, path=(21, 20, 1), at=161.0), 161.0)) == 1


def test_what_the_first_aspas_forbid_stood_before_them() -> None:
    aspas = Aspas()
    aspas.changes = 0
    aspas.bad.add((20, 21))
    watch = monitor(aspas=aspas, learn_s=60.0)
    watch.observe(update(PREFIX, at=100.0), 100.0)
    aspas.changes = 1
    assert watch.rejudge(500.0) == []
    assert watch.observe(update(OTHER, path=(21, 20, 1), at=501.0), 501.0) == []


def test_a_peers_role_is_enough_to_look_at_otc() -> None:
    leak = OtcLeak("otc", Hop(7, PEERS[0].asn))
    watch = monitor(
        Watchlist(roles={PEERS[0].asn: Role.CUSTOMER}),
        otc_leak=lambda _path, _otc, _asn, role: leak if role is Role.CUSTOMER else None,
        learn_s=0.0,
    )
    message = replace(update(OTHER, path=(1, 2)), otc=7)
    assert told(watch.observe(message, 1.0)) == [f"+ leak_suspected {OTHER} otc:7>*"]


def test_aspas_that_change_end_what_they_caused() -> None:
    aspas = Aspas()
    aspas.bad.add((20, 21))
    watch = monitor(aspas=aspas, learn_s=0.0)
    assert len(watch.observe(update(OTHER, path=(21, 20, 1)), 1.0)) == 1
    aspas.bad.clear()
    aspas.changes += 1
    assert told(watch.rejudge(9.0)) == [f"- leak_suspected {OTHER} aspa:20>21"]
    assert watch.rejudge(10.0) == []


def test_a_path_is_verified_once_for_each_role() -> None:
    aspas = Aspas()
    roles = {PEERS[1].asn: Role.CUSTOMER}
    watch = monitor(Watchlist(roles=roles), aspas)
    for peer in (PEERS[0], PEERS[1], PEERS[2], PEERS[1]):
        watch.observe(update(OTHER, path=(1, 2), peer=peer), 1.0)
    assert aspas.asked == [None, Role.CUSTOMER]


def test_a_muted_rule_stores_events_and_alerts_when_it_is_muted_no_more() -> None:
    rule = Rule(1, PREFIX, (64500,), 24, upstreams=(64501,), mute_until=100.0)
    watch = monitor(Watchlist([rule]))
    [event] = watch.observe(update(PREFIX, path=(64666, 64500)), 1.0)
    [other] = watch.observe(update(PREFIX, path=(1, 64999), peer=PEERS[1]), 1.0)
    assert isinstance(event, RouteEvent)
    assert isinstance(other, RouteEvent)
    assert (event.opens_alert, other.opens_alert) == (False, False)
    assert watch.rejudge(50.0) == []
    again = [change for change in watch.rejudge(101.0) if isinstance(change, RouteEvent)]
    assert {change.key for change in again} == {event.key, other.key}
    assert all(change.opens_alert for change in again)
    assert watch.rejudge(200.0) == []


def seen_by(watch: RouteMonitor, count_: int) -> None:
    for peer in PEERS[:count_]:
        watch.observe(update(PREFIX, peer=peer), 1.0)


def test_a_prefix_that_enough_peers_lost_is_told_for_each_of_them() -> None:
    watch = monitor()
    seen_by(watch, 10)
    changes: list[RouteEvent | RouteCleared] = []
    for peer in PEERS[:3]:
        changes += watch.observe(update(withdrawn=(PREFIX,), peer=peer), 2.0)
    assert changes == []
    changes = watch.observe(update(withdrawn=(PREFIX,), peer=PEERS[3]), 2.0)
    assert [change.peer for change in changes] == PEERS[:4]
    assert isinstance(changes[0], RouteEvent)
    assert changes[0].severity is Severity.HIGH
    assert changes[0].description == f"4 of 10 peers that had {PREFIX} lost it"
    assert changes[0].evidence["by_upstream"] == [{"upstream": 64501, "lost": 4, "have": 6}]
    for peer in PEERS[4:8]:
        changes = watch.observe(update(withdrawn=(PREFIX,), peer=peer), 3.0)
        assert len(changes) == 1
    assert isinstance(changes[0], RouteEvent)
    assert changes[0].severity is Severity.CRITICAL


def test_a_prefix_that_peers_have_again_ends_peer_by_peer_and_then_as_a_whole() -> None:
    watch = monitor()
    seen_by(watch, 10)
    for peer in PEERS[:6]:
        watch.observe(update(withdrawn=(PREFIX,), peer=peer), 2.0)
    ended: list[Peer] = []
    for peer in PEERS[:5]:
        ended += [change.peer for change in watch.observe(update(PREFIX, peer=peer), 3.0)]
    # One of ten lost it for good; that is less than half of the threshold.
    assert sorted(ended) == sorted(PEERS[:6])
    assert watch.observe(update(PREFIX, peer=PEERS[5]), 4.0) == []


def test_sessions_that_go_down_are_no_loss() -> None:
    watch = monitor()
    seen_by(watch, 10)
    for peer in PEERS[:9]:
        down = BgpMessage(2.0, peer, MessageType.STATE, session=Session.DOWN)
        assert watch.observe(down, 2.0) == []


def test_a_loss_is_measured_by_the_peers_there_are_until_they_have_spoken() -> None:
    watch = monitor(peers_of=lambda bits: 20 if bits == 32 else 0)
    changes: list[RouteEvent | RouteCleared] = []
    for peer in PEERS[:4]:
        changes += watch.observe(update(withdrawn=(PREFIX,), peer=peer), 2.0)
    assert len(changes) == 4  # of half of twenty


def test_a_loss_that_lasts_a_day_is_accepted() -> None:
    watch = monitor()
    seen_by(watch, 10)
    for peer in PEERS[:4]:
        watch.observe(update(withdrawn=(PREFIX,), peer=peer), 2.0)
    assert watch.rejudge(86_000.0) == []
    assert len(watch.rejudge(86_402.0)) == 4


def test_a_prefix_that_is_watched_no_more_is_lost_no_more() -> None:
    watch = monitor()
    seen_by(watch, 4)
    for peer in PEERS[:4]:
        watch.observe(update(withdrawn=(PREFIX,), peer=peer), 2.0)
    assert len(watch.set_watchlist(Watchlist(), 3.0)) == 4


def test_what_an_earlier_run_told_of_paths_and_visibility_ends() -> None:
    first = monitor()
    seen_by(first, 3)
    lost = [
        change
        for peer in PEERS[:3]
        for change in first.observe(update(withdrawn=(PREFIX,), peer=peer), 2.0)
    ]
    forged = first.observe(update(PREFIX, path=(64666, 64500), peer=PEERS[5]), 2.0)
    watch = monitor()
    for change in (*lost, *forged):
        watch.take_over(change.key, change.peer, origin=64500)
    changes = watch.observe(update(PREFIX, peer=PEERS[5]), 9.0)
    assert told(changes) == [f"- hijack_suspected {PREFIX} upstream"]
    ended: list[Peer] = []
    for peer in PEERS[:3]:
        ended += [change.peer for change in watch.observe(update(PREFIX, peer=peer), 9.0)]
    assert sorted(ended) == PEERS[:3]
