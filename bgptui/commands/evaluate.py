"""`bgptui evaluate`: the detector judged on labelled minutes."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bgptui.commands.detectors import new_detector
from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings
from bgptui.config.schema import Config
from bgptui.detect.detector import Detector
from bgptui.detect.labelled import LabelledStream, read_labelled
from bgptui.detect.model_bundle import configured_bundle
from bgptui.errors import UsageError

# scikit-learn and scipy take most of a second to import, torch two: only where they are needed.
if TYPE_CHECKING:
    from bgptui.detect.evaluation import Fold


def run(args: argparse.Namespace) -> int:
    """Print the tables, or with --json the whole evaluation as one JSON object."""
    _require("sklearn", extra="train")
    if args.plots is not None:
        _require("matplotlib", extra="plots")
        with _folder_errors(args.plots):
            args.plots.mkdir(parents=True, exist_ok=True)
    from bgptui.detect.evaluation import evaluate  # noqa: PLC0415
    from bgptui.detect.evaluation_report import report  # noqa: PLC0415

    config = load_settings(args).config
    streams = read_labelled(args.csv)
    with ProgressLine("evaluate") as progress:
        evaluation, traces = evaluate(
            _folds(args, config, streams, progress), seed=args.seed, on_progress=_shown(progress)
        )
        if args.plots is not None:
            from bgptui.commands.evaluation_plots import write_plots  # noqa: PLC0415

            with _folder_errors(args.plots):
                write_plots(args.plots, traces, evaluation, medium=config.detect.medium)
    print(msgspec.json.encode(evaluation).decode() if args.json else report(evaluation))
    return 0


def _folds(
    args: argparse.Namespace,
    config: Config,
    streams: Sequence[LabelledStream],
    progress: ProgressLine,
) -> "Iterable[Fold]":
    from bgptui.detect.evaluation import Fold, leave_one_event_out  # noqa: PLC0415

    if not args.leave_one_event_out:
        bundle = configured_bundle(config.detect.model)
        return [
            Fold(
                "all streams",
                streams,
                lambda: new_detector(config, bundle),
                trained_on=() if bundle is None else bundle.manifest.training.streams,
            )
        ]
    for module in ("onnx", "torch"):
        _require(module, extra="train")
    return leave_one_event_out(
        streams,
        lambda event, others: _trained_without(
            event, others, config=config, seed=args.seed, progress=progress
        ),
    )


def _trained_without(
    event: str,
    others: Sequence[LabelledStream],
    *,
    config: Config,
    seed: int,
    progress: ProgressLine,
) -> Callable[[], Detector]:
    """Fit a model to the other events, as `bgptui train` does; gives what makes detectors."""
    from bgptui.detect.training import INCIDENT_AFTERMATH_MIN, Recipe, train  # noqa: PLC0415

    recipe = Recipe(
        name=f"without-{event}",
        created="",  # it is never written
        seed=seed,
        aftermath_min=INCIDENT_AFTERMATH_MIN,
        attribution="",
        medium=config.detect.medium,
    )
    shown = _shown(progress)
    trained = train(
        others,
        recipe,
        on_progress=lambda what, done, of: shown(f"train without {event}: {what}", done, of),
    )
    bundle = trained.bundle()
    return lambda: new_detector(config, bundle)


def _shown(progress: ProgressLine) -> Callable[[str, int, int], None]:
    return lambda what, done, of: progress.show(f"{what} {done:,} of {of:,}")


def _require(module: str, *, extra: str) -> None:
    if find_spec(module) is None:
        raise UsageError(
            f"bgptui evaluate needs {module}, which is not installed: pip install 'bgptui[{extra}]'"
        )


@contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"--plots {folder}: {error.strerror or error}") from None
