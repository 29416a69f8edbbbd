"""The gated rolling baseline of each stream: what is normal for it, of the last 24 hours.

Memory: 56 kB a stream (1,440 + 120 minutes of nine float32), taken in blocks of 64 streams;
1,500 streams hold 86 MB.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bgptui.detect.scaling import Floats, median_and_spread
from bgptui.domain.window import FEATURES

DAY_MIN = 1_440
RENEW_EVERY_MIN = 10
# The gate shuts above the first, and opens again after ten minutes in a row below the second:
# a storm that ebbs would otherwise be learned from its troughs (docs/adr/0011).
GATE_Z = 1.5
GATE_OPEN_Z = 1.0
GATE_OPEN_AFTER_MIN = 10
GATE_SPAN_MIN = 10
# A level that has been shut out for so long is the new normal.
ACCEPT_AFTER_MIN = 2 * DAY_MIN
# The gate needs a baseline that it can trust: the first six hours are all taken.
GATE_FROM_MIN = 360
# Minutes of a new level that are kept at hand while it is still shut out; they become the
# baseline when it is accepted.
WAITING_MIN = 120
# One minute with an open gate takes this many back of those that it was shut.
_OPEN_TAKES_BACK_MIN = 20
_BLOCK = 64

Indices = NDArray[np.intp]


class _Block:
    """Minutes of 64 streams: [stream, feature, minute], scaled, NaN where empty."""

    def __init__(self) -> None:
        self.minutes = np.full((_BLOCK, len(FEATURES), DAY_MIN), np.nan, dtype=np.float32)
        self.waiting = np.full((_BLOCK, len(FEATURES), WAITING_MIN), np.nan, dtype=np.float32)


class Baselines:
    """Medians and spreads of all streams, by index.

    A minute enters its stream's baseline unless the gate is shut. It shuts when the 10-minute
    median of the volume z is beyond 1.5, in either direction, and opens when that has been
    within 1.0 for ten minutes. After 48 hours of nearly continuous shutting (more than about 19
    minutes in 20) the new level is accepted, and learned anew from its last two hours.

    Medians and quartiles are exact, and renewed every ten minutes of a stream, a tenth of the
    streams each minute.

    Attributes:
        median, spread: [streams, features]; NaN before the first renewal.
        minutes: [streams] int64, minutes in the baseline, at most 1,440.
    """

    def __init__(self, *, minimum_history_min: int) -> None:
        self._minimum_history_min = minimum_history_min
        self._blocks: list[_Block] = []
        self.median = _nans(0)
        self.spread = _nans(0)
        self.minutes = np.zeros(0, dtype=np.int64)
        self._next_slot = np.zeros(0, dtype=np.int64)
        self._waited = np.zeros(0, dtype=np.int64)
        self._shut_for = np.zeros(0, dtype=np.int64)
        # -1 while the gate is open, else minutes in a row that speak for opening it.
        self._calm_for = np.zeros(0, dtype=np.int64)

    @property
    def capacity(self) -> int:
        """Streams that there is room for."""
        return len(self.minutes)

    def grow(self) -> None:
        """Make room for 64 more streams."""
        self._blocks.append(_Block())
        self.median = np.concatenate([self.median, _nans(_BLOCK)])
        self.spread = np.concatenate([self.spread, _nans(_BLOCK)])
        more = np.zeros(_BLOCK, dtype=np.int64)
        self.minutes = np.concatenate([self.minutes, more])
        self._next_slot = np.concatenate([self._next_slot, more])
        self._waited = np.concatenate([self._waited, more])
        self._shut_for = np.concatenate([self._shut_for, more])
        self._calm_for = np.concatenate([self._calm_for, more - 1])

    def clear(self, stream: int) -> None:
        """Forget a stream, so that its index can be another's."""
        block, row = self._blocks[stream // _BLOCK], stream % _BLOCK
        block.minutes[row] = np.nan
        block.waiting[row] = np.nan
        self.median[stream] = np.nan
        self.spread[stream] = np.nan
        for counts in (self.minutes, self._next_slot, self._waited, self._shut_for):
            counts[stream] = 0
        self._calm_for[stream] = -1

    def renew(self, streams: Indices, minute: int) -> None:
        """Compute the medians of those streams whose turn it is in this minute."""
        ready = self.minutes[streams] >= self._minimum_history_min
        turn = (minute + streams) % RENEW_EVERY_MIN == 0
        first = np.isnan(self.median[streams, 0])
        due = streams[ready & (turn | first)]
        for block, rows, which in self._by_block(due):
            used = int(self.minutes[due[which]].max())
            minutes = block.minutes[rows, :, :used]
            self.median[due[which]], self.spread[due[which]] = median_and_spread(minutes)

    def learn(self, streams: Indices, scaled: Floats, volume_z: Floats) -> None:
        """Take one minute of each of these streams in, where the gate is open.

        Args:
            scaled: [streams, features].
            volume_z: [streams], 10-minute median of the mean volume z; NaN without a baseline.
        """
        states = zip(
            self._calm_for[streams].tolist(),
            _strengths(volume_z),
            self.minutes[streams].tolist(),
            strict=True,
        )
        calm_for = np.array([_calm_for(*state) for state in states], dtype=np.int64)
        self._calm_for[streams] = calm_for
        is_shut = calm_for >= 0
        self._put(streams[~is_shut], scaled[~is_shut])
        self._wait(streams[is_shut], scaled[is_shut])
        before = self._shut_for[streams]
        shorter = np.maximum(before - _OPEN_TAKES_BACK_MIN, 0)
        self._shut_for[streams] = np.where(is_shut, before + 1, shorter)
        for stream in streams[self._shut_for[streams] >= ACCEPT_AFTER_MIN]:
            self._accept_new_level(int(stream))

    def restore(self, stream: int, scaled: Floats, volume_z: Floats) -> None:
        """Learn a stream's past at once; the result is that of `learn` minute by minute.

        Args:
            scaled: [minutes, features], in order of time.
            volume_z: [minutes], as for `learn`.
        """
        kept: list[int] = []
        waiting: list[int] = []
        shut_for, calm_for = 0, -1
        for minute, strength in enumerate(_strengths(volume_z)):
            calm_for = _calm_for(calm_for, strength, len(kept))
            if calm_for < 0:
                kept.append(minute)
                shut_for = max(shut_for - _OPEN_TAKES_BACK_MIN, 0)
                continue
            waiting.append(minute)
            shut_for += 1
            if shut_for >= ACCEPT_AFTER_MIN:
                kept, waiting, shut_for, calm_for = waiting[-WAITING_MIN:], [], 0, -1
        block, row = self._blocks[stream // _BLOCK], stream % _BLOCK
        newest = scaled[kept[-DAY_MIN:]]
        block.minutes[row, :, : len(newest)] = newest.T
        self.minutes[stream] = len(newest)
        self._next_slot[stream] = len(newest) % DAY_MIN
        recent = scaled[waiting[-WAITING_MIN:]]
        block.waiting[row, :, : len(recent)] = recent.T
        self._waited[stream] = len(recent)
        self._shut_for[stream] = shut_for
        self._calm_for[stream] = calm_for

    def _put(self, streams: Indices, scaled: Floats) -> None:
        slots = self._next_slot[streams]
        for block, rows, which in self._by_block(streams):
            block.minutes[rows, :, slots[which]] = scaled[which]
        self._next_slot[streams] = (slots + 1) % DAY_MIN
        self.minutes[streams] = np.minimum(self.minutes[streams] + 1, DAY_MIN)

    def _wait(self, streams: Indices, scaled: Floats) -> None:
        slots = self._waited[streams] % WAITING_MIN
        for block, rows, which in self._by_block(streams):
            block.waiting[rows, :, slots[which]] = scaled[which]
        self._waited[streams] += 1

    def _accept_new_level(self, stream: int) -> None:
        block, row = self._blocks[stream // _BLOCK], stream % _BLOCK
        block.minutes[row] = np.nan
        block.minutes[row, :, :WAITING_MIN] = block.waiting[row]
        self.minutes[stream] = self._next_slot[stream] = WAITING_MIN
        self._waited[stream] = self._shut_for[stream] = 0
        self._calm_for[stream] = -1
        # NaN asks for a renewal at once.
        self.median[stream] = np.nan
        self.spread[stream] = np.nan

    def _by_block(self, streams: Indices) -> Iterator[tuple[_Block, Indices, Indices]]:
        """Blocks concerned, the rows in each, and the places of these in `streams`."""
        numbers = streams // _BLOCK
        for number in np.unique(numbers):
            which = np.flatnonzero(numbers == number)
            yield self._blocks[number], streams[which] % _BLOCK, which


def _nans(rows: int) -> Floats:
    return np.full((rows, len(FEATURES)), np.nan, dtype=np.float32)


def _strengths(volume_z: Floats) -> list[float]:
    """How far the volume is out of the ordinary; 0 where it is unknown (NaN)."""
    strengths: list[float] = np.abs(np.nan_to_num(volume_z, nan=0.0)).tolist()
    return strengths


def _calm_for(before: int, strength: float, minutes: int) -> int:
    """A gate's state after one more minute: -1 open, else the calm minutes of a shut one.

    Args:
        before: its state.
        strength: how far the volume is from usual, in sigma.
        minutes: in the baseline.
    """
    if minutes < GATE_FROM_MIN:
        return -1
    if strength > GATE_Z:
        return 0
    if before < 0:
        return -1
    calm = before + 1 if strength <= GATE_OPEN_Z else 0
    return calm if calm < GATE_OPEN_AFTER_MIN else -1
