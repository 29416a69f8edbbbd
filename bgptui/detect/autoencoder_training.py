"""Fits the LSTM autoencoder and writes it, with its score, as ONNX. Needs the extra `train`.

The decoder is bounded, so that it cannot reproduce a shift that lasts: what exceeds the bound
for half an hour is an error, however smooth. (After Malhotra et al. 2016, EncDec-AD, which
scores the squared error; on real incidents that finds next to nothing.)
"""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bgptui.detect.model_inputs import ONE_SIDED
from bgptui.detect.scaling import INDEX, Floats
from bgptui.detect.training_minutes import OnProgress
from bgptui.domain.window import FEATURES

HIDDEN = 32
LATENT = 2
BOUND = 0.5
EPOCHS = 6
BATCH = 256
MOST_ROWS = 14_000
_PEAK_LEARNING_RATE = 5e-3
_MOST_GRADIENT = 1.0
# An error's sigma is taken from its 99th percentile (2.33 sigma of a normal distribution), so
# that a feature with heavy tails does not dominate; with a floor for what hardly varies.
_TAIL = 0.99
_TAIL_SIGMA = 2.33
_LEAST_TAIL = 0.15
_OPSET = 17


class Autoencoder(nn.Module):
    """[rows, steps, features] to the same."""

    def __init__(self) -> None:
        super().__init__()
        features = len(FEATURES)
        self.encoder = nn.LSTM(features, HIDDEN, batch_first=True)
        self.to_latent = nn.Linear(HIDDEN, LATENT)
        self.from_latent = nn.Linear(LATENT, HIDDEN)
        self.decoder = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
        self.output = nn.Linear(HIDDEN, features)

    def forward(self, steps: Tensor) -> Tensor:
        encoded, _ = self.encoder(steps)
        latent = torch.tanh(self.to_latent(encoded[:, -1]))
        repeated = self.from_latent(latent).unsqueeze(1).expand(-1, steps.shape[1], -1)
        decoded, _ = self.decoder(repeated)
        bounded: Tensor = BOUND * torch.tanh(self.output(decoded) / BOUND)
        return bounded


class ScoredAutoencoder(nn.Module):
    """The graph that is shipped: steps, NaN where unobserved, to errors.

    Args:
        sigma: [features], deviation of each feature's mean residual on normal half hours.
    """

    def __init__(self, autoencoder: Autoencoder, sigma: Floats) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.sigma = nn.Parameter(torch.from_numpy(sigma), requires_grad=False)
        self.counts = [INDEX[name] for name in ONE_SIDED]

    def forward(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """[rows], mean error of the counts; [rows, features], each error in sigma."""
        errors = mean_residual(self.autoencoder, steps).abs() / self.sigma
        return errors[:, self.counts].mean(1), errors


def mean_residual(autoencoder: Autoencoder, steps: Tensor) -> Tensor:
    """Mean over the observed steps of what is left of each feature: [rows, features]."""
    is_missing = torch.isnan(steps)
    filled = torch.where(is_missing, torch.zeros_like(steps), steps)
    seen = 1.0 - is_missing.to(steps.dtype)
    left: Tensor = (filled - autoencoder(filled)) * seen
    return left.sum(1) / seen.sum(1).clamp(min=1.0)


def fit_autoencoder(rows: Floats, *, seed: int, on_progress: OnProgress) -> ScoredAutoencoder:
    """Args: rows: [half hours, STEPS, features], normal, without NaN."""
    # One thread gives the same sums on every machine.
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(rows), generator=generator)[:MOST_ROWS]
    steps = torch.from_numpy(np.ascontiguousarray(rows[chosen.numpy()]))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        autoencoder = Autoencoder()
    _descend(autoencoder, steps, generator, on_progress)
    with torch.no_grad():
        residuals = mean_residual(autoencoder, steps).abs().numpy()
    sigma = np.maximum(np.quantile(residuals, _TAIL, axis=0), _LEAST_TAIL) / _TAIL_SIGMA
    return ScoredAutoencoder(autoencoder, sigma.astype(np.float32)).eval()


def _descend(
    autoencoder: Autoencoder, steps: Tensor, generator: torch.Generator, on_progress: OnProgress
) -> None:
    batches = -(-len(steps) // BATCH)
    optimizer = torch.optim.Adam(autoencoder.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _PEAK_LEARNING_RATE, total_steps=EPOCHS * batches
    )
    loss_of = nn.SmoothL1Loss()
    for epoch in range(EPOCHS):
        order = torch.randperm(len(steps), generator=generator)
        for number in range(batches):
            batch = steps[order[number * BATCH : (number + 1) * BATCH]]
            optimizer.zero_grad()
            loss_of(autoencoder(batch), batch).backward()
            nn.utils.clip_grad_norm_(autoencoder.parameters(), _MOST_GRADIENT)
            optimizer.step()
            schedule.step()
            on_progress("autoencoder", epoch * batches + number + 1, EPOCHS * batches)


def autoencoder_graph(scored: ScoredAutoencoder, example: Floats) -> bytes:
    """The model as ONNX, for any number of rows.

    Args:
        example: [3, STEPS, features].
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The exporter based on TorchScript is deprecated, but it is the one whose graph takes
        # any batch size and keeps the LSTM a single node.
        warnings.simplefilter("ignore")
        file = Path(folder) / "lstm.onnx"
        torch.onnx.export(
            scored,
            (torch.from_numpy(example),),
            file,
            input_names=["steps"],
            output_names=["errors", "feature_errors"],
            dynamic_axes={name: {0: "rows"} for name in ("steps", "errors", "feature_errors")},
            opset_version=_OPSET,
            dynamo=False,
        )
        return file.read_bytes()
