from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from bgptui.domain.alert import Severity
from bgptui.domain.event import Cause, EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer, RibEntry, Session
from bgptui.domain.rpki import UNAVAILABLE, OriginValidation, RpkiState, Vrp
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_table import VrpTable, table_of
from bgptui.runtime.metrics import Metrics

WATCHED = "203.0.113.0/24"
SUB = "203.0.113.128/25"
OTHER = "198.51.100.0/24"
A, B = Peer("rrc00", "192.0.2.1", 64496), Peer("rrc01", "192.0.2.2", 64497)
WATCHLIST = Watchlist([Rule(7, WATCHED, (64500,), 24, "web", "noc")])
VRPS = table_of(
    [Vrp(WATCHED, 24, 64500, "apnic"), Vrp("198.51.0.0/16", 24, 64510, "apnic")],
    source="vrps.json",
    as_of=1_753_003_893.0,
)
HIJACK = RouteKey(EventType.HIJACK_SUSPECTED, WATCHED, 64666, "origin")
SUB_HIJACK = RouteKey(EventType.HIJACK_SUSPECTED, SUB, 64666, "subprefix")
LENGTH = RouteKey(EventType.RPKI_INVALID, SUB, 64500, "length")


class Rpki:
    """VRPs that a test changes."""

    def __init__(self, table: VrpTable | None = VRPS) -> None:
        self.table = table
        self.changes = 0
        self.asked = 0

    def put(self, table: VrpTable | None) -> None:
        self.table = table
        self.changes += 1

    def generation(self) -> int:
        return self.changes

    def validate(self, prefix: str, origin: int | None) -> OriginValidation:
        self.asked += 1
        return UNAVAILABLE if self.table is None else validate(self.table, prefix, origin)


def monitor(
    rpki: Rpki | None = None, watchlist: Watchlist = WATCHLIST, **most: Any
) -> RouteMonitor:
    rpki = rpki or Rpki()
    ids = count(1).__next__
    settings = {"min_peers": 3, **most}
    return RouteMonitor(watchlist, rpki.validate, rpki.generation, next_id=ids, **settings)


def update(
    *announced: str,
    path: AsPath = (64496, 64666),
    peer: Peer = A,
    withdrawn: tuple[str, ...] = (),
    at: float = 100.0,
) -> BgpMessage:
    return BgpMessage(
        at,
        peer,
        MessageType.UPDATE,
        announced,
        withdrawn,
        path,
        next_hops=("192.0.2.1",),
        communities=((64496, 1),),
    )


def state(session: Session, peer: Peer = A) -> BgpMessage:
    return BgpMessage(200.0, peer, MessageType.STATE, session=session)


def keys(changes: list[RouteEvent | RouteCleared]) -> list[tuple[str, RouteKey]]:
    """What began (+) and what ended (-)."""
    return [("+" if isinstance(change, RouteEvent) else "-", change.key) for change in changes]


def test_a_hijack_is_told_with_all_its_evidence() -> None:
    (event,) = monitor().observe(update(SUB), 101.0)
    assert isinstance(event, RouteEvent)
    assert (event.id, event.timestamp, event.key, event.peer) == (1, 100.0, SUB_HIJACK, A)
    assert (event.severity, event.hijack_class) == (Severity.CRITICAL, "S|0")
    assert (event.watched_prefix, event.expected_origins) == (WATCHED, (64500,))
    assert (event.min_peers, event.opens_alert, event.next_hop) == (3, True, "192.0.2.1")
    assert event.validation.state is RpkiState.INVALID
    assert event.evidence == {
        "rule": {
            "watched_prefix": WATCHED,
            "expected_origins": [64500],
            "max_length": 24,
            "text": "watchlist rule 7: 203.0.113.0/24 up to /24 from AS64500",
            "why": "AS64666 announces 203.0.113.128/25; the watchlist expects AS64500 for"
            " 203.0.113.0/24",
            "description": "web",
            "group": "noc",
        },
        "rpki": {
            "state": "invalid",
            "reason": "asn",
            "vrps": [{"prefix": WATCHED, "max_length": 24, "asn": 64500, "trust_anchor": "apnic"}],
            "vrps_total": 1,
            "source": "vrps.json",
            "as_of": "2025-07-20T09:31:33Z",
        },
        "communities": ["64496:1"],
        "collector": "rrc00",
        "peer": {"address": "192.0.2.1", "asn": 64496},
    }


