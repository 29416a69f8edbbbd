"""Alarms and scores of one stream held against its labels."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from sklearn.metrics import average_precision_score, roc_auc_score

from bgptui.detect.baseline import DAY_MIN
from bgptui.detect.evaluation_run import Bools, Doubles, Minutes, Trace
from bgptui.domain.window import WINDOW_S

MERGE_MIN = 30
# Shorter incidents are reported, but do not count: the 30-minute medians that the models look
# at cannot have moved before such a one is over.
COUNTED_FROM_MIN = 30
IN_TIME_MIN = 60
# A storm's echoes: routes are still being repaired, though the label has ended.
AFTERMATH_MIN = 12 * 60
# The stream's first day is spent learning; it is judged by itself (cold start).
LEARNING_MIN = DAY_MIN

Span = tuple[int, int]


class Incident(Struct, frozen=True):
    """One labelled interval of one stream.

    Attributes:
        start: seconds since 1970 UTC.
        minutes: from the first labelled minute to the last.
        delay_min: from the label's start to the end of the first alarmed minute in it, when
            the alarm can be known; None where there was none.
        alarmed_before: there was an alarm in the half hour before the label, so the delay may
            be luck.
        counted: long enough to count in the summary.
    """

    start: int
    minutes: int
    delay_min: int | None
    alarmed_before: bool
    counted: bool

    @property
    def in_time(self) -> bool:
        return self.delay_min is not None and self.delay_min <= IN_TIME_MIN


class Judgement(Struct, frozen=True):
    """One stream after its first day.

    Attributes:
        incidents: those that begin after the first day, in order of time.
        normal_days: observed days outside labels.
        false_alarms: episodes that touch no label, of which `aftermath` begin in the twelve
            hours after one.
        first_day_alarms: episodes outside labels in the first day.
        auroc, auprc: of the score over observed minutes, None without labelled minutes.
        precision, recall, f1: of alarmed minutes; None without labelled minutes.
    """

    incidents: tuple[Incident, ...]
    normal_days: float
    false_alarms: int
    aftermath: int
    first_day_alarms: int
    auroc: float | None
    auprc: float | None
    precision: float | None
    recall: float | None
    f1: float | None


def judge(trace: Trace, score: Doubles, alarmed: Bools) -> Judgement:
    """Hold a score and the alarms made of it against the labels.

    Args:
        score: [rows], NaN where there is none.
        alarmed: [rows].
    """
    minutes, labels = trace.minutes, trace.stream.labels
    later = minutes >= LEARNING_MIN
    judged = later & trace.observed
    spans = label_spans(minutes, labels)
    false = false_episodes(minutes, alarmed & later, labels)
    first_day = false_episodes(minutes, alarmed & ~later, labels)
    truth = labels[judged]
    is_ranked = bool(truth.any() and not truth.all())
    precision, recall, f1 = _of_minutes(alarmed[judged], truth) if is_ranked else (None,) * 3
    return Judgement(
        incidents=tuple(
            _incident(trace, alarmed, span) for span in spans if span[0] >= LEARNING_MIN
        ),
        normal_days=float((judged & ~labels).sum() / DAY_MIN),
        false_alarms=len(false),
        aftermath=sum(
            any(0 < first - end <= AFTERMATH_MIN for _, end in spans) for first, _ in false
        ),
        first_day_alarms=len(first_day),
        auroc=float(roc_auc_score(truth, score[judged])) if is_ranked else None,
        auprc=float(average_precision_score(truth, score[judged])) if is_ranked else None,
        precision=precision,
        recall=recall,
        f1=f1,
    )


def episodes(minutes: Minutes) -> list[Span]:
    """First and last minute of each run, minutes up to half an hour apart being one run."""
    if not len(minutes):
        return []
    breaks = np.flatnonzero(np.diff(minutes) > MERGE_MIN)
    firsts = minutes[np.concatenate([[0], breaks + 1])]
    lasts = minutes[np.concatenate([breaks, [len(minutes) - 1]])]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def label_spans(minutes: Minutes, labels: Bools) -> list[Span]:
    """First and last minute of each labelled interval."""
    return episodes(minutes[labels])


def false_episodes(minutes: Minutes, alarmed: Bools, labels: Bools) -> list[Span]:
    """Episodes of alarmed minutes that touch no labelled interval."""
    spans = label_spans(minutes, labels)
    return [
        (first, last)
        for first, last in episodes(minutes[alarmed])
        if not any(first <= end and last >= begin for begin, end in spans)
    ]


def false_by_reason(trace: Trace) -> dict[str, int]:
    """The ensemble's false alarms after the first day, by the strongest reason of their first
    minute."""
    alarmed = trace.is_anomaly & (trace.minutes >= LEARNING_MIN)
    false = false_episodes(trace.minutes, alarmed, trace.stream.labels)
    rows = np.searchsorted(trace.minutes, [first for first, _ in false]).tolist()
    return Counter(trace.strongest[row] for row in rows)


def threshold_for(traces: Sequence[Trace], most_false_alarms: int) -> float:
    """The lowest threshold of the EWMA with no more false alarms in all than this.

    It is picked on the very minutes that are judged, in the EWMA's favour: the detector that
    it is compared with has no such chance. Infinite where no minute is judged.
    """
    normal = [
        trace.ewma[trace.observed & ~trace.stream.labels & (trace.minutes >= LEARNING_MIN)]
        for trace in traces
    ]
    pooled = np.concatenate(normal)
    if not len(pooled):
        return np.inf
    best = float(pooled.max())
    for share in np.logspace(-5, -0.5, 200):
        threshold = float(np.quantile(pooled, 1 - share))
        alarms = sum(
            len(
                false_episodes(
                    trace.minutes,
                    (trace.ewma > threshold) & (trace.minutes >= LEARNING_MIN),
                    trace.stream.labels,
                )
            )
            for trace in traces
        )
        if alarms > most_false_alarms:
            break
        best = threshold
    return best


def _incident(trace: Trace, alarmed: Bools, span: Span) -> Incident:
    begin, end = span
    minutes = trace.minutes
    inside = minutes[alarmed & (minutes >= begin) & (minutes <= end)]
    before = alarmed & (minutes >= begin - MERGE_MIN) & (minutes < begin)
    return Incident(
        start=trace.stream.windows[0].start + begin * WINDOW_S,
        minutes=end - begin + 1,
        delay_min=int(inside[0]) - begin + 1 if len(inside) else None,
        alarmed_before=bool(before.any()),
        counted=end - begin + 1 >= COUNTED_FROM_MIN,
    )


def _of_minutes(alarmed: Bools, truth: Bools) -> tuple[float, float, float]:
    """Precision (0 where nothing was alarmed), recall and F1."""
    hits = int((alarmed & truth).sum())
    precision = hits / max(int(alarmed.sum()), 1)
    recall = hits / int(truth.sum())
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)
