"""The shipped model against an EWMA of the volume, on real incidents."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from bgptui.commands.detectors import new_detector
from bgptui.config.schema import Config
from bgptui.detect.evaluation_metrics import LEARNING_MIN, Judgement, judge, threshold_for
from bgptui.detect.evaluation_run import trace_streams
from bgptui.detect.labelled import LabelledStream, read_labelled
from bgptui.detect.model_bundle import configured_bundle
from bgptui.resources import resource_dir

NAMES = ("ufam_slammer_rrc04", "ufam_moscow_blackout_rrc05", "ufam_aws-leak_rrc04")
BEFORE_MIN, FROM_ITS_START_MIN = LEARNING_MIN + 300, 480


def around_its_beginning(stream: LabelledStream) -> LabelledStream:
    """A day to learn from, five normal hours, and eight from the incident's start."""
    start = int(stream.labels.argmax())
    part = slice(start - BEFORE_MIN, start + FROM_ITS_START_MIN)
    return replace(stream, windows=stream.windows[part], labels=stream.labels[part])


def mean_auprc(judgements: Sequence[Judgement]) -> float:
    return mean(judged.auprc for judged in judgements if judged.auprc is not None)


def found_in_time(judgements: Sequence[Judgement]) -> int:
    return sum(incident.in_time for judged in judgements for incident in judged.incidents)


@pytest.mark.skipif(
    not list(resource_dir("models").glob("*/manifest.toml")), reason="no model is shipped"
)
def test_the_shipped_model_does_not_lose_to_the_ewma(shared: Path) -> None:
    files = [shared / "data" / "incidents" / f"{name}.csv.gz" for name in NAMES]
    streams = [around_its_beginning(stream) for stream in read_labelled(files)]
    config = Config()
    detector = new_detector(config, configured_bundle(config.detect.model))
    traces = trace_streams(detector, streams, on_minute=lambda done, of: None)
    ours = [judge(trace, trace.ensemble, trace.is_anomaly) for trace in traces]
    threshold = threshold_for(traces, sum(judged.false_alarms for judged in ours))
    ewma = [judge(trace, trace.ewma, trace.ewma > threshold) for trace in traces]
    assert found_in_time(ours) >= found_in_time(ewma)
    assert mean_auprc(ours) >= mean_auprc(ewma)
