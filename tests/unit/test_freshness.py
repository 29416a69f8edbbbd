"""When a collector counts as away, and when it does not: rates learned in the feed's time."""

from collections import Counter
from collections.abc import Callable, Iterable
from math import exp, factorial, log
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgptui.domain.gap import Gap
from bgptui.sources.freshness import (
    FORGET_AFTER_S,
    LOW_RATE,
    SILENCE,
    Freshness,
    surprise,
    watched_collectors,
)

T0 = 1_700_000_000.0
HOUR_S = 3_600
Rate = Callable[[float], float]


class Feed:
    """Feeds messages of collectors second by second, at given rates, from a seeded Poisson."""

    def __init__(self, freshness: Freshness, *, seed: int = 1) -> None:
        self.freshness = freshness
        self.gaps: list[Gap] = []
        self.suspected: Counter[str] = Counter()
        self.now = T0
        self._rng = Random(seed)

    def run(self, seconds: float, **rates: float) -> None:
        """Messages a second of each collector, `main` at 50 beside them."""
        rates = {"main": 50.0, **rates}
        for _ in range(int(seconds)):
            self.now += 1.0
            counts = {name: self._poisson(rate) for name, rate in rates.items()}
            self.note({name: count for name, count in counts.items() if count})

    def note(self, counts: dict[str, int]) -> None:
        newest = dict.fromkeys(counts, self.now)
        self.gaps += self.freshness.note(counts, newest, since=self.now, at=self.now)
        self.gaps += self.freshness.judge()
        self.suspected.update(self.freshness.suspects())

    def run_steadily(self, seconds: int, per_slot: int) -> None:
        """rrc15 sends as many messages in every ten seconds, evenly."""
        for second in range(seconds):
            self.now += 1.0
            sent = (second + 1) * per_slot // 10 - second * per_slot // 10
            self.note({"main": 50} | ({"rrc15": sent} if sent else {}))

    def _poisson(self, rate: float) -> int:
        if rate > 30:
            return max(0, round(self._rng.gauss(rate, rate**0.5)))
        count, product = 0, self._rng.random()
        while product > exp(-rate):
            count, product = count + 1, product * self._rng.random()
        return count


@pytest.fixture
def feed() -> Feed:
    return Feed(Freshness(silence_s=60))


def of(gaps: Iterable[Gap], reason: str) -> list[tuple[float, float | None]]:
    """(start, end) after T0 of the gaps of a reason."""
    return [
        (gap.start - T0, None if gap.end is None else gap.end - T0)
        for gap in gaps
        if gap.reason == reason
    ]


def test_a_collector_that_falls_silent_is_a_gap_from_its_last_message_to_its_next(
    feed: Feed,
) -> None:
    feed.run(600, rrc15=5)
    feed.run(90)
    feed.run(10, rrc15=50)
    (opened, none), (started, ended) = of(feed.gaps, SILENCE)
    assert none is None
    assert opened == started == pytest.approx(600, abs=3)
    assert ended == 691
    assert {gap.collector for gap in feed.gaps} == {"rrc15"}


def test_it_is_noticed_after_silence_s_and_suspected_before(feed: Feed) -> None:
    feed.run(600, rrc15=5)
    feed.suspected.clear()
    feed.run(58)
    assert not feed.gaps
    assert feed.suspected["rrc15"] > 45, "suspected from about five seconds on"
    feed.run(5)
    assert len(feed.gaps) == 1
    assert feed.freshness.suspects() == frozenset()


def test_a_collector_below_a_tenth_of_its_usual_rate_is_a_gap_until_the_rate_is_back(
    feed: Feed,
) -> None:
    feed.run(600, rrc15=20)
    feed.run(120, rrc15=1)
    feed.run(60, rrc15=20)
    [opened, closed] = of(feed.gaps, LOW_RATE)
    assert opened == (closed[0], None)
    assert 595 <= opened[0] <= 615
    assert closed[1] is not None
    assert 720 <= closed[1] <= 745
    assert not of(feed.gaps, SILENCE)


