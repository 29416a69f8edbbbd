"""The last minutes' z-scores of each stream, their 5-minute medians, and the EWMA of the volume."""

import numpy as np
from numpy.typing import NDArray

from bgptui.detect.baseline import GATE_SPAN_MIN
from bgptui.detect.scaling import VOLUME_INDEX, Floats, median_of_observed
from bgptui.domain.window import FEATURES

STEP_SPAN_MIN = 5
STEPS = 30
# The last burst and the half hour before it; the 5-minute medians of half an hour need 34.
BURST_MIN = 5
BEFORE_BURST_MIN = 30
KEPT_MIN = BURST_MIN + BEFORE_BURST_MIN
EWMA_MIN = 10
# Smoothing of an EWMA over a span of n: 2 / (n + 1).
EWMA_ALPHA = 2 / (EWMA_MIN + 1)

Indices = NDArray[np.intp]


class RecentMinutes:
    """Rings of z-scores, by stream and minute; NaN where a minute was not observed.

    A minute without a row (a peer that was down) counts as not observed, so a median never
    reaches over a hole.

    Attributes:
        ewma: [streams] of the mean volume z, span of ten observed minutes; 0 at first, and
            again after ten minutes that were not observed.
        last_minute: [streams] int64, minute of the newest row; -1 before the first.
    """

    def __init__(self) -> None:
        self._z = np.full((0, len(FEATURES), KEPT_MIN), np.nan, dtype=np.float32)
        self._steps = self._z.copy()
        self._resets = np.zeros((0, KEPT_MIN), dtype=np.int64)
        self.ewma = np.zeros(0)
        self.last_minute = np.zeros(0, dtype=np.int64)
        self._last_seen = np.zeros(0, dtype=np.int64)

    def grow(self, streams: int) -> None:
        """Make room for this many more streams."""
        more = np.full((streams, len(FEATURES), KEPT_MIN), np.nan, dtype=np.float32)
        self._z = np.concatenate([self._z, more])
        self._steps = np.concatenate([self._steps, more])
        self._resets = np.concatenate([self._resets, np.zeros((streams, KEPT_MIN), np.int64)])
        self.ewma = np.concatenate([self.ewma, np.zeros(streams)])
        self.last_minute = np.concatenate([self.last_minute, np.full(streams, -1)])
        self._last_seen = np.concatenate([self._last_seen, np.full(streams, -1)])

    def clear(self, stream: int) -> None:
        """Forget a stream."""
        self._z[stream] = np.nan
        self._steps[stream] = np.nan
        self._resets[stream] = 0
        self.ewma[stream] = 0.0
        self.last_minute[stream] = -1
        self._last_seen[stream] = -1

    def push(self, streams: Indices, minute: int, z: Floats, resets: NDArray[np.int64]) -> None:
        """Add one minute.

        Args:
            z: [streams, features]; rows of NaN for a minute that was not observed.
            resets: [streams], session resets in this minute.
        """
        self._blank_missed(streams, minute)
        slot = minute % KEPT_MIN
        self._z[streams, :, slot] = z
        self._steps[streams, :, slot] = self.medians(streams, minute, STEP_SPAN_MIN)
        self._resets[streams, slot] = resets
        self.last_minute[streams] = minute
        volume = z[:, VOLUME_INDEX].mean(axis=1, dtype=np.float64)
        observed = ~np.isnan(volume)
        seen = streams[observed]
        is_stale = minute - self._last_seen[seen] > EWMA_MIN
        before = np.where(is_stale, 0.0, self.ewma[seen])
        self.ewma[seen] = before + EWMA_ALPHA * (volume[observed] - before)
        self._last_seen[seen] = minute

    def restore(
        self, stream: int, minutes: NDArray[np.int64], z: Floats, resets: NDArray[np.int64]
    ) -> Floats:
        """Bring a stream's past back.

        Args:
            minutes: [rows], in order of time; z: [rows, features]; resets: [rows].
        Returns:
            [rows]: the median of the mean volume z over each row's last ten minutes.
        """
        volume = z[:, VOLUME_INDEX].mean(axis=1)
        seen = ~np.isnan(volume)
        ewma, last_seen = 0.0, -1
        for minute, value in zip(minutes[seen].tolist(), volume[seen].tolist(), strict=True):
            before = 0.0 if minute - last_seen > EWMA_MIN else ewma
            ewma = before + EWMA_ALPHA * (value - before)
            last_seen = minute
        self.ewma[stream] = ewma
        self._last_seen[stream] = last_seen
        self.last_minute[stream] = minutes[-1]
        last = minutes > minutes[-1] - KEPT_MIN
        slots = minutes[last] % KEPT_MIN
        self._z[stream, :, slots] = z[last]
        for minute in range(int(minutes[-1]) - STEPS + 1, int(minutes[-1]) + 1):
            at = np.array([stream])
            self._steps[at, :, minute % KEPT_MIN] = self.medians(at, minute, STEP_SPAN_MIN)
        self._resets[stream, slots] = resets[last]
        grid = np.full(int(minutes[-1] - minutes[0]) + GATE_SPAN_MIN, np.nan, dtype=np.float32)
        places = minutes - minutes[0] + GATE_SPAN_MIN - 1
        grid[places] = volume
        spans = np.lib.stride_tricks.sliding_window_view(grid, GATE_SPAN_MIN)
        medians = median_of_observed(spans, GATE_SPAN_MIN // 2 + 1)
        return np.asarray(medians[places - GATE_SPAN_MIN + 1])

    def medians(self, streams: Indices, minute: int, span_min: int) -> Floats:
        """Medians over the last minutes: [streams, features], NaN where fewer than half (and
        one) were observed."""
        return median_of_observed(
            self._z[streams][:, :, _slots(minute, span_min)], span_min // 2 + 1
        )

    def steps(self, streams: Indices, minute: int) -> Floats:
        """5-minute medians of z in the last half hour: [streams, STEPS, features], in order of
        time, NaN as in `medians`."""
        slots = _slots(minute, STEPS)[::-1]
        return np.ascontiguousarray(self._steps[streams][:, :, slots].transpose(0, 2, 1))

    def least(self, streams: Indices, minute: int, span_min: int) -> Floats:
        """The least z of the last minutes: [streams, features], NaN where one was not seen."""
        return np.asarray(self._z[streams][:, :, _slots(minute, span_min)].min(axis=2))

    def volume_median(self, streams: Indices, minute: int) -> Floats:
        """What the gate looks at: the median over the last ten minutes of each minute's mean
        volume z: [streams], NaN where fewer than six were observed."""
        z = self._z[streams][:, VOLUME_INDEX][:, :, _slots(minute, GATE_SPAN_MIN)]
        return median_of_observed(z.mean(axis=1), GATE_SPAN_MIN // 2 + 1)

    def resets(self, streams: Indices, minute: int, span_min: int) -> NDArray[np.int64]:
        """Session resets in the last minutes: [streams]."""
        return np.asarray(self._resets[streams][:, _slots(minute, span_min)].sum(axis=1))

    def seen_share(self, streams: Indices, minute: int, span_min: int) -> NDArray[np.float64]:
        """Share of the last minutes that were observed: [streams]."""
        z = self._z[streams, 0][:, _slots(minute, span_min)]
        return np.asarray((~np.isnan(z)).mean(axis=1))

    def _blank_missed(self, streams: Indices, minute: int) -> None:
        missed = np.minimum(minute - self.last_minute[streams] - 1, KEPT_MIN)
        for back in range(1, int(missed.max(initial=0)) + 1):
            slot = (minute - back) % KEPT_MIN
            self._z[streams[missed >= back], :, slot] = np.nan
            self._steps[streams[missed >= back], :, slot] = np.nan
            self._resets[streams[missed >= back], slot] = 0


def _slots(minute: int, span_min: int) -> NDArray[np.intp]:
    """Slots of the last `span_min` minutes, the one at hand included."""
    return (minute - np.arange(span_min)) % KEPT_MIN
