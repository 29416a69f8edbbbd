"""Named reasons: rules on medians of z-scores, each of which can alert alone.

docs/detector.md says what each means to an operator. p rises from 0 to 1 over a range.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgptui.detect.scaling import INDEX, VOLUME_INDEX, Floats

# In the order of the columns of `reasons`.
REASONS = (
    "CRITICAL_CHURN",
    "WITHDRAWAL_STORM",
    "FLAPPING",
    "PATH_LENGTH_SHIFT",
    "SILENCE",
    "SESSION_RESET",
    "SUSTAINED_VOLUME",
)

# A stream that usually has fewer total_updates a minute cannot be silent.
SILENCE_LEAST_UPDATES = 2.0

# EWMA-10 of the mean volume z: a normal stream of the labelled incidents passes 4.2 (median of
# twelve streams) in one minute a day; there p is .5, so an alert needs about as much.
EWMA_RANGE = (1.0, 7.4)

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """What the rules look at, one entry per stream; NaN where too little was observed.

    Attributes:
        median_5min, median_15min: [streams, features] medians of z.
        ewma: [streams] of the mean volume z, span of ten minutes.
        resets: [streams] session resets in the last five minutes.
        peers: [streams] peers that the stream sums over: 1 for a peer's own.
        usual_updates: [streams] the baseline's median of total_updates a minute.
    """

    median_5min: Floats
    median_15min: Floats
    ewma: Doubles
    resets: NDArray[np.int64]
    peers: NDArray[np.int64]
    usual_updates: Doubles


def ramp(values: NDArray[np.floating] | NDArray[np.int64], low: float, high: float) -> Doubles:
    """0 up to `low`, 1 from `high`, a line between them; 0 where nothing was observed."""
    share = (np.nan_to_num(values.astype(np.float64), nan=-np.inf) - low) / (high - low)
    return np.clip(share, 0.0, 1.0)


def reasons(seen: Evidence) -> Doubles:
    """p of each reason: [streams, len(REASONS)]."""
    five = seen.median_5min
    volume = five[:, VOLUME_INDEX].mean(axis=1)
    silence = ramp(-five[:, INDEX["total_updates"]], 2.5, 8.0)
    can_be_silent = (seen.usual_updates >= SILENCE_LEAST_UPDATES) & (seen.resets == 0)
    return np.column_stack(
        [
            ramp(volume, 1.5, 6.0),
            ramp(five[:, INDEX["withdrawals"]], 2.0, 8.0)
            * ramp(five[:, INDEX["withdrawal_ratio"]], -1.0, 1.0),
            ramp(five[:, INDEX["flap_count"]], 2.0, 8.0),
            ramp(np.abs(seen.median_15min[:, INDEX["path_length"]]), 2.0, 6.0),
            np.where(can_be_silent, silence, 0.0),
            _session_reset(seen),
            ramp(seen.ewma, *EWMA_RANGE),
        ]
    )


def _session_reset(seen: Evidence) -> Doubles:
    """One reset of a peer is everyday, four in five minutes a flapping session. Of the network,
    a twentieth of its peers is everyday, a quarter at once is a collector's or a link's."""
    share = np.maximum(seen.resets - 1, 0) / np.maximum(seen.peers, 1)
    of_network = ramp(share, 0.05, 0.25)
    of_peer = ramp(seen.resets, 0.0, 4.0)
    return np.where(seen.peers > 1, of_network, of_peer)
