"""Feature scales: log1p of counts, medians and spreads, and what they say of a minute.

Arrays are float32 unless said otherwise; the last axis of a minute's features is in the order
of FEATURES. NaN marks what was not observed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bgptui.domain.window import FEATURES, WINDOW_S, FeatureWindow

Floats = NDArray[np.float32]

COUNTS = (
    "announcements", "withdrawals", "total_updates", "flap_count", "unique_peers",
    "message_rate", "session_resets",
)  # fmt: skip
VOLUME = ("announcements", "total_updates", "message_rate")

IS_COUNT = np.array([name in COUNTS for name in FEATURES])
INDEX = {name: place for place, name in enumerate(FEATURES)}
VOLUME_INDEX = np.array([INDEX[name] for name in VOLUME])

# Least spread of a feature, so that a flat baseline does not explode: in log units for counts
# (.15: a change of 16 % is one sigma at most), else in the feature's own.
_LEAST_SPREAD = np.array(
    [{"withdrawal_ratio": 0.03, "path_length": 0.25}.get(name, 0.15) for name in FEATURES],
    dtype=np.float32,
)
# A count cannot be steadier than Poisson's: the deviation of log1p(n) is about 1 / sqrt(1 + n)
# at n events a minute, and .5 at one event or fewer. Without this a peer that is nearly silent
# would alarm at its third update.
_MOST_COUNTING_NOISE = 0.5

IQR_TO_SIGMA = 1.349  # of a normal distribution
CLIP_ROW = 8.0  # z-scores as stored and as models see them
CLIP_SCORE = 12.0  # z-scores inside the heuristics' medians and EWMA


def scaled_features(windows: Sequence[FeatureWindow]) -> Floats:
    """Features of windows, ready for a baseline.

    Returns:
        [windows, features]: log1p of counts (message_rate as UPDATEs a minute), ratio and hops
        as they are; NaN where a window has no path length.
    """
    raw = np.array(
        [
            (
                window.announcements,
                window.withdrawals,
                window.total_updates,
                window.withdrawal_ratio,
                window.flap_count,
                np.nan if window.path_length is None else window.path_length,
                window.unique_peers,
                window.message_rate,
                window.session_resets,
            )
            for window in windows
        ],
        dtype=np.float64,
    )
    return scale(raw.reshape(-1, len(FEATURES)))


def scale(raw: NDArray[np.float64]) -> Floats:
    """Scale raw features [..., features], in the units of FEATURES."""
    units = raw * _PER_MINUTE
    return np.where(IS_COUNT, np.log1p(np.where(IS_COUNT, units, 0.0)), units).astype(np.float32)


def unscale(scaled: Floats) -> NDArray[np.float64]:
    """The raw features, in the units of FEATURES, of scaled ones [..., features]."""
    wide = scaled.astype(np.float64)
    counts = np.expm1(np.where(IS_COUNT, wide, 0.0))
    return np.asarray(np.where(IS_COUNT, counts, wide) / _PER_MINUTE)


_PER_MINUTE = np.array([WINDOW_S if name == "message_rate" else 1 for name in FEATURES])


def median_and_spread(minutes: Floats) -> tuple[Floats, Floats]:
    """Exact median and robust deviation (IQR / 1.349, with its floor) of observed values.

    Args:
        minutes: [streams, features, minutes] scaled; NaN where nothing was observed.
    Returns:
        Two [streams, features]; NaN for a feature that was never observed.
    """
    ordered = np.sort(minutes, axis=-1)  # NaN last
    observed = np.count_nonzero(~np.isnan(minutes), axis=-1)
    low, median, high = (_quantile(ordered, observed, share) for share in (0.25, 0.5, 0.75))
    noise = np.minimum(np.exp(-median / 2), _MOST_COUNTING_NOISE)
    floor = np.maximum(_LEAST_SPREAD, np.where(IS_COUNT, noise, 0.0))
    spread = np.maximum((high - low) / IQR_TO_SIGMA, floor)
    return median, spread.astype(np.float32)


def _quantile(ordered: Floats, observed: NDArray[np.intp], share: float) -> Floats:
    """Quantile, linearly interpolated, of the first `observed` values of the last axis."""
    place = np.maximum(observed - 1, 0) * share
    below = np.floor(place).astype(np.intp)
    above = np.ceil(place).astype(np.intp)
    part = (place - below).astype(np.float32)
    first = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
    second = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
    return np.asarray(first + part * (second - first))


def median_of_observed(values: Floats, least: int) -> Floats:
    """Median over the last axis of what was observed; NaN where fewer than `least` were."""
    ordered = np.sort(values, axis=-1)
    observed = np.count_nonzero(~np.isnan(values), axis=-1)
    middle = _quantile(ordered, observed, 0.5)
    return np.where(observed >= least, middle, np.float32(np.nan))
