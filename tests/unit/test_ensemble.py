"""The ensemble score and its weights."""

import pytest

from bgptui.detect.ensemble import WEIGHTS, calculate_ensemble_score


@pytest.mark.parametrize(
    ("parts", "score"),
    [
        ((0.8, -0.6, 0.9), 0.76),
        ((0.85, -0.7, 0.9), 0.815),
        ((None, None, 0.9), 0.9),
        ((0.8, None, 0.3), (0.5 * 0.8 + 0.2 * 0.3) / 0.7),
        ((None, -1.0, None), 1.0),
        ((0.0, 0.0, 0.0), 0.0),
    ],
)
def test_the_score_is_the_weighted_mean_of_the_parts_that_are_there(
    parts: tuple[float | None, float | None, float | None], score: float
) -> None:
    assert calculate_ensemble_score(*parts) == pytest.approx(score, abs=1e-12)


def test_without_any_part_there_is_no_score() -> None:
    assert calculate_ensemble_score(None, None, None) is None


def test_the_weights_sum_to_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
