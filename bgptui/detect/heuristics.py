"""Named reasons: rules on z-scores of the last minutes, each of which can alert alone.

docs/detector.md says what each means to an operator. The strength of a reason is a number; a
ramp makes p of it, which rises from 0 to 1. `bgptui train` fits the ramps to normal minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bgptui.detect.calibration import Doubles, Ramp
from bgptui.detect.scaling import INDEX, VOLUME_INDEX, Floats

# In the order of the columns of `reasons`.
REASONS = (
    "CRITICAL_CHURN",
    "WITHDRAWAL_STORM",
    "FLAPPING",
    "PATH_LENGTH_SHIFT",
    "SILENCE",
    "SUSTAINED_VOLUME",
    "CHURN_BURST",
    "WITHDRAWAL_BURST",
    "SESSION_RESET",
)
# The fast channel: found by the last minutes alone, with a budget of false alarms of its own.
# They are no part of the heuristic score, so that they cannot carry the slow ensemble with them.
BURSTS = ("CHURN_BURST", "WITHDRAWAL_BURST")
# These have no ramp that could be fitted: what a session reset means is counted, not learned.
COUNTED = ("SESSION_RESET",)
FITTED = tuple(name for name in REASONS if name not in COUNTED)

# Without a model. The EWMA's: a normal stream of the labelled incidents passes 4.2 (median of
# twelve streams) in one minute a day; there p is .5, so an alert needs about as much.
DEFAULT_RAMPS = MappingProxyType(
    {
        "CRITICAL_CHURN": Ramp.line(1.5, 8.0),
        "WITHDRAWAL_STORM": Ramp.line(2.0, 8.0),
        "FLAPPING": Ramp.line(2.0, 8.0),
        "PATH_LENGTH_SHIFT": Ramp.line(2.0, 6.0),
        "SILENCE": Ramp.line(2.5, 8.0),
        "SUSTAINED_VOLUME": Ramp.line(1.0, 7.4),
        "CHURN_BURST": Ramp.line(1.0, 4.0),
        "WITHDRAWAL_BURST": Ramp.line(2.5, 6.0),
    }
)

# A stream that usually has fewer total_updates a minute cannot be silent: at night, with two thirds
# of it, chance alone leaves a quarter in three of five minutes once a day (Poisson).
SILENCE_LEAST_UPDATES = 15.0
# Half as many updates as usual is a calm night, however rare it is by the spread of one stream: on
# smooth traffic z falls below -4 there. Silence is that next to nothing comes.
SILENCE_MOST_SHARE = 0.25

_CHURN_INDEX = np.array(
    [
        INDEX[name]
        for name in (
            "announcements", "withdrawals", "total_updates", "flap_count", "message_rate",
        )
    ]
)  # fmt: skip
_BURST_INDEX = np.array([INDEX[name] for name in ("announcements", "withdrawals", "flap_count")])
_WITHDRAWALS = INDEX["withdrawals"]
_RATIO = INDEX["withdrawal_ratio"]
# A storm of withdrawals raises their share by about as many sigma as their number; churn,
# which raises all counts, leaves it.
_RATIO_HEAD_START_Z = 2.0


@dataclass(frozen=True)
class Evidence:
    """What the rules look at, one entry per stream; NaN where too little was observed.

    Attributes:
        median_5min, median_15min: [streams, features] medians of z.
        least_4min, least_5min: [streams, features] the least z of the last minutes, clipped.
        before_burst: [streams, features] median of z over the half hour before the last five
            minutes.
        ewma: [streams] of the mean volume z, span of ten minutes.
        resets: [streams] session resets in the last five minutes.
        peers: [streams] peers that the stream sums over: 1 for a peer's own.
        usual_updates: [streams] the baseline's median of total_updates a minute.
        recent_updates: [streams] the median of the last five minutes' total_updates.
    """

    median_5min: Floats
    median_15min: Floats
    least_4min: Floats
    least_5min: Floats
    before_burst: Floats
    ewma: Doubles
    resets: NDArray[np.int64]
    peers: NDArray[np.int64]
    usual_updates: Doubles
    recent_updates: Doubles


def strengths(seen: Evidence) -> dict[str, Doubles]:
    """How strongly each of FITTED speaks: [streams] each, in sigma; NaN where unknown."""
    five = seen.median_5min
    # Half the level before is taken off: a burst must rise above what was going on already,
    # but on a calm stream it need not make up for a calm half hour.
    before = np.nan_to_num(seen.before_burst, nan=0.0) / 2
    of_burst = seen.least_5min - before
    of_storm = seen.least_4min - before
    can_be_silent = (seen.usual_updates >= SILENCE_LEAST_UPDATES) & (seen.resets == 0)
    found = {
        "CRITICAL_CHURN": five[:, _CHURN_INDEX].mean(axis=1),
        "WITHDRAWAL_STORM": np.minimum(
            five[:, _WITHDRAWALS], five[:, _RATIO] + _RATIO_HEAD_START_Z
        ),
        "FLAPPING": five[:, INDEX["flap_count"]],
        "PATH_LENGTH_SHIFT": np.abs(seen.median_15min[:, INDEX["path_length"]]),
        "SILENCE": np.where(can_be_silent, -five[:, VOLUME_INDEX].max(axis=1), np.nan),
        "SUSTAINED_VOLUME": seen.ewma,
        "CHURN_BURST": of_burst[:, _BURST_INDEX].mean(axis=1),
        "WITHDRAWAL_BURST": of_storm[:, _WITHDRAWALS]
        + (of_storm[:, _RATIO] - of_storm[:, INDEX["announcements"]]) / 2,
    }
    return {name: found[name].astype(np.float64) for name in FITTED}


def reasons(seen: Evidence, ramps: Mapping[str, Ramp]) -> Doubles:
    """p of each reason: [streams, len(REASONS)]."""
    p = {name: ramps[name].of(values) for name, values in strengths(seen).items()}
    p["SESSION_RESET"] = _session_reset(seen)
    is_silent = seen.recent_updates <= SILENCE_MOST_SHARE * seen.usual_updates
    p["SILENCE"] = np.where(is_silent, p["SILENCE"], 0.0)
    return np.column_stack([p[name] for name in REASONS])


def _session_reset(seen: Evidence) -> Doubles:
    """One reset of a peer is everyday, four in five minutes a flapping session. Of the network,
    a twentieth of its peers is everyday, a quarter at once is a collector's or a link's."""
    share = np.maximum(seen.resets - 1, 0) / np.maximum(seen.peers, 1)
    of_network = Ramp.line(0.05, 0.25).of(share)
    of_peer = Ramp.line(0.0, 4.0).of(seen.resets)
    return np.where(seen.peers > 1, of_network, of_peer)
