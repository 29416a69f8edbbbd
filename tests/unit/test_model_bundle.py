"""Trained models on disk: what is accepted, what is refused, and what the graphs compute."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from bgptui.config.schema import Detect
from bgptui.detect.bundle_files import write_bundle
from bgptui.detect.model_bundle import configured_bundle, load_bundle, model_folder, read_manifest
from bgptui.detect.recent import STEPS
from bgptui.domain.window import FEATURES
from bgptui.errors import Fatal
from bgptui.resources import resource_dir

SHIPPED = resource_dir("models") / "default"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "copy"))


def test_the_shipped_model_loads_and_is_small() -> None:
    assert load_bundle(SHIPPED).version.startswith("default-")
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 1_000_000


def test_the_shipped_manifest_says_where_the_model_comes_from() -> None:
    training = read_manifest(SHIPPED).training
    assert "RIPE NCC" in training.attribution
    assert "session_resets" in training.not_observed
    assert any("unique_peers" in each for each in training.not_observed)


def test_the_default_setting_names_the_shipped_model() -> None:
    assert model_folder(Detect().model) == SHIPPED


def test_no_model_is_configured_by_an_empty_name() -> None:
    assert configured_bundle("") is None


@pytest.mark.parametrize("name", ["lstm.onnx", "forest.onnx"])
def test_a_changed_graph_is_refused_by_name(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(Fatal, match=rf"{name}: is not the file that its manifest describes"):
        load_bundle(copy)


def test_a_missing_graph_is_refused_by_name(copy: Path) -> None:
    (copy / "forest.onnx").unlink()
    with pytest.raises(Fatal, match=r"forest\.onnx: cannot be read.*bgptui train"):
        load_bundle(copy)


def test_a_missing_model_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r'manifest\.toml: cannot be read.*detect\.model = ""'):
        configured_bundle(f"{tmp_path}/none")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("schema = 1", "schema = 2", "schema 2 is not 1"),
        ('"announcements",', '"announced",', "its features are announced"),
        ("window_minutes = 1440", "window_minutes = 720", "its scaler"),
        ("[calibration.reasons.SILENCE]", "[calibration.reasons.QUIET]", "calibration of SILENCE"),
        ("alarm_p", "alarm_q", "is not a manifest"),
        ("schema = 1", "schema = ", "is not a manifest"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(copy: Path, old: str, new: str, why: str) -> None:
    file = copy / "manifest.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(Fatal, match=why):
        load_bundle(copy)


def test_a_model_takes_the_place_of_another_at_once(copy: Path) -> None:
    bundle = load_bundle(copy)
    (copy / "left over").write_text("")
    write_bundle(copy, bundle.manifest, bundle.graphs)
    assert load_bundle(copy).version == bundle.version
    assert sorted(file.name for file in copy.iterdir()) == [
        "forest.onnx",
        "lstm.onnx",
        "manifest.toml",
    ]
    assert [file.name for file in copy.parent.iterdir()] == ["copy"]


def test_a_gap_in_the_half_hour_is_left_out_of_the_error() -> None:
    """What was not seen is neither normal nor odd: a shift is as odd beside it."""
    lstm = load_bundle(SHIPPED).lstm
    shifted = np.full((1, STEPS, len(FEATURES)), 4.0, dtype=np.float32)
    with_gap = shifted.copy()
    with_gap[0, 5:15] = np.nan
    whole, gapped = lstm.errors(shifted)[0][0], lstm.errors(with_gap)[0][0]
    assert gapped == pytest.approx(whole, rel=0.15)


def test_models_say_nothing_of_what_they_hardly_saw() -> None:
    bundle = load_bundle(SHIPPED)
    steps = np.zeros((3, STEPS, len(FEATURES)), dtype=np.float32)
    steps[0, :16] = np.nan
    steps[1, -1] = np.nan
    errors, feature_errors = bundle.lstm.errors(steps)
    assert np.isnan(errors).tolist() == [True, True, False]
    assert np.isnan(feature_errors[:, 0]).tolist() == [True, True, False]
    medians = np.zeros((2, len(FEATURES)), dtype=np.float32)
    half_hour = medians.copy()
    half_hour[0] = np.nan
    assert np.isnan(bundle.forest.scores(medians, half_hour)).tolist() == [True, False]


def test_scores_do_not_depend_on_who_else_is_scored() -> None:
    lstm = load_bundle(SHIPPED).lstm
    steps = np.random.default_rng(1).normal(0, 2, (70, STEPS, len(FEATURES))).astype(np.float32)
    together = lstm.errors(steps)[0]
    alone = np.concatenate([lstm.errors(steps[row : row + 1])[0] for row in range(70)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
