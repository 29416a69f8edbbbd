"""How what fires ends: the cause that is told, and the words that people read."""

from collections import Counter
from itertools import count

import pytest
from msgspec.structs import replace

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.correlator import Correlator
from bgptui.correlate.ending import ended_words, withdrawn_words, without_end
from bgptui.domain.alert import Alert, AlertChange, Change
from bgptui.domain.alert_json import alert_text
from bgptui.domain.aspa import Hop, OtcLeak
from bgptui.domain.event import Cause, RouteCleared, RouteEvent
from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import NOT_FOUND
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.origin_history import OriginHistory
from bgptui.routemon.watchlist import Check, Rule, Watchlist
from bgptui.runtime.metrics import Metrics

T = 1_767_780_000.0
PREFIX = "203.0.113.0/24"
PEERS = [Peer("rrc00", f"192.0.2.{n}", 64400 + n) for n in range(3)]
RULE = Rule(1, PREFIX, (64500,), 24, upstreams=(64501,))


def monitor(rule: Rule = RULE) -> RouteMonitor:
    return RouteMonitor(
        Watchlist([rule]),
        lambda _prefix, _origin: NOT_FOUND,
        lambda: 0,
        min_peers=3,
        next_id=count(1).__next__,
        otc_leak=lambda _path, otc, _asn, _role: OtcLeak("otc", Hop(otc, 64400)),
    )


def update(peer: Peer, *path: int, at: float = 0.0, otc: int | None = None) -> BgpMessage:
    announced, withdrawn = ((PREFIX,), ()) if path else ((), (PREFIX,))
    return BgpMessage(
        T + at,
        peer,
        MessageType.UPDATE,
        announced,
        withdrawn,
        (peer.asn, *path) if path else (),
        communities=((64496, 7),),
        otc=otc,
    )


def down(peer: Peer, at: float = 0.0) -> BgpMessage:
    return BgpMessage(T + at, peer, MessageType.STATE, session=Session.DOWN)


def ends(changes: list[RouteEvent | RouteCleared]) -> list[tuple[Cause, str]]:
    return [(each.cause, each.detail) for each in changes if isinstance(each, RouteCleared)]


@pytest.mark.parametrize("hijack", [(64501, 64666), (64777, 64500)])
@pytest.mark.parametrize(
    ("message", "end"),
    [
        (update(PEERS[0]), (Cause.WITHDRAWN, "")),
        (down(PEERS[0]), (Cause.SESSION_DOWN, "")),
    ],
)
def test_a_withdrawal_and_a_lost_session_are_told_apart(
    hijack: tuple[int, int], message: BgpMessage, end: tuple[Cause, str]
) -> None:
    watch = monitor()
    assert watch.observe(update(PEERS[0], *hijack), T)
    assert ends(watch.observe(message, T)) == [end]


@pytest.mark.parametrize(("hijack", "by"), [((64501, 64666), "AS64500"), ((64777, 64500), "")])
def test_the_right_route_replaces_a_wrong_one(hijack: tuple[int, int], by: str) -> None:
    watch = monitor()
    watch.observe(update(PEERS[0], *hijack), T)
    assert ends(watch.observe(update(PEERS[0], 64501, 64500), T)) == [(Cause.REPLACED, by)]


@pytest.mark.parametrize("hijack", [(64501, 64666), (64777, 64500)])
def test_a_mute_ends_it_and_the_mutes_end_begins_it_again(hijack: tuple[int, int]) -> None:
    watch = monitor()
    watch.observe(update(PEERS[0], *hijack), T)
    muted = Watchlist([replace(RULE, mute_until=T + 600.0)])
    changes = watch.set_watchlist(muted, T + 1.0)
    assert ends(changes) == [(Cause.MUTED, "")]
    [event] = [each for each in changes if isinstance(each, RouteEvent)]
    assert (event.opens_alert, event.evidence["cause"]) == (False, "watchlist_change")
    assert event.evidence["communities"] == ["64496:7"]
    [event] = [each for each in watch.rejudge(T + 601.0) if isinstance(each, RouteEvent)]
    assert (event.opens_alert, event.evidence["cause"]) == (True, "mute_ended")