def test_communities_are_evidence_as_the_frame_has_them_or_that_it_has_something_else() -> None:
    as_text = replace(update(SUB), communities=b"[[64496, 1], [64496, 2]]")
    (event,) = monitor().observe(as_text, 101.0)
    assert isinstance(event, RouteEvent)
    assert event.evidence["communities"] == ["64496:1", "64496:2"]
    (event,) = monitor().observe(replace(as_text, communities=b"[[1, 2, 3]]"), 101.0)
    assert isinstance(event, RouteEvent)
    assert "communities" not in event.evidence
    assert "communities" in event.evidence["communities_unreadable"]


def test_a_peer_that_repeats_itself_is_told_once_and_another_peer_once_more() -> None:
    watch = monitor()
    assert keys(watch.observe(update(WATCHED), 0.0)) == [("+", HIJACK)]
    assert watch.observe(update(WATCHED, path=(1, 2, 64666)), 0.0) == []
    assert keys(watch.observe(update(WATCHED, peer=B), 0.0)) == [("+", HIJACK)]
    assert watch.firing == 2


def test_a_withdrawal_ends_it_for_that_peer_only() -> None:
    watch = monitor()
    watch.observe(update(WATCHED), 0.0)
    watch.observe(update(WATCHED, peer=B), 0.0)
    assert watch.observe(update(withdrawn=(WATCHED, OTHER), at=150.0), 0.0) == [
        RouteCleared(150.0, HIJACK, A)
    ]
    assert watch.observe(update(withdrawn=(WATCHED,)), 0.0) == []
    assert watch.firing == 1


def test_the_expected_origin_ends_it() -> None:
    watch = monitor()
    watch.observe(update(WATCHED), 0.0)
    assert keys(watch.observe(update(WATCHED, path=(64496, 64500)), 0.0)) == [("-", HIJACK)]
    assert watch.firing == 0


def test_another_wrong_origin_ends_the_one_and_begins_the_other() -> None:
    watch = monitor()
    watch.observe(update(WATCHED), 0.0)
    other = RouteKey(EventType.HIJACK_SUSPECTED, WATCHED, 64667, "origin")
    changes = watch.observe(update(WATCHED, path=(64496, 64667)), 0.0)
    assert keys(changes) == [("-", HIJACK), ("+", other)]
    assert watch.firing == 1


def test_a_session_that_goes_down_ends_all_that_its_peer_had() -> None:
    watch = monitor()
    watch.observe(update(WATCHED, SUB), 0.0)
    watch.observe(update(WATCHED, peer=B), 0.0)
    assert watch.observe(state(Session.UP), 0.0) == []
    assert keys(watch.observe(state(Session.DOWN), 0.0)) == [("-", HIJACK), ("-", SUB_HIJACK)]
    assert watch.observe(state(Session.DOWN), 0.0) == []
    assert watch.firing == 1


def test_a_prefix_both_withdrawn_and_announced_in_one_message_is_announced() -> None:
    watch = monitor()
    watch.observe(update(WATCHED), 0.0)
    assert watch.observe(update(WATCHED, withdrawn=(WATCHED,)), 0.0) == []


def test_other_message_types_are_nothing_to_it() -> None:
    for kind in (MessageType.KEEPALIVE, MessageType.OPEN, MessageType.NOTIFICATION):
        assert monitor().observe(BgpMessage(1.0, A, kind), 0.0) == []


def test_an_empty_path_has_the_speakers_own_as_as_origin() -> None:
    own = Peer("rrc00", "192.0.2.3", 64500)
    assert monitor().observe(update(WATCHED, path=(), peer=own), 0.0) == []
    (event,) = monitor().observe(update(WATCHED, path=()), 0.0)
    assert event.key.origin_asn == A.asn


