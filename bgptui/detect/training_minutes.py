"""What there is to learn from: streams through the scaler, as the running detector sees them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgptui.detect.baseline import DAY_MIN
from bgptui.detect.heuristics import FITTED, strengths
from bgptui.detect.labelled import LabelledStream
from bgptui.detect.recent import STEPS
from bgptui.detect.scaling import Floats, scaled_features
from bgptui.detect.streams import Streams
from bgptui.domain.routing import Peer
from bgptui.domain.window import FEATURES, WINDOW_S, FeatureWindow

Bools = NDArray[np.bool_]
# What is being done, how much of it is done, of how much.
OnProgress = Callable[[str, int, int], None]

# Minutes before an anomaly that may belong to it already.
MARGIN_MIN = 30
_MINIMUM_HISTORY_MIN = 60
# Minutes in a baseline from which it is steady; what comes before would widen every tail.
_SETTLED_MIN = DAY_MIN * 3 // 4


@dataclass(frozen=True)
class TrainingStream:
    """One stream's minutes from its first to its last row; NaN where nothing was observed.

    Attributes:
        normal: bool [minutes], what may be learned from.
        median_5min, median_30min: [minutes, features] medians of z.
        strengths: [minutes, len(FITTED)], how strongly each rule speaks.
    """

    name: str
    normal: Bools
    median_5min: Floats
    median_30min: Floats
    strengths: Floats

    def steps(self) -> Floats:
        """5-minute medians of the half hour up to each minute: a view
        [minutes, STEPS, features]."""
        before = np.full((STEPS - 1, len(FEATURES)), np.nan, dtype=np.float32)
        padded = np.concatenate([before, self.median_5min])
        windows = np.lib.stride_tricks.sliding_window_view(padded, STEPS, axis=0)
        return windows.transpose(0, 2, 1)


def training_streams(
    streams: Sequence[LabelledStream], *, aftermath_min: int, on_progress: OnProgress
) -> tuple[TrainingStream, ...]:
    """Run streams through the scaler, all at once, as if they had begun in the same minute.

    Args:
        aftermath_min: minutes after a label in which the network may still be recovering.
    """
    logs = [_Log(stream) for stream in streams]
    length = max(log.length for log in logs)
    scaler = Streams(minimum_history_min=_MINIMUM_HISTORY_MIN)
    for minute in range(length):
        rows = [(place, log.window(minute)) for place, log in enumerate(logs)]
        present = [(place, window) for place, window in rows if window is not None]
        if present:
            _observe(scaler, minute, present, logs)
        on_progress("scaling", minute + 1, length)
    return tuple(log.stream(aftermath_min) for log in logs)


class _Log:
    def __init__(self, stream: LabelledStream) -> None:
        self._stream = stream
        first = stream.windows[0].start // WINDOW_S
        self._minutes = [window.start // WINDOW_S - first for window in stream.windows]
        self._by_minute = dict(zip(self._minutes, stream.windows, strict=True))
        self.length = self._minutes[-1] + 1
        shape = (self.length, len(FEATURES))
        self.median_5min = np.full(shape, np.nan, dtype=np.float32)
        self.median_30min = np.full(shape, np.nan, dtype=np.float32)
        self.strengths = np.full((self.length, len(FITTED)), np.nan, dtype=np.float32)
        self.learned = np.zeros(self.length, dtype=np.bool_)

    def window(self, minute: int) -> FeatureWindow | None:
        return self._by_minute.get(minute)

    def stream(self, aftermath_min: int) -> TrainingStream:
        normal = self.learned.copy()
        for minute in np.array(self._minutes)[self._stream.labels]:
            normal[max(0, minute - MARGIN_MIN) : minute + aftermath_min + 1] = False
        return TrainingStream(
            self._stream.name, normal, self.median_5min, self.median_30min, self.strengths
        )


def _observe(
    scaler: Streams,
    minute: int,
    present: Sequence[tuple[int, FeatureWindow]],
    logs: Sequence[_Log],
) -> None:
    windows = [window for _, window in present]
    streams = scaler.indices([Peer("train", str(place), place) for place, _ in present], minute)
    is_gap = np.array([window.gap for window in windows])
    scaled = scaled_features(windows)
    z = scaler.zscores(streams, minute, scaled, is_gap)
    resets = np.array([window.session_resets for window in windows], dtype=np.int64)
    scaler.take(streams, minute, scaled=scaled, z=z, is_gap=is_gap, resets=resets)
    rules = strengths(scaler.evidence(streams, minute, np.ones(len(streams), dtype=np.int64)))
    inputs = scaler.model_inputs(streams, minute)
    table = np.column_stack([rules[name] for name in FITTED])
    minutes_learned = scaler.baselines.minutes[streams]
    for row, (place, window) in enumerate(present):
        if window.gap:
            continue
        log = logs[place]
        log.median_5min[minute] = inputs.median_5min[row]
        log.median_30min[minute] = inputs.median_30min[row]
        log.strengths[minute] = table[row]
        log.learned[minute] = minutes_learned[row] >= _SETTLED_MIN


def observed_features(streams: Sequence[LabelledStream]) -> Iterator[str]:
    """Features that at least one stream can teach."""
    for name in FEATURES:
        if any(name not in stream.unobserved for stream in streams):
            yield name