@pytest.mark.parametrize("offset_s", range(0, 60, 7))
def test_a_low_rate_is_noticed_wherever_its_minute_begins(feed: Feed, offset_s: int) -> None:
    feed.run_steadily(600 + offset_s, per_slot=200)
    feed.run_steadily(90, per_slot=10)
    assert [gap.reason for gap in feed.gaps] == [LOW_RATE]


def test_windows_are_not_held_for_a_low_rate_that_is_no_gap(feed: Feed) -> None:
    feed.run_steadily(60, per_slot=10)
    feed.run_steadily(600, per_slot=200)
    feed.run_steadily(300, per_slot=10)
    assert not feed.gaps, "as low as in its first minute"
    assert 0 < feed.suspected["rrc15"] <= 60


@pytest.mark.parametrize("offset_s", range(0, 10, 3))
def test_a_collector_that_stopped_is_silent_wherever_its_last_messages_fell(
    feed: Feed, offset_s: int
) -> None:
    feed.run(600 + offset_s, rrc15=5)
    feed.run(100)
    assert [gap.reason for gap in feed.gaps] == [SILENCE]


def test_a_rate_that_stays_low_for_an_hour_is_the_usual_one(feed: Feed) -> None:
    feed.run(600, rrc15=20)
    feed.run(2 * HOUR_S, rrc15=1)
    [_, (start, end)] = of(feed.gaps, LOW_RATE)
    assert end is not None
    assert end - start == pytest.approx(HOUR_S, abs=30)


def test_a_low_rate_that_becomes_none_is_a_gap_until_the_next_message(feed: Feed) -> None:
    feed.run(600, rrc15=20)
    feed.run(120, rrc15=1)
    feed.run(2 * HOUR_S)
    assert [gap.end for gap in feed.gaps] == [None]
    feed.run(30, rrc15=20)
    assert feed.gaps[-1].end == pytest.approx(T0 + 720 + 2 * HOUR_S, abs=30)


def test_an_old_timestamp_at_the_head_of_the_feed_is_no_time_that_passed() -> None:
    freshness = Freshness(silence_s=60, watched={"main", "rrc15"})
    feed = Feed(freshness)
    week_ago = T0 - 7 * 86_400
    freshness.note({"main": 2}, {"main": T0}, since=week_ago, at=T0)
    assert not freshness.judge()
    feed.run(60, rrc15=5)
    assert not feed.gaps


def test_nothing_is_learned_from_a_gap(feed: Feed) -> None:
    for _ in range(4):
        feed.run(400, rrc15=20)
        feed.run(150)
        feed.run(400, rrc15=20)
        feed.run(150, rrc15=1)
    feed.run(100, rrc15=20)
    ended = [gap for gap in feed.gaps if gap.end is not None]
    assert [gap.reason for gap in ended] == [SILENCE, LOW_RATE] * 4
    assert all(150 <= (gap.end or 0) - gap.start <= 185 for gap in ended)


@pytest.mark.parametrize("share", [0.3, 0.5, 3.0, 30.0])
def test_a_rate_that_only_halves_or_rises_is_no_gap(feed: Feed, share: float) -> None:
    feed.run(600, rrc15=20)
    feed.run(600, rrc15=20 * share)
    feed.run(600, rrc15=20)
    assert not feed.gaps


@pytest.mark.parametrize("per_minute", [0.2, 1, 3, 10, 30])
def test_a_small_collector_does_not_flap(feed: Feed, per_minute: float) -> None:
    feed.run(6 * HOUR_S, rrc24=per_minute / 60)
    assert not feed.gaps


def test_a_small_collector_is_missed_in_the_end(feed: Feed) -> None:
    feed.run(HOUR_S, rrc24=3 / 60)
    feed.run(HOUR_S)
    assert [collector.collector for collector in feed.gaps] == ["rrc24"]


def test_bursts_do_not_make_the_calm_between_them_a_gap(feed: Feed) -> None:
    for _ in range(20):
        feed.run(30, rrc15=500)
        feed.run(270, rrc15=0.5)
    assert not feed.gaps


def test_a_collector_that_pauses_regularly_is_given_the_time_it_usually_takes(feed: Feed) -> None:
    for _ in range(12):
        feed.run(120, rrc15=20)
        feed.run(50)
    feed.run(90)
    assert not feed.gaps
    feed.run(30)
    assert len(feed.gaps) == 1