def test_an_as_set_is_legal_only_when_all_its_members_are() -> None:
    rpki = Rpki(None)
    assert monitor(rpki).observe(update(WATCHED, path=(1, (64500,))), 0.0) == []
    (event,) = monitor(rpki).observe(update(WATCHED, path=(1, (64500, 64666))), 0.0)
    assert event.key == RouteKey(EventType.HIJACK_SUSPECTED, WATCHED, None, "origin")


def test_prefixes_are_counted_by_state_and_asked_for_once() -> None:
    rpki = Rpki()
    watch = monitor(rpki)
    for _ in range(3):
        watch.observe(update(WATCHED, OTHER, "192.0.2.0/24", path=(1, 64500)), 0.0)
    assert watch.counts() == {"valid": 3, "invalid": 3, "not_found": 3, "unavailable": 0}
    assert rpki.asked == 3
    rpki.put(None)
    watch.observe(update(WATCHED, path=(1, 64500)), 0.0)
    assert watch.counts()["unavailable"] == 1


def test_a_prefix_of_several_origins_is_judged_once_for_each() -> None:
    judged: list[int | None] = []

    def seven_is_valid(_prefix: str, origin: int | None) -> OriginValidation:
        judged.append(origin)
        return OriginValidation(RpkiState.VALID if origin == 7 else RpkiState.NOT_FOUND)

    watching = RouteMonitor(
        Watchlist(), seven_is_valid, lambda: 1, min_peers=1, next_id=count(1).__next__
    )
    for _ in range(3):
        for path in ((1, 7), (1, 0), (1, 2**32 - 1), (1, (7, 8)), ()):
            assert watching.observe(update("198.51.100.0/24", path=path), 1.0) == []
    assert judged == [7, 0, 2**32 - 1, None, A.asn]
    assert watching.counts() == {"valid": 3, "invalid": 0, "not_found": 12, "unavailable": 0}


def test_a_full_cache_of_verdicts_starts_anew() -> None:
    rpki = Rpki()
    watch = monitor(rpki, verdicts_most=2)
    for _ in range(2):
        watch.observe(update("10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8"), 0.0)
    assert rpki.asked == 6
    assert watch.counts()["not_found"] == 6


def test_an_invalid_route_of_others_is_told_once_whoever_announces_it() -> None:
    watch = monitor()
    (event,) = watch.observe(update(OTHER, path=(1, 64500)), 0.0)
    assert isinstance(event, RouteEvent)
    assert event.key == RouteKey(EventType.RPKI_INVALID, OTHER, 64500, "asn")
    assert (event.opens_alert, event.watched_prefix) == (False, None)
    assert event.evidence["rule"]["why"].endswith("not on the watchlist")
    assert watch.observe(update(OTHER, path=(2, 64500), peer=B), 0.0) == []
    assert watch.observe(update(withdrawn=(OTHER,)), 0.0) == []
    assert watch.firing == 0


def test_it_is_not_told_again_when_vrps_change_but_nothing_about_it_does() -> None:
    rpki = Rpki()
    watch = monitor(rpki)
    watch.observe(update(OTHER), 0.0)
    rpki.put(table_of(validate(VRPS, OTHER, 1).covering))
    assert watch.observe(update(OTHER), 0.0) == []


def test_what_was_told_of_others_is_forgotten_oldest_first_and_counted() -> None:
    metrics = Metrics()
    rpki = Rpki(table_of([Vrp("0.0.0.0/0", 0, 64500)]))
    watch = monitor(rpki, Watchlist(), told_most=2, metrics=metrics, verdicts_most=1)
    for prefix in ("10.0.0.0/8", "11.0.0.0/8", "10.0.0.0/8", "12.0.0.0/8"):
        watch.observe(update(prefix), 0.0)
    assert metrics.drops() == {"routemon.told_forgotten": 1}
    assert watch.observe(update("10.0.0.0/8"), 0.0) == []
    assert len(watch.observe(update("11.0.0.0/8"), 0.0)) == 1


