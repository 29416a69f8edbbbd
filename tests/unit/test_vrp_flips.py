"""VRPs and ASPAs that change under routes that stand: labelled, and no hijacks."""

from collections.abc import Callable
from itertools import count

import pytest

from bgptui.domain.alert import Severity
from bgptui.domain.event import Cause, EventType, RouteCleared, RouteEvent
from bgptui.domain.prefix import parse_prefix
from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import OriginValidation, RpkiState, Vrp
from bgptui.routemon.background import RpkiBackground
from bgptui.routemon.flips import Flips
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.routemon.whole_table import WholeTable
from bgptui.rpki.aspa_table import Providers
from bgptui.rpki.source import SourceState, SourceStatus
from bgptui.rpki.union import Union
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_set import set_of
from bgptui.runtime.metrics import Metrics

OWN, STRANGER = 64500, 64666
WATCHED, OTHER, ELSEWHERE = "203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"
PEERS = [Peer("rrc00", f"192.0.2.{n}", 64400 + n) for n in range(3)]
WATCHLIST = Watchlist([Rule(1, WATCHED, (OWN,), 24)])
OWN_ROA = Vrp(WATCHED, 24, OWN, "ripe")
STRANGERS_ROA = Vrp(WATCHED, 24, STRANGER, "ripe")


class Cache:
    """The one source of a validator."""

    def __init__(self, union: Union) -> None:
        self.union = union
        self.refresh = self.stop = lambda *_: None

    def say(self, *vrps: Vrp, aspas: dict[int, Providers] | None = None) -> None:
        self.union.put("cache", set_of(vrps), dict(aspas or {}))

    def status(self, _now: float) -> SourceStatus:
        return SourceStatus("cache", SourceState.FRESH, as_of=50.0, session=7, serial=9)


class Watch:
    """A monitor of one watched prefix and the whole table, with VRPs that a test changes."""

    def __init__(self, *vrps: Vrp, aspas: dict[int, Providers] | None = None) -> None:
        caches: list[Cache] = []

        def made(union: Union) -> Cache:
            caches.append(Cache(union))
            return caches[0]

        self.rpki = Validator([made])
        self.cache = caches[0]
        self.cache.say(Vrp("100.64.0.0/10", 10, 1), *vrps, aspas=aspas)
        self.rpki.refresh(60.0)
        self.metrics = Metrics()
        self.asked: list[str] = []
        self.monitor = RouteMonitor(
            WATCHLIST,
            self._validate,
            self.rpki.generation,
            min_peers=3,
            next_id=count(1).__next__,
            verify=self.rpki.verify_from,
            aspa_generation=self.rpki.aspa_generation,
            whole_table=WholeTable(learn_s=0.0),
            background=RpkiBackground(
                self.rpki.changes_since,
                self.rpki.validated_before,
                self.rpki.aspa_changes_since,
                self.rpki.data_sources,
                self.rpki.exceptions,
            ),
            learn_s=0.0,
            metrics=self.metrics,
        )

    def _validate(self, prefix: str, origin: int | None) -> OriginValidation:
        self.asked.append(prefix)
        return self.rpki.validate(prefix, origin)

    def say(self, *vrps: Vrp, aspas: dict[int, Providers] | None = None) -> None:
        self.cache.say(Vrp("100.64.0.0/10", 10, 1), *vrps, aspas=aspas)

    def announce(
        self, prefix: str, *path: int, at: float = 100.0, peer: Peer = PEERS[0]
    ) -> list[RouteEvent | RouteCleared]:
        as_path: AsPath = (peer.asn, *path)
        return self.monitor.observe(
            BgpMessage(at, peer, MessageType.UPDATE, (prefix,), as_path=as_path), at
        )

    def withdraw(
        self, prefix: str, *, at: float, peer: Peer = PEERS[0]
    ) -> list[RouteEvent | RouteCleared]:
        return self.monitor.observe(
            BgpMessage(at, peer, MessageType.UPDATE, withdrawn=(prefix,)), at
        )


