"""When the detector is held to have drifted from its training."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from bgptui.detect.drift import Usual, drift, usual, week_to_report
from bgptui.domain.detector_week import DetectorWeek

MONDAY = datetime(2026, 11, 9, tzinfo=UTC).timestamp()
DAY_S = 86_400
USUAL = Usual(median_ensemble=0.04, false_alarms_per_day=0.125)
# One stream's week.
CALM = DetectorWeek(
    start=MONDAY,
    model_version="default-1",
    scored_minutes=10_080,
    network_minutes=10_080,
    median_ensemble=0.04,
    ml_alerts=9,
    false_positives=1,
)


@pytest.mark.parametrize(
    ("days", "week"),
    [
        (7.0, -7.0),  # over for less than a day: the one before
        (7.99, -7.0),
        (8.0, 0.0),
        (14.99, 0.0),
        (15.0, 7.0),
    ],
)
def test_a_week_is_reported_a_day_after_its_end(days: float, week: float) -> None:
    assert week_to_report(MONDAY + days * DAY_S) == MONDAY + week * DAY_S


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ()),
        ({"median_ensemble": 0.08}, ()),
        (
            {"median_ensemble": 0.081},
            ("drift: median score 0.081 last week, 0.040 in training (bgptui train)",),
        ),
        ({"network_minutes": 1_439, "median_ensemble": 0.5, "false_positives": 9}, ()),
        ({"scored_minutes": 1_440, "network_minutes": 1_440, "false_positives": 3}, ()),
        (
            {"false_positives": 4},
            ("drift: 0.57 false positives a day and stream, 0.12 in training (bgptui train)",),
        ),
        ({"scored_minutes": 10 * 10_080, "false_positives": 17}, ()),
        (
            {"scored_minutes": 10 * 10_080, "false_positives": 18},
            ("drift: 0.26 false positives a day and stream, 0.12 in training (bgptui train)",),
        ),
    ],
)
def test_what_is_beyond_twice_the_manifest_is_said(
    changes: dict[str, float], lines: tuple[str, ...]
) -> None:
    assert drift(replace(CALM, **changes), USUAL) == lines


def test_score_and_false_positives_are_told_apart() -> None:
    assert len(drift(replace(CALM, median_ensemble=0.3, false_positives=40), USUAL)) == 2


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (
            {"held_back_days": 10.0, "median_ensemble": 0.04, "false_alarms_per_day": 0.2},
            Usual(0.04, 0.2),
        ),
        # None in ten days may still be one in ten.
        (
            {"held_back_days": 10.0, "median_ensemble": 0.04, "false_alarms_per_day": 0.0},
            Usual(0.04, 0.1),
        ),
        ({"held_back_days": 0.0, "median_ensemble": 0.0, "false_alarms_per_day": 0.0}, None),
        ({}, None),
    ],
)
def test_a_manifest_says_what_is_usual_if_it_knows(
    metrics: dict[str, float], expected: Usual | None
) -> None:
    assert usual(metrics) == expected
