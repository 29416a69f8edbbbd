"""A trained model: a folder of two graphs and a manifest that says what they are.

The manifest is read first, and every file is held against it before it is loaded. Nothing in a
bundle is code: graphs are ONNX, the rest is TOML.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from bgptui.detect.baseline import DAY_MIN
from bgptui.detect.calibration import Ramp, Tail
from bgptui.detect.heuristics import FITTED
from bgptui.detect.isolation_forest import IsolationForest
from bgptui.detect.lstm import Autoencoder
from bgptui.detect.model_inputs import ONE_SIDED
from bgptui.detect.recent import STEP_SPAN_MIN, STEPS
from bgptui.detect.scaling import CLIP_ROW
from bgptui.domain.window import FEATURES
from bgptui.errors import Fatal
from bgptui.resources import resource_dir

SCHEMA = 1
MANIFEST = "manifest.toml"
LSTM = "lstm.onnx"
FOREST = "forest.onnx"


class Scaler(Struct, frozen=True, forbid_unknown_fields=True):
    """How the z-scores that the models were trained on were made; must be as it is here."""

    kind: str
    window_minutes: int
    steps: int
    step_span_minutes: int
    clip: float
    one_sided: tuple[str, ...]


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """What a score means: how rare it is on normal minutes.

    Attributes:
        alarm_p: tail probability at which a model's confidence is .5.
        lstm, forest: of their raw scores.
        reasons: by name, for each of heuristics.FITTED.
    """

    alarm_p: float
    lstm: Tail
    forest: Tail
    reasons: dict[str, Ramp]


class Training(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the models come from.

    Attributes:
        sha256: fingerprint of the training minutes.
        not_observed: what these could not teach, in words.
        budgets: false alarms a day and stream that thresholds were fitted to.
    """

    sha256: str
    streams: tuple[str, ...]
    normal_minutes: int
    seed: int
    attribution: str
    not_observed: tuple[str, ...]
    observed: tuple[str, ...]
    budgets: dict[str, float]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """manifest.toml.

    Attributes:
        files: sha256 of each, by name.
        metrics: on held-back minutes and injected faults, by name.
        versions: of the libraries that made the files.
    """

    schema: int
    name: str
    created: str
    features: tuple[str, ...]
    scaler: Scaler
    files: dict[str, str]
    calibration: Calibration
    training: Training
    metrics: dict[str, float]
    versions: dict[str, str]


@dataclass(frozen=True)
class KeptAutoencoder:
    """An autoencoder to build a new model around.

    Attributes:
        observed: the features that it was shown.
    """

    graph: bytes
    observed: tuple[str, ...]


@dataclass(frozen=True)
class ModelBundle:
    """A model that is ready to run.

    Attributes:
        version: what ml_results.model_version says.
        graphs: the ONNX files, by name.
    """

    version: str
    manifest: Manifest
    graphs: Mapping[str, bytes]
    lstm: Autoencoder
    forest: IsolationForest


_REMEDY = (
    'restore the folder, train anew with `bgptui train`, or set detect.model = "" to go on '
    "without models"
)


def model_folder(model: str) -> Path | None:
    """The folder that the setting detect.model means; None for no model.

    A name is one under models/ of the installation; with a slash it is a path.
    """
    if not model:
        return None
    if "/" in model:
        return Path(model).expanduser()
    return resource_dir("models") / model


def configured_bundle(model: str) -> ModelBundle | None:
    """The model that the setting detect.model means.

    Raises:
        Fatal: as of `load_bundle`. A detector that silently went on without its models would
            be found out by the incident that it missed.
    """
    folder = model_folder(model)
    return None if folder is None else load_bundle(folder)


def load_bundle(path: Path) -> ModelBundle:
    """Load a model, after its files have been found to be those of its manifest.

    Raises:
        Fatal: one of them is missing, was changed, or is for another version of bgptui; the
            text names the file and the remedy.
    """
    manifest = read_manifest(path)
    graphs = {name: _checked(path / name, manifest.files) for name in (LSTM, FOREST)}
    return open_bundle(manifest, graphs)


def open_bundle(manifest: Manifest, graphs: Mapping[str, bytes]) -> ModelBundle:
    """A model of parts that are known to belong together."""
    observed = np.array([name in manifest.training.observed for name in FEATURES], np.float32)
    digest = hashlib.sha256("".join(manifest.files.values()).encode()).hexdigest()
    return ModelBundle(
        version=f"{manifest.name}-{digest[:8]}",
        manifest=manifest,
        graphs=graphs,
        lstm=Autoencoder(graphs[LSTM], observed),
        forest=IsolationForest(graphs[FOREST]),
    )


def read_manifest(path: Path) -> Manifest:
    """The manifest of the model in this folder.

    Raises:
        Fatal: as of `load_bundle`.
    """
    file = path / MANIFEST
    try:
        loaded: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        manifest = msgspec.convert(loaded, Manifest)
    except OSError as error:
        raise Fatal(f"{file}: cannot be read: {error.strerror}; {_REMEDY}") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise Fatal(f"{file}: is not a manifest ({error}); {_REMEDY}") from None
    mismatch = _mismatch(manifest)
    if mismatch:
        raise Fatal(f"{file}: {mismatch}; {_REMEDY}")
    return manifest


def _mismatch(manifest: Manifest) -> str:
    """Why this version of bgptui cannot use it; empty if it can."""
    if manifest.schema != SCHEMA:
        return f"schema {manifest.schema} is not {SCHEMA}"
    if manifest.features != FEATURES:
        return f"its features are {', '.join(manifest.features)}, not {', '.join(FEATURES)}"
    if manifest.scaler != this_scaler():
        return "its scaler is not the one of this version"
    missing = [name for name in FITTED if name not in manifest.calibration.reasons]
    if missing:
        return f"it has no calibration of {missing[0]}"
    return ""


def this_scaler() -> Scaler:
    """How this version makes z-scores."""
    return Scaler(
        kind="log1p of counts; gated rolling median and IQR",
        window_minutes=DAY_MIN,
        steps=STEPS,
        step_span_minutes=STEP_SPAN_MIN,
        clip=CLIP_ROW,
        one_sided=ONE_SIDED,
    )


def _checked(file: Path, known: Mapping[str, str]) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Fatal(f"{file}: cannot be read: {error.strerror}; {_REMEDY}") from None
    if hashlib.sha256(content).hexdigest() != known.get(file.name):
        raise Fatal(f"{file}: is not the file that its manifest describes (sha256); {_REMEDY}")
    return content