def the_event(changes: list[RouteEvent | RouteCleared]) -> RouteEvent:
    [event] = [change for change in changes if isinstance(change, RouteEvent)]
    return event


def test_an_own_route_that_lost_its_roa_to_another_as_says_to_fix_the_roa() -> None:
    watch = Watch(OWN_ROA)
    assert watch.announce(WATCHED, OWN) == []
    watch.say(STRANGERS_ROA)
    assert watch.monitor.rejudge(200.0) == []
    event = the_event(watch.announce(WATCHED, OWN, at=300.0, peer=PEERS[1]))
    assert (event.key.event_type, event.key.reason) == (EventType.RPKI_INVALID, "asn")
    assert event.severity is Severity.CRITICAL
    assert "fix your ROA" in event.description
    assert event.description.endswith("it was valid until VRPs changed")
    assert event.evidence["cause"] == Cause.VRP_CHANGE.value
    before, after = event.evidence["rpki_before"], event.evidence["rpki"]
    assert (before["state"], [vrp["asn"] for vrp in before["vrps"]]) == ("valid", [OWN])
    assert (after["state"], [vrp["asn"] for vrp in after["vrps"]]) == ("invalid", [STRANGER])


def test_an_own_route_whose_roa_got_too_tight_is_medium() -> None:
    watch = Watch()
    watch.announce(WATCHED, OWN)
    watch.say(Vrp("203.0.112.0/23", 23, OWN, "ripe"))
    event = the_event(watch.announce(WATCHED, OWN, at=300.0))
    assert (event.key.reason, event.severity) == ("length", Severity.MEDIUM)
    assert event.description.endswith("it was covered by no ROA until VRPs changed")


def test_a_strangers_route_that_a_roa_allowed_is_no_hijack_once_the_roa_is_gone() -> None:
    watch = Watch(OWN_ROA, STRANGERS_ROA)
    low = the_event(watch.announce(WATCHED, STRANGER))
    assert (low.key.event_type, low.severity) == (EventType.HIJACK_SUSPECTED, Severity.LOW)
    watch.say(OWN_ROA)
    cleared, event = watch.monitor.rejudge(200.0)
    assert isinstance(cleared, RouteCleared)
    assert (cleared.key, cleared.cause) == (low.key, Cause.VRP_CHANGE)
    assert isinstance(event, RouteEvent)
    assert (event.key.event_type, event.severity) == (EventType.RPKI_INVALID, Severity.MEDIUM)
    assert event.evidence["cause"] == "vrp_change"
    assert event.evidence["rpki_before"]["state"] == "valid"
    # Neither a peer that announces it later nor a full cache makes it one.
    again = the_event(watch.announce(WATCHED, STRANGER, at=9_000.0, peer=PEERS[1]))
    assert (again.key, again.severity) == (event.key, event.severity)


def gone_by_withdrawal(watch: Watch) -> None:
    watch.withdraw(WATCHED, at=150.0)


def gone_with_the_session(watch: Watch) -> None:
    down = BgpMessage(150.0, PEERS[0], MessageType.STATE, session=Session.DOWN)
    watch.monitor.observe(down, 150.0)


def gone_for_another_origin(watch: Watch) -> None:
    watch.announce(WATCHED, OWN, at=150.0)


@pytest.mark.parametrize(
    "gone", [gone_by_withdrawal, gone_with_the_session, gone_for_another_origin]
)
def test_a_strangers_route_that_was_gone_when_its_roa_went_is_a_hijack_when_it_comes(
    gone: Callable[[Watch], None],
) -> None:
    watch = Watch(OWN_ROA, STRANGERS_ROA)
    watch.announce(WATCHED, STRANGER)
    gone(watch)
    watch.say(OWN_ROA)
    watch.monitor.rejudge(200.0)
    event = the_event(watch.announce(WATCHED, STRANGER, at=9_000.0, peer=PEERS[1]))
    assert (event.key.event_type, event.severity) == (EventType.HIJACK_SUSPECTED, Severity.CRITICAL)
    assert "cause" not in event.evidence


