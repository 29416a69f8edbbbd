"""Models fitted to made-up streams: determinism, parity of the graphs, keeping what is better."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from bgptui.detect.acceptance import Verdict, held_back
from bgptui.detect.forest_training import fit_forest, forest_graph
from bgptui.detect.labelled import LabelledStream, read_labelled
from bgptui.detect.model_bundle import LSTM, KeptAutoencoder, load_bundle
from bgptui.detect.model_inputs import forest_rows, lstm_steps
from bgptui.detect.onnx_session import OnnxSession
from bgptui.detect.scaling import Floats
from bgptui.detect.training import Recipe, train
from bgptui.detect.training_minutes import TrainingStream, training_streams
from bgptui.domain.window import FEATURES
from bgptui.resources import resource_dir
from support.labelled_minutes import usual_minutes

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch (extra train) is not installed"
)
SLAMMER = "data/incidents/ufam_slammer_rrc04.csv.gz"


def quiet(what: str, done: int, of: int) -> None:
    """No progress is shown."""


@pytest.fixture(scope="session")
def real(shared: Path) -> TrainingStream:
    """Two days of one stream of a real incident."""
    stream = read_labelled([shared / SLAMMER])[0]
    cut = LabelledStream(
        stream.name,
        stream.event,
        stream.windows[1_500:3_900],
        stream.labels[1_500:3_900],
        stream.unobserved,
    )
    return training_streams([cut], aftermath_min=720, on_progress=quiet)[0]


def rows_of(stream: TrainingStream) -> Floats:
    rows = forest_rows(stream.median_5min, stream.median_30min)
    return np.asarray(rows[~np.isnan(rows).any(axis=1)])


def test_the_forests_graph_is_scikit_learns_forest_on_real_rows(real: TrainingStream) -> None:
    rows = rows_of(real)
    forest = fit_forest(rows[::3], seed=3)
    scores = OnnxSession(forest_graph(forest)).run(rows)[0][:, 0]
    np.testing.assert_allclose(scores, -forest.score_samples(rows), atol=1e-5)


def test_a_forest_is_the_same_for_the_same_seed(real: TrainingStream) -> None:
    rows = rows_of(real)
    graphs = [forest_graph(fit_forest(rows, seed=seed)) for seed in (1, 1, 2)]
    assert graphs[0] == graphs[1] != graphs[2]


@needs_torch
def test_the_autoencoders_graph_is_torchs_on_real_rows(real: TrainingStream) -> None:
    import torch  # noqa: PLC0415 - an extra

    from bgptui.detect.autoencoder_training import (  # noqa: PLC0415 - needs the extra
        autoencoder_graph,
        fit_autoencoder,
    )

    steps = lstm_steps(real.steps(), np.ones(len(FEATURES), dtype=np.float32))
    whole = np.ascontiguousarray(steps[~np.isnan(steps).any(axis=(1, 2))][:600])
    fitted = fit_autoencoder(whole, seed=1, on_progress=quiet)
    graph = autoencoder_graph(fitted, whole[:3])
    session = OnnxSession(graph)
    # Half hours with holes, too, and the incident itself.
    for rows in (whole[:1], whole[:37], np.ascontiguousarray(steps[15:40]), steps[-600:]):
        with torch.no_grad():
            expected = fitted(torch.from_numpy(np.ascontiguousarray(rows)))
        for ours, theirs in zip(session.run(np.ascontiguousarray(rows)), expected, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5, rtol=1e-5)
    again = autoencoder_graph(fit_autoencoder(whole, seed=1, on_progress=quiet), whole[:3])
    assert again == graph


def test_a_model_is_built_around_the_present_autoencoder() -> None:
    """What `bgptui train` does without torch; the same minutes give the same model."""
    present = load_bundle(resource_dir("models") / "default")
    kept = KeptAutoencoder(present.graphs[LSTM], present.manifest.training.observed)
    recipe = Recipe(
        name="own", created="2026-11-22", seed=1, aftermath_min=30, attribution="own", kept=kept
    )
    labels = np.zeros(4_400, dtype=np.bool_)
    stream = LabelledStream("s", "e", tuple(usual_minutes(4_400)), labels, ("session_resets",))
    trained, again = (train([stream], recipe, on_progress=quiet) for _ in range(2))
    assert trained.graphs == again.graphs
    assert trained.manifest == again.manifest
    assert trained.graphs[LSTM] == kept.graph
    assert trained.bundle().version.startswith("own-")
    assert trained.manifest.training.not_observed == ("session_resets", "unique_peers above 3")


def test_what_surrounds_an_anomaly_is_not_learned_from() -> None:
    labels = np.zeros(2_000, dtype=np.bool_)
    labels[1_500:1_510] = True
    stream = LabelledStream("s", "e", tuple(usual_minutes(2_000)), labels, ())
    normal = training_streams([stream], aftermath_min=60, on_progress=quiet)[0].normal
    assert not normal[1_470:1_570].any()
    assert normal[1_469]
    assert normal[1_570]
    assert not normal[:1_000].any()


def test_the_last_quarter_is_held_back_and_nothing_else_is_judged() -> None:
    labels = np.zeros(6_000, dtype=np.bool_)
    long = LabelledStream("long", "e", tuple(usual_minutes(6_000)), labels, ())
    short = LabelledStream("short", "e", tuple(usual_minutes(1_000)), labels[:1_000], ())
    heads, tails = held_back([long, short])
    assert [len(stream.windows) for stream in heads] == [4_500]
    assert tails[0].labels[:4_500].all()
    assert not tails[0].labels[4_500:].any()


@pytest.mark.parametrize(
    ("false_alarms", "found", "is_kept"),
    [(2, 50, True), (1, 60, True), (3, 60, False), (1, 49, False)],
)
def test_a_model_that_is_worse_in_anything_is_not_kept(
    false_alarms: int, found: int, is_kept: bool
) -> None:
    present = Verdict(false_alarms=2, days=10, found=50, injected=60, confidence=0.1)
    new = Verdict(false_alarms=false_alarms, days=10, found=found, injected=60, confidence=0.1)
    assert new.no_worse_than(present) is is_kept