def test_firing_routes_beyond_the_bound_are_counted() -> None:
    metrics = Metrics()
    watch = monitor(firing_most=1, metrics=metrics)
    assert len(watch.observe(update(WATCHED, SUB), 0.0)) == 1
    assert metrics.drops() == {"routemon.firing_full": 1}
    watch.observe(update(withdrawn=(WATCHED,)), 0.0)
    assert len(watch.observe(update(SUB), 0.0)) == 1


def test_what_an_earlier_run_told_takes_no_more_room_than_there_is() -> None:
    metrics = Metrics()
    watch = monitor(firing_most=1, metrics=metrics)
    watch.take_over(HIJACK, A, origin=64666)
    watch.take_over(HIJACK, B, origin=64666)
    assert watch.firing == 1
    assert metrics.drops() == {"routemon.firing_full": 1}


def test_min_peers_is_the_rules_or_else_the_default() -> None:
    rules = Watchlist([Rule(1, WATCHED, (64500,), 24, min_peers=5), Rule(2, OTHER, (64500,), 24)])
    watch = monitor(watchlist=rules, min_peers=1)
    events = watch.observe(update(WATCHED, OTHER), 0.0)
    assert [event.min_peers for event in events if isinstance(event, RouteEvent)] == [5, 1]


def test_a_new_roa_ends_an_alert_though_no_peer_says_anything() -> None:
    rpki = Rpki()
    watch = monitor(rpki)
    assert keys(watch.observe(update(SUB, path=(1, 64500)), 0.0)) == [("+", LENGTH)]
    rules = Watchlist([Rule(1, WATCHED, (64500,), 25)])
    watch.set_watchlist(rules, 0.0)
    rpki.put(table_of([Vrp(WATCHED, 25, 64500, "apnic")]))
    assert watch.rejudge(500.0) == [
        RouteCleared(500.0, LENGTH, A, Cause.VRP_CHANGE, "a ROA allows it now")
    ]
    assert watch.rejudge(501.0) == []
    assert watch.observe(update(SUB, path=(1, 64500)), 0.0) == []


def test_a_roa_for_the_new_origin_lowers_a_hijack_that_fires() -> None:
    rpki = Rpki()
    watch = monitor(rpki)
    (before,) = watch.observe(update(WATCHED), 0.0)
    rpki.put(table_of([Vrp(WATCHED, 24, 64666, "apnic")]))
    (after,) = watch.observe(update("192.0.2.0/24", peer=B), 500.0)
    assert isinstance(before, RouteEvent)
    assert isinstance(after, RouteEvent)
    assert (after.key, after.peer, after.as_path) == (before.key, A, before.as_path)
    assert (before.severity, after.severity) == (Severity.CRITICAL, Severity.LOW)
    assert (after.id, after.timestamp) == (2, 500.0)
    assert after.validation.state is RpkiState.VALID
    assert after.evidence["cause"] == "vrp_change"
    assert after.evidence["communities"] == ["64496:1"]


def test_a_change_of_vrps_that_concerns_no_firing_route_is_quiet() -> None:
    rpki = Rpki()
    watch = monitor(rpki)
    watch.observe(update(WATCHED), 0.0)
    rpki.put(table_of([Vrp(WATCHED, 24, 64500, "apnic"), Vrp("10.0.0.0/8", 8, 1)]))
    assert watch.observe(update("192.0.2.0/24"), 0.0) == []


def test_an_own_route_that_changed_vrps_make_invalid_fires_when_it_is_announced_again() -> None:
    rpki = Rpki()
    watch = monitor(rpki)
    assert watch.observe(update(WATCHED, path=(1, 64500)), 0.0) == []
    rpki.put(table_of([Vrp(WATCHED, 24, 64501)]))
    assert watch.rejudge(1.0) == []
    (event,) = watch.observe(update(WATCHED, path=(1, 64500)), 2.0)
    assert event.key == RouteKey(EventType.RPKI_INVALID, WATCHED, 64500, "asn")


