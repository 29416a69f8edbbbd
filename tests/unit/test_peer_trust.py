"""Peers whose word weighs less: alone too often, with a stuck table, or fallen silent."""

from itertools import count

import pytest

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.correlator import Correlator
from bgptui.correlate.peer_silence import LEARNED_AFTER, SILENT_AFTER, PeerSilence
from bgptui.correlate.peer_trust import (
    ALONE_LEAST,
    STUCK_AFTER_S,
    STUCK_LEAST,
    WEIGHT_IN_DOUBT,
    PeerTrust,
)
from bgptui.domain.alert import AlertChange, Change, Severity
from bgptui.domain.event import Cause, EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.gap import Gap
from bgptui.domain.health import Doubt
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import UNAVAILABLE
from bgptui.domain.score import WindowScore
from bgptui.domain.window import WINDOW_S, FeatureWindow

T = 1_767_787_200
PEERS = [Peer("rrc00", f"192.0.2.{n}", 64_500 + n) for n in range(1, 9)]
ONE = PEERS[0]


def window(
    minute: int, peer: Peer | None = ONE, *, messages: int, gap: bool = False
) -> FeatureWindow:
    return FeatureWindow(T + minute * WINDOW_S, peer, messages=messages, gap=gap)


class Minutes:
    """The minutes of one peer, one after another."""

    def __init__(self) -> None:
        self.silence = PeerSilence()
        self._minute = count()

    def see(self, *, minutes: int, messages: int, gap: bool = False) -> list[Peer | None]:
        return [
            self.silence.see(window(next(self._minute), messages=messages, gap=gap))
            for _ in range(minutes)
        ]


def test_a_busy_peer_is_silent_after_half_an_hour_until_it_speaks() -> None:
    minutes = Minutes()
    minutes.see(minutes=LEARNED_AFTER, messages=9)
    minutes.see(minutes=SILENT_AFTER - 1, messages=0)
    assert minutes.silence.silent == set()
    minutes.see(minutes=1, messages=0)
    assert minutes.silence.silent == {ONE}
    assert minutes.see(minutes=1, messages=1) == [ONE]
    assert minutes.silence.silent == set()


def test_a_peer_that_is_quiet_by_nature_is_not_silent() -> None:
    minutes = Minutes()
    for _ in range(LEARNED_AFTER):
        minutes.see(minutes=1, messages=1)
        minutes.see(minutes=1, messages=0)
    minutes.see(minutes=5 * SILENT_AFTER, messages=0)
    assert minutes.silence.silent == set()


def test_our_own_gaps_and_the_networks_minutes_tell_nothing_of_a_peer() -> None:
    minutes = Minutes()
    minutes.see(minutes=LEARNED_AFTER, messages=9)
    minutes.see(minutes=2 * SILENT_AFTER, messages=0, gap=True)
    assert minutes.silence.silent == set()
    assert minutes.silence.see(window(0, None, messages=0)) is None


@pytest.mark.parametrize(
    ("alone", "shared", "stuck", "doubt"),
    [
        (ALONE_LEAST, 1, 0, Doubt.ALONE),
        (ALONE_LEAST - 1, 0, 0, None),
        (ALONE_LEAST, ALONE_LEAST, 0, None),
        (0, 2 * STUCK_LEAST, STUCK_LEAST, Doubt.STUCK),
        (0, 2 * STUCK_LEAST + 1, STUCK_LEAST, None),
        (0, 0, STUCK_LEAST - 1, None),
    ],
)
def test_a_peer_is_doubted_when_it_errs_often_and_mostly(
    alone: int, shared: int, stuck: int, doubt: Doubt | None
) -> None:
    trust = PeerTrust()
    for number, tell in ((shared, trust.shared), (alone, trust.alone), (stuck, trust.stuck)):
        for _ in range(number):
            tell(ONE)
    assert trust.doubted == ({} if doubt is None else {ONE: doubt})
    assert trust.weight(ONE) == (1.0 if doubt is None else WEIGHT_IN_DOUBT)


def test_what_is_long_ago_counts_half_and_a_peer_may_redeem_itself() -> None:
    trust = PeerTrust()
    for _ in range(ALONE_LEAST):
        trust.alone(ONE)
    for _ in range(2 * ALONE_LEAST):
        trust.shared(ONE)
    assert trust.doubted == {}


def key_of(number: int) -> RouteKey:
    return RouteKey(EventType.HIJACK_SUSPECTED, f"10.{number}.0.0/16", 64666, "origin")


def fired(peer: Peer, at: float, number: int = 0) -> RouteEvent:
    return RouteEvent(
        id=1,
        timestamp=T + at,
        key=key_of(number),
        peer=peer,
        severity=Severity.CRITICAL,
        hijack_class="E|0",
        description="somebody else announces it",
        as_path=(peer.asn, 64666),
        next_hop=None,
        validation=UNAVAILABLE,
        watched_prefix=key_of(number).prefix,
        expected_origins=(64999,),
    )


