"""All streams' baselines and recent minutes, by index; their z-scores."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bgptui.detect.baseline import DAY_MIN, Baselines
from bgptui.detect.heuristics import Evidence
from bgptui.detect.history import StreamHistory
from bgptui.detect.model_inputs import ModelInputs
from bgptui.detect.recent import BEFORE_BURST_MIN, BURST_MIN, RecentMinutes
from bgptui.detect.scaling import CLIP_ROW, CLIP_SCORE, INDEX, Floats, scale, unscale
from bgptui.domain.routing import Peer

Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

# A stream without a row for so long has no baseline worth keeping; its place is reused.
_FORGET_AFTER_MIN = 2 * DAY_MIN
_TRUST_SPAN_MIN = 5


class Streams:
    """State of every stream that ever had a row, the last two days'.

    Args:
        minimum_history_min: minutes that a baseline must hold before it gives z-scores.
    """

    def __init__(self, *, minimum_history_min: int) -> None:
        self.baselines = Baselines(minimum_history_min=minimum_history_min)
        self._recent = RecentMinutes()
        self._index: dict[Peer | None, int] = {}
        self._free: list[int] = []

    def indices(self, peers: Sequence[Peer | None], minute: int) -> Indices:
        """The streams' indices; new ones get a place."""
        known = self._index
        return np.array(
            [known[peer] if peer in known else self._add(peer, minute) for peer in peers],
            dtype=np.intp,
        )

    def zscores(self, streams: Indices, minute: int, scaled: Floats, is_gap: Bools) -> Floats:
        """z-scores of one minute: [streams, features], clipped to +-12.

        Rows of NaN in a gap and without a baseline; 0 for a single feature that was not
        observed, now or ever.
        """
        baselines = self.baselines
        baselines.renew(streams, minute)
        z = (scaled - baselines.median[streams]) / baselines.spread[streams]
        unseen = is_gap | np.isnan(baselines.median[streams, 0])
        z = np.clip(np.nan_to_num(z, nan=0.0), -CLIP_SCORE, CLIP_SCORE)
        z[unseen] = np.nan
        return np.asarray(z)

    def take(
        self,
        streams: Indices,
        minute: int,
        *,
        scaled: Floats,
        z: Floats,
        is_gap: Bools,
        resets: NDArray[np.int64],
    ) -> None:
        """Keep the minute; a gap is kept as not seen, and not learned."""
        self._recent.push(streams, minute, z, resets)
        seen = streams[~is_gap]
        volume_z = self._recent.volume_median(seen, minute)
        self.baselines.learn(seen, scaled[~is_gap], volume_z)

    def evidence(self, streams: Indices, minute: int, peers: NDArray[np.int64]) -> Evidence:
        """What the rules look at, the minute at hand included."""
        baselines, updates = self.baselines, INDEX["total_updates"]
        recent = self._recent
        five = recent.medians(streams, minute, 5)
        median = baselines.median[streams]
        now = median + five * baselines.spread[streams]
        before_burst = recent.medians(streams, minute - BURST_MIN, BEFORE_BURST_MIN)
        return Evidence(
            median_5min=five,
            median_15min=recent.medians(streams, minute, 15),
            least_4min=np.clip(recent.least(streams, minute, 4), -CLIP_ROW, CLIP_ROW),
            least_5min=np.clip(recent.least(streams, minute, BURST_MIN), -CLIP_ROW, CLIP_ROW),
            before_burst=np.clip(before_burst, -CLIP_ROW, CLIP_ROW),
            ewma=recent.ewma[streams],
            resets=recent.resets(streams, minute, 5),
            peers=peers,
            usual_updates=unscale(median)[:, updates],
            recent_updates=unscale(now)[:, updates],
        )

    def model_inputs(self, streams: Indices, minute: int) -> ModelInputs:
        """What the models look at, the minute at hand included."""
        return ModelInputs(
            steps=self._recent.steps(streams, minute),
            median_5min=self._recent.medians(streams, minute, 5),
            median_30min=self._recent.medians(streams, minute, 30),
        )

    def trust(self, streams: Indices, minute: int) -> NDArray[np.float64]:
        """How far a score rests on data: the share of a day that the baseline has, times the
        share of the last five minutes that were seen."""
        share = self.baselines.minutes[streams] / DAY_MIN
        return np.asarray(share * self._recent.seen_share(streams, minute, _TRUST_SPAN_MIN))

    def baseline(self, stream: int) -> tuple[tuple[float, float], ...]:
        """Per feature the median and one sigma above it, less the median, in the units of
        FEATURES; NaN for a feature that was never observed."""
        median = self.baselines.median[stream]
        low = unscale(median)
        spread = unscale(median + self.baselines.spread[stream]) - low
        return tuple(zip(low.tolist(), spread.tolist(), strict=True))

    def baseline_minutes(self, peer: Peer | None) -> int:
        """Minutes in a stream's baseline; 0 for one that is not known."""
        stream = self._index.get(peer)
        return 0 if stream is None else int(self.baselines.minutes[stream])

    def restore(self, history: StreamHistory) -> None:
        """Bring a stream back, in place of what is known of it. The gate is found again from
        the stored z-scores."""
        if not len(history.minutes):
            return
        newest = int(history.minutes[-1])
        if (known := self._index.pop(history.peer, None)) is not None:
            self._clear(known)
        stream = self._add(history.peer, newest)
        resets = np.nan_to_num(history.features[:, INDEX["session_resets"]]).astype(np.int64)
        has_z = ~np.isnan(history.zscores[:, :1])
        z = np.where(has_z, np.nan_to_num(history.zscores), np.nan).astype(np.float32)
        volume_z = self._recent.restore(stream, history.minutes, z, resets)
        seen = ~history.gap
        self.baselines.restore(stream, scale(history.features[seen]), volume_z[seen])

    def _add(self, peer: Peer | None, minute: int) -> int:
        if not self._free:
            self._reclaim(minute)
        if not self._free:
            first = self.baselines.capacity
            self.baselines.grow()
            added = self.baselines.capacity - first
            self._recent.grow(added)
            self._free = list(range(first, first + added))[::-1]
        stream = self._index[peer] = self._free.pop()
        # Else a second newcomer of this minute could be given the place of a stream that has
        # had no row yet.
        self._recent.last_minute[stream] = minute - 1
        return stream

    def _reclaim(self, minute: int) -> None:
        """Free the places of streams that have had no row for two days."""
        for peer, stream in list(self._index.items()):
            if minute - self._recent.last_minute[stream] > _FORGET_AFTER_MIN:
                del self._index[peer]
                self._clear(stream)

    def _clear(self, stream: int) -> None:
        self.baselines.clear(stream)
        self._recent.clear(stream)
        self._free.append(stream)
