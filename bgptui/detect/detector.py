"""The detector: a closing's feature windows in, one score for each out."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

import numpy as np

from bgptui.config.schema import Detect
from bgptui.detect.baseline import DAY_MIN
from bgptui.detect.calibration import Doubles
from bgptui.detect.drift import Usual, usual
from bgptui.detect.ensemble import calculate_ensemble_score
from bgptui.detect.heuristics import BURSTS, DEFAULT_RAMPS, REASONS, reasons
from bgptui.detect.history import StreamHistory
from bgptui.detect.model_bundle import ModelBundle
from bgptui.detect.model_scores import ModelScores, run_models
from bgptui.detect.scaling import CLIP_ROW, Floats, scaled_features
from bgptui.detect.streams import Indices, Streams
from bgptui.domain.score import Reason, WindowScore
from bgptui.domain.window import FEATURES, WINDOW_S, FeatureWindow

HEURISTICS_ONLY = "heuristics-2 (no lstm, no isolation_forest)"

_PATH_LENGTH = FEATURES.index("path_length")
_IN_HEURISTIC = np.array([name not in BURSTS for name in REASONS])


class Detector:
    """Scores every window of every stream; a stream is a peer's rows, or the network's.

    Pure: the same windows in the same order give the same scores. It says nothing of a session
    reset's table transfer: scores are what they are, and the correlator holds that peer's churn
    alerts for `alerts.table_transfer_s`.

    Args:
        settings: thresholds.
        bundle: the trained models; without them the heuristics score alone.
        next_feature_id, next_result_id: give the ids of the rows, one a call.
    """

    def __init__(
        self,
        settings: Detect,
        *,
        bundle: ModelBundle | None,
        next_feature_id: Callable[[], int],
        next_result_id: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._bundle = bundle
        self._ramps = DEFAULT_RAMPS if bundle is None else bundle.manifest.calibration.reasons
        self._next_feature_id = next_feature_id
        self._next_result_id = next_result_id
        self._streams = Streams(minimum_history_min=settings.minimum_history_min)

    @property
    def model_version(self) -> str:
        """Name and fingerprint of the models."""
        return HEURISTICS_ONLY if self._bundle is None else self._bundle.version

    @property
    def usual(self) -> Usual | None:
        """What its models reached in training; None without any."""
        return None if self._bundle is None else usual(self._bundle.manifest.metrics)

    @property
    def learning_share(self) -> float:
        """Share of the first day that the network-wide baseline has, 0 ... 1."""
        return self._streams.baseline_minutes(None) / DAY_MIN

    def restore(self, histories: Iterable[StreamHistory]) -> None:
        """Bring baselines and recent minutes back, before the first `score` of these streams."""
        for history in histories:
            self._streams.restore(history)

    def score(self, windows: Sequence[FeatureWindow], now: float) -> tuple[WindowScore, ...]:  # noqa: ARG002
        """Score the rows of a closing, and learn from them.

        Args:
            windows: in order of time for each stream, as the aggregator returns them.
            now: the pipeline's time; no score depends on it.
        Returns:
            One for each window, in the same order.
        """
        scores: list[WindowScore] = []
        for _, minute in groupby(windows, key=lambda window: window.start):
            scores += self._score_minute(list(minute))
        return tuple(scores)

    def _score_minute(self, windows: list[FeatureWindow]) -> list[WindowScore]:
        """Score rows of one minute, each of another stream."""
        minute = windows[0].start // WINDOW_S
        streams = self._streams.indices([window.peer for window in windows], minute)
        is_gap = np.array([window.gap for window in windows])
        scaled = scaled_features(windows)
        resets = np.array([window.session_resets for window in windows], dtype=np.int64)
        peers = np.array(
            [window.unique_peers if window.peer is None else 1 for window in windows],
            dtype=np.int64,
        )
        z = self._streams.zscores(streams, minute, scaled, is_gap)
        self._streams.take(streams, minute, scaled=scaled, z=z, is_gap=is_gap, resets=resets)
        p = reasons(self._streams.evidence(streams, minute, peers), self._ramps)
        models = self._run_models(streams, minute)
        trust = self._streams.trust(streams, minute)
        learned = self._streams.baselines.minutes[streams]
        has_z = ~np.isnan(z[:, 0])
        return [
            self._scored(
                window,
                stream=int(streams[row]),
                z=z[row],
                p=p[row],
                parts=models[row],
                trust=float(trust[row]),
            )
            if has_z[row]
            else self._unscored(window, int(learned[row]))
            for row, window in enumerate(windows)
        ]

    def _run_models(self, streams: Indices, minute: int) -> Sequence[ModelScores]:
        if self._bundle is None:
            return (ModelScores(),) * len(streams)
        scores = run_models(self._bundle, self._streams.model_inputs(streams, minute))
        return [scores.row(row) for row in range(len(streams))]

    def _unscored(self, window: FeatureWindow, learned: int) -> WindowScore:
        """A window in a gap, or of a stream that has no baseline yet."""
        return WindowScore(
            id=self._next_result_id(),
            feature_id=self._next_feature_id(),
            window=window,
            zscores=(None,) * len(FEATURES),
            lstm_error=None,
            lstm=None,
            isolation_forest=None,
            heuristic=None,
            reasons=(),
            ensemble=None,
            confidence=None,
            is_anomaly=False,
            model_version=self.model_version,
            learning=learned < DAY_MIN,
            baseline_minutes=learned,
        )

    def _scored(
        self,
        window: FeatureWindow,
        *,
        stream: int,
        z: Floats,
        p: Doubles,
        parts: ModelScores,
        trust: float,
    ) -> WindowScore:
        found = _named(p)
        heuristic = float(p[_IN_HEURISTIC].max())
        ensemble = calculate_ensemble_score(parts.lstm, parts.isolation_forest, heuristic)
        learned = int(self._streams.baselines.minutes[stream])
        learning = learned < DAY_MIN
        is_anomaly = self._is_anomaly(ensemble, found, learning=learning)
        return WindowScore(
            id=self._next_result_id(),
            feature_id=self._next_feature_id(),
            window=window,
            zscores=_row_zscores(z, window),
            lstm_error=parts.lstm_error,
            lstm=parts.lstm,
            isolation_forest=parts.isolation_forest,
            heuristic=heuristic,
            reasons=found,
            ensemble=ensemble,
            confidence=None if ensemble is None else trust,
            is_anomaly=is_anomaly,
            model_version=self.model_version,
            learning=learning,
            baseline_minutes=learned,
            baseline=self._streams.baseline(stream) if found or is_anomaly else (),
            error_shares=parts.error_shares if found or is_anomaly else (),
        )

    def _is_anomaly(
        self, ensemble: float | None, found: tuple[Reason, ...], *, learning: bool
    ) -> bool:
        if ensemble is None:
            return False
        settings = self._settings
        raised = settings.learning_raise if learning else 0.0
        if ensemble >= settings.medium + raised:
            return True
        # p ends at 1: a reason that is certain tells while learning, too.
        return any(each.p >= min(1.0, raised + self._alone(each.name)) for each in found)

    def _alone(self, reason: str) -> float:
        """p from which this reason alerts alone."""
        settings = self._settings
        return settings.burst_alone if reason in BURSTS else settings.reason_alone


def _named(p: Doubles) -> tuple[Reason, ...]:
    """The reasons that fired, strongest first, equals in the order of REASONS."""
    fired = [
        Reason(name, float(value)) for name, value in zip(REASONS, p, strict=True) if value > 0
    ]
    return tuple(sorted(fired, key=lambda each: -each.p))


def _row_zscores(z: Floats | None, window: FeatureWindow) -> tuple[float | None, ...]:
    """z-scores as stored: clipped to +-8; None without a baseline, in a gap, and for a path
    length that no announcement gave."""
    if z is None:
        return (None,) * len(FEATURES)
    values: list[float | None] = np.clip(z, -CLIP_ROW, CLIP_ROW).astype(float).tolist()
    if window.path_length is None:
        values[_PATH_LENGTH] = None
    return tuple(values)
