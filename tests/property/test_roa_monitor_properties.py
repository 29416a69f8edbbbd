"""The ROA monitor against comparing everything with everything, for random VRPs."""

import ipaddress
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from bgptui.domain.roa import Interest, RoaCleared, RoaEvent, RoaKind, RoaReading, SourceReading
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.routemon.roa_expected import Expected, VrpIndex
from bgptui.routemon.roa_monitor import RoaMonitor
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.rpki.concerned import ConcernedVrps
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.source import SourceState, SourceStatus
from bgptui.rpki.union import Union
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_set import Delta, set_of
from bgptui.rpki.vrp_table import table_of

ORIGINS = (0, 64500, 64501, 64666)
RULES = (
    Rule(1, "10.0.0.0/30", (64500,), 30),
    Rule(2, "10.0.0.4/30", (64500, 64501), 31),
    Rule(3, "10.0.0.4/31", (64501,), 31),
    Rule(4, "2001:db8::/124", (64501,), 124),
)


def _prefix(family: int, number: int, length: int) -> str:
    width, base = (32, "10.0.0.0") if family == 4 else (128, "2001:db8::")
    address = int(ipaddress.ip_address(base)) + number
    below = width - length
    return str(ipaddress.ip_network((address >> below << below, length)))


@st.composite
def vrps(draw: st.DrawFn) -> Vrp:
    """Of a small corner of either family, so that they overlap."""
    family = draw(st.sampled_from((4, 6)))
    width = 32 if family == 4 else 128
    length = draw(st.integers(width - 5, width))
    prefix = _prefix(family, draw(st.integers(0, 15)), length)
    return Vrp(prefix, draw(st.integers(length, width)), draw(st.sampled_from(ORIGINS)))


sets_of_vrps = st.frozensets(vrps(), max_size=8)


class Shown:
    """A monitor that waits for nothing."""

    def __init__(self) -> None:
        self.monitor = RoaMonitor(Watchlist(RULES), warn_s=0, settle_s=0, anchor_loss=1.0)
        self.now = 0.0
        self.lost: dict[str, set[Expected]] = {}
        self.foreign: dict[str, tuple[str, int | None]] = {}

    def show(self, shown: Iterable[Vrp]) -> list[RoaEvent]:
        """Events; what goes on is kept up with."""
        self.now += 10.0
        reading = RoaReading((SourceReading("a", self.now, {}),), dict.fromkeys(shown, ()))
        events = []
        for change in self.monitor.observe(reading, self.now):
            if isinstance(change, RoaCleared):
                self.lost.pop(change.key, None)
                self.foreign.pop(change.key, None)
                continue
            events.append(change)
            if change.kind is RoaKind.LOST:
                assert change.origin_asn is not None
                self.lost[change.key] = {Expected(p, change.origin_asn) for p in change.prefixes}
            elif change.kind is RoaKind.FOREIGN:
                self.foreign[change.key] = change.prefixes[0], change.origin_asn
        return events


EXPECTED = tuple(Expected(rule.prefix, origin) for rule in RULES for origin in rule.origins)


def states(shown: frozenset[Vrp]) -> dict[Expected, RpkiState]:
    table = table_of(shown)
    return {each: validate(table, each.prefix, each.origin).state for each in EXPECTED}


@given(st.lists(sets_of_vrps, min_size=2, max_size=8))
@settings(deadline=None, max_examples=100)
def test_what_is_lost_and_not_back_is_told_and_nothing_else(history: list[frozenset[Vrp]]) -> None:
    shown = Shown()
    missed: set[Expected] = set()
    before = history[0]
    assert shown.show(before) == []
    for after in history[1:]:
        shown.show(after)
        was, now = states(before), states(after)
        missed = {each for each in missed if now[each] is not RpkiState.VALID}
        missed |= {
            each
            for each in EXPECTED
            if was[each] is RpkiState.VALID and now[each] is not RpkiState.VALID
        }
        told = {each for members in shown.lost.values() for each in members}
        # Beyond that only what became invalid though no ROA had covered it.
        assert missed <= told
        assert all(now[each] is RpkiState.INVALID for each in told - missed)
        before = after


@given(st.lists(sets_of_vrps, min_size=2, max_size=8))
@settings(deadline=None, max_examples=100)
def test_strangers_go_on_as_long_as_their_vrps(history: list[frozenset[Vrp]]) -> None:
    shown = Shown()
    shown.show(history[0])
    for after in history[1:]:
        shown.show(after)
        there = {(vrp.prefix, vrp.asn) for vrp in after}
        assert set(shown.foreign.values()) <= there
        for vrp in after - history[0]:
            inside = Watchlist(RULES).covering(vrp.prefix)
            origins = {origin for rule in inside for origin in rule.origins}
            if inside and vrp.asn != 0 and vrp.asn not in origins:
                stood = (vrp.prefix, vrp.asn) in {(v.prefix, v.asn) for v in history[0]}
                assert stood or (vrp.prefix, vrp.asn) in shown.foreign.values()


@given(st.lists(sets_of_vrps, min_size=1, max_size=5))
def test_what_stays_as_it_is_is_never_told_again(history: list[frozenset[Vrp]]) -> None:
    shown = Shown()
    for each in history:
        shown.show(each)
        assert shown.show(each) == []


@given(sets_of_vrps)
@settings(deadline=None)
def test_the_state_of_an_origin_is_that_of_the_table(shown: frozenset[Vrp]) -> None:
    index = VrpIndex(shown)
    assert {each: index.state(each) for each in EXPECTED} == states(shown)


class _FromUnion(Validator):
    """A validator whose one source is a test that writes to its union."""

    @property
    def union(self) -> Union:
        return self._union

    def fresh(self) -> tuple[SourceStatus, ...]:
        return (SourceStatus("a", SourceState.FRESH),)


@given(sets_of_vrps, st.lists(st.tuples(sets_of_vrps, sets_of_vrps), max_size=5))
@settings(deadline=None, max_examples=100)
def test_the_vrps_that_concern_a_watchlist_are_kept_up_with_every_delta(
    first: frozenset[Vrp], deltas: list[tuple[frozenset[Vrp], frozenset[Vrp]]]
) -> None:
    validator = _FromUnion()
    interest = Interest([rule.prefix for rule in RULES], {64666})
    concerned = ConcernedVrps(validator, interest)
    validator.union.put("a", set_of(first), {})
    held = set(first)
    for come, go in [(frozenset[Vrp](), frozenset[Vrp]()), *deltas]:
        added, removed = come - held, (go & held) - come
        delta = Delta(tuple(set_of(added)), tuple(set_of(removed)))
        validator.union.change("a", delta, {})
        held = (held | added) - removed
        reading = concerned.read()
        assert reading is not None
        assert set(reading.vrps) == {vrp for vrp in held if interest.concerns(vrp)}
        watched = [ipaddress.ip_network(prefix) for prefix in interest.prefixes]
        for vrp in held - set(reading.vrps):
            mine = ipaddress.ip_network(vrp.prefix)
            assert vrp.asn != 64666
            assert not any(mine.overlaps(each) for each in watched if each.version == mine.version)
