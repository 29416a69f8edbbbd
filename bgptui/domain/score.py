"""Scores of one window of one stream."""

from msgspec import Struct

from bgptui.domain.window import FeatureWindow


class Reason(Struct, frozen=True):
    """A named heuristic that fired, e.g. WITHDRAWAL_STORM; `p` rises from 0 to 1."""

    name: str
    p: float


class WindowScore(Struct, frozen=True):
    """What the detector says of one window; a row of ml_results.

    Attributes:
        id, feature_id: ids of the ml_results row and of its features row.
        zscores: per feature, in the order of FEATURES; None where nothing was observed.
        lstm_error: reconstruction error of the autoencoder, None without a model.
        lstm: calibrated confidence 0 ... 1, None without a model.
        isolation_forest: the negated confidence, -1 ... 0, lower is worse; None without one.
        heuristic: 0 ... 1, largest of the reasons but for bursts; None while there is no
            baseline.
        ensemble: 0 ... 1; None where no part was present (learning, gap).
        learning: the baseline is shorter than a day, so thresholds are raised.
        baseline_minutes: minutes in the stream's baseline.
        baseline: per feature (median, spread) in raw-minute units before scaling, for evidence;
            empty where nothing was found.
        error_shares: per feature its share of the autoencoder's error, 0 ... 1; empty without
            one, and where nothing was found.
    """

    id: int
    feature_id: int
    window: FeatureWindow
    zscores: tuple[float | None, ...]
    lstm_error: float | None
    lstm: float | None
    isolation_forest: float | None
    heuristic: float | None
    reasons: tuple[Reason, ...]
    ensemble: float | None
    confidence: float | None
    is_anomaly: bool
    model_version: str
    learning: bool
    baseline_minutes: int
    baseline: tuple[tuple[float, float], ...] = ()
    error_shares: tuple[float, ...] = ()
    processing_time_ms: float = 0.0
