"""From scores to probabilities, and thresholds counted in episodes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgptui.detect.calibration import Ramp, Tail, fit_pareto, pareto_excess, pareto_survival
from bgptui.detect.thresholds import (
    NormalScores,
    alarm_rate,
    fit_alarm_p,
    fit_ramp,
    fit_tail,
    rarity_ramp,
)
from bgptui.errors import Fatal

DAY = 1_440


def noise(days: int, seed: int = 1) -> NormalScores:
    scores = np.random.default_rng(seed).exponential(1.0, days * DAY)
    return NormalScores(scores, np.ones(len(scores), dtype=np.bool_))


def tail() -> Tail:
    return fit_tail([noise(10)])


@pytest.mark.parametrize(("shape", "scale"), [(0.2, 1.0), (0.0, 2.0), (-0.3, 0.5)])
def test_a_pareto_tail_is_found_again(shape: float, scale: float) -> None:
    uniform = np.random.default_rng(7).uniform(size=20_000)
    drawn = [pareto_excess(float(share), shape, scale) for share in uniform]
    assert fit_pareto(drawn) == pytest.approx((shape, scale), abs=0.05)


@pytest.mark.parametrize("shape", [0.2, 0.0, -0.3])
def test_excess_and_survival_are_each_others_inverse(shape: float) -> None:
    excess = np.array([pareto_excess(0.01, shape, 1.5)])
    assert pareto_survival(excess, shape, 1.5)[0] == pytest.approx(0.01)


def test_nothing_lies_beyond_the_end_of_a_bounded_tail() -> None:
    assert pareto_survival(np.array([10.0]), -0.5, 1.0).tolist() == [0.0]


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20))
def test_a_higher_score_is_never_likelier(scores: list[float]) -> None:
    p = tail().p(np.sort(np.array(scores)))
    assert (np.diff(p) <= 1e-12).all()
    assert ((p > 0) & (p <= 1)).all()


def test_half_a_confidence_is_the_alarm_probability() -> None:
    fitted = tail()
    score = np.array([fitted.reached_by(1 / DAY)])
    assert fitted.p(score)[0] == pytest.approx(1 / DAY)
    assert fitted.confidence(score, alarm_p=1 / DAY)[0] == pytest.approx(0.5)


def test_what_has_no_score_has_no_confidence() -> None:
    assert np.isnan(tail().confidence(np.array([np.nan]), alarm_p=0.001))[0]


def test_a_ramp_holds_its_ends() -> None:
    ramp = Ramp.line(2.0, 6.0)
    assert ramp.of(np.array([np.nan, 1.0, 2.0, 4.0, 9.0])).tolist() == [0, 0, 0, 0.5, 1]


def test_a_run_of_high_minutes_is_one_false_alarm() -> None:
    scores = np.zeros(2 * DAY)
    scores[[100, 110, 139]] = 5.0
    scores[[170, 1_000]] = 5.0
    stream = NormalScores(scores, np.ones(len(scores), dtype=np.bool_))
    assert alarm_rate([stream], 5.0) == pytest.approx(3 / 2)


def test_minutes_that_are_not_normal_alarm_nobody() -> None:
    stream = NormalScores(np.full(DAY, 9.0), np.arange(DAY) < 700)
    assert alarm_rate([stream], 5.0) == pytest.approx(DAY / 700)


def test_a_ramp_stays_within_its_budget_on_other_days() -> None:
    ramp = fit_ramp([noise(120)], 0.2, Ramp.line(0, 1))
    assert ramp.p == (0.0, 0.9, 1.0)
    assert alarm_rate([noise(200, seed=2)], ramp.at[0]) == pytest.approx(1.0, rel=0.3)
    assert 0.02 < alarm_rate([noise(200, seed=2)], ramp.at[1]) < 0.25


def test_a_reason_that_never_spoke_keeps_its_ramp() -> None:
    silent = NormalScores(np.full(10 * DAY, np.nan), np.ones(10 * DAY, dtype=np.bool_))
    fallback = Ramp.line(2.0, 6.0)
    assert fit_ramp([silent], 0.1, fallback) == fallback


def test_a_rarity_ramp_says_half_once_a_day() -> None:
    fitted = tail()
    ramp = rarity_ramp(fitted)
    reached = ramp.of(np.array([fitted.reached_by(1 / DAY), fitted.reached_by(0.2)]))
    assert reached.tolist() == pytest.approx([0.5, 0.0], abs=0.01)


def test_the_scale_of_the_ensemble_meets_its_budget() -> None:
    scores, fitted = noise(60), tail()

    def at(alarm_p: float) -> list[NormalScores]:
        return [NormalScores(fitted.confidence(scores.scores, alarm_p=alarm_p), scores.normal)]

    found = fit_alarm_p(at, 0.47, 0.5)
    assert alarm_rate(at(found), 0.47) == pytest.approx(0.5, abs=0.05)


def test_too_few_minutes_are_said_to_be_too_few() -> None:
    with pytest.raises(Fatal, match="only 1440 normal minutes"):
        fit_tail([noise(1)])