def test_a_watchlist_that_expects_the_origin_ends_it() -> None:
    watch = monitor()
    watch.observe(update(PEERS[0], 64501, 64666), T)
    both = Watchlist([replace(RULE, origins=(64500, 64666))])
    assert ends(watch.set_watchlist(both, T)) == [(Cause.WATCHLIST_CHANGE, "")]


def test_a_leak_by_otc_goes_on_when_the_watchlist_changes() -> None:
    watch = monitor()
    [event] = watch.observe(update(PEERS[0], 64501, 64500, otc=64501), T)
    assert isinstance(event, RouteEvent)
    assert event.evidence["otc"] == 64501
    assert watch.set_watchlist(Watchlist([RULE]), T + 1.0) == []


class TestOfAnAlert:
    """Three peers have a hijack, and lose it."""

    def ended(self, *messages: BgpMessage) -> tuple[list[AlertChange], Alert]:
        origins_only = frozenset({Check.ORIGIN})
        watch = monitor(replace(RULE, checks=origins_only))
        correlator = Correlator(
            Alerts(hold_down_s=60.0),
            Detect(),
            next_alert_id=count(1).__next__,
            peers_total=lambda: 3,
            peers_of=lambda _collector: 3,
        )
        changes: list[AlertChange] = []
        for message in (*(update(peer, 64666) for peer in PEERS), *messages):
            now = message.timestamp
            changes += correlator.route_events(watch.observe(message, now), now)
        changes += correlator.advance(T + 600.0)
        assert changes[-1].change is Change.RESOLVE
        return changes, changes[-1].alert

    def test_withdrawn_by_all(self) -> None:
        changes, alert = self.ended(*(update(peer, at=10.0) for peer in PEERS))
        assert alert.resolution == "no peer has it any more"
        assert alert_text(changes[-2]).endswith("(withdrawn)")

    def test_replaced_at_most_of_them(self) -> None:
        changes, alert = self.ended(
            update(PEERS[0], at=10.0),
            *(update(peer, 64500, at=12.0) for peer in PEERS[1:]),
        )
        how = "replaced by AS64500's route at 2 peers; withdrawn by 1 peer"
        assert alert.resolution == how
        assert alert.description.endswith(f" Ended at 2026-01-07T10:00:12Z: {how}.")
        assert alert_text(changes[-2]).endswith("(replaced, withdrawn)")

    def test_their_sessions_went_down(self) -> None:
        _, alert = self.ended(*(down(peer, at=10.0) for peer in PEERS))
        assert alert.resolution == "3 sessions of peers that had it went down"


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_words(cause: Cause) -> None:
    assert ended_words(Counter({(cause, ""): 2, (Cause.WITHDRAWN, ""): 1})).count(";") == (
        cause is not Cause.WITHDRAWN
    )


def test_the_words_on_an_end_are_replaced_by_later_ones() -> None:
    for how in ("no peer has it any more", "muted by the watchlist (1 peer)"):
        told = "A hijack." + withdrawn_words(T, how=how, resolves_at=None, ended=False)
        assert without_end(told) == "A hijack."


def test_the_history_of_origins_is_bounded_and_says_what_it_forgot() -> None:
    metrics = Metrics()
    history = OriginHistory(metrics, most=2)
    for asn in range(10):
        history.note(PREFIX, asn, PEERS[asn % 3], T + asn)
    history.note(PREFIX, 9, PEERS[0], T - 50.0)
    [(origin, past), *others] = history.of(PREFIX)
    assert (origin, past.first, past.last, past.peers) == (9, T - 50.0, T + 9, 1)
    assert [known for known, _ in others] == [8, 7, 6, 5, 4, 3, 2]
    history.note("192.0.2.0/24", 1, PEERS[0], T)
    history.note("192.0.3.0/24", 1, PEERS[1], T)
    assert history.of(PREFIX) == []
    assert metrics.drops() == {"routemon.history_forgotten": 3}
    history.keep_watched(Watchlist([Rule(1, "192.0.2.0/23", (1,), 24)]))
    assert history.of("192.0.3.0/24")
    history.keep_watched(Watchlist([RULE]))
    assert not history.of("192.0.2.0/24")
