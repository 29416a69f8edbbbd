"""Labelled streams through the detector, minute by minute, as the product runs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from bgptui.detect.detector import Detector
from bgptui.detect.labelled import LabelledStream
from bgptui.detect.recent import EWMA_ALPHA, EWMA_MIN
from bgptui.detect.scaling import VOLUME_INDEX, Floats
from bgptui.domain.routing import Peer
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FEATURES, WINDOW_S, FeatureWindow

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
Minutes = NDArray[np.int64]

NO_REASON = "no reason"

# Told after each minute how many are done, of how many.
OnMinute = Callable[[int, int], None]


@dataclass(frozen=True)
class Trace:
    """What the detector said of each row of a stream.

    Attributes:
        minutes: [rows], since the stream's first.
        ensemble, lstm, isolation_forest, heuristic: [rows] as in WindowScore; NaN for None.
        zscores: float32 [rows, features]; NaN for None.
        is_anomaly: [rows], what opens an alert.
        strongest: the strongest reason of each row that is an anomaly, by row; NO_REASON where
            the models alone say so.
        ewma: [rows], of the mean volume z over ten minutes, computed here from the z-scores:
            the yardstick, a detector that learned nothing. NaN where nothing was seen.
        model_version: of the last score.
    """

    stream: LabelledStream
    minutes: Minutes
    ensemble: Doubles
    lstm: Doubles
    isolation_forest: Doubles
    heuristic: Doubles
    zscores: Floats
    is_anomaly: Bools
    strongest: Mapping[int, str]
    ewma: Doubles
    model_version: str

    @property
    def observed(self) -> Bools:
        """Rows that have a score."""
        return ~np.isnan(self.ensemble)


def trace_streams(
    detector: Detector, streams: Sequence[LabelledStream], *, on_minute: OnMinute
) -> tuple[Trace, ...]:
    """Run streams through one detector, all at once, as if they had begun in the same minute.

    Args:
        detector: fresh; each stream becomes a peer of its own.
    """
    recorders = [_Recorder(stream) for stream in streams]
    length = max(int(recorder.minutes[-1]) for recorder in recorders) + 1
    for minute in range(length):
        present = [place for place, each in enumerate(recorders) if each.has_row(minute)]
        if present:
            rows = [_moved(recorders[place].row, minute, place) for place in present]
            scores = detector.score(rows, float((minute + 1) * WINDOW_S))
            for place, score in zip(present, scores, strict=True):
                recorders[place].add(score)
        on_minute(minute + 1, length)
    return tuple(recorder.trace() for recorder in recorders)


def volume_ewma(minutes: Minutes, zscores: Floats) -> Doubles:
    """EWMA (span of ten minutes) of the mean volume z; NaN where there is no z.

    It begins again at 0 after ten minutes that were not seen.
    """
    volume = zscores[:, VOLUME_INDEX].mean(axis=1, dtype=np.float64)
    ewma = np.full(len(volume), np.nan)
    before, last = 0.0, 0
    for row in np.flatnonzero(~np.isnan(volume)):
        if minutes[row] - last > EWMA_MIN:
            before = 0.0
        before += EWMA_ALPHA * (volume[row] - before)
        ewma[row], last = before, int(minutes[row])
    return ewma


class _Recorder:
    """Feeds a stream's rows, one a minute, and keeps their scores."""

    def __init__(self, stream: LabelledStream) -> None:
        self.stream = stream
        starts = np.array([window.start for window in stream.windows], dtype=np.int64)
        self.minutes = (starts - starts[0]) // WINDOW_S
        self._next = 0
        rows = len(starts)
        # ensemble, lstm, isolation_forest, heuristic
        self._scores = np.full((4, rows), np.nan)
        self._zscores = np.full((rows, len(FEATURES)), np.nan, dtype=np.float32)
        self._is_anomaly = np.zeros(rows, dtype=np.bool_)
        self._strongest: dict[int, str] = {}
        self._model_version = ""

    @property
    def row(self) -> FeatureWindow:
        return self.stream.windows[self._next]

    def has_row(self, minute: int) -> bool:
        return self._next < len(self.minutes) and bool(self.minutes[self._next] == minute)

    def add(self, score: WindowScore) -> None:
        row = self._next
        parts = (score.ensemble, score.lstm, score.isolation_forest, score.heuristic)
        self._scores[:, row] = [np.nan if part is None else part for part in parts]
        self._zscores[row] = [np.nan if z is None else z for z in score.zscores]
        self._is_anomaly[row] = score.is_anomaly
        if score.is_anomaly:
            self._strongest[row] = score.reasons[0].name if score.reasons else NO_REASON
        self._model_version = score.model_version
        self._next += 1

    def trace(self) -> Trace:
        return Trace(
            stream=self.stream,
            minutes=self.minutes,
            ensemble=self._scores[0],
            lstm=self._scores[1],
            isolation_forest=self._scores[2],
            heuristic=self._scores[3],
            zscores=self._zscores,
            is_anomaly=self._is_anomaly,
            strongest=self._strongest,
            ewma=volume_ewma(self.minutes, self._zscores),
            model_version=self._model_version,
        )


def stream_peer(place: int) -> Peer:
    """The peer that stands for the stream at this place."""
    return Peer("evaluate", f"stream {place}", place)


def _moved(window: FeatureWindow, minute: int, place: int) -> FeatureWindow:
    return msgspec.structs.replace(window, start=minute * WINDOW_S, peer=stream_peer(place))
