"""From a score to how rare it is on normal minutes: tail probability, confidence, and p."""

from collections.abc import Sequence
from math import log

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_LEAST_P = 1e-12


class Tail(Struct, frozen=True, forbid_unknown_fields=True):
    """Distribution of a score over normal minutes; larger is worse.

    Empirical up to its last quantile, a generalised Pareto distribution above (peaks over
    threshold: Siffer et al. 2017, "Anomaly Detection in Streams with Extreme Value Theory").

    Attributes:
        quantiles: at equal steps of probability from 0 to 1 - exceed_share.
        exceed_share: of normal minutes that lie above the last quantile.
        shape, scale: of the excess over it.
    """

    quantiles: tuple[float, ...]
    exceed_share: float
    shape: float
    scale: float

    def p(self, scores: Doubles) -> Doubles:
        """Probability that a normal minute scores as high or higher; NaN stays NaN."""
        below = np.linspace(0.0, 1.0 - self.exceed_share, len(self.quantiles))
        empirical = 1.0 - np.interp(scores, self.quantiles, below)
        excess = np.maximum(scores - self.quantiles[-1], 0.0)
        tail = self.exceed_share * pareto_survival(excess, self.shape, self.scale)
        p = np.where(scores > self.quantiles[-1], tail, empirical)
        return np.asarray(np.clip(p, _LEAST_P, 1.0))

    def reached_by(self, share: float) -> float:
        """The score that this share of normal minutes reaches; `p` the other way round."""
        if share >= self.exceed_share:
            below = np.linspace(0.0, 1.0 - self.exceed_share, len(self.quantiles))
            return float(np.interp(1.0 - share, below, self.quantiles))
        excess = pareto_excess(share / self.exceed_share, self.shape, self.scale)
        return self.quantiles[-1] + excess

    def confidence(self, scores: Doubles, *, alarm_p: float) -> Doubles:
        """0 ... 1, on a logarithmic scale of p where .5 is alarm_p; NaN stays NaN."""
        return np.asarray(np.clip(0.5 * np.log(self.p(scores)) / log(alarm_p), 0.0, 1.0))


class Ramp(Struct, frozen=True, forbid_unknown_fields=True):
    """p of a reason by its strength: lines between knots, level before and after them.

    Attributes:
        at: strengths, rising.
        p: at each of them.
    """

    at: tuple[float, ...]
    p: tuple[float, ...]

    @classmethod
    def line(cls, low: float, high: float) -> "Ramp":
        """0 up to `low`, 1 from `high`."""
        return cls((low, high), (0.0, 1.0))

    def of(self, strengths: NDArray[np.floating] | NDArray[np.int64]) -> Doubles:
        """p of each strength; 0 where nothing was observed."""
        known = np.nan_to_num(strengths.astype(np.float64), nan=-np.inf)
        return np.asarray(np.interp(known, self.at, self.p))


def pareto_survival(excess: Doubles, shape: float, scale: float) -> Doubles:
    """P(X > excess) of a generalised Pareto distribution, excess >= 0."""
    if abs(shape) < 1e-9:
        return np.asarray(np.exp(-excess / scale))
    # A negative shape has an end, beyond which nothing is possible.
    base = np.maximum(1.0 + shape * excess / scale, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(base > 0, base ** (-1.0 / shape), 0.0))


def pareto_excess(survival: float, shape: float, scale: float) -> float:
    """The excess that is exceeded with this probability."""
    if abs(shape) < 1e-9:
        return -scale * log(survival)
    return float(scale / shape * (survival**-shape - 1.0))


def fit_pareto(excesses: Sequence[float] | Doubles) -> tuple[float, float]:
    """Shape and scale by probability-weighted moments (Hosking and Wallis 1987).

    Args:
        excesses: over a threshold, at least two different ones.
    """
    ordered = np.sort(np.asarray(excesses, dtype=np.float64))
    count = len(ordered)
    above = (count - np.arange(1, count + 1)) / (count - 1)
    mean = float(ordered.mean())
    weighted = float((above * ordered).mean())
    shape = 2.0 - mean / (mean - 2.0 * weighted)
    return shape, 2.0 * mean * weighted / (mean - 2.0 * weighted)
