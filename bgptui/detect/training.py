"""Fits a model: forest, autoencoder, calibration and thresholds, from normal minutes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from bgptui.config.schema import Detect
from bgptui.detect.calibration import Doubles, Ramp
from bgptui.detect.ensemble import calculate_ensemble_score
from bgptui.detect.forest_training import fit_forest, forest_graph
from bgptui.detect.heuristics import BURSTS, DEFAULT_RAMPS, FITTED
from bgptui.detect.isolation_forest import IsolationForest
from bgptui.detect.labelled import LabelledStream
from bgptui.detect.lstm import Autoencoder
from bgptui.detect.model_bundle import (
    FOREST,
    LSTM,
    SCHEMA,
    Calibration,
    KeptAutoencoder,
    Manifest,
    ModelBundle,
    Training,
    open_bundle,
    this_scaler,
)
from bgptui.detect.model_inputs import forest_rows, lstm_steps
from bgptui.detect.recent import STEPS
from bgptui.detect.scaling import Floats
from bgptui.detect.thresholds import NormalScores, fit_alarm_p, fit_ramp, fit_tail, rarity_ramp
from bgptui.detect.training_minutes import (
    OnProgress,
    TrainingStream,
    observed_features,
    training_streams,
)
from bgptui.domain.window import FEATURES
from bgptui.errors import Fatal

# False alarms a day and stream: of the ensemble, of each rule alone, of each burst alone.
ENSEMBLE_BUDGET = 0.17
REASON_BUDGET = 0.005
BURST_BUDGET = 0.02
# A labelled incident's echoes last; of an alarm in the operator's own history only half an hour
# is left out on either side.
INCIDENT_AFTERMATH_MIN = 12 * 60
ALARM_AFTERMATH_MIN = 30
# What the z-scores of a network of hundreds of peers look like was not in the data, whatever
# the values were.
_NARROW_PEERS = 10
_FITTED_WITH = ("numpy", "scikit-learn", "onnx", "onnxruntime", "torch")


@dataclass(frozen=True)
class Trained:
    """A model that is not on disk yet.

    Attributes:
        graphs: ONNX files by name.
    """

    manifest: Manifest
    graphs: Mapping[str, bytes]

    def bundle(self) -> ModelBundle:
        """Ready to run."""
        return open_bundle(self.manifest, self.graphs)


@dataclass(frozen=True)
class Recipe:
    """What a model is to be made with, beside the data.

    Attributes:
        created: ISO 8601, for the manifest.
        aftermath_min: minutes after a label that are not learned from.
        kept: the autoencoder to keep; None to fit one, which takes the extra `train`.
        medium: the ensemble's threshold, which its budget of false alarms is fitted to.
    """

    name: str
    created: str
    seed: int
    aftermath_min: int
    attribution: str
    kept: KeptAutoencoder | None = None
    medium: float = Detect().medium


def train(streams: Sequence[LabelledStream], recipe: Recipe, *, on_progress: OnProgress) -> Trained:
    """Fit a model to the normal minutes of streams. The same arguments give the same model.

    Raises:
        Fatal: there are too few normal minutes.
    """
    if not streams:
        raise Fatal("there are no streams to learn from")
    observed = tuple(observed_features(streams))
    minutes = training_streams(streams, aftermath_min=recipe.aftermath_min, on_progress=on_progress)
    kept = recipe.kept or KeptAutoencoder(
        _fit_lstm(minutes, observed, recipe.seed, on_progress), observed
    )
    graphs = {
        LSTM: kept.graph,
        FOREST: _fit_forest(minutes, recipe.seed),
    }
    on_progress("thresholds", 0, 1)
    calibration = _calibrate(minutes, graphs, kept.observed, recipe.medium)
    on_progress("thresholds", 1, 1)
    manifest = Manifest(
        schema=SCHEMA,
        name=recipe.name,
        created=recipe.created,
        features=FEATURES,
        scaler=this_scaler(),
        files={name: hashlib.sha256(graph).hexdigest() for name, graph in graphs.items()},
        calibration=calibration,
        training=Training(
            sha256=_fingerprint(streams),
            streams=tuple(stream.name for stream in streams),
            normal_minutes=sum(int(stream.normal.sum()) for stream in minutes),
            seed=recipe.seed,
            attribution=recipe.attribution,
            not_observed=_not_observed(streams),
            observed=kept.observed,
            budgets={
                "ensemble": ENSEMBLE_BUDGET,
                "reason": REASON_BUDGET,
                "burst": BURST_BUDGET,
            },
        ),
        metrics={},
        versions=dict(_versions()),
    )
    return Trained(manifest, graphs)


def _fit_lstm(
    minutes: Sequence[TrainingStream],
    observed: tuple[str, ...],
    seed: int,
    on_progress: OnProgress,
) -> bytes:
    try:
        from bgptui.detect.autoencoder_training import (  # noqa: PLC0415 - torch is an extra
            autoencoder_graph,
            fit_autoencoder,
        )
    except ModuleNotFoundError as error:
        raise Fatal(
            f"fitting an autoencoder needs {error.name}: install bgptui[train], or train on top "
            "of an existing model, whose autoencoder is kept"
        ) from None
    rows = np.concatenate([_whole_half_hours(stream, observed) for stream in minutes])
    if len(rows) < STEPS:
        raise Fatal("there is no half hour without gaps to learn from")
    fitted = fit_autoencoder(rows, seed=seed, on_progress=on_progress)
    return autoencoder_graph(fitted, rows[:3])


def _whole_half_hours(stream: TrainingStream, observed: tuple[str, ...]) -> Floats:
    steps = stream.steps()
    whole = stream.normal & ~np.isnan(steps).any(axis=(1, 2))
    return lstm_steps(steps[whole], _mask(observed)).astype(np.float32)


def _mask(observed: tuple[str, ...]) -> Floats:
    return np.array([name in observed for name in FEATURES], dtype=np.float32)


def _fit_forest(minutes: Sequence[TrainingStream], seed: int) -> bytes:
    rows = np.concatenate(
        [
            forest_rows(stream.median_5min[stream.normal], stream.median_30min[stream.normal])
            for stream in minutes
        ]
    )
    rows = rows[~np.isnan(rows).any(axis=1)]
    if not len(rows):
        raise Fatal("there are no normal minutes to learn from")
    return forest_graph(fit_forest(rows, seed=seed))


def _calibrate(
    minutes: Sequence[TrainingStream],
    graphs: Mapping[str, bytes],
    observed: tuple[str, ...],
    medium: float,
) -> Calibration:
    """Tails of both models, ramps of the rules, and the scale on which they are added up."""
    lstm, forest = Autoencoder(graphs[LSTM], _mask(observed)), IsolationForest(graphs[FOREST])
    errors = [_normal(lstm.errors(stream.steps())[0], stream) for stream in minutes]
    scores = [
        _normal(forest.scores(stream.median_5min, stream.median_30min), stream)
        for stream in minutes
    ]
    lstm_tail, forest_tail = fit_tail(errors), fit_tail(scores)
    reasons = {name: _ramp(name, minutes) for name in FITTED}
    heuristics = [_heuristic(stream, reasons) for stream in minutes]

    def ensembles(alarm_p: float) -> list[NormalScores]:
        return [
            NormalScores(
                _ensemble(
                    lstm_tail.confidence(error.scores, alarm_p=alarm_p),
                    forest_tail.confidence(score.scores, alarm_p=alarm_p),
                    heuristic,
                ),
                stream.normal,
            )
            for error, score, heuristic, stream in zip(
                errors, scores, heuristics, minutes, strict=True
            )
        ]

    return Calibration(
        alarm_p=fit_alarm_p(ensembles, medium, ENSEMBLE_BUDGET),
        lstm=lstm_tail,
        forest=forest_tail,
        reasons=reasons,
    )


def _normal(scores: Floats, stream: TrainingStream) -> NormalScores:
    return NormalScores(scores.astype(np.float64), stream.normal)


def _ramp(name: str, minutes: Sequence[TrainingStream]) -> Ramp:
    column = FITTED.index(name)
    budget = BURST_BUDGET if name in BURSTS else REASON_BUDGET
    scores = [_normal(stream.strengths[:, column], stream) for stream in minutes]
    if name == "SUSTAINED_VOLUME":
        # The plain yardstick: it says how rare a minute is, and hardly ever alerts alone.
        return rarity_ramp(fit_tail(scores))
    return fit_ramp(scores, budget, DEFAULT_RAMPS[name])


def _heuristic(stream: TrainingStream, reasons: Mapping[str, Ramp]) -> Doubles:
    columns = [
        reasons[name].of(stream.strengths[:, column])
        for column, name in enumerate(FITTED)
        if name not in BURSTS
    ]
    return np.asarray(np.max(columns, axis=0))


def _ensemble(lstm: Doubles, forest: Doubles, heuristic: Doubles) -> Doubles:
    """calculate_ensemble_score of each minute; NaN where a model saw too little."""
    return np.array(
        [
            np.nan if np.isnan(a) or np.isnan(b) else calculate_ensemble_score(a, -b, c)
            for a, b, c in zip(lstm.tolist(), forest.tolist(), heuristic.tolist(), strict=True)
        ],
        dtype=np.float64,
    )


def _fingerprint(streams: Sequence[LabelledStream]) -> str:
    """Of every minute that was seen: sha256 of the features and labels, as float64."""
    digest = hashlib.sha256()
    for stream in streams:
        digest.update(stream.name.encode())
        for window, label in zip(stream.windows, stream.labels.tolist(), strict=True):
            row = [getattr(window, name) for name in FEATURES]
            values = [np.nan if value is None else value for value in row]
            digest.update(np.array([window.start, *values, window.gap, label]).tobytes())
    return digest.hexdigest()


def _not_observed(streams: Sequence[LabelledStream]) -> tuple[str, ...]:
    observed = set(observed_features(streams))
    missing = [name for name in FEATURES if name not in observed]
    most = max((window.unique_peers for stream in streams for window in stream.windows), default=0)
    if most < _NARROW_PEERS:
        missing.append(f"unique_peers above {most}")
    return tuple(missing)


def _versions() -> list[tuple[str, str]]:
    found = []
    for package in _FITTED_WITH:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return found