def test_a_stall_of_the_whole_feed_puts_no_collector_under_suspicion(feed: Feed) -> None:
    feed.run(600, rrc15=5, rrc01=5)
    feed.now += 90
    feed.note({"main": 1})
    assert feed.freshness.suspects() == frozenset()
    feed.run(4)
    feed.run(30, rrc15=5, rrc01=5)
    assert not feed.gaps


def test_a_collector_that_does_not_come_back_after_a_stall_is_noticed(feed: Feed) -> None:
    feed.run(600, rrc15=5)
    feed.now += 90
    feed.run(65)
    [(start, end)] = of(feed.gaps, SILENCE)
    assert start == pytest.approx(600, abs=3)
    assert end is None


def test_nothing_is_usual_in_the_first_minutes(feed: Feed) -> None:
    feed.run(150, rrc15=5)
    feed.run(90)
    assert not feed.gaps


def test_a_collector_asked_for_by_name_is_missed_though_it_never_came() -> None:
    feed = Feed(Freshness(silence_s=60, watched={"main", "rrc99"}))
    feed.run(120, rrc15=5)
    assert of(feed.gaps, SILENCE) == [(1, None)]
    assert feed.gaps[0].collector == "rrc99"
    feed.run(5, rrc99=5)
    assert of(feed.gaps, SILENCE)[1][1] == pytest.approx(121, abs=2)


def test_a_collector_that_is_gone_for_a_day_is_forgotten(feed: Feed) -> None:
    feed.run(600, rrc15=5)
    feed.run(70)
    feed.now += FORGET_AFTER_S - 100
    feed.run(100)
    [_, (start, end)] = of(feed.gaps, SILENCE)
    assert end is not None
    assert end - start == pytest.approx(FORGET_AFTER_S, abs=200)


def test_the_number_of_collectors_is_bounded(feed: Feed) -> None:
    for number in range(1_200):
        feed.note({f"rrc{number}": 1})
    assert len(feed.freshness._collectors) == 1_000


@pytest.mark.parametrize(
    ("count", "expected", "nats"),
    [(0, 10.0, 10.0), (10, 10.0, 0.0), (20, 10.0, 0.0), (1, 10.0, 6.697)],
)
def test_surprise(count: int, expected: float, nats: float) -> None:
    assert surprise(count, expected) == pytest.approx(nats, abs=0.001)


@given(count=st.integers(0, 60), expected=st.floats(0.1, 60))
def test_surprise_never_exceeds_that_of_the_poisson_distribution(
    count: int, expected: float
) -> None:
    tail = sum(exp(-expected) * expected**k / factorial(k) for k in range(count + 1))
    assert surprise(count, expected) <= -log(min(tail, 1.0)) + 1e-9


Step = tuple[float, dict[str, int]]
steps = st.lists(
    st.tuples(
        st.floats(-5, 200, allow_nan=False),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 500), max_size=3),
    ),
    max_size=200,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_every_gap_opens_once_and_ends_once_and_not_before_its_start(steps: list[Step]) -> None:
    freshness = Freshness(silence_s=60, watched={"a", "b"})
    now, lasting = T0, dict[str | None, Gap]()
    for step_s, counts in steps:
        now += step_s
        for gap in freshness.note(counts, dict.fromkeys(counts, now), since=now, at=now):
            assert gap.end is not None
            assert gap.end >= gap.start == lasting.pop(gap.collector).start
        for gap in freshness.judge():
            assert gap.end is None
            assert gap.collector not in lasting
            lasting[gap.collector] = gap
        assert not freshness.suspects() & lasting.keys()
        assert not {gap.collector for gap in lasting.values() if gap.reason == SILENCE} & (
            counts.keys()
        )


def test_the_watch_is_on_the_hosts_of_broad_subscriptions() -> None:
    assert watched_collectors({"rrc01", "rrc02"}) == frozenset({"rrc01", "rrc02"})
    assert watched_collectors({"rrc01", None}) is None
    assert watched_collectors(()) == frozenset()
