"""The LSTM autoencoder: how unlike any normal half hour is this one, and by which features."""

import numpy as np

from bgptui.detect.model_inputs import enough_steps, lstm_steps
from bgptui.detect.onnx_session import OnnxSession
from bgptui.detect.scaling import Floats
from bgptui.domain.window import FEATURES


class Autoencoder:
    """Runs the graph of autoencoder_training.py.

    Args:
        graph: [streams, STEPS, features] in; errors [streams] and feature_errors
            [streams, features] out.
        observed: [features], 1 or 0.
    """

    def __init__(self, graph: bytes, observed: Floats) -> None:
        self._session = OnnxSession(graph)
        self._observed = observed

    def errors(self, steps: Floats) -> tuple[Floats, Floats]:
        """Reconstruction errors of the last half hours.

        Args:
            steps: [streams, STEPS, features], 5-minute medians of z.
        Returns:
            [streams] and [streams, features]; NaN where too little was observed.
        """
        errors = np.full(len(steps), np.nan, dtype=np.float32)
        feature_errors = np.full((len(steps), len(FEATURES)), np.nan, dtype=np.float32)
        ready = enough_steps(steps)
        if ready.any():
            rows = lstm_steps(steps[ready], self._observed)
            errors[ready], of_features = self._session.run(rows)
            # The decoder's guess of what it never saw is no error.
            feature_errors[ready] = of_features * self._observed
        return errors, feature_errors