def test_a_strangers_route_that_one_of_two_peers_still_has_stood() -> None:
    watch = Watch(OWN_ROA, STRANGERS_ROA)
    watch.announce(WATCHED, STRANGER)
    watch.announce(WATCHED, STRANGER, peer=PEERS[1])
    watch.withdraw(WATCHED, at=150.0)
    watch.say(OWN_ROA)
    watch.monitor.rejudge(200.0)
    event = the_event(watch.announce(WATCHED, STRANGER, at=300.0))
    assert event.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("gone_s", "severity"), [(3_599.0, Severity.MEDIUM), (3_600.0, Severity.CRITICAL)]
)
def test_a_flip_ends_with_its_route_but_not_while_that_flaps(
    gone_s: float, severity: Severity
) -> None:
    watch = Watch(OWN_ROA, STRANGERS_ROA)
    watch.announce(WATCHED, STRANGER)
    watch.say(OWN_ROA)
    watch.monitor.rejudge(200.0)
    watch.withdraw(WATCHED, at=100_000.0)
    back = watch.announce(WATCHED, STRANGER, at=100_000.0 + gone_s, peer=PEERS[1])
    assert the_event(back).severity is severity
    again = watch.announce(WATCHED, STRANGER, at=100_001.0 + gone_s, peer=PEERS[2])
    assert the_event(again).severity is severity


def test_data_that_is_away_for_a_while_does_not_make_a_flip_forgotten() -> None:
    flips = Flips(Metrics())
    pair = (WATCHED, STRANGER)
    valid, invalid = OriginValidation(RpkiState.VALID), OriginValidation(RpkiState.INVALID)
    flips.note(pair, valid, invalid)
    flips.note(pair, None, OriginValidation(RpkiState.UNAVAILABLE))
    assert flips.before(pair, invalid) == valid


def test_a_strangers_route_that_no_roa_covers_any_more_stays_low() -> None:
    watch = Watch(STRANGERS_ROA)
    watch.announce(WATCHED, STRANGER)
    watch.say()
    event = the_event(watch.monitor.rejudge(200.0))
    assert (event.key.event_type, event.severity) == (EventType.HIJACK_SUSPECTED, Severity.LOW)
    assert "a ROA allowed AS64666 until VRPs changed" in event.description


def test_a_strangers_route_that_never_was_allowed_stays_a_hijack() -> None:
    watch = Watch()
    watch.announce(WATCHED, STRANGER)
    watch.say(OWN_ROA)
    event = the_event(watch.monitor.rejudge(200.0))
    assert (event.key.event_type, event.severity) == (EventType.HIJACK_SUSPECTED, Severity.CRITICAL)


def test_a_route_of_others_that_a_new_roa_makes_invalid_is_counted_and_opens_nothing() -> None:
    watch = Watch()
    watch.announce(OTHER, 64510)
    watch.announce(OTHER, STRANGER, peer=PEERS[1])
    watch.say(Vrp(OTHER, 24, 64510, "apnic"))
    event = the_event(watch.announce(OTHER, STRANGER, at=300.0, peer=PEERS[1]))
    assert (event.key.event_type, event.opens_alert) == (EventType.RPKI_INVALID, False)
    assert event.evidence["cause"] == "vrp_change"
    assert watch.metrics.counts()["routemon.flips_by_vrps"] == 1
    # An origin that comes after the change is what it was before: a hijack suspected.
    new = the_event(watch.announce(OTHER, 64667, at=301.0))
    assert (new.key.event_type, new.key.reason) == (EventType.HIJACK_SUSPECTED, "new_origin")
    assert "cause" not in new.evidence


def test_a_flip_is_remembered_over_changes_of_no_consequence_and_forgotten_with_the_cause() -> None:
    watch = Watch(OWN_ROA)
    watch.announce(WATCHED, OWN)
    watch.say(STRANGERS_ROA)
    watch.monitor.rejudge(200.0)
    watch.say(STRANGERS_ROA, Vrp("203.0.112.0/23", 23, 64999, "ripe"))
    event = the_event(watch.announce(WATCHED, OWN, at=300.0))
    assert [vrp["asn"] for vrp in event.evidence["rpki_before"]["vrps"]] == [OWN]
    watch.say(OWN_ROA)
    [cleared] = watch.monitor.rejudge(400.0)
    assert isinstance(cleared, RouteCleared)
    assert (cleared.cause, cleared.detail) == (Cause.VRP_CHANGE, "a ROA allows it now")
    assert watch.announce(WATCHED, OWN, at=500.0) == []


