"""What a restart brings back: a stream's rows of the last days, from the features table."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgptui.detect.baseline import ACCEPT_AFTER_MIN, DAY_MIN
from bgptui.domain.routing import Peer

# How far back what a stream has learned can reach: a day, before a gate that was shut for as long
# as it can be. With less a restart would learn an incident that is under way from its very rows.
HISTORY_MIN = ACCEPT_AFTER_MIN + DAY_MIN


@dataclass(frozen=True)
class StreamHistory:
    """One stream's rows in order of time.

    Attributes:
        peer: None for the network-wide stream.
        minutes: int64 [rows], start of each window divided by 60.
        features: float64 [rows, features] as stored, in the order and units of FEATURES; NaN
            for NULL.
        zscores: float64 [rows, features] as stored; NaN for NULL.
        gap: bool [rows].
    """

    peer: Peer | None
    minutes: NDArray[np.int64]
    features: NDArray[np.float64]
    zscores: NDArray[np.float64]
    gap: NDArray[np.bool_]
