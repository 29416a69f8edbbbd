"""The Isolation Forest: how easily is this minute told from normal ones."""

import numpy as np

from bgptui.detect.model_inputs import forest_rows
from bgptui.detect.onnx_session import OnnxSession
from bgptui.detect.scaling import Floats


class IsolationForest:
    """Runs the graph of forest_training.py: [streams, 2 * features] in, [streams, 1] out."""

    def __init__(self, graph: bytes) -> None:
        self._session = OnnxSession(graph)

    def scores(self, median_5min: Floats, median_30min: Floats) -> Floats:
        """Anomaly scores, 0 ... 1, larger is worse (Liu et al. 2008): [streams], NaN where too
        little was observed."""
        rows = forest_rows(median_5min, median_30min)
        scores = np.full(len(rows), np.nan, dtype=np.float32)
        ready = ~np.isnan(rows).any(axis=1)
        if ready.any():
            scores[ready] = self._session.run(rows[ready])[0][:, 0]
        return scores
