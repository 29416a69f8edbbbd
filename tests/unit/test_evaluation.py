"""The whole evaluation on a made-up storm: what is certain about its figures."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import pytest

from bgptui.config.schema import Detect
from bgptui.detect.detector import Detector
from bgptui.detect.evaluation import (
    THINNED_BY,
    Fold,
    evaluate,
    leave_one_event_out,
)
from bgptui.detect.evaluation_report import report
from bgptui.detect.evaluation_results import Evaluation
from bgptui.detect.evaluation_run import Trace, trace_streams
from bgptui.detect.evaluation_targets import targets
from bgptui.detect.labelled import LabelledStream
from bgptui.errors import UsageError
from support.labelled_minutes import usual_minutes, with_storm

STREAM = with_storm(usual_minutes(1_700), first=1_600, minutes=60)


def new_detector() -> Detector:
    ids = itertools.count(1).__next__
    return Detector(Detect(), bundle=None, next_feature_id=ids, next_result_id=ids)


@pytest.fixture(scope="module")
def evaluated() -> tuple[Evaluation, tuple[Trace, ...]]:
    return evaluate(
        [Fold("all", [STREAM], new_detector)], seed=0, on_progress=lambda what, done, of: None
    )


def test_a_plain_storm_is_found_and_nothing_else(
    evaluated: tuple[Evaluation, tuple[Trace, ...]],
) -> None:
    evaluation, (trace,) = evaluated
    ours = evaluation.ensemble
    assert (ours.incidents, ours.in_time, ours.false_alarms_per_day) == (1, 1, 0.0)
    assert ours.median_delay_min is not None
    assert ours.median_delay_min <= 5
    assert evaluation.ewma.in_time == 1
    assert evaluation.streams[0].name == "storm"
    assert [thin.factor for thin in evaluation.thinned] == list(THINNED_BY)
    assert [(cold.history_h, cold.in_time) for cold in evaluation.cold_starts] == [
        (1, 1), (3, 1), (24, 1),
    ]  # fmt: skip
    assert trace.is_anomaly[1_604]


def test_faults_are_tried_where_nothing_happens_and_the_control_finds_nothing(
    evaluated: tuple[Evaluation, tuple[Trace, ...]],
) -> None:
    faults = {result.fault: result for result in evaluated[0].faults}
    assert {result.trials for result in faults.values()} == {20}
    assert faults["nothing"].found == 0
    assert faults["silence"].found_soon == 1


def test_the_report_and_the_json_hold_every_part(
    evaluated: tuple[Evaluation, tuple[Trace, ...]],
) -> None:
    evaluation = evaluated[0]
    text = report(evaluation)
    for part in ("storm", "silence", " 24 h", "200 times", "false alarms a day and stream"):
        assert part in text
    assert msgspec.json.decode(msgspec.json.encode(evaluation), type=Evaluation) == evaluation
    assert all(target.is_met for target in targets(evaluation) if "within 60" in target.name)


def test_figures_of_streams_that_the_model_was_fitted_to_come_with_a_caution(
    evaluated: tuple[Evaluation, tuple[Trace, ...]],
) -> None:
    assert "CAUTION" not in report(evaluated[0])
    seen = msgspec.structs.replace(evaluated[0], seen_in_training=("storm",))
    assert "fitted to normal minutes of 1 of these 1 streams" in report(seen)


def test_the_same_seed_gives_the_same_evaluation(
    evaluated: tuple[Evaluation, tuple[Trace, ...]],
) -> None:
    fold = Fold("all", [STREAM], new_detector)
    again, _ = evaluate([fold], seed=0, on_progress=lambda what, done, of: None)
    assert again == evaluated[0]


def test_streams_judged_together_score_as_each_alone() -> None:
    other = with_storm(usual_minutes(500, seed=7), first=450, minutes=30, name="other")
    together = trace_streams(new_detector(), [other, STREAM], on_minute=lambda done, of: None)
    (alone,) = trace_streams(new_detector(), [other], on_minute=lambda done, of: None)
    assert together[0].is_anomaly.tolist() == alone.is_anomaly.tolist()
    assert together[0].ensemble[100:] == pytest.approx(alone.ensemble[100:])


def test_each_event_is_judged_by_a_detector_that_saw_none_of_its_streams() -> None:
    streams = [
        replace(STREAM, name=name, event=event)
        for name, event in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("c1", "c"))
    ]
    trained_on: dict[str, list[str]] = {}

    def train(event: str, others: Sequence[LabelledStream]) -> Callable[[], Detector]:
        trained_on[event] = [stream.name for stream in others]
        return new_detector

    folds = list(leave_one_event_out(streams, train))
    assert [[stream.name for stream in fold.streams] for fold in folds] == [
        ["a1", "a2"], ["b1"], ["c1"],
    ]  # fmt: skip
    assert [list(fold.trained_on) for fold in folds] == list(trained_on.values())
    assert trained_on == {"a": ["b1", "c1"], "b": ["a1", "a2", "c1"], "c": ["a1", "b1", "a2"]}
    with pytest.raises(UsageError, match="all streams are of one event"):
        list(leave_one_event_out(streams[:1], train))
