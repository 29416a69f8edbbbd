"""What tells two watchlists apart, and what becomes of alerts when one replaces the other."""

from itertools import count

import pytest

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.correlator import Correlator
from bgptui.domain.alert import AlertChange, Change
from bgptui.domain.aspa import Role
from bgptui.domain.event import (
    Cause,
    EventType,
    RouteCleared,
    RouteEvent,
    RouteKey,
)
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer
from bgptui.domain.rpki import UNAVAILABLE
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.watchlist import AsRule, Rule, Watchlist
from bgptui.routemon.watchlist_change import WatchlistChange, watchlist_change

T = 1_767_787_200.0
PREFIX, OTHER = "203.0.113.0/24", "198.51.100.0/24"
PEERS = [Peer("rrc00", f"192.0.2.{n}", 64_500 + n) for n in range(1, 11)]
HIJACK = RouteKey(EventType.HIJACK_SUSPECTED, PREFIX, 64666, "origin")
OWN = Watchlist([Rule(1, PREFIX, (64999,), 24)])


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (Watchlist([Rule(2, PREFIX, (1,), 24), Rule(1, OTHER, (2,), 24)]), WatchlistChange()),
        (
            Watchlist([Rule(1, PREFIX, (1,), 24)], [AsRule(1, 7)]),
            WatchlistChange(added=("AS7",), removed=(OTHER,)),
        ),
        (
            Watchlist([Rule(1, PREFIX, (1, 3), 24), Rule(2, OTHER, (2,), 24)]),
            WatchlistChange(changed=(PREFIX,)),
        ),
        (
            Watchlist(
                [Rule(n, PREFIX, (n,), 24) for n in (1, 5)] + [Rule(3, OTHER, (2,), 24)],
                roles={1: Role.CUSTOMER},
                siblings=[frozenset({1, 2})],
            ),
            WatchlistChange(added=(PREFIX,), others=("peer", "siblings")),
        ),
    ],
)
def test_rules_are_compared_by_what_they_expect(after: Watchlist, change: WatchlistChange) -> None:
    before = Watchlist([Rule(1, PREFIX, (1,), 24), Rule(2, OTHER, (2,), 24)])
    assert watchlist_change(before, after) == change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (WatchlistChange(), "no rule changed"),
        (WatchlistChange(removed=(OTHER,)), f"1 rule removed ({OTHER})"),
        (
            WatchlistChange(added=tuple("abcdefg"), changed=(OTHER,), others=("peer",)),
            f"7 rules added (a, b, c, d, e and 2 more), 1 changed ({OTHER}), [[peer]] changed",
        ),
    ],
)
def test_a_change_is_told_in_one_line(change: WatchlistChange, text: str) -> None:
    assert str(change) == text


class Watch:
    """A route monitor and the correlator behind it, as the pipeline has them."""

    def __init__(self, watchlist: Watchlist = OWN) -> None:
        self.monitor = RouteMonitor(
            watchlist,
            lambda _prefix, _origin: UNAVAILABLE,
            lambda: 0,
            min_peers=3,
            next_id=count(1).__next__,
        )
        self.correlator = Correlator(
            Alerts(),
            Detect(),
            next_alert_id=count(1).__next__,
            peers_total=lambda: len(PEERS),
            peers_of=lambda _collector: len(PEERS),
        )

    def announce(
        self, prefix: str, path: AsPath, at: float, *, peers: int = 3
    ) -> list[AlertChange]:
        return self._take(
            at,
            *(
                BgpMessage(T + at, p, MessageType.UPDATE, (prefix,), (), path)
                for p in PEERS[:peers]
            ),
        )

    def withdraw(self, prefix: str, at: float, *, peers: int) -> list[AlertChange]:
        return self._take(
            at, *(BgpMessage(T + at, p, MessageType.UPDATE, (), (prefix,)) for p in PEERS[:peers])
        )

    def set_watchlist(self, watchlist: Watchlist, at: float) -> list[AlertChange]:
        changes = self.monitor.set_watchlist(watchlist, T + at)
        return list(self.correlator.route_events(changes, T + at))

    def _take(self, at: float, *messages: BgpMessage) -> list[AlertChange]:
        told: list[AlertChange] = []
        for message in messages:
            told += self.correlator.route_events(self.monitor.observe(message, T + at), T + at)
        return told


def kinds(changes: list[AlertChange]) -> list[Change]:
    return [each.change for each in changes]


def test_an_alert_whose_rule_is_gone_ends_at_once_and_says_so() -> None:
    watch = Watch()
    assert kinds(watch.announce(PREFIX, (1, 64666), 0)) == [Change.OPEN]
    [ended] = watch.set_watchlist(Watchlist(), 60)
    assert ended.change is Change.RESOLVE
    assert ended.alert.resolved_at == T + 60
    assert ended.alert.resolution is not None
    assert "the watchlist changed" in ended.alert.resolution
    assert "no peer has" not in ended.alert.resolution + ended.alert.description
    [gone] = [fact for fact in ended.alert.evidence if fact["kind"] == "withdrawn"]
    assert gone["causes"] == [Cause.WATCHLIST_CHANGE]
    assert watch.correlator.open_alerts == 0


