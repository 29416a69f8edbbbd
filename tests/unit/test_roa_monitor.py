"""What the ROA monitor tells of the VRPs it is shown, and what it keeps to itself."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from bgptui.domain.alert import Severity
from bgptui.domain.roa import Expiry, RoaChange, RoaCleared, RoaEvent, RoaReading, SourceReading
from bgptui.domain.rpki import Vrp
from bgptui.routemon.roa_monitor import RoaMonitor
from bgptui.routemon.watchlist import AsRule, Check, Rule, Watchlist
from support.roas import alert_of

START = 1_790_000_000.0
SETTLE_S = 120.0
HOUR_S = 3_600.0

OWN = Vrp("203.0.113.0/24", 24, 64500)
BESIDE = Vrp("203.0.113.0/24", 24, 64666)
ABOVE = Vrp("203.0.112.0/22", 22, 64999)
RULE = Rule(1, "203.0.113.0/24", (64500,), 24, description="web", group="noc")


class World:
    """A monitor, and what it is shown minute by minute."""

    def __init__(self, *rules: Rule, as_rules: tuple[AsRule, ...] = ()) -> None:
        self.watchlist = Watchlist(rules or (() if as_rules else (RULE,)), as_rules)
        self.monitor = self.new_monitor()
        self.now = START
        self.sources: tuple[SourceReading, ...] = (
            SourceReading("rtr://a", START, {"ripe": 1_000, "arin": 1_000}),
        )

    def new_monitor(self) -> RoaMonitor:
        return RoaMonitor(self.watchlist, warn_s=7_200, settle_s=SETTLE_S, anchor_loss=0.1)

    def show(
        self,
        *vrps: Vrp,
        expires: Mapping[Vrp, Expiry] | None = None,
        anchors: Mapping[Vrp, str] | None = None,
    ) -> list[RoaChange]:
        """What is told of VRPs in force at this moment."""
        vouched = {vrp: ((anchors or {}).get(vrp, "ripe"),) for vrp in vrps}
        reading = RoaReading(self.sources, vouched, expires or {})
        return self.monitor.observe(reading, self.now)

    def keep_showing(self, *vrps: Vrp, for_s: float = 200.0) -> list[RoaChange]:
        """What is told while they stay in force, with a source that is renewed."""
        told = self.show(*vrps)
        until = self.now + for_s
        while self.now < until:
            self.now += 20.0
            self.sources = tuple(replace(each, as_of=self.now) for each in self.sources)
            told += self.show(*vrps)
        return told

    def count(self, **vrps: int) -> None:
        """VRPs that the trust anchors have from now on."""
        self.sources = tuple(
            replace(each, anchors={**each.anchors, **vrps}) for each in self.sources
        )


def only(changes: list[RoaChange]) -> RoaEvent:
    """The one event that was told."""
    assert len(changes) == 1, changes
    assert isinstance(changes[0], RoaEvent)
    return changes[0]


SITUATIONS = {
    "own ROA gone": ((OWN,), (), "roa_lost", Severity.MEDIUM, "not_found"),
    "own ROA gone, another covers": (
        (OWN, ABOVE),
        (ABOVE,),
        "roa_lost",
        Severity.HIGH,
        "invalid",
    ),
    "own ROA became too short": (
        (OWN,),
        (Vrp("203.0.112.0/22", 22, 64500),),
        "roa_lost",
        Severity.HIGH,
        "invalid",
    ),
    "a wider ROA covers what none covered": (
        (),
        (ABOVE,),
        "roa_lost",
        Severity.HIGH,
        "invalid",
    ),
    "a stranger's ROA beside ours": (
        (OWN,),
        (OWN, BESIDE),
        "roa_foreign",
        Severity.HIGH,
        None,
    ),
    "a stranger's ROA where there was none": (
        (),
        (BESIDE,),
        "roa_foreign",
        Severity.HIGH,
        "invalid",
    ),
    "a stranger's ROA for a part of it": (
        (OWN,),
        (OWN, Vrp("203.0.113.128/25", 25, 64666)),
        "roa_foreign",
        Severity.HIGH,
        None,
    ),
    "a stranger's wider ROA that allows it": (
        (OWN,),
        (OWN, Vrp("203.0.112.0/22", 24, 64999)),
        "roa_foreign",
        Severity.MEDIUM,
        None,
    ),
    "a wider ROA that allows nothing": ((OWN,), (OWN, ABOVE), "roa_changed", Severity.LOW, None),
    "own first ROA": ((), (OWN,), "roa_changed", Severity.LOW, None),
    "own ROA with another length": (
        (OWN,),
        (Vrp("203.0.113.0/24", 26, 64500),),
        "roa_changed",
        Severity.LOW,
        None,
    ),
    "a stranger's ROA gone": ((OWN, BESIDE), (OWN,), "roa_changed", Severity.LOW, None),
    "AS0 beside ours": (
        (OWN,),
        (OWN, Vrp("203.0.113.0/24", 24, 0)),
        "roa_changed",
        Severity.LOW,
        None,
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_situation_is_told_once_when_it_has_lasted(situation: str) -> None:
    before, after, kind, severity, status = SITUATIONS[situation]
    world = World()
    assert world.keep_showing(*before) == []
    began = world.now
    event = only(world.keep_showing(*after))
    assert (event.kind, event.severity, event.rpki_status) == (kind, severity, status)
    assert event.watched_prefix == "203.0.113.0/24"
    assert event.since == began
    assert event.timestamp == began + SETTLE_S
    assert event.opens_alert


@pytest.mark.parametrize(
    "situation", [name for name in SITUATIONS if "roa_changed" not in SITUATIONS[name]]
)
def test_what_goes_on_is_over_when_everything_is_as_before(situation: str) -> None:
    before, after, *_ = SITUATIONS[situation]
    world = World()
    world.keep_showing(*before)
    event = only(world.keep_showing(*after))
    told = world.keep_showing(*before)
    assert [type(each) for each in told] == [RoaCleared]
    assert told[0].key == event.key


def test_the_evidence_has_the_vrps_before_and_now_with_trust_anchor_source_and_age() -> None:
    world = World()
    world.keep_showing(OWN, ABOVE)
    event = only(world.keep_showing(ABOVE))
    rule, roa, rpki = event.evidence
    assert rule["text"] == "watchlist rule 1: 203.0.113.0/24 up to /24 from AS64500"
    assert (rule["description"], rule["group"]) == ("web", "noc")
    assert (roa["status_before"], roa["status"]) == ("valid", "invalid")
    ours = {"prefix": OWN.prefix, "max_length": 24, "asn": 64500, "trust_anchor": "ripe"}
    assert ours in roa["before"]
    assert [vrp["asn"] for vrp in roa["now"]] == [64999]
    assert rpki["source"] == "rtr://a"
    assert rpki["as_of"].endswith("Z")


def test_a_loss_that_becomes_invalid_grows_severe() -> None:
    world = World()
    world.keep_showing(OWN)
    first = only(world.keep_showing())
    changes = world.keep_showing(ABOVE)
    event = only([each for each in changes if isinstance(each, RoaEvent) and not each.is_notice])
    assert event.key == first.key
    assert (first.severity, event.severity) == (Severity.MEDIUM, Severity.HIGH)
    assert event.since == first.since


def test_what_flaps_faster_than_it_settles_is_not_told() -> None:
    world = World()
    world.keep_showing(OWN)
    for _ in range(10):
        assert world.keep_showing(for_s=SETTLE_S - 20.0) == []
        assert world.keep_showing(OWN, for_s=20.0) == []


def test_nothing_is_told_of_a_cache_with_the_same_content_in_place_of_the_other() -> None:
    world = World()
    world.keep_showing(OWN, ABOVE)
    world.sources = (SourceReading("file.json", world.now, {"": 2_000}),)
    reading = RoaReading(world.sources, {OWN: (), ABOVE: ()})
    for _ in range(200):
        world.now += 20.0
        assert world.monitor.observe(reading, world.now) == []


def test_what_goes_with_a_stale_cache_is_told_only_if_it_stays_away_for_long() -> None:
    world = World()
    both = (world.sources[0], SourceReading("rtr://b", START, {"ripe": 1_000}))
    world.sources = both
    world.keep_showing(OWN)
    world.sources = both[1:]
    assert world.keep_showing(for_s=1_700.0) == []
    world.sources = both
    assert world.keep_showing(OWN) == []
    world.sources = both[1:]
    assert only(world.keep_showing(for_s=1_900.0)).kind == "roa_lost"


def test_that_a_cache_left_or_joined_may_be_said_after_its_vrps_did() -> None:
    world = World()
    both = (world.sources[0], SourceReading("rtr://b", START, {"ripe": 1_000}))
    world.sources = both
    world.keep_showing(OWN)
    world.keep_showing(for_s=20.0)
    world.sources = both[:1]
    assert world.keep_showing(for_s=600.0) == []
    world.keep_showing(OWN, BESIDE, for_s=20.0)
    world.sources = both
    assert world.keep_showing(OWN, BESIDE, for_s=600.0) == []


def test_what_a_cache_that_joins_knows_is_no_news() -> None:
    world = World()
    world.keep_showing(OWN)
    world.sources += (SourceReading("rtr://b", world.now, {"ripe": 1_000}),)
    assert world.keep_showing(OWN, BESIDE, ABOVE) == []
    assert only(world.keep_showing(OWN, ABOVE)).kind == "roa_changed"


def test_vrps_that_expire_because_their_source_died_are_not_told_of() -> None:
    world = World()
    ends = {OWN: Expiry(START + 10 * HOUR_S, START)}
    assert world.show(OWN, expires=ends) == []
    world.now += 9.5 * HOUR_S
    assert world.show(OWN, expires=ends) == []
    world.now += 0.5 * HOUR_S
    for _ in range(100):
        world.now += 60.0
        assert world.show(expires=ends) == []  # the same old data, without what expired
    world.sources = tuple(replace(each, as_of=world.now) for each in world.sources)
    assert only(world.show()).kind == "roa_lost"  # data of now does not have it


def test_what_ends_soon_is_told_until_it_is_renewed() -> None:
    world = World()
    assert world.show(OWN, expires={OWN: Expiry(START + 3 * HOUR_S, START)}) == []
    world.now += HOUR_S + 60
    soon = {OWN: Expiry(START + 3 * HOUR_S, world.now)}
    event = only(world.show(OWN, expires=soon))
    assert (event.kind, event.severity) == ("roa_expiring", Severity.MEDIUM)
    assert event.prefixes == (OWN.prefix,)
    assert world.show(OWN, expires=soon) == []
    told = world.show(OWN, expires={OWN: Expiry(START + 20 * HOUR_S, world.now)})
    assert told == [RoaCleared(world.now, event.key, "renewed, or gone")]


def test_what_ends_while_another_vrp_allows_the_same_is_all_right() -> None:
    world = World()
    other = Vrp("203.0.112.0/22", 24, 64500)
    soon, late = Expiry(START + HOUR_S, START), Expiry(START + 20 * HOUR_S, START)
    assert world.show(OWN, other, expires={OWN: soon, other: late}) == []
    assert world.show(OWN, other, expires={OWN: soon}) == []  # RTR says nothing of the other


def test_prefixes_of_one_origin_that_end_together_are_one_alert() -> None:
    prefixes = [f"198.51.{n}.0/24" for n in range(20)]
    world = World(*(Rule(n, prefix, (64500,), 24) for n, prefix in enumerate(prefixes)))
    vrps = [Vrp(prefix, 24, 64500) for prefix in prefixes]
    soon = dict.fromkeys(vrps, Expiry(START + HOUR_S, START))
    assert set(only(world.show(*vrps, expires=soon)).prefixes) == set(prefixes)


def test_what_one_origin_loses_at_one_time_is_one_matter_that_ends_with_its_last_prefix() -> None:
    prefixes = [f"198.51.{n}.0/24" for n in range(5)]
    world = World(*(Rule(n, prefix, (64500,), 24) for n, prefix in enumerate(prefixes)))
    vrps = [Vrp(prefix, 24, 64500) for prefix in prefixes]
    world.keep_showing(*vrps)
    event = only(world.keep_showing())
    assert set(event.prefixes) == set(prefixes)
    fewer = only(world.keep_showing(*vrps[:4]))
    assert (fewer.key, fewer.prefixes) == (event.key, (prefixes[4],))
    assert [type(each) for each in world.keep_showing(*vrps)] == [RoaCleared]


def test_a_later_loss_is_a_matter_of_its_own() -> None:
    rules = (Rule(1, "198.51.100.0/24", (64500,), 24), RULE)
    other = Vrp("198.51.100.0/24", 24, 64500)
    world = World(*rules)
    world.keep_showing(OWN, other)
    first, second = only(world.keep_showing(OWN)), only(world.keep_showing())
    assert first.key != second.key


def test_every_vrp_of_a_watched_as_is_looked_at() -> None:
    world = World(as_rules=(AsRule(1, 64500),))
    world.keep_showing(OWN)
    other = Vrp("198.51.100.0/24", 24, 64500)
    assert only(world.keep_showing(OWN, other)).kind == "roa_changed"
    event = only(world.keep_showing(OWN))
    assert (event.kind, event.prefixes, event.origin_asn) == ("roa_lost", (other.prefix,), 64500)
    assert [type(each) for each in world.keep_showing(OWN, other)] == [RoaCleared]


@pytest.mark.parametrize("asn", [64510, 64520], ids=["watched", "sibling"])
def test_siblings_and_watched_ases_are_no_strangers(asn: int) -> None:
    world = World(RULE, as_rules=(AsRule(1, 64510),))
    world.watchlist = Watchlist(
        world.watchlist.rules,
        world.watchlist.as_rules.values(),
        siblings=[frozenset({64500, 64520})],
    )
    world.monitor = world.new_monitor()
    world.keep_showing(OWN)
    event = only(world.keep_showing(OWN, Vrp(OWN.prefix, 24, asn)))
    assert event.kind == "roa_changed"


@pytest.mark.parametrize(
    "rule",
    [
        replace(RULE, checks=frozenset({Check.ORIGIN})),
        replace(RULE, ignore=True),
    ],
    ids=["not checked", "ignored"],
)
def test_a_rule_that_does_not_look_at_roas_is_quiet(rule: Rule) -> None:
    world = World(rule, as_rules=(AsRule(1, 64500),))
    world.keep_showing(OWN)
    assert world.keep_showing(BESIDE) == []
    assert world.keep_showing() == []


def test_no_alert_opens_while_the_rule_is_muted_and_one_does_when_it_is_not_any_more() -> None:
    world = World(replace(RULE, mute_until=START + HOUR_S))
    world.keep_showing(OWN)
    assert not only(world.keep_showing()).opens_alert
    world.now = START + HOUR_S
    assert only(world.keep_showing()).opens_alert


def test_a_trust_anchor_that_shrinks_is_named_with_what_was_lost_by_it() -> None:
    world = World()
    world.keep_showing(OWN)
    world.count(ripe=850, arin=1_000)
    event = only(world.keep_showing())
    assert (event.kind, event.severity) == ("trust_anchor_shrank", Severity.MEDIUM)
    assert "Trust anchor ripe has 850 VRPs instead of 1000 (15% less) by rtr://a" in (
        event.description
    )
    assert event.prefixes == (OWN.prefix,)
    assert event.evidence[0]["watched_prefixes"] == 1
    world.count(ripe=990, arin=1_000)
    assert [type(each) for each in world.keep_showing(OWN)] == [RoaCleared]


def test_what_is_lost_by_a_trust_anchor_and_does_not_come_back_with_it_is_told() -> None:
    world = World()
    world.keep_showing(OWN)
    world.count(ripe=850)
    world.keep_showing()
    world.count(ripe=1_000)
    told = world.keep_showing()
    assert {type(each) for each in told} == {RoaCleared, RoaEvent}
    lost = only([each for each in told if isinstance(each, RoaEvent)])
    assert (lost.kind, lost.prefixes) == ("roa_lost", (OWN.prefix,))


def test_a_trust_anchor_that_stays_small_for_a_day_is_as_usual() -> None:
    world = World()
    world.keep_showing(OWN)
    world.count(ripe=850)
    only(world.keep_showing(OWN))
    world.now += 25 * HOUR_S
    assert [type(each) for each in world.keep_showing(OWN)] == [RoaCleared]


def test_the_trust_anchors_of_a_source_that_is_not_asked_any_more_are_forgotten() -> None:
    world = World()
    world.keep_showing(OWN)
    world.count(ripe=850)
    only(world.keep_showing(OWN))
    world.sources = (SourceReading("rtr://b", world.now, {"ripe": 1_000}),)
    assert world.keep_showing(OWN) == []
    world.now += 25 * HOUR_S
    assert [type(each) for each in world.keep_showing(OWN)] == [RoaCleared]


@pytest.mark.parametrize("now", [901, 985])
def test_a_trust_anchor_that_lost_less_than_the_share_is_quiet(now: int) -> None:
    world = World()
    world.keep_showing(OWN)
    world.count(ripe=now, arin=1_000)
    assert world.keep_showing(OWN) == []


def test_the_few_vrps_of_a_small_trust_anchor_say_nothing() -> None:
    world = World()
    world.count(test=9)
    world.keep_showing(OWN)
    world.count()
    assert world.keep_showing(OWN) == []


def test_a_load_that_is_held_back_is_told_until_it_is_decided() -> None:
    world = World()
    world.keep_showing(OWN)
    source = world.sources[0]
    world.sources = (replace(source, held={"ripe": 1_000, "arin": 100}),)
    event = only(world.show(OWN))
    assert event.kind == "vrps_held_back"
    assert "1100 VRPs instead of 2000 (by trust anchor: arin 1000 to 100)" in event.description
    world.sources = (source,)
    assert [type(each) for each in world.show(OWN)] == [RoaCleared]


def restarted(world: World, *told: RoaEvent) -> None:
    """Another process goes on from what this one left."""
    memory = world.monitor.memory()
    world.monitor = world.new_monitor()
    world.monitor.restore(memory, [alert_of(event) for event in told])


def test_a_restart_tells_nothing_again_and_what_happened_meanwhile() -> None:
    world = World()
    world.keep_showing(OWN)
    restarted(world)
    assert world.keep_showing(OWN) == []
    restarted(world)
    lost = only(world.keep_showing())
    restarted(world, lost)
    assert {(type(each), each.key) for each in world.keep_showing()} == {(RoaEvent, lost.key)}
    told = world.keep_showing(OWN)
    assert [(type(each), each.key) for each in told] == [(RoaCleared, lost.key)]


@pytest.mark.parametrize("situation", ["a stranger's ROA beside ours", "own ROA gone"])
def test_what_an_earlier_run_told_is_over_when_it_is_gone_after_a_restart(situation: str) -> None:
    before, after, *_ = SITUATIONS[situation]
    world = World()
    world.keep_showing(*before)
    event = only(world.keep_showing(*after))
    restarted(world, event)
    told = world.keep_showing(*before)
    assert {each.key for each in told} == {event.key}
    assert isinstance(told[-1], RoaCleared)


def test_a_trust_anchor_is_still_small_after_a_restart_and_recovers() -> None:
    world = World()
    world.keep_showing(OWN)
    world.count(ripe=800)
    event = only(world.keep_showing())
    restarted(world, event)
    told = world.keep_showing()
    assert all(isinstance(each, RoaEvent) and each.key == event.key for each in told)
    world.count(ripe=1_000)
    assert [(type(each), each.key) for each in world.keep_showing(OWN)] == [(RoaCleared, event.key)]


def test_what_nobody_watched_before_is_no_news_when_it_is_watched() -> None:
    world = World()
    world.keep_showing(OWN)
    other = Rule(2, "198.51.100.0/24", (64500,), 24)
    foreign = Vrp("198.51.100.0/24", 24, 64666)
    world.monitor.set_watchlist(Watchlist((RULE, other)))
    assert world.keep_showing(OWN, foreign) == []
    assert only(world.keep_showing(foreign)).kind == "roa_lost"


def test_what_is_not_watched_any_more_ends() -> None:
    world = World()
    world.keep_showing(OWN)
    begun = world.keep_showing(BESIDE)
    assert len(begun) == 2
    world.monitor.set_watchlist(Watchlist(()))
    told = world.keep_showing()
    assert {type(each) for each in told} == {RoaCleared}
    assert {each.key for each in told} == {each.key for each in begun}
