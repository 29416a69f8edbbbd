"""The detector with the shipped models: what its scores carry, and what survives a restart."""

import itertools
from random import Random

import numpy as np
import pytest

from bgptui.config.schema import Detect
from bgptui.detect.detector import Detector
from bgptui.detect.ensemble import calculate_ensemble_score
from bgptui.detect.history import StreamHistory
from bgptui.detect.model_bundle import configured_bundle
from bgptui.domain.routing import Peer
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FEATURES, FeatureWindow

PEER = Peer("rrc00", "192.0.2.1", 64500)
T0 = 1_700_000_040


def detector() -> Detector:
    return Detector(
        Detect(),
        bundle=configured_bundle("default"),
        next_feature_id=itertools.count(1).__next__,
        next_result_id=itertools.count(1).__next__,
    )


def window(minute: int, times: int = 1, *, gap: bool = False) -> FeatureWindow:
    rng = Random(minute)
    return FeatureWindow(
        start=T0 + minute * 60,
        peer=PEER,
        announcements=times * rng.randint(40, 80),
        withdrawals=times * rng.randint(3, 9),
        flap_count=times * rng.randint(0, 4),
        path_length=round(4 + rng.random(), 4),
        unique_peers=1,
        message_rate=times * rng.randint(20, 40) / 60,
        gap=gap,
    )


def run(found: Detector, windows: list[FeatureWindow]) -> list[WindowScore]:
    return [found.score([each], each.end)[0] for each in windows]


@pytest.fixture(scope="module")
def storm() -> list[WindowScore]:
    """A day and a half of usual minutes, then forty of eight times the traffic."""
    usual = [window(minute) for minute in range(2_200)]
    return run(detector(), [*usual, *(window(2_200 + minute, 8) for minute in range(40))])


def test_a_lasting_storm_is_found_by_both_models(storm: list[WindowScore]) -> None:
    last = storm[-1]
    assert last.lstm is not None
    assert last.isolation_forest is not None
    assert last.lstm > 0.5
    assert last.isolation_forest < -0.5
    assert last.is_anomaly


def test_usual_minutes_are_found_by_neither(storm: list[WindowScore]) -> None:
    usual = storm[1_500:2_200]
    assert not any(score.is_anomaly for score in usual)
    assert np.median([score.ensemble or 0.0 for score in usual]) < 0.2


def test_the_ensemble_is_the_one_formula(storm: list[WindowScore]) -> None:
    last = storm[-1]
    expected = calculate_ensemble_score(last.lstm, last.isolation_forest, last.heuristic)
    assert last.ensemble == expected


def test_an_alarm_says_which_features_drove_it_and_what_is_usual(
    storm: list[WindowScore],
) -> None:
    last = storm[-1]
    assert sum(last.error_shares) == pytest.approx(1)
    assert last.error_shares[FEATURES.index("session_resets")] == pytest.approx(0, abs=1e-6)
    median, _ = last.baseline[FEATURES.index("announcements")]
    assert 50 < median < 70


def test_the_version_names_the_model(storm: list[WindowScore]) -> None:
    assert {score.model_version for score in storm} == {detector().model_version}
    assert detector().model_version.startswith("default-")


def test_models_say_nothing_in_the_first_quarter_of_an_hour() -> None:
    scores = run(detector(), [window(minute) for minute in range(60, 140)])
    assert all(score.lstm is None for score in scores[:70])
    assert scores[-1].lstm is not None


def test_a_gap_has_no_score_and_the_models_go_on_after_it() -> None:
    found = detector()
    run(found, [window(minute) for minute in range(200)])
    blind = run(found, [window(200 + minute, gap=True) for minute in range(5)])
    assert {score.ensemble for score in blind} == {None}
    after = run(found, [window(205 + minute) for minute in range(8)])
    assert after[0].lstm is None
    assert after[0].ensemble is not None
    assert after[-1].lstm is not None


def test_a_restarted_detector_scores_as_if_it_had_never_stopped() -> None:
    windows = [window(minute) for minute in range(300)]
    steady, restarted = detector(), detector()
    before = run(steady, windows)
    restarted.restore(
        [
            StreamHistory(
                peer=PEER,
                minutes=np.array([each.start // 60 for each in windows]),
                features=np.array(
                    [[getattr(each, name) for name in FEATURES] for each in windows], dtype=float
                ),
                zscores=np.array(
                    [[np.nan if z is None else z for z in score.zscores] for score in before]
                ),
                gap=np.zeros(300, dtype=np.bool_),
            )
        ]
    )
    more = [window(300 + minute, 8 if minute > 5 else 1) for minute in range(40)]
    for ours, theirs in zip(run(restarted, more), run(steady, more), strict=True):
        assert ours.lstm == pytest.approx(theirs.lstm, abs=0.02)
        assert ours.isolation_forest == pytest.approx(theirs.isolation_forest, abs=0.02)
        assert ours.is_anomaly == theirs.is_anomaly
