"""Is a new model no worse than the one it would replace? Judged on time held back from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bgptui.detect.baseline import DAY_MIN
from bgptui.detect.detector import Detector
from bgptui.detect.evaluation_metrics import false_episodes
from bgptui.detect.evaluation_run import trace_streams
from bgptui.detect.fault_trials import try_faults
from bgptui.detect.injected_faults import NOTHING
from bgptui.detect.labelled import LabelledStream
from bgptui.detect.training_minutes import OnProgress

HELD_BACK_SHARE = 0.25
_TRIALS_PER_STREAM = 10
# A day to learn the baseline, a day to learn from, and a held-back quarter of which the first
# half day is left out.
_LEAST_ROWS = 3 * DAY_MIN


@dataclass(frozen=True)
class Verdict:
    """How a model does on held-back minutes.

    Attributes:
        days: of normal minutes, over all streams.
        found: injected faults noticed, of `injected`.
        confidence: median ensemble score, by which later drift is told.
    """

    false_alarms: int
    days: float
    found: int
    injected: int
    confidence: float

    @property
    def false_alarms_per_day(self) -> float:
        return self.false_alarms / self.days if self.days else 0.0

    @property
    def recall(self) -> float:
        return self.found / self.injected if self.injected else 0.0

    def no_worse_than(self, other: "Verdict") -> bool:
        """Neither more false alarms nor fewer faults found, on the same minutes."""
        return (
            self.false_alarms_per_day <= other.false_alarms_per_day and self.recall >= other.recall
        )

    def metrics(self) -> dict[str, float]:
        """As the manifest has them."""
        return {
            "held_back_days": round(self.days, 3),
            "false_alarms_per_day": round(self.false_alarms_per_day, 4),
            "fault_recall": round(self.recall, 4),
            "injected_faults": float(self.injected),
            "median_ensemble": round(self.confidence, 4),
        }


def held_back(
    streams: Sequence[LabelledStream],
) -> tuple[tuple[LabelledStream, ...], tuple[LabelledStream, ...]]:
    """Split by time: what to learn from, and what to be judged by.

    Returns:
        The streams without their last quarter, and whole ones in which all but that counts as
        labelled, so that neither alarms nor injected faults are looked for there. Both leave
        out what is too short.
    """
    long = [stream for stream in streams if len(stream.windows) >= _LEAST_ROWS]
    heads, tails = [], []
    for stream in long:
        cut = int(len(stream.windows) * (1 - HELD_BACK_SHARE))
        heads.append(replace(stream, windows=stream.windows[:cut], labels=stream.labels[:cut]))
        is_head = np.arange(len(stream.windows)) < cut
        tails.append(replace(stream, labels=stream.labels | is_head))
    return tuple(heads), tuple(tails)


def judge_held_back(
    new_detector: Callable[[], Detector],
    streams: Sequence[LabelledStream],
    *,
    seed: int,
    on_progress: OnProgress,
) -> Verdict:
    """Run a model over the second streams of `held_back`."""
    traces = trace_streams(
        new_detector(), streams, on_minute=lambda done, of: on_progress("judging", done, of)
    )
    trials = try_faults(
        new_detector(),
        traces,
        per_stream=_TRIALS_PER_STREAM,
        seed=seed,
        on_minute=lambda done, of: on_progress("injected faults", done, of),
    )
    faults = [trial for trial in trials if trial.fault is not NOTHING]
    normal = [trace.observed & ~trace.stream.labels for trace in traces]
    known = [trace.ensemble[rows] for trace, rows in zip(traces, normal, strict=True)]
    return Verdict(
        false_alarms=sum(
            len(false_episodes(trace.minutes, trace.is_anomaly, trace.stream.labels))
            for trace in traces
        ),
        days=sum(int(rows.sum()) for rows in normal) / DAY_MIN,
        found=sum(trial.delay_min is not None for trial in faults),
        injected=len(faults),
        confidence=float(np.median(np.concatenate(known))) if known else 0.0,
    )
