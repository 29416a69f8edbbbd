"""Injected faults through the detector: each on a copy of a stream as it stood at that minute."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import msgspec
import numpy as np

from bgptui.detect.detector import Detector
from bgptui.detect.evaluation_metrics import AFTERMATH_MIN, LEARNING_MIN, MERGE_MIN
from bgptui.detect.evaluation_run import OnMinute, Trace, stream_peer
from bgptui.detect.history import HISTORY_MIN, StreamHistory
from bgptui.detect.injected_faults import FAULTS, Fault, inject
from bgptui.domain.window import FEATURES, WINDOW_S, FeatureWindow

# An alarm later than this after the fault began is not held to be because of it.
FOUND_WITHIN_MIN = 20
_CALM_BEFORE_MIN = 60


@dataclass(frozen=True)
class FaultTrial:
    """One fault injected into one stream once.

    Attributes:
        delay_min: from the fault's beginning to the end of the first alarmed minute; None
            where there was no alarm within FOUND_WITHIN_MIN.
    """

    fault: Fault
    stream_name: str
    delay_min: int | None


def try_faults(
    detector: Detector,
    traces: Sequence[Trace],
    *,
    per_stream: int,
    seed: int,
    on_minute: OnMinute,
) -> tuple[FaultTrial, ...]:
    """Inject every fault into normal minutes of every stream.

    Each trial is a stream of its own in one detector, restored from the days before it as
    after a restart of the product; the trials of one minute share these, and differ in the fault.

    Args:
        detector: fresh.
        traces: the streams as they were scored without faults; trials stand where these had no
            alarm in the hour before, and none until the trial's end.
        per_stream: trials of each fault.
    """
    trials = [
        (trace, at, fault)
        for trace in traces
        for at in _calm_rows(trace, per_stream, Random(f"{seed} {trace.stream.name}"))
        for fault in FAULTS
    ]
    detector.restore(_history(trace, at, place) for place, (trace, at, _) in enumerate(trials))
    faulty = [
        inject(fault, trace.stream.windows[at : at + FOUND_WITHIN_MIN], 0)
        for trace, at, fault in trials
    ]
    delays: list[int | None] = [None] * len(trials)
    for minute in range(FOUND_WITHIN_MIN if trials else 0):
        rows = [
            _moved(windows[minute], HISTORY_MIN + minute, place)
            for place, windows in enumerate(faulty)
        ]
        for place, score in enumerate(detector.score(rows, float(rows[0].end))):
            if score.is_anomaly and delays[place] is None:
                delays[place] = minute + 1
        on_minute(minute + 1, FOUND_WITHIN_MIN)
    return tuple(
        FaultTrial(fault, trace.stream.name, delay)
        for (trace, _, fault), delay in zip(trials, delays, strict=True)
    )


def _calm_rows(trace: Trace, most: int, rng: Random) -> list[int]:
    """Rows where a fault may begin: a day of history, an uninterrupted hour before them and the
    trial's length after them without label, gap or alarm, and no label in the half day before."""
    minutes, labels = trace.minutes, trace.stream.labels
    labelled = minutes[labels]
    trouble = minutes[trace.is_anomaly | ~trace.observed]
    rows: list[int] = []
    last = len(minutes) - FOUND_WITHIN_MIN
    candidates = np.flatnonzero(minutes >= LEARNING_MIN)
    order = candidates[candidates < last].tolist()
    rng.shuffle(order)
    for row in order:
        if len(rows) == most:
            break
        minute = int(minutes[row])
        is_whole = (
            int(minutes[row + FOUND_WITHIN_MIN]) - int(minutes[row - _CALM_BEFORE_MIN])
            == FOUND_WITHIN_MIN + _CALM_BEFORE_MIN
        )
        is_calm = not _any_within(trouble, minute - _CALM_BEFORE_MIN, minute + FOUND_WITHIN_MIN)
        is_normal = not _any_within(
            labelled, minute - AFTERMATH_MIN, minute + FOUND_WITHIN_MIN + MERGE_MIN
        )
        if is_whole and is_calm and is_normal:
            rows.append(row)
    return rows


def _any_within(minutes: np.ndarray, first: int, last: int) -> bool:
    return bool(((minutes >= first) & (minutes <= last)).any())


def _history(trace: Trace, at: int, place: int) -> StreamHistory:
    """The days before row `at`, moved so that they end with minute HISTORY_MIN - 1."""
    minutes = trace.minutes
    first = int(np.searchsorted(minutes, minutes[at] - HISTORY_MIN))
    windows = trace.stream.windows[first:at]
    return StreamHistory(
        peer=stream_peer(place),
        minutes=minutes[first:at] - minutes[at] + HISTORY_MIN,
        features=np.array([list(_features(window)) for window in windows], dtype=np.float64),
        zscores=trace.zscores[first:at].astype(np.float64),
        gap=np.array([window.gap for window in windows]),
    )


def _features(window: FeatureWindow) -> Iterator[float]:
    for name in FEATURES:
        value = getattr(window, name)
        yield np.nan if value is None else value


def _moved(window: FeatureWindow, minute: int, place: int) -> FeatureWindow:
    return msgspec.structs.replace(window, start=minute * WINDOW_S, peer=stream_peer(place))
