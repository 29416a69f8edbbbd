"""Alarms held against labels: figures that can be counted by hand."""

import numpy as np
import pytest

from bgptui.detect.evaluation_metrics import (
    Judgement,
    episodes,
    false_by_reason,
    false_episodes,
    judge,
    threshold_for,
)
from bgptui.detect.evaluation_results import summarise
from bgptui.detect.evaluation_run import Bools, Trace, volume_ewma
from bgptui.detect.labelled import LabelledStream
from bgptui.domain.window import FEATURES
from support.labelled_minutes import DAY_MIN, T0, usual_minutes

LENGTH = 3 * DAY_MIN


def rows(*spans: tuple[int, int]) -> Bools:
    """True from the first minute of each span to its last."""
    marked = np.zeros(LENGTH, dtype=np.bool_)
    for first, last in spans:
        marked[first : last + 1] = True
    return marked


def trace(labels: Bools, alarmed: Bools, *, unseen: Bools | None = None) -> Trace:
    """A trace whose ensemble is 1 where it alarmed, else 0."""
    score = alarmed.astype(np.float64)
    if unseen is not None:
        score[unseen] = np.nan
    nothing = np.full(LENGTH, np.nan)
    return Trace(
        stream=LabelledStream("s", "s", tuple(usual_minutes(LENGTH)), labels, ()),
        minutes=np.arange(LENGTH),
        ensemble=score,
        lstm=nothing,
        isolation_forest=nothing,
        heuristic=score,
        zscores=np.zeros((LENGTH, len(FEATURES)), dtype=np.float32),
        is_anomaly=alarmed,
        strongest={row: f"REASON_{row // 1_000}" for row in np.flatnonzero(alarmed).tolist()},
        ewma=score,
        model_version="test",
    )


def judged(labels: Bools, alarmed: Bools, *, unseen: Bools | None = None) -> Judgement:
    made = trace(labels, alarmed, unseen=unseen)
    return judge(made, made.ensemble, made.is_anomaly)


def test_minutes_up_to_half_an_hour_apart_are_one_episode() -> None:
    assert episodes(np.array([5, 6, 36, 67, 68])) == [(5, 36), (67, 68)]
    assert episodes(np.array([], dtype=np.int64)) == []


def test_an_episode_that_touches_a_label_is_not_false() -> None:
    minutes, labels = np.arange(LENGTH), rows((2_000, 2_100))
    reaching_in = rows((1_990, 2_000))
    reaching_out = rows((2_100, 2_200))
    near = rows((2_101, 2_110))
    assert false_episodes(minutes, reaching_in, labels) == []
    assert false_episodes(minutes, reaching_out, labels) == []
    assert false_episodes(minutes, near, labels) == [(2_101, 2_110)]


def test_a_delay_counts_to_the_end_of_the_minute_that_alarmed() -> None:
    (incident,) = judged(rows((2_000, 2_100)), rows((2_002, 2_005))).incidents
    assert incident.start == T0 + 2_000 * 60
    assert (incident.minutes, incident.delay_min, incident.in_time) == (101, 3, True)
    assert not incident.alarmed_before


@pytest.mark.parametrize(
    ("alarmed", "delay_min", "in_time", "alarmed_before"),
    [
        pytest.param((1_975, 1_975), None, False, True, id="only before"),
        pytest.param((1_990, 2_003), 1, True, True, id="before and in"),
        pytest.param((2_059, 2_059), 60, True, False, id="in the last minute of the hour"),
        pytest.param((2_060, 2_060), 61, False, False, id="too late"),
        pytest.param((2_101, 2_101), None, False, False, id="after"),
    ],
)
def test_an_incident_is_found_by_an_alarm_within_its_label(
    alarmed: tuple[int, int], delay_min: int | None, in_time: bool, alarmed_before: bool
) -> None:
    (incident,) = judged(rows((2_000, 2_100)), rows(alarmed)).incidents
    assert (incident.delay_min, incident.in_time) == (delay_min, in_time)
    assert incident.alarmed_before == alarmed_before