def test_an_alert_whose_rule_only_moved_in_the_file_goes_on() -> None:
    rule = Rule(1, PREFIX, (64999,), 24, paths=(PathPattern(match="^1,"),))
    moved = Rule(2, PREFIX, (64999,), 24, paths=(PathPattern(match="^1,"),))
    watch = Watch(Watchlist([rule]))
    assert kinds(watch.announce(PREFIX, (1, 64666), 0)) == [Change.OPEN, Change.OPEN]
    assert watch.set_watchlist(Watchlist([Rule(1, OTHER, (5,), 24), moved]), 60) == []
    assert watch.correlator.open_alerts == 2


def test_a_changed_rule_judges_what_fires_anew_and_opens_nothing_twice() -> None:
    watch = Watch()
    watch.announce(PREFIX, (1, 64666), 0)
    wider = Watchlist([Rule(1, PREFIX, (64998, 64999), 24)])
    changes = watch.monitor.set_watchlist(wider, T + 60)
    events = [each for each in changes if isinstance(each, RouteEvent)]
    assert [event.evidence["cause"] for event in events] == [Cause.WATCHLIST_CHANGE] * 3
    assert Change.OPEN not in kinds(list(watch.correlator.route_events(changes, T + 60)))
    assert watch.correlator.open_alerts == 1
    assert watch.monitor.set_watchlist(wider, T + 61) == []


def test_an_alert_of_an_earlier_run_ends_when_its_rule_goes() -> None:
    watch = Watch()
    for peer in PEERS[:3]:
        watch.monitor.take_over(HIJACK, peer, origin=64666)
    assert watch.monitor.set_watchlist(Watchlist([Rule(3, PREFIX, (64999,), 24)]), T) == []
    changes = watch.monitor.set_watchlist(Watchlist(), T + 1)
    assert changes == [RouteCleared(T + 1, HIJACK, p, Cause.WATCHLIST_CHANGE) for p in PEERS[:3]]


def test_what_no_rule_told_in_an_earlier_run_goes_on_whatever_the_watchlist() -> None:
    watch = Watch()
    for event_type, reason in (
        (EventType.HIJACK_SUSPECTED, "new_origin"),
        (EventType.RPKI_INVALID, "asn"),
        (EventType.BOGON, "prefix"),
    ):
        watch.monitor.take_over(RouteKey(event_type, OTHER, 64666, reason), PEERS[0], origin=64666)
    assert watch.monitor.set_watchlist(Watchlist(), T) == []


def test_a_new_neighbour_of_an_earlier_run_ends_when_the_rule_of_its_as_goes() -> None:
    watch = Watch(Watchlist([], [AsRule(1, 64500, upstreams=(64501,))]))
    key = RouteKey(EventType.PATH_ANOMALY, PREFIX, 64500, "upstream:64502>64500")
    watch.monitor.take_over(key, PEERS[0], origin=64500)
    assert watch.monitor.set_watchlist(Watchlist([], [AsRule(2, 64500)]), T) == []
    changes = watch.monitor.set_watchlist(Watchlist([], [AsRule(1, 64777)]), T + 1)
    assert changes == [RouteCleared(T + 1, key, PEERS[0], Cause.WATCHLIST_CHANGE)]


def test_visibility_that_was_learned_is_kept_and_a_lower_threshold_finds_the_loss() -> None:
    watch = Watch(Watchlist([Rule(1, PREFIX, (64999,), 24, visibility_loss=0.9)]))
    watch.announce(PREFIX, (1, 64999), 0, peers=10)
    assert watch.withdraw(PREFIX, 10, peers=5) == []
    lower = Watchlist(
        [Rule(1, OTHER, (5,), 24), Rule(2, PREFIX, (64999,), 24, visibility_loss=0.5)]
    )
    changes = watch.monitor.set_watchlist(lower, T + 20)
    assert [each.key.event_type for each in changes] == [EventType.VISIBILITY_LOSS] * 5
    assert all(
        each.evidence["cause"] == Cause.WATCHLIST_CHANGE and each.evidence["peers_had"] == 10
        for each in changes
        if isinstance(each, RouteEvent)
    )
    assert watch.monitor.set_watchlist(lower, T + 21) == []
    over = watch.monitor.set_watchlist(Watchlist([Rule(1, OTHER, (5,), 24)]), T + 30)
    assert over == [
        RouteCleared(T + 30, changes[0].key, p, Cause.WATCHLIST_CHANGE) for p in PEERS[:5]
    ]


def test_a_prefix_that_is_watched_from_now_on_is_learned_before_it_can_be_lost() -> None:
    watch = Watch()
    watch.set_watchlist(Watchlist([Rule(1, OTHER, (64999,), 24)]), 0)
    assert watch.withdraw(OTHER, 1, peers=2) == []
    watch.announce(OTHER, (1, 64999), 2, peers=10)
    assert watch.withdraw(OTHER, 3, peers=3) == []
    assert kinds(watch.announce(OTHER, (1, 64666), 4)) == [Change.OPEN]


def test_a_route_that_rpki_data_acquits_waits_for_the_hold_down_and_says_why() -> None:
    watch = Watch()
    watch.announce(PREFIX, (1, 64666), 0)
    acquitted = [
        RouteCleared(T + 60, HIJACK, peer, Cause.VRP_CHANGE, "a ROA allows it now")
        for peer in PEERS[:3]
    ]
    told = watch.correlator.route_events(acquitted, T + 60)
    assert Change.RESOLVE not in kinds(list(told))
    [ended] = [c for c in watch.correlator.advance(T + 4_000) if c.change is Change.RESOLVE]
    assert ended.alert.resolution == ("VRPs changed: a ROA allows it now (3 peers)")