def scored(minute: int, peer: Peer, messages: int) -> WindowScore:
    return WindowScore(
        id=1,
        feature_id=1,
        window=window(minute, peer, messages=messages),
        zscores=(),
        lstm_error=None,
        lstm=None,
        isolation_forest=None,
        heuristic=None,
        reasons=(),
        ensemble=None,
        confidence=None,
        is_anomaly=False,
        model_version="none",
        learning=False,
        baseline_minutes=0,
    )


class Correlating:
    """A correlator, fed by event time."""

    def __init__(self) -> None:
        self.correlator = Correlator(
            Alerts(),
            Detect(),
            next_alert_id=count(1).__next__,
            peers_total=lambda: len(PEERS),
            peers_of=lambda _collector: len(PEERS),
        )

    def see(self, *items: RouteEvent | RouteCleared) -> list[AlertChange]:
        changes: list[AlertChange] = []
        for item in items:
            changes += self.correlator.route_events((item,), item.timestamp)
        return changes

    def hijack_that(self, peer: Peer, *, keeps: int, at: float) -> None:
        """A hijack that four peers see and all of them but `peer` lose."""
        self.see(*(fired(each, at, keeps) for each in PEERS[:4]))
        self.see(
            *(RouteCleared(T + at + 60, key_of(keeps), each) for each in PEERS[:4] if each != peer)
        )


def opened(changes: list[AlertChange]) -> int:
    return sum(change.change is Change.OPEN for change in changes)


def test_a_peer_that_keeps_what_all_others_lost_weighs_less_and_is_listed() -> None:
    tested = Correlating()
    for number in range(STUCK_LEAST):
        tested.hijack_that(ONE, keeps=number, at=0)
    tested.correlator.advance(T + 60 + STUCK_AFTER_S - 1)
    assert tested.correlator.doubted == {}
    tested.correlator.advance(T + 60 + STUCK_AFTER_S)
    assert tested.correlator.doubted == {ONE: Doubt.STUCK}
    later = 60 + STUCK_AFTER_S + 10
    assert opened(tested.see(*(fired(peer, later, 99) for peer in PEERS[:3]))) == 0
    [change] = tested.see(fired(PEERS[3], later, 99))
    assert change.change is Change.OPEN
    assert change.alert.peers_seen == 4


def test_a_route_that_was_kept_over_a_gap_of_ours_is_held_against_nobody() -> None:
    tested = Correlating()
    for number in range(STUCK_LEAST):
        tested.hijack_that(ONE, keeps=number, at=0)
    tested.correlator.gap(Gap(T + 300.0, T + 400.0, None, "closed"), T + 400.0)
    tested.correlator.advance(T + 2 * STUCK_AFTER_S)
    assert tested.correlator.doubted == {}


def test_a_route_that_two_ases_keep_is_no_stuck_one() -> None:
    tested = Correlating()
    for number in range(STUCK_LEAST):
        tested.see(*(fired(each, 0, number) for each in PEERS[:4]))
        tested.see(*(RouteCleared(T + 60.0, key_of(number), each) for each in PEERS[:2]))
    tested.correlator.advance(T + 2 * STUCK_AFTER_S)
    assert tested.correlator.doubted == {}


def test_the_old_word_of_a_peer_that_fell_silent_weighs_less_until_it_is_back() -> None:
    tested = Correlating()
    for minute in range(LEARNED_AFTER):
        tested.correlator.scores([scored(minute, ONE, 5)], T + (minute + 1) * WINDOW_S)
    at = LEARNED_AFTER * WINDOW_S
    assert tested.see(fired(ONE, at), fired(PEERS[1], at)) == []
    for minute in range(LEARNED_AFTER, LEARNED_AFTER + SILENT_AFTER):
        tested.correlator.scores([scored(minute, ONE, 0)], T + (minute + 1) * WINDOW_S)
    assert tested.correlator.doubted == {ONE: Doubt.SILENT}
    later = (LEARNED_AFTER + SILENT_AFTER) * WINDOW_S + 5
    assert tested.see(fired(PEERS[2], later)) == []
    minute = LEARNED_AFTER + SILENT_AFTER
    back = tested.correlator.scores([scored(minute, ONE, 1)], T + (minute + 1) * WINDOW_S)
    assert [change.change for change in back] == [Change.OPEN]
    assert tested.correlator.doubted == {}


def test_the_watchlists_word_is_not_the_peers() -> None:
    assert RouteCleared(T, key_of(1), ONE).is_of_peer
    assert not RouteCleared(T, key_of(1), ONE, Cause.WATCHLIST_CHANGE).is_of_peer