def test_short_incidents_are_reported_and_not_counted() -> None:
    found = judged(rows((2_000, 2_028), (3_000, 3_029)), rows((2_000, 2_001)))
    assert [incident.counted for incident in found.incidents] == [False, True]
    assert summarise([found]).incidents == 1
    assert summarise([found]).found == 0


def test_false_alarms_are_counted_by_day_and_those_in_the_aftermath_apart() -> None:
    labels = rows((2_000, 2_100))
    found = judged(
        labels, rows((100, 100), (1_600, 1_600), (2_200, 2_200), (2_820, 2_820), (2_821, 2_821))
    )
    assert (found.false_alarms, found.aftermath, found.first_day_alarms) == (3, 2, 1)
    assert found.normal_days == pytest.approx((2 * DAY_MIN - 101) / DAY_MIN)
    days = found.normal_days
    assert summarise([found]).false_alarms_per_day == pytest.approx(3 / days)


def test_false_alarms_are_told_apart_by_the_reason_of_their_first_minute() -> None:
    alarmed = rows((100, 100), (1_990, 2_010), (2_500, 2_500), (2_980, 3_010), (4_000, 4_000))
    made = trace(rows((4_000, 4_050)), alarmed)
    assert false_by_reason(made) == {"REASON_1": 1, "REASON_2": 2}


def test_minute_level_figures_leave_out_the_first_day_and_unseen_minutes() -> None:
    found = judged(
        rows((2_000, 2_099)),
        rows((100, 200), (2_050, 2_149)),
        unseen=rows((2_000, 2_024)),
    )
    assert found.precision == 0.5
    assert found.recall == pytest.approx(50 / 75)
    assert found.f1 == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))


def test_a_perfect_score_ranks_1_and_a_constant_one_by_chance() -> None:
    labels = rows((2_000, 2_287))  # a tenth of the two days that are judged
    perfect, blind = judged(labels, labels), judged(labels, rows())
    assert (perfect.auroc, perfect.auprc, perfect.f1) == (1.0, 1.0, 1.0)
    assert blind.auroc == 0.5
    assert blind.auprc == pytest.approx(0.1)
    assert (blind.precision, blind.recall, blind.f1) == (0.0, 0.0, 0.0)


def test_without_labels_only_false_alarms_are_judged() -> None:
    found = judged(rows(), rows((2_000, 2_000)))
    assert (found.auroc, found.auprc, found.f1, found.incidents) == (None, None, None, ())
    assert found.false_alarms == 1
    assert summarise([found]).auroc is None


def test_the_ewmas_threshold_leaves_it_no_more_false_alarms_than_allowed() -> None:
    made = trace(rows((2_000, 2_100)), rows((2_000, 2_050)))
    # Three bumps outside the label, each higher than the one before.
    for minute, height in ((1_500, 2.0), (2_500, 3.0), (3_500, 4.0)):
        made.ewma[minute : minute + 10] = height
    allowed = [threshold_for([made], most) for most in range(4)]
    for most, threshold in enumerate(allowed):
        alarmed = made.ewma > threshold
        assert len(false_episodes(made.minutes, alarmed, made.stream.labels)) <= most
    assert allowed == sorted(allowed, reverse=True)
    assert allowed[3] < 2.0


def test_the_ewma_closes_in_on_a_step_and_forgets_over_a_hole() -> None:
    z = np.ones((40, len(FEATURES)), dtype=np.float32)
    z[25] = np.nan
    minutes = np.concatenate([np.arange(30), np.arange(50, 60)])
    ewma = volume_ewma(minutes, z)
    assert ewma[0] == pytest.approx(2 / 11)
    assert ewma[20] == pytest.approx(1 - (9 / 11) ** 21)
    assert np.isnan(ewma[25])
    assert ewma[26] > ewma[24]
    assert ewma[30] == pytest.approx(2 / 11)