@pytest.mark.parametrize(
    ("prefix", "path"), [(SUB, (1, 64500)), (WATCHED, (1, 64666)), (SUB, (1, (64500,)))]
)
def test_without_fresh_vrps_what_fires_stays_as_it_was(prefix: str, path: AsPath) -> None:
    rpki = Rpki()
    watch = monitor(rpki)
    assert len(watch.observe(update(prefix, path=path), 0.0)) == 1
    rpki.put(None)
    assert watch.rejudge(1.0) == []
    assert watch.observe(update(prefix, path=path), 2.0) == []
    rpki.put(VRPS)
    assert watch.rejudge(3.0) == []
    assert len(watch.observe(update(withdrawn=(prefix,)), 4.0)) == 1


def test_a_new_watchlist_judges_what_fires_and_forgets_verdicts() -> None:
    watch = monitor()
    watch.observe(update(WATCHED), 0.0)
    both = Watchlist([Rule(1, WATCHED, (64500, 64666), 24)])
    invalid = RouteKey(EventType.RPKI_INVALID, WATCHED, 64666, "asn")
    assert keys(watch.set_watchlist(both, 9.0)) == [("-", HIJACK), ("+", invalid)]
    assert watch.observe(update(WATCHED), 10.0) == []
    assert keys(watch.set_watchlist(Watchlist(), 11.0)) == [("-", invalid)]
    assert watch.firing == 0
    assert watch.watchlist.rules == ()


def test_what_an_earlier_run_told_ends_with_the_withdrawal() -> None:
    watch = monitor()
    watch.take_over(HIJACK, A, origin=64666)
    watch.take_over(HIJACK, A, origin=64666)
    assert watch.firing == 1
    assert keys(watch.observe(update(withdrawn=(WATCHED,)), 0.0)) == [("-", HIJACK)]
    assert watch.firing == 0


def test_what_an_earlier_run_told_is_told_once_more_when_it_is_announced_again() -> None:
    watch = monitor()
    watch.take_over(HIJACK, A, origin=64666)
    assert keys(watch.observe(update(WATCHED), 0.0)) == [("+", HIJACK)]
    assert watch.observe(update(WATCHED), 0.0) == []
    assert watch.firing == 1


def test_what_an_earlier_run_told_ends_when_the_watchlist_has_changed_since() -> None:
    watch = monitor(watchlist=Watchlist())
    watch.take_over(HIJACK, A, origin=64666)
    assert keys(watch.observe(update(WATCHED), 0.0))[0] == ("-", HIJACK)
    assert watch.firing == 0


def standing(prefix: str, *, path: AsPath = (64496, 64666), peer: Peer = A) -> RibEntry:
    return RibEntry(50.0, peer, prefix, path, ("192.0.2.1",))


def test_what_stands_in_the_table_is_no_news_but_its_end_is_told() -> None:
    watched = monitor()
    watched.seed(standing(SUB))
    assert watched.firing == 1
    assert not any(watched.counts().values())
    assert watched.observe(update(SUB), 101.0) == []
    assert keys(watched.observe(update(withdrawn=(SUB,)), 102.0)) == [("-", SUB_HIJACK)]
    assert keys(watched.observe(update(SUB), 103.0)) == [("+", SUB_HIJACK)]


def test_another_peer_that_takes_up_what_stands_in_the_table_is_news() -> None:
    watched = monitor()
    watched.seed(standing(SUB))
    assert keys(watched.observe(update(SUB, peer=B), 101.0)) == [("+", SUB_HIJACK)]


def test_standing_invalid_routes_of_others_are_not_told_again() -> None:
    watched = monitor()
    watched.seed(standing(OTHER))
    assert watched.observe(update(OTHER), 101.0) == []
    assert watched.observe(update(OTHER, peer=B), 102.0) == []
    assert monitor().observe(update(OTHER), 101.0)
