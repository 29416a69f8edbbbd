"""Thresholds from normal minutes: peaks over threshold, counted as episodes, not as minutes.

A score that stays high for half an hour is one false alarm, so a threshold for so many false
alarms a day is fitted to the peaks of episodes (generalised Pareto; Coles 2001, chapter 4).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bgptui.detect.baseline import DAY_MIN
from bgptui.detect.calibration import Doubles, Ramp, Tail, fit_pareto, pareto_excess
from bgptui.detect.training_minutes import Bools
from bgptui.errors import Fatal

MERGE_MIN = 30
# p at the threshold for a reason's budget of false alarms. At one a day it is 0.
ALARM_P = 0.9

ONCE_A_DAY = 1 / DAY_MIN

# Streams differ: a threshold fitted to some is passed more often on others, so what lies
# between one a day and an alarm is widened by a ninth.
_TRANSFER = 10 / 9
_QUANTILES = 100
# Rare enough that two of them are seldom one episode, else the peaks have no Pareto tail.
_PEAK_SHARE = 0.005
_LEAST_PEAKS = 20
_LEAST_MINUTES = 2 * DAY_MIN
_BISECTIONS = 20


@dataclass(frozen=True)
class NormalScores:
    """A score over one stream's minutes, and which of these are normal.

    Attributes:
        scores: [minutes], NaN where there is none.
    """

    scores: Doubles
    normal: Bools

    def known(self) -> Doubles:
        """The scores of normal minutes."""
        return self.scores[self.normal & ~np.isnan(self.scores)]


def fit_tail(streams: Sequence[NormalScores]) -> Tail:
    """Distribution of a score over the normal minutes of all streams.

    Raises:
        Fatal: there are too few.
    """
    pooled = np.concatenate([stream.known() for stream in streams])
    if len(pooled) < _LEAST_MINUTES:
        raise Fatal(
            f"only {len(pooled)} normal minutes to learn from; at least {_LEAST_MINUTES} are "
            "needed (two days of one stream beyond its first six hours)"
        )
    exceed_share = 1 / _QUANTILES
    quantiles = np.quantile(pooled, np.linspace(0, 1 - exceed_share, _QUANTILES))
    shape, scale = fit_pareto(pooled[pooled > quantiles[-1]] - quantiles[-1])
    return Tail(tuple(quantiles.tolist()), exceed_share, shape, scale)


def fit_ramp(streams: Sequence[NormalScores], alarms_per_day: float, fallback: Ramp) -> Ramp:
    """The ramp of a reason that passes ALARM_P so many times a day.

    Args:
        fallback: where normal minutes have too few peaks to say anything.
    """
    peaks = _peaks(streams)
    if peaks is None:
        return fallback
    daily = peaks.threshold(1.0)
    alarm = daily + _TRANSFER * (peaks.threshold(alarms_per_day) - daily)
    certain = alarm + (alarm - daily) * (1 - ALARM_P) / ALARM_P
    if not daily < alarm < certain:
        return fallback
    return Ramp((daily, alarm, certain), (0.0, ALARM_P, 1.0))


def rarity_ramp(tail: Tail) -> Ramp:
    """The ramp that is the confidence of a tail where .5 is one minute in a day; 0 for what
    every tenth minute reaches."""
    rare = np.geomspace(1e-2, ONCE_A_DAY**2, 8)
    at = [tail.reached_by(0.1), *(tail.reached_by(float(p)) for p in rare)]
    p = [0.0, *(0.5 * np.log(rare) / np.log(ONCE_A_DAY)).tolist()]
    return Ramp(tuple(at), tuple(p))


def fit_alarm_p(
    scores_at: Callable[[float], Sequence[NormalScores]], threshold: float, alarms_per_day: float
) -> float:
    """The tail probability that must count as .5 for the ensemble to alarm so many times a day.

    Args:
        scores_at: the ensemble of each stream for a given alarm_p; it falls as that falls.
        threshold: from which it alarms.
    """
    low, high = np.log(1e-6), np.log(0.05)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if alarm_rate(scores_at(float(np.exp(middle))), threshold) > alarms_per_day:
            high = middle
        else:
            low = middle
    return float(np.exp(low))


def alarm_rate(streams: Sequence[NormalScores], threshold: float) -> float:
    """Episodes at or above a threshold, a day of normal minutes."""
    episodes = sum(len(_episode_peaks(stream, threshold)) for stream in streams)
    return episodes / _days(streams)


@dataclass(frozen=True)
class _Peaks:
    """Peaks of episodes over a level: so many a day, with a generalised Pareto tail."""

    level: float
    per_day: float
    shape: float
    scale: float

    def threshold(self, per_day: float) -> float:
        """What is passed by so many episodes a day."""
        if per_day >= self.per_day:
            return self.level
        return self.level + pareto_excess(per_day / self.per_day, self.shape, self.scale)


def _peaks(streams: Sequence[NormalScores]) -> _Peaks | None:
    known = np.concatenate([stream.known() for stream in streams])
    if not len(known):
        return None
    level = float(np.quantile(known, 1 - _PEAK_SHARE))
    above = np.nextafter(level, np.inf)
    peaks = np.concatenate([_episode_peaks(stream, above) for stream in streams])
    if len(peaks) < _LEAST_PEAKS or np.ptp(peaks) == 0:
        return None
    shape, scale = fit_pareto(peaks - level)
    return _Peaks(level, len(peaks) / _days(streams), shape, scale)


def _episode_peaks(stream: NormalScores, threshold: float) -> Doubles:
    """The largest score of each run at or above a threshold, runs half an hour apart being
    one."""
    scores = np.where(stream.normal, np.nan_to_num(stream.scores, nan=-np.inf), -np.inf)
    minutes = np.flatnonzero(scores >= threshold)
    if not len(minutes):
        return np.zeros(0)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(minutes) > MERGE_MIN) + 1])
    return np.asarray(np.maximum.reduceat(scores[minutes], starts))


def _days(streams: Sequence[NormalScores]) -> float:
    return sum(int(stream.normal.sum()) for stream in streams) / DAY_MIN
