"""What opens, updates and resolves, and what must not."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.correlator import Correlator
from bgptui.domain.alert import Alert, AlertChange, AlertType, Change, Severity, Status
from bgptui.domain.alert_json import alert_line, withdrawn_at
from bgptui.domain.event import EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.gap import Gap
from bgptui.domain.health import Doubt
from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState, Vrp
from bgptui.domain.score import Reason, WindowScore
from bgptui.domain.window import FeatureWindow

T = 1_767_780_000.0
PEERS = tuple(Peer("rrc00", f"192.0.2.{n}", 64495 + n) for n in range(1, 7))
HIJACK = RouteKey(EventType.HIJACK_SUSPECTED, "203.0.113.128/25", 64666, "subprefix")
INVALID = RouteKey(EventType.RPKI_INVALID, "203.0.113.128/25", 64666, "asn")
BAD_ORIGIN = OriginValidation(
    RpkiState.INVALID, InvalidReason.ASN, (Vrp("203.0.113.0/24", 24, 64500, "ripe"),)
)
EVENT_IDS = count(1)


def correlator(
    *, peers_of_collector: Callable[[], int] | None = None, **alerts: float
) -> Correlator:
    ids = count(1)
    peers_of = peers_of_collector or PEERS.__len__
    return Correlator(
        Alerts(**alerts),  # type: ignore[arg-type]
        Detect(),
        next_alert_id=lambda: next(ids),
        peers_total=lambda: len(PEERS),
        peers_of=lambda _collector: peers_of(),
    )


def fired(peer: Peer, at: float, key: RouteKey = HIJACK, **changes: object) -> RouteEvent:
    event = RouteEvent(
        id=next(EVENT_IDS),
        timestamp=T + at,
        key=key,
        peer=peer,
        severity=Severity.CRITICAL,
        hijack_class="S|0",
        description="a more-specific from another AS",
        as_path=(peer.asn, 64511, 64666),
        next_hop=None,
        validation=BAD_ORIGIN,
        watched_prefix="203.0.113.0/24",
        expected_origins=(64500,),
    )
    return replace(event, **changes)


def cleared(peer: Peer, at: float, key: RouteKey = HIJACK) -> RouteCleared:
    return RouteCleared(T + at, key, peer)


def state(peer: Peer, at: float, session: Session, *, before: Session | None = None) -> BgpMessage:
    return BgpMessage(T + at, peer, MessageType.STATE, session=session, session_before=before)


def score(
    peer: Peer | None,
    minute: int,
    ensemble: float | None,
    *,
    reasons: tuple[Reason, ...] = (),
    anomaly: bool | None = None,
    gap: bool = False,
    updates: int = 100,
    learning: bool = False,
) -> WindowScore:
    return WindowScore(
        id=minute,
        feature_id=minute,
        window=FeatureWindow(
            int(T) + 60 * minute,
            peer,
            withdrawals=updates,
            message_rate=1.0,
            messages=60,
            unique_peers=4 if peer is None else 1,
            gap=gap,
        ),
        zscores=(0.1, 7.5, 3.0, 2.0, 0.0, None, 0.0, 1.0, 0.0),
        lstm_error=None,
        lstm=None,
        isolation_forest=None,
        heuristic=ensemble,
        reasons=reasons,
        ensemble=ensemble,
        confidence=ensemble,
        is_anomaly=bool(ensemble and ensemble >= 0.47) if anomaly is None else anomaly,
        model_version="heuristics-1",
        learning=learning,
        baseline_minutes=1440,
        baseline=tuple((10.0, 2.0) for _ in range(9)),
    )


def transfer(peer: Peer) -> WindowScore:
    """A window in which a peer announces a whole table, and no score says anything."""
    quiet = score(peer, 0, 0.0)
    window = FeatureWindow(
        quiet.window.start, peer, announcements=48_000, message_rate=80.0, messages=4_800
    )
    return replace(quiet, window=window)


def opened(tested: Correlator, *, peers: int = 3, at: float = 0.0) -> Alert:
    """The hijack alert, opened by as many peers one second apart."""
    changes: list[AlertChange] = []
    for n, peer in enumerate(PEERS[:peers]):
        changes += tested.route_events([fired(peer, at + n)], T + at + n)
    assert [change.change for change in changes][:1] == [Change.OPEN]
    return changes[0].alert


def fact_of(alert: Alert, kind: str) -> dict[str, Any]:
    return next(fact for fact in alert.evidence if fact["kind"] == kind)


def confidences(changes: Iterable[AlertChange]) -> list[float]:
    """What was told of the hijack, two digits."""
    return [
        round(change.alert.confidence, 2)
        for change in changes
        if change.alert.alert_type is AlertType.HIJACK
    ]


def kinds(alert: Alert) -> list[str]:
    return [fact["kind"] for fact in alert.evidence]


class TestRoutes:
    def test_a_peer_that_is_alone_too_often_weighs_less_and_is_listed(self) -> None:
        tested = correlator()
        liar = PEERS[0]
        for number in range(5):
            key = RouteKey(EventType.HIJACK_SUSPECTED, f"10.{number}.0.0/16", 64666, "origin")
            assert tested.route_events([fired(liar, 0, key)], T) == ()
        assert not tested.doubted
        tested.advance(T + 601)
        assert tested.doubted == {liar: Doubt.ALONE}
        for n, peer in enumerate(PEERS[:3]):
            assert tested.route_events([fired(peer, 700 + n)], T + 700 + n) == ()
        [change] = tested.route_events([fired(PEERS[3], 703)], T + 703)
        assert change.change is Change.OPEN
        assert change.alert.peers_seen == 4

    def test_the_word_of_a_peer_that_weighs_less_counts_less_in_the_confidence(self) -> None:
        tested = correlator()
        for number in range(5):
            key = RouteKey(EventType.HIJACK_SUSPECTED, f"10.{number}.0.0/16", 64666, "origin")
            tested.route_events([fired(PEERS[0], 0, key)], T)
        tested.advance(T + 601)
        tested.route_events([fired(PEERS[0], 700, min_peers=2)], T + 700)
        tested.route_events([fired(PEERS[1], 701, min_peers=2)], T + 701)
        [change] = tested.route_events([fired(PEERS[2], 702, min_peers=2)], T + 702)
        [fact] = [fact for fact in change.alert.evidence if fact["kind"] == "confidence"]
        assert (fact["route_peers"], fact["route_weight"], fact["route_q"]) == (3, 2.5, 0.9)
        assert change.alert.confidence == pytest.approx(0.9 * 0.72)

    def test_a_peer_that_others_bear_out_is_no_loner(self) -> None:
        tested = correlator()
        for number in range(5):
            key = RouteKey(EventType.HIJACK_SUSPECTED, f"10.{number}.0.0/16", 64666, "origin")
            tested.route_events([fired(peer, 0, key) for peer in PEERS[:3]], T)
        for number in range(5, 10):
            key = RouteKey(EventType.HIJACK_SUSPECTED, f"10.{number}.0.0/16", 64666, "origin")
            tested.route_events([fired(PEERS[0], 1, key)], T + 1)
            tested.route_events([cleared(PEERS[0], 2, key)], T + 2)
        tested.advance(T + 3600)
        assert tested.doubted == {}

    def test_one_peer_is_enough_where_one_was_asked_for(self) -> None:
        tested = correlator()
        for number in range(6):
            key = RouteKey(EventType.HIJACK_SUSPECTED, f"10.{number}.0.0/16", 64666, "origin")
            tested.route_events([fired(PEERS[0], 0, key)], T)
        tested.advance(T + 601)
        changes = tested.route_events([fired(PEERS[0], 700, min_peers=1)], T + 700)
        assert [change.change for change in changes] == [Change.OPEN]

    def test_what_must_last_opens_once_it_has_lasted(self) -> None:
        tested = correlator()
        for n, peer in enumerate(PEERS[:3]):
            assert tested.route_events([fired(peer, n, lasting_s=120.0)], T + n) == ()
        assert tested.advance(T + 121.9) == ()
        [change] = tested.advance(T + 122.0)
        assert change.change is Change.OPEN
        assert change.alert.first_seen == T + 2

    def test_what_must_last_and_does_not_never_opens(self) -> None:
        tested = correlator()
        for n, peer in enumerate(PEERS[:3]):
            tested.route_events([fired(peer, n, lasting_s=120.0)], T + n)
        for peer in PEERS[:3]:
            assert tested.route_events([cleared(peer, 60)], T + 60) == ()
        assert tested.advance(T + 3600) == ()

    def test_what_must_last_counts_only_the_peers_that_still_have_it(self) -> None:
        tested = correlator()
        for n, peer in enumerate(PEERS[:3]):
            tested.route_events([fired(peer, n, lasting_s=120.0)], T + n)
        for peer in PEERS[:2]:
            tested.route_events([cleared(peer, 5)], T + 5)
        assert tested.advance(T + 600) == ()
        tested.route_events([fired(PEERS[3], 650, lasting_s=120.0)], T + 650)
        tested.route_events([fired(PEERS[4], 660, lasting_s=120.0)], T + 660)
        [change] = tested.advance(T + 780)
        assert (change.change, change.alert.first_seen) == (Change.OPEN, T + 660)

    def test_what_must_last_bears_a_change_of_paths_and_no_longer_break(self) -> None:
        tested = correlator()
        for n, peer in enumerate(PEERS[:3]):
            tested.route_events([fired(peer, n, lasting_s=120.0)], T + n)
            tested.route_events([cleared(peer, 50 + n)], T + 50 + n)
            tested.route_events([fired(peer, 55 + n, lasting_s=120.0)], T + 55 + n)
        tested.route_events([cleared(PEERS[0], 100)], T + 100)
        tested.route_events([fired(PEERS[0], 115, lasting_s=120.0)], T + 115)
        assert tested.advance(T + 234) == ()
        [change] = tested.advance(T + 235)
        assert change.alert.first_seen == T + 115

    def test_a_leak_of_many_prefixes_is_one_alert(self) -> None:
        tested = correlator()
        changes: list[AlertChange] = []
        for number in range(4):
            key = RouteKey(
                EventType.LEAK_SUSPECTED, f"10.{number}.0.0/16", 64500, "aspa:64501>64502"
            )
            for peer in PEERS[:3]:
                changes += tested.route_events(
                    [fired(peer, number, key, severity=Severity.HIGH)], T + number
                )
        changes += tested.advance(T + 600)
        assert [change.change for change in changes].count(Change.OPEN) == 1
        alert = changes[-1].alert
        assert alert.alert_type is AlertType.LEAK
        assert alert.affected_prefixes == tuple(f"10.{number}.0.0/16" for number in range(4))
        assert "4 prefixes so far." in alert.description

    def test_the_third_peer_opens_the_alert(self) -> None:
        tested = correlator()
        assert tested.route_events([fired(PEERS[0], 0), fired(PEERS[1], 1)], T + 1) == ()
        [change] = tested.route_events([fired(PEERS[2], 2)], T + 2)
        alert = change.alert
        assert change.change is Change.OPEN
        assert (alert.alert_id, alert.alert_type) == (1, AlertType.HIJACK)
        assert alert.title == "Route Hijack Suspected"
        assert alert.severity is Severity.CRITICAL
        assert (alert.first_seen, alert.peers_seen, alert.peers_total) == (T + 2, 3, 6)
        assert (alert.peer_addr, alert.origin_asn) == ("192.0.2.1", 64666)
        assert alert.confidence == pytest.approx(0.72)
        assert alert.anomaly_types == ("hijack_suspected", "rpki_invalid")
        assert alert.description == (
            "AS64666 announces 203.0.113.128/25, a more-specific of your 203.0.113.0/24; AS64500 "
            "is expected. RPKI invalid: ROAs allow AS64500 only. Seen by 3 peer ASes of 6."
        )
        assert kinds(alert) == ["rule", "rpki", "path", "path", "path", "peers", "confidence"]

    def test_the_worked_case_reaches_095_when_the_network_joins(self) -> None:
        tested = correlator()
        alert = opened(tested)
        changes = tested.scores([score(None, 0, 0.82)], T + 70)
        [update] = [change for change in changes if change.alert.alert_uuid == alert.alert_uuid]
        assert update.change is Change.UPDATE
        assert round(update.alert.confidence, 2) == 0.95
        assert update.alert.severity is Severity.CRITICAL
        assert update.alert.title == "Route Hijack Suspected"
        assert update.alert.ensemble_score == 0.82
        assert "ml" in kinds(update.alert)
        assert '"confidence":0.95' in alert_line(update)
        for peer in PEERS[:3]:
            tested.route_events([cleared(peer, 90)], T + 90)
        ended = [c for c in tested.advance(T + 500) if c.change is Change.RESOLVE]
        assert [round(c.alert.confidence, 2) for c in ended] == [0.95]

    def test_a_score_of_the_minutes_before_counts_at_the_opening(self) -> None:
        tested = correlator()
        tested.scores([score(None, 0, 0.82)], T + 70)
        assert round(opened(tested, at=120).confidence, 2) == 0.95

    def test_a_score_of_an_hour_ago_does_not_count(self) -> None:
        tested = correlator()
        tested.scores([score(None, 0, 0.82)], T + 70)
        assert round(opened(tested, at=3600).confidence, 2) == 0.72

    def test_a_peer_that_is_not_concerned_adds_nothing(self) -> None:
        tested = correlator()
        opened(tested)
        assert not [
            change
            for change in tested.scores([score(PEERS[5], 0, 0.9)], T + 100)
            if change.alert.alert_type is AlertType.HIJACK
        ]

    def test_two_rules_on_one_route_make_one_alert(self) -> None:
        tested = correlator()
        changes: list[AlertChange] = []
        for n, peer in enumerate(PEERS[:3]):
            message = [fired(peer, n, INVALID, severity=Severity.MEDIUM), fired(peer, n)]
            changes += tested.route_events(message, T + n)
        [change] = changes
        assert change.alert.alert_type is AlertType.HIJACK
        assert change.alert.anomaly_types == ("hijack_suspected", "rpki_invalid")
        assert kinds(change.alert).count("rule") == 2

    def test_min_peers_of_the_rule_decides(self) -> None:
        tested = correlator()
        [change] = tested.route_events([fired(PEERS[0], 0, min_peers=1)], T)
        assert change.alert.confidence == pytest.approx(0.72 * 0.5)

    def test_an_event_that_opens_no_alert_opens_none(self) -> None:
        tested = correlator()
        events = [fired(peer, n, opens_alert=False) for n, peer in enumerate(PEERS)]
        assert tested.route_events(events, T + 9) == ()

    def test_peers_that_join_make_one_update_in_five_seconds(self) -> None:
        tested = correlator()
        opened(tested)
        changes: list[AlertChange] = []
        for n, peer in enumerate(PEERS[3:]):
            changes += tested.route_events([fired(peer, 3 + n)], T + 3 + n)
        assert changes == []
        [update] = tested.advance(T + 60)
        assert update.change is Change.UPDATE
        assert update.alert.peers_seen == 6

    def test_the_same_announcement_again_makes_no_line(self) -> None:
        tested = correlator()
        opened(tested)
        assert tested.route_events([fired(PEERS[0], 30)], T + 30) == ()

    def test_a_graver_severity_is_told_at_once(self) -> None:
        tested = correlator()
        for n, peer in enumerate(PEERS[:3]):
            tested.route_events([fired(peer, n, severity=Severity.LOW)], T + n)
        [update] = tested.route_events([fired(PEERS[0], 2.5)], T + 2.5)
        assert update.alert.severity is Severity.CRITICAL

    def test_it_resolves_a_hold_down_after_the_last_peer(self) -> None:
        tested = correlator(hold_down_s=300)
        alert = opened(tested)
        for n, peer in enumerate(PEERS[:3]):
            tested.route_events([cleared(peer, 60 + n)], T + 60 + n)
        assert tested.advance(T + 362) == ()
        [change] = tested.advance(T + 10_000)
        assert change.change is Change.RESOLVE
        assert change.alert.resolved_at == T + 362
        assert change.alert.status is Status.RESOLVED
        assert change.alert.alert_uuid == alert.alert_uuid
        assert '"duration_s":60' in alert_line(change)  # without the hold-down
        assert tested.open_alerts == 0

    def test_a_route_that_comes_back_in_the_hold_down_keeps_its_alert(self) -> None:
        tested = correlator(hold_down_s=300)
        opened(tested)
        changes: list[AlertChange] = []
        for flap in range(5):
            at = 100 + 100 * flap
            for peer in PEERS[:3]:
                changes += tested.route_events([cleared(peer, at)], T + at)
            for peer in PEERS[:3]:
                changes += tested.route_events([fired(peer, at + 50)], T + at + 50)
        changes += tested.advance(T + 10_000)
        assert [change.change for change in changes] == [Change.UPDATE] * 10
        assert [withdrawn_at(change.alert) is None for change in changes] == 5 * [False, True]
        assert tested.open_alerts == 1

    def test_a_route_that_flaps_faster_than_updates_are_told_makes_few_lines(self) -> None:
        tested = correlator()
        opened(tested)
        changes: list[AlertChange] = []
        for tenth in range(200):
            at = 10 + tenth / 10
            item = fired if tenth % 2 else cleared
            for peer in PEERS[:3]:
                changes += tested.route_events([item(peer, at)], T + at)
        assert 0 < len(changes) <= 5

    def test_a_route_that_comes_back_later_is_a_new_alert(self) -> None:
        tested = correlator(hold_down_s=300)
        first = opened(tested)
        for peer in PEERS[:3]:
            tested.route_events([cleared(peer, 60)], T + 60)
        changes: list[AlertChange] = []
        for n, peer in enumerate(PEERS[:3]):
            changes += tested.route_events([fired(peer, 1000 + n)], T + 1000 + n)
        assert [change.change for change in changes] == [Change.RESOLVE, Change.OPEN]
        assert changes[0].alert.resolved_at == T + 360
        assert changes[1].alert.alert_uuid != first.alert_uuid
        assert changes[1].alert.alert_id == 2

    def test_a_withdrawal_by_the_last_peer_is_told_at_once(self) -> None:
        tested = correlator(hold_down_s=300)
        alert = opened(tested)
        for peer in PEERS[:2]:
            assert tested.route_events([cleared(peer, 60)], T + 60) == ()
        [update] = tested.route_events([cleared(PEERS[2], 62)], T + 62)
        assert (update.change, update.alert.status) == (Change.UPDATE, Status.OPEN)
        assert update.alert.description == alert.description + (
            " Withdrawn at 2026-01-07T10:01:02Z: no peer has it any more;"
            " resolves at 2026-01-07T10:06:02Z if it stays away."
        )
        peers, withdrawn = (fact_of(update.alert, kind) for kind in ("peers", "withdrawn"))
        assert withdrawn == {
            "kind": "withdrawn",
            "at": "2026-01-07T10:01:02Z",
            "resolves_at": "2026-01-07T10:06:02Z",
            "causes": ["withdrawn"],
            "how": "no peer has it any more",
        }
        assert (peers["asns_now"], peers["asns"], update.alert.peers_seen) == (0, 3, 3)
        assert [peer["until"] for peer in peers["peers"]] == [
            "2026-01-07T10:01:00Z",
            "2026-01-07T10:01:00Z",
            "2026-01-07T10:01:02Z",
        ]
        [ended] = tested.advance(T + 10_000)
        assert ended.change is Change.RESOLVE
        assert ended.alert.description.endswith("10:01:02Z: no peer has it any more.")

    def test_the_mark_of_a_withdrawal_goes_when_a_peer_has_the_route_again(self) -> None:
        tested = correlator()
        alert = opened(tested)
        for peer in PEERS[:3]:
            tested.route_events([cleared(peer, 60)], T + 60)
        [update] = tested.route_events([fired(PEERS[1], 100)], T + 100)
        assert update.change is Change.UPDATE
        assert update.alert.description == alert.description
        assert withdrawn_at(update.alert) is None
        assert fact_of(update.alert, "peers")["asns_now"] == 1

    def test_a_withdrawal_right_after_the_opening_waits_for_its_turn(self) -> None:
        tested = correlator()
        opened(tested)
        for peer in PEERS[:3]:
            assert tested.route_events([cleared(peer, 3)], T + 3) == ()
        [update] = tested.advance(T + 60)
        assert withdrawn_at(update.alert) == T + 3

    def test_a_message_that_exchanges_one_rule_for_another_is_no_withdrawal(self) -> None:
        tested = correlator()
        tested.route_events([fired(PEERS[0], 0, min_peers=1)], T)
        message = (cleared(PEERS[0], 60), fired(PEERS[0], 60, INVALID))
        assert tested.route_events(message, T + 60) == ()
        assert tested.advance(T + 10_000) == ()

    def test_churn_after_the_withdrawal_does_not_raise_the_confidence(self) -> None:
        tested = correlator()
        opened(tested)
        for peer in PEERS[:3]:
            tested.route_events([cleared(peer, 100)], T + 100)
        seen_then = confidences(tested.scores([score(None, 0, 0.5)], T + 130))
        assert seen_then == [0.86]
        assert confidences(tested.scores([score(None, 2, 0.9)], T + 190)) == []
        assert confidences(tested.route_events([fired(PEERS[0], 200)], T + 200)) == [0.86]
        assert confidences(tested.scores([score(None, 2, 0.95)], T + 205)) == []
        assert confidences(tested.scores([score(None, 4, 0.9)], T + 310)) == [0.97]

    @pytest.mark.parametrize(
        ("source", "words"),
        [("", "RPKI: no source is configured."), ("vrps.json", "RPKI: no fresh data.")],
    )
    def test_rpki_that_is_not_configured_is_told_from_rpki_that_is_stale(
        self, source: str, words: str
    ) -> None:
        no_word = OriginValidation(RpkiState.UNAVAILABLE, source=source)
        event = fired(PEERS[0], 0, min_peers=1, validation=no_word)
        [change] = correlator().route_events([event], T)
        assert words in change.alert.description

    def test_a_timestamp_from_the_future_ends_no_hold_down(self) -> None:
        tested = correlator()
        opened(tested)
        for peer in PEERS[:3]:
            tested.route_events([cleared(peer, 10)], T + 10)
        other = replace(HIJACK, prefix="198.51.100.0/24")
        assert tested.route_events([fired(PEERS[0], 1e9, other)], T + 20) == ()
        assert tested.open_alerts == 1

    def test_memory_is_bounded_and_the_loss_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bgptui.correlate.route_alerts.MATTERS_MOST", 10)
        tested = correlator()
        for n in range(15):
            key = replace(HIJACK, prefix=f"198.51.100.{n}/32")
            tested.route_events([fired(PEERS[0], n, key)], T + n)
        assert tested.drops == {"matters": 5}


class TestOperators:
    def test_an_acknowledged_alert_goes_on_updating(self) -> None:
        tested = correlator()
        alert = opened(tested)
        uuid = str(alert.alert_uuid)
        assert tested.status_changed(uuid, "acknowledged", "ann", T + 5) == ()
        tested.route_events([fired(PEERS[4], 20)], T + 20)
        [update] = tested.route_events([fired(PEERS[3], 40)], T + 40) or tested.advance(T + 60)
        assert update.alert.status is Status.ACKNOWLEDGED

    @pytest.mark.parametrize("status", [Status.RESOLVED, Status.FALSE_POSITIVE])
    def test_what_a_person_closed_stays_closed_while_it_fires(self, status: Status) -> None:
        tested = correlator(hold_down_s=300)
        alert = opened(tested)
        tested.status_changed(alert.alert_uuid, status, "ann", T + 5)
        assert tested.open_alerts == 0
        assert tested.route_events([fired(peer, 30) for peer in PEERS], T + 30) == ()
        for peer in PEERS:
            tested.route_events([cleared(peer, 60)], T + 60)
        assert tested.advance(T + 5000) == ()
        assert opened(tested, at=5000).alert_id == 2

    def test_a_false_positive_lowers_the_next_of_its_kind(self) -> None:
        tested = correlator()
        for round_, confidence in enumerate((0.72, 0.612, 0.504, 0.396, 0.288, 0.288)):
            at = round_ * 10_000.0
            alert = opened(tested, at=at)
            assert alert.confidence == pytest.approx(confidence)
            assert alert.final_score == pytest.approx(0.72)
            tested.status_changed(alert.alert_uuid, "false_positive", "ann", T + at + 5)
            for peer in PEERS[:3]:
                tested.route_events([cleared(peer, at + 10)], T + at + 10)

    def test_what_grows_worse_than_what_was_closed_opens_again(self) -> None:
        tested = correlator()
        changes: list[AlertChange] = []
        for n, peer in enumerate(PEERS[:3]):
            changes += tested.route_events([fired(peer, n, severity=Severity.LOW)], T + n)
        tested.status_changed(changes[0].alert.alert_uuid, "false_positive", "ann", T + 5)
        assert tested.route_events([fired(PEERS[3], 8, severity=Severity.LOW)], T + 8) == ()
        [change] = tested.route_events([fired(PEERS[0], 20)], T + 20)
        assert change.change is Change.OPEN
        assert (change.alert.alert_id, change.alert.severity) == (2, Severity.CRITICAL)

    def test_a_reopened_alert_is_told_of_again(self) -> None:
        tested = correlator()
        alert = opened(tested)
        tested.status_changed(alert.alert_uuid, "false_positive", "ann", T + 5)
        tested.status_changed(alert.alert_uuid, "open", "ann", T + 6)
        [update] = tested.route_events([fired(PEERS[3], 40)], T + 40)
        assert update.alert.alert_uuid == alert.alert_uuid
        assert update.alert.confidence == pytest.approx(0.72)

    def test_open_alerts_are_counted_through_every_status(self) -> None:
        tested = correlator()
        alert = opened(tested)
        counted = []
        for status in ("acknowledged", "false_positive", "false_positive", "open", "resolved"):
            tested.status_changed(alert.alert_uuid, status, "ann", T + 5)
            counted.append(tested.open_alerts)
        assert counted == [1, 0, 0, 1, 0]

    def test_an_alert_that_is_not_known_is_passed_over(self) -> None:
        tested = correlator()
        unknown = "00000000-0000-5000-8000-000000000001"
        assert tested.status_changed(unknown, "resolved", "ann", T) == ()


class TestScores:
    def test_a_peer_that_alarms_alone_gets_an_alert_of_its_own(self) -> None:
        tested = correlator()
        storm = (Reason("WITHDRAWAL_STORM", 0.95), Reason("CRITICAL_CHURN", 0.95))
        alarm = score(PEERS[0], 0, 0.65, reasons=storm)
        [change] = tested.scores([alarm, score(None, 0, 0.1)], T + 70)
        alert = change.alert
        assert alert.title == "Withdrawal Storm"
        assert (alert.severity, alert.peer_addr) == (Severity.HIGH, "192.0.2.1")
        assert alert.confidence == pytest.approx(0.5 * 0.65)
        assert alert.anomaly_types == ("ml_anomaly", "critical_churn", "withdrawal_storm")
        ml = alert.evidence[0]
        assert ml["features"][0] == {
            "name": "withdrawals",
            "value": 100,
            "z": 7.5,
            "median": 10.0,
            "spread": 2.0,
        }

    def test_peers_are_grouped_under_the_network(self) -> None:
        tested = correlator()
        alarms = [score(peer, 0, 0.7) for peer in PEERS[:4]]
        changes = tested.scores([*alarms, score(None, 0, 0.8)], T + 70)
        assert [change.change for change in changes] == [Change.OPEN]
        [update] = tested.scores([score(PEERS[4], 1, 0.6)], T + 130)
        assert update.alert.alert_type is AlertType.ML_ANOMALY
        assert update.alert.severity is Severity.CRITICAL
        assert (update.alert.peer_addr, update.alert.peers_seen) == (None, 5)
        assert len(next(f for f in update.alert.evidence if f["kind"] == "peers")["peers"]) == 5

    @pytest.mark.parametrize(("active", "seen"), [(5, 5), (9, 6), (0, 6)])
    def test_an_alert_of_the_network_counts_the_peers_that_were_active(
        self, active: int, seen: int
    ) -> None:
        row = score(None, 0, 0.8)
        storm = replace(row, window=replace(row.window, unique_peers=active))
        [change] = correlator().scores([storm], T + 70)
        assert (change.alert.peers_seen, change.alert.peers_total) == (seen, 6)

    def test_a_peer_waits_for_the_network_row_that_comes_later(self) -> None:
        tested = correlator()
        assert tested.scores([score(PEERS[0], 0, 0.7)], T + 70) == ()
        [change] = tested.scores([score(None, 0, 0.8)], T + 71)
        assert change.alert.peer_addr is None

    def test_a_peer_does_not_wait_for_ever(self) -> None:
        tested = correlator()
        assert tested.scores([score(PEERS[0], 0, 0.7)], T + 70) == ()
        [change] = tested.advance(T + 90)
        assert change.alert.peer_addr == "192.0.2.1"

    @pytest.mark.parametrize(
        ("ensemble", "severity"),
        [
            (0.47, Severity.MEDIUM),
            (0.60, Severity.HIGH),
            (0.75, Severity.CRITICAL),
        ],
    )
    def test_the_ensemble_grades_the_alert(self, ensemble: float, severity: Severity) -> None:
        [change] = correlator().scores([score(None, 0, ensemble)], T + 70)
        assert change.alert.severity is severity
        assert change.alert.confidence == pytest.approx(ensemble)

    def test_a_single_reason_alarms_as_medium_whatever_the_ensemble(self) -> None:
        alarm = score(None, 0, 0.2, reasons=(Reason("SILENCE", 0.95),), anomaly=True)
        [change] = correlator().scores([alarm], T + 70)
        assert change.alert.severity is Severity.MEDIUM
        assert change.alert.title == "Feed Unusually Quiet"
        assert change.alert.ensemble_score == 0.2
        assert change.alert.confidence == pytest.approx(0.47)

    def test_learning_raises_the_grades(self) -> None:
        [change] = correlator().scores([score(None, 0, 0.8, learning=True)], T + 70)
        assert change.alert.severity is Severity.HIGH

    def test_it_resolves_after_enough_calm_windows(self) -> None:
        tested = correlator(quiet_windows=3)
        tested.scores([score(None, 0, 0.8)], T + 70)
        changes: list[AlertChange] = []
        calm = [0.1, 0.1, 0.9, 0.1, 0.1, None, 0.1]
        for minute, ensemble in enumerate(calm, start=1):
            changes += tested.scores([score(None, minute, ensemble)], T + 60 * minute + 70)
        resolved = changes[-1]
        assert resolved.change is Change.RESOLVE
        assert resolved.alert.resolved_at == T + 60 * 8
        assert tested.open_alerts == 0

    def test_a_window_with_a_gap_neither_opens_nor_counts_as_calm(self) -> None:
        tested = correlator(quiet_windows=2)
        assert tested.scores([score(None, 0, 0.9, gap=True)], T + 70) == ()
        tested.scores([score(None, 1, 0.9)], T + 130)
        for minute in range(2, 12):
            blind = score(None, minute, 0.1, gap=True)
            assert tested.scores([blind], T + 60 * minute + 70) == ()

    def test_a_feed_gap_opens_no_ml_alert(self) -> None:
        tested = correlator()
        tested.gap(Gap(T + 30, None, None, "closed"), T + 31)
        assert not [
            change
            for change in tested.scores([score(None, 1, 0.9)], T + 130)
            if change.alert.alert_type is AlertType.ML_ANOMALY
        ]

    def test_a_stream_without_windows_for_a_day_is_let_go(self) -> None:
        tested = correlator()
        tested.scores([score(PEERS[0], 0, 0.8), score(None, 0, 0.1)], T + 70)
        [change] = tested.advance(T + 60 + 86_400)
        assert change.alert.resolution == "no data for a day"


class TestSessions:
    def test_a_session_that_goes_down_opens_and_its_return_resolves(self) -> None:
        tested = correlator(hold_down_s=300)
        [change] = tested.sessions([state(PEERS[0], 0, Session.DOWN)], T)
        assert (change.alert.alert_type, change.alert.severity) == (
            AlertType.SESSION,
            Severity.MEDIUM,
        )
        assert tested.sessions([state(PEERS[0], 3, Session.DOWN)], T + 3) == ()
        [update] = tested.sessions([state(PEERS[0], 32, Session.UP)], T + 32)
        assert update.alert.description.endswith("after 32 s.")
        [resolved] = tested.advance(T + 1000)
        assert resolved.alert.resolved_at == T + 32
        assert '"duration_s":32' in alert_line(resolved)

    def test_peers_of_a_collector_that_go_down_together_are_one_alert(self) -> None:
        tested = correlator()
        tested.scores([score(peer, -1, 0.0) for peer in PEERS], T)
        changes: list[AlertChange] = []
        for n, peer in enumerate(PEERS[:4]):
            changes += tested.sessions([state(peer, 10.0 * n, Session.DOWN)], T + 10 * n)
        assert [change.change for change in changes] == [Change.OPEN] + 3 * [Change.UPDATE]
        assert {change.alert.alert_id for change in changes} == {1}
        assert changes[2].alert.severity is Severity.MEDIUM
        assert changes[3].alert.severity is Severity.HIGH
        assert changes[3].alert.title == "Most Peer Sessions Down"

    def test_few_of_many_peers_are_never_most_however_few_have_spoken_yet(self) -> None:
        heard = 3
        tested = correlator(peers_of_collector=lambda: heard)
        changes = [
            change
            for n, peer in enumerate(PEERS[:3])
            for change in tested.sessions([state(peer, n, Session.DOWN)], T + n)
        ]
        heard = 40
        changes += tested.scores([score(peer, 0, 0.0) for peer in PEERS], T + 70)
        changes += tested.advance(T + 5_000)
        assert {change.alert.severity for change in changes} == {Severity.MEDIUM}
        assert "Most Peer Sessions Down" not in {change.alert.title for change in changes}

    def test_most_of_the_peers_are_told_as_such_once_a_window_says_how_many_there_are(
        self,
    ) -> None:
        tested = correlator()
        for n, peer in enumerate(PEERS[:4]):
            tested.sessions([state(peer, n, Session.DOWN)], T + n)
        change = tested.scores([score(PEERS[5], -1, 0.0)], T + 10)[-1]
        assert (change.alert.severity, change.alert.title) == (
            Severity.HIGH,
            "Most Peer Sessions Down",
        )

    def test_what_turns_out_not_to_have_been_most_is_lowered(self) -> None:
        heard = 6
        tested = correlator(peers_of_collector=lambda: heard)
        tested.scores([score(PEERS[5], -1, 0.0)], T)
        for n, peer in enumerate(PEERS[:4]):
            changes = tested.sessions([state(peer, n, Session.DOWN)], T + n)
        assert changes[-1].alert.severity is Severity.HIGH
        heard = 40
        [change] = tested.scores([score(PEERS[5], 0, 0.0)], T + 70)
        assert (change.change, change.alert.severity) == (Change.UPDATE, Severity.MEDIUM)
        assert change.alert.title == "Peer Sessions Down"

    def test_an_outage_of_most_stays_high_when_they_are_back(self) -> None:
        tested = correlator()
        tested.scores([score(peer, -1, 0.0) for peer in PEERS], T)
        for session, at in ((Session.DOWN, 0), (Session.UP, 60)):
            for peer in PEERS[:4]:
                tested.sessions([state(peer, at, session)], T + at)
        resolved = tested.advance(T + 5_000)[-1]
        assert (resolved.change, resolved.alert.severity) == (Change.RESOLVE, Severity.HIGH)

    def test_neighbours_that_were_never_up_are_a_low_alert_of_their_own(self) -> None:
        tested = correlator()
        tested.scores([score(peer, -1, 0.0) for peer in PEERS], T)
        changes: list[AlertChange] = []
        for n, peer in enumerate(PEERS[:5]):
            down = state(peer, n, Session.DOWN, before=Session.DOWN)
            changes += tested.sessions([down], T + n)
        changes += tested.advance(T + 60)
        tried = changes[-1].alert
        [loss] = tested.sessions([state(PEERS[5], 61, Session.DOWN, before=Session.UP)], T + 61)
        assert (tried.severity, tried.title) == (Severity.LOW, "Peer Sessions Already Down")
        assert "was already down when first heard of" in tried.description
        assert [fact["resets"] for fact in tried.evidence if fact["kind"] == "session"] == [0] * 5
        assert (loss.change, loss.alert.severity) == (Change.OPEN, Severity.MEDIUM)
        assert "left Established" in loss.alert.description
        assert {change.alert.alert_id for change in changes} == {1}

    def test_neighbours_that_were_never_up_do_not_hide_that_all_others_are_lost(self) -> None:
        tested = correlator()
        tested.scores([score(peer, -1, 0.0) for peer in PEERS], T)
        for peer in PEERS[:3]:
            tested.sessions([state(peer, 0, Session.DOWN, before=Session.DOWN)], T)
        for n, peer in enumerate(PEERS[3:]):
            tested.sessions([state(peer, n, Session.DOWN, before=Session.UP)], T + n)
        changes = tested.advance(T + 60)
        assert changes[-1].alert.title == "Most Peer Sessions Down"

    def test_each_departure_from_established_counts_though_no_return_was_seen(self) -> None:
        tested = correlator()
        for n in range(5):
            tested.sessions(
                [state(PEERS[0], 65.0 * n, Session.DOWN, before=Session.UP)], T + 65 * n
            )
        changes = tested.sessions([state(PEERS[0], 400, Session.UP)], T + 400)
        changes += tested.advance(T + 5_000)
        assert fact_of(changes[-1].alert, "session")["resets"] == 5
        assert "5 resets" in changes[-1].alert.description

    def test_a_neighbour_that_came_up_and_is_lost_is_a_new_alert(self) -> None:
        tested = correlator(hold_down_s=300)
        tested.sessions([state(PEERS[0], 0, Session.DOWN, before=Session.DOWN)], T)
        lost = state(PEERS[0], 60, Session.DOWN, before=Session.UP)
        told, opened_anew = tested.sessions([lost], T + 60)
        assert (told.change, opened_anew.change) == (Change.UPDATE, Change.OPEN)
        assert opened_anew.alert.severity is Severity.MEDIUM
        restarted = correlator(hold_down_s=300)
        restarted.restore([opened_anew.alert, replace(told.alert, alert_id=9)])
        for running in (tested, restarted):
            [ended] = running.advance(T + 1_000)
            assert (ended.change, ended.alert.severity) == (Change.RESOLVE, Severity.LOW)
            running.sessions([state(PEERS[0], 1_000, Session.UP)], T + 1_000)
            [resolved] = running.advance(T + 2_000)
            assert resolved.alert.alert_uuid == opened_anew.alert.alert_uuid

    def test_a_session_that_goes_down_later_is_another_alert(self) -> None:
        tested = correlator()
        tested.sessions([state(PEERS[0], 0, Session.DOWN)], T)
        [change] = tested.sessions([state(PEERS[1], 121, Session.DOWN)], T + 121)
        assert (change.change, change.alert.alert_id) == (Change.OPEN, 2)

    def test_peers_met_within_a_connect_retry_are_one_outage(self) -> None:
        tested = correlator()
        tested.sessions([state(PEERS[0], 0, Session.DOWN)], T)
        [change] = tested.sessions([state(PEERS[1], 120, Session.DOWN)], T + 120)
        assert (change.change, change.alert.alert_id) == (Change.UPDATE, 1)

    def test_a_half_open_connection_of_nobody_is_no_session(self) -> None:
        nobody = Peer("rrc00", "192.0.2.1", 0)
        assert correlator().sessions([state(nobody, 0, Session.DOWN)], T) == ()

    def test_a_table_transfer_is_marked_in_the_outage_of_its_collector(self) -> None:
        tested = correlator()
        tested.sessions([state(PEERS[0], 0, Session.DOWN)], T)
        changes = tested.scores([transfer(PEERS[1])], T + 70)
        alert = changes[-1].alert
        assert [change.change for change in changes] == [Change.UPDATE]
        assert alert.anomaly_types == ("session_down", "table_transfer")
        assert fact_of(alert, "table_transfer")["announced"] == 48_000
        assert "48,000 prefixes; its churn is no anomaly." in alert.description

    def test_a_table_transfer_without_an_outage_is_a_low_alert_that_ends(self) -> None:
        tested = correlator()
        [change] = tested.scores([transfer(PEERS[1])], T + 70)
        assert (change.change, change.alert.severity) == (Change.OPEN, Severity.LOW)
        assert change.alert.title == "Table Transfer"
        assert change.alert.anomaly_types == ("table_transfer",)
        restarted = correlator()
        restarted.restore([change.alert])
        for running in (tested, restarted):
            [ended] = running.advance(T + 3600)
            assert ended.change is Change.RESOLVE
            assert fact_of(ended.alert, "table_transfer")["peer_addr"] == PEERS[1].address

    def test_the_alert_of_a_table_transfer_ends_while_its_peer_goes_on(self) -> None:
        tested = correlator()
        changes = list(tested.scores([transfer(PEERS[1])], T + 70))
        for minute in range(1, 30):
            changes += tested.scores(
                [score(PEERS[1], minute, 0.0, updates=50)], T + 60 * minute + 70
            )
        assert [change.change for change in changes] == [Change.OPEN, Change.RESOLVE]
        ended = changes[-1].alert
        assert (ended.first_seen, ended.resolved_at) == (T, T + 60)

    def test_the_churn_of_a_table_transfer_opens_no_alert(self) -> None:
        tested = correlator()
        churn = (Reason("CRITICAL_CHURN", 1.0),)
        scored = replace(transfer(PEERS[1]), ensemble=0.9, reasons=churn, is_anomaly=True)
        network = score(None, 0, 0.9, reasons=churn, updates=48_100)
        changes = tested.scores([scored, network], T + 70)
        assert [change.alert.alert_type for change in changes] == [AlertType.SESSION]

    def test_a_session_that_flaps_is_one_alert_with_few_lines(self) -> None:
        tested = correlator()
        changes: list[AlertChange] = []
        for n in range(100):
            session = Session.DOWN if n % 2 == 0 else Session.UP
            changes += tested.sessions([state(PEERS[0], 10.0 * n, session)], T + 10 * n)
        changes += tested.advance(T + 5000)
        assert sum(change.change is Change.OPEN for change in changes) == 1
        assert changes[-1].change is Change.RESOLVE
        assert len(changes) <= 10

    def test_updates_of_a_peer_believed_down_mean_that_it_is_up(self) -> None:
        tested = correlator(hold_down_s=60)
        tested.sessions([state(PEERS[0], 0, Session.DOWN)], T)
        update, resolved = tested.scores([score(PEERS[0], 2, 0.0)], T + 190)
        assert (update.change, resolved.change) == (Change.UPDATE, Change.RESOLVE)
        assert resolved.alert.resolved_at == T + 120

    def test_the_table_transfer_after_a_reset_opens_no_ml_alert(self) -> None:
        tested = correlator(table_transfer_s=600)
        tested.sessions([state(PEERS[0], 0, Session.DOWN)], T)
        tested.sessions([state(PEERS[0], 30, Session.UP)], T + 30)
        churn = (Reason("CRITICAL_CHURN", 0.99),)
        for minute in range(9):
            scores = [
                score(PEERS[0], minute, 0.9, reasons=churn, updates=5000),
                score(PEERS[1], minute, 0.0, updates=50),
                score(None, minute, 0.9, reasons=churn, updates=5050),
            ]
            now = T + 60 * minute + 70
            assert not [
                change
                for change in tested.scores(scores, now)
                if change.alert.alert_type is AlertType.ML_ANOMALY
            ]
        [late] = tested.scores([score(PEERS[0], 11, 0.9), score(None, 11, 0.1)], T + 730)
        assert (late.change, late.alert.alert_type) == (Change.OPEN, AlertType.ML_ANOMALY)

    def test_a_withdrawal_storm_is_no_table_transfer(self) -> None:
        tested = correlator()
        tested.sessions([state(PEERS[0], 0, Session.UP)], T)
        storm = (Reason("WITHDRAWAL_STORM", 0.99),)
        alarm = score(PEERS[0], 0, 0.9, reasons=storm)
        [change] = tested.scores([alarm, score(None, 0, 0.1)], T + 70)
        assert change.alert.title == "Withdrawal Storm"


class TestGaps:
    def test_a_reconnect_of_some_seconds_pages_nobody(self) -> None:
        tested = correlator()
        assert tested.gap(Gap(T, None, None, "closed"), T + 1) == ()
        assert tested.gap(Gap(T, T + 5, None, "closed"), T + 5) == ()
        assert tested.advance(T + 1000) == ()

    def test_a_longer_one_opens_while_it_lasts_and_resolves_at_its_end(self) -> None:
        tested = correlator()
        tested.gap(Gap(T, None, None, "closed"), T + 1)
        [change] = tested.advance(T + 30)
        assert (change.alert.alert_type, change.alert.severity) == (
            AlertType.FEED_GAP,
            Severity.HIGH,
        )
        assert (change.alert.first_seen, change.alert.title) == (T, "Feed Down")
        [resolved] = tested.gap(Gap(T, T + 90, None, "closed"), T + 90)
        assert '"duration_s":90' in alert_line(resolved)

    def test_a_gap_that_is_over_when_heard_of_opens_and_resolves(self) -> None:
        changes = correlator().gap(Gap(T, T + 600, "rrc00", "restart"), T + 601)
        assert [change.change for change in changes] == [Change.OPEN, Change.RESOLVE]
        assert changes[0].alert.severity is Severity.MEDIUM

    def test_a_restart_does_not_claim_that_nothing_was_seen(self) -> None:
        opened_, resolved = correlator().gap(Gap(T, T + 600, None, "restart"), T + 601)
        assert opened_.alert.description == (
            "bgptui was restarted: windows of the whole feed from 2026-01-07T10:00:00Z to "
            "2026-01-07T10:10:00Z are incomplete."
        )
        assert resolved.alert.resolution == "messages come again, windows of 600 s are incomplete"

    def test_an_open_alert_that_a_gap_touches_says_so(self) -> None:
        tested = correlator()
        alert = opened(tested)
        tested.gap(Gap(T + 20, None, None, "closed"), T + 21)
        changes = tested.advance(T + 60)
        touched = [c.alert for c in changes if c.alert.alert_uuid == alert.alert_uuid]
        assert [fact["end"] for fact in touched[-1].evidence if fact["kind"] == "gap"] == [None]
        changes = tested.gap(Gap(T + 20, T + 80, None, "closed"), T + 80)
        touched = [c.alert for c in changes if c.alert.alert_uuid == alert.alert_uuid]
        ends = [fact["end"] for fact in touched[-1].evidence if fact["kind"] == "gap"]
        assert ends == ["2026-01-07T10:01:20Z"]

    def test_a_hold_down_that_meets_a_gap_begins_anew_at_its_end(self) -> None:
        tested = correlator(hold_down_s=300)
        opened(tested)
        for peer in PEERS[:3]:
            tested.route_events([cleared(peer, 10)], T + 10)
        tested.gap(Gap(T + 100, None, None, "closed"), T + 101)
        changes = list(tested.advance(T + 999))
        hijack = [c.alert for c in changes if c.alert.alert_type is AlertType.HIJACK][-1]
        assert fact_of(hijack, "withdrawn")["resolves_at"] is None
        changes += tested.gap(Gap(T + 100, T + 1000, None, "closed"), T + 1000)
        changes += tested.advance(T + 5000)
        [resolved] = [
            change.alert
            for change in changes
            if change.change is Change.RESOLVE and change.alert.alert_type is AlertType.HIJACK
        ]
        assert resolved.resolved_at == T + 1300


class TestRestart:
    def test_an_open_route_alert_goes_on_with_its_peers(self) -> None:
        before = correlator()
        alert = opened(before)
        after = correlator(hold_down_s=300)
        after.restore([alert])
        assert after.open_alerts == 1
        [update] = after.route_events([fired(PEERS[3], 100)], T + 100)
        assert (update.change, update.alert.alert_id) == (Change.UPDATE, alert.alert_id)
        assert update.alert.peers_seen == 4
        for peer in PEERS[:4]:
            after.route_events([cleared(peer, 200)], T + 200)
        [resolved] = after.advance(T + 1000)
        assert resolved.alert.alert_uuid == alert.alert_uuid
        assert resolved.alert.resolved_at == T + 500

    def test_a_route_of_many_peers_stays_open_while_one_still_has_it(self) -> None:
        peers = [Peer("rrc00", f"10.0.{n // 250}.{n % 250}", 10_000 + n) for n in range(120)]
        before, changes = correlator(), list[AlertChange]()
        for n, peer in enumerate(peers):
            changes += before.route_events([fired(peer, n)], T + n)
        changes += before.advance(T + 200)
        after = correlator(hold_down_s=300)
        after.restore([changes[-1].alert])
        told: list[AlertChange] = []
        for peer in peers[:-1]:
            told += after.route_events([cleared(peer, 500)], T + 500)
        assert (told, list(after.advance(T + 5000))) == ([], [])
        [update] = after.route_events([cleared(peers[-1], 6000)], T + 6000)
        assert fact_of(update.alert, "peers")["asns_now"] == 0
        assert withdrawn_at(update.alert) == T + 6000

    def test_an_outage_of_many_sessions_lasts_until_the_last_is_back(self) -> None:
        peers = [Peer("rrc00", f"10.0.0.{n}", 10_000 + n) for n in range(60)]
        before, changes = correlator(), list[AlertChange]()
        for n, peer in enumerate(peers):
            changes += before.sessions([state(peer, n / 2, Session.DOWN)], T + n / 2)
        changes += before.advance(T + 60)
        after = correlator(hold_down_s=60)
        after.restore([changes[-1].alert])
        for peer in peers[:-1]:
            after.sessions([state(peer, 100, Session.UP)], T + 100)
        assert [c for c in after.advance(T + 5000) if c.change is Change.RESOLVE] == []
        after.sessions([state(peers[-1], 6000, Session.UP)], T + 6000)
        [resolved] = after.advance(T + 7000)
        assert (resolved.change, resolved.alert.peers_seen) == (Change.RESOLVE, 60)

    def test_a_hold_down_goes_on_after_a_restart_once_data_flows(self) -> None:
        before = correlator()
        opened(before)
        for peer in PEERS[:3]:
            changes = before.route_events([cleared(peer, 60)], T + 60)
        after = correlator(hold_down_s=300)
        after.restore([changes[-1].alert])
        assert after.advance(T + 1000) == ()  # nobody knows yet whether we were blind
        after.gap(Gap(T + 90, T + 1000, None, "restart"), T + 1000)
        after.scores([score(None, 20, 0.1)], T + 1270)
        ended = [c for c in after.advance(T + 2000) if c.change is Change.RESOLVE]
        assert [c.alert.resolved_at for c in ended if c.alert.prefix] == [T + 1300]
        assert '"duration_s":58' in alert_line(ended[-1])

    def test_a_route_that_is_back_after_a_restart_loses_the_mark(self) -> None:
        before = correlator()
        opened(before)
        for peer in PEERS[:3]:
            changes = before.route_events([cleared(peer, 60)], T + 60)
        after = correlator()
        after.restore([changes[-1].alert])
        [update] = after.route_events([fired(PEERS[0], 100)], T + 100)
        assert withdrawn_at(update.alert) is None
        assert "Withdrawn" not in update.alert.description

    def test_what_was_acknowledged_stays_so(self) -> None:
        alert = replace(opened(correlator()), status=Status.ACKNOWLEDGED)
        after = correlator()
        after.restore([alert])
        [update] = after.route_events([fired(PEERS[3], 100)], T + 100)
        assert update.alert.status is Status.ACKNOWLEDGED

    def test_ml_session_and_gap_alerts_end_as_they_would_have(self) -> None:
        before = correlator(quiet_windows=2, hold_down_s=60)
        changes = list(before.scores([score(None, 0, 0.8)], T + 70))
        changes += before.sessions([state(PEERS[0], 80, Session.DOWN)], T + 80)
        changes += before.gap(Gap(T + 90, None, None, "closed"), T + 125)
        alerts = {change.alert.alert_uuid: change.alert for change in changes}
        assert len(alerts) == 3
        after = correlator(quiet_windows=2, hold_down_s=60)
        after.restore(alerts.values())
        ended = list(after.sessions([state(PEERS[0], 200, Session.UP)], T + 200))
        for minute in (4, 5, 6):
            ended += after.scores([score(None, minute, 0.1)], T + 60 * minute + 70)
        ended += after.advance(T + 2000)
        resolved = [change.alert for change in ended if change.change is Change.RESOLVE]
        assert {alert.alert_uuid for alert in resolved} == set(alerts)
        assert after.open_alerts == 0

    def test_earlier_false_positives_still_count(self) -> None:
        alert = opened(correlator())
        after = correlator()
        after.restore([], [alert])
        assert opened(after).confidence == pytest.approx(0.72 * 0.85)
