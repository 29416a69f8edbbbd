"""Both models on one minute of many streams, calibrated."""

from dataclasses import dataclass

import numpy as np

from bgptui.detect.calibration import Doubles
from bgptui.detect.model_bundle import ModelBundle
from bgptui.detect.model_inputs import ModelInputs
from bgptui.detect.scaling import Floats


@dataclass(frozen=True)
class ModelScores:
    """Of one stream; None where a model is missing or saw too little.

    Attributes:
        lstm_error: mean error of the counts.
        lstm: 0 ... 1; isolation_forest: -1 ... 0, lower is worse.
        error_shares: per feature, 0 ... 1; empty without an autoencoder.
    """

    lstm_error: float | None = None
    lstm: float | None = None
    isolation_forest: float | None = None
    error_shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class MinuteScores:
    """Of all streams of a minute; NaN where a model saw too little.

    Attributes:
        errors, lstm, forest: [streams]; the forest's confidence is not negated yet.
        feature_errors: [streams, features].
    """

    errors: Floats
    feature_errors: Floats
    lstm: Doubles
    forest: Doubles

    def row(self, stream: int) -> ModelScores:
        lstm, forest = _known(self.lstm[stream]), _known(self.forest[stream])
        return ModelScores(
            lstm_error=_known(self.errors[stream]),
            lstm=lstm,
            isolation_forest=None if forest is None else -forest,
            error_shares=() if lstm is None else _shares(self.feature_errors[stream]),
        )


def run_models(bundle: ModelBundle, inputs: ModelInputs) -> MinuteScores:
    """Scores of a minute's streams."""
    errors, feature_errors = bundle.lstm.errors(inputs.steps)
    forest = bundle.forest.scores(inputs.median_5min, inputs.median_30min)
    calibration = bundle.manifest.calibration
    alarm_p = calibration.alarm_p
    return MinuteScores(
        errors=errors,
        feature_errors=feature_errors,
        lstm=calibration.lstm.confidence(errors.astype(np.float64), alarm_p=alarm_p),
        forest=calibration.forest.confidence(forest.astype(np.float64), alarm_p=alarm_p),
    )


def _known(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)


def _shares(errors: Floats) -> tuple[float, ...]:
    total = float(errors.sum())
    shares: list[float] = (errors / total if total else errors).astype(float).tolist()
    return tuple(shares)
