"""What the models see of a stream: medians of z over half an hour, and what of it counts.

The training and the running detector prepare their rows here, and nowhere else.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgptui.detect.recent import STEPS
from bgptui.detect.scaling import CLIP_ROW, INDEX, Floats
from bgptui.domain.window import FEATURES

# Of these only more than usual is odd to a model: a quiet night is not an anomaly, and less
# than a quiet night is the rule SILENCE's to tell (docs/adr/0011).
ONE_SIDED = ("announcements", "withdrawals", "total_updates", "flap_count", "message_rate")
# Steps of the half hour that must have been observed.
LEAST_STEPS = STEPS // 2

_LOWEST = np.full(len(FEATURES), -CLIP_ROW, dtype=np.float32)
_LOWEST[[INDEX[name] for name in ONE_SIDED]] = 0.0


@dataclass(frozen=True)
class ModelInputs:
    """Of one minute, one entry per stream; NaN where too little was observed.

    Attributes:
        steps: [streams, STEPS, features], 5-minute medians of z over half an hour.
        median_5min, median_30min: [streams, features] medians of z.
    """

    steps: Floats
    median_5min: Floats
    median_30min: Floats


def lstm_steps(steps: Floats, observed: Floats) -> Floats:
    """Rows for the autoencoder.

    Args:
        steps: [streams, STEPS, features], 5-minute medians of z; NaN where too little was seen.
        observed: [features], 1 or 0; what was never observed in training is 0 here, because
            the model can say nothing of it.
    Returns:
        The same, clipped; NaN stays.
    """
    return np.asarray(np.clip(steps, _LOWEST, CLIP_ROW) * observed, dtype=np.float32)


def enough_steps(steps: Floats) -> NDArray[np.bool_]:
    """Where at least half of the half hour, and its last minute, was observed: [streams]."""
    seen = ~np.isnan(steps[:, :, 0])
    return np.asarray((seen.sum(axis=1) >= LEAST_STEPS) & seen[:, -1])


def forest_rows(median_5min: Floats, median_30min: Floats) -> Floats:
    """Rows for the forest: [streams, 2 * features], NaN where too little was seen."""
    medians = np.concatenate([median_5min, median_30min], axis=1)
    lowest = np.concatenate([_LOWEST, _LOWEST])
    return np.asarray(np.clip(medians, lowest, CLIP_ROW), dtype=np.float32)