def test_only_routes_under_changed_prefixes_are_looked_at_again() -> None:
    watch = Watch(OWN_ROA, Vrp(ELSEWHERE, 24, 64510))
    for prefix in (WATCHED, OTHER, ELSEWHERE):
        watch.announce(prefix, STRANGER)
    watch.asked.clear()
    watch.say(OWN_ROA, Vrp("192.0.0.0/16", 16, 64510), Vrp(ELSEWHERE, 24, 64510))
    for prefix in (WATCHED, OTHER, ELSEWHERE):
        watch.announce(prefix, STRANGER, at=200.0)
    assert set(watch.asked) == {ELSEWHERE}


def test_a_leak_that_stood_when_its_aspa_came_is_labelled_where_it_is_watched() -> None:
    watch = Watch(aspas={64999: (1,)})
    watch.announce(WATCHED, 64502, 64501, OWN)
    watch.announce(OTHER, 64502, 64501, OWN)
    # By their ASPAs, AS64501 is no provider of either of its neighbours: a valley.
    watch.say(aspas={64999: (1,), OWN: (64777,), 64502: (64778,)})
    assert watch.monitor.rejudge(200.0) == []
    event = the_event(watch.announce(WATCHED, 64502, 64501, OWN, at=300.0, peer=PEERS[0]))
    assert (event.key.event_type, event.severity) == (EventType.LEAK_SUSPECTED, Severity.MEDIUM)
    assert event.evidence["cause"] == Cause.ASPA_CHANGE.value
    assert event.evidence["aspa"]["failing_hops"]
    assert watch.announce(OTHER, 64502, 64501, OWN, at=300.0) == []
    assert watch.metrics.counts()["routemon.standing_leaks"] > 0


def test_a_leak_that_an_aspa_forbade_all_along_is_not() -> None:
    watch = Watch(aspas={OWN: (64777,), 64502: (64778,)})
    event = the_event(watch.announce(WATCHED, 64502, 64501, OWN))
    assert (event.key.event_type, event.severity) == (EventType.LEAK_SUSPECTED, Severity.HIGH)
    assert "cause" not in event.evidence
    watch.say(aspas={OWN: (64501,), 64502: (64778,)})
    [cleared] = watch.monitor.rejudge(200.0)
    assert isinstance(cleared, RouteCleared)
    assert cleared.cause is Cause.ASPA_CHANGE


def test_what_vrps_said_before_is_known_as_far_as_changes_are_remembered() -> None:
    watch = Watch(OWN_ROA)
    first = watch.rpki.generation()
    watch.say(STRANGERS_ROA)
    before = watch.rpki.validated_before(WATCHED, OWN, first)
    assert before is not None
    assert (before.state, before.covering) == (RpkiState.VALID, (OWN_ROA,))
    assert watch.rpki.validated_before(WATCHED, OWN, first - 1) is None


@pytest.mark.parametrize(
    ("changed", "among"),
    [
        ("10.0.0.0/8", {"10.0.0.0/8", "10.1.0.0/16"}),
        ("8.0.0.0/6", {"10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"}),
        ("10.1.0.0/17", set()),
        ("10.1.0.0/16", {"10.1.0.0/16"}),
        ("2001:db8::/32", {"2001:db8:1::/48"}),
        ("::/0", {"2001:db8:1::/48", "::/16"}),
    ],
)
def test_the_prefixes_below_some_are_found_among_many(changed: str, among: set[str]) -> None:
    many = ["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "100.0.0.0/8", "2001:db8:1::/48", "::/16"]
    assert set(PrefixSet([parse_prefix(changed)]).among(many)) == among
