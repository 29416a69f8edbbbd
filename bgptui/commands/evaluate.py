"""`bgptui evaluate`: the detector judged on labelled minutes."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import msgspec

from bgptui.commands.detectors import new_detector
from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings
from bgptui.detect.labelled import read_labelled
from bgptui.detect.model_bundle import configured_bundle
from bgptui.errors import UsageError


def run(args: argparse.Namespace) -> int:
    """Print the tables, or with --json the whole evaluation as one JSON object."""
    _require("sklearn", extra="train")
    if args.plots is not None:
        _require("matplotlib", extra="plots")
        with _folder_errors(args.plots):
            args.plots.mkdir(parents=True, exist_ok=True)
    # scikit-learn and scipy take most of a second to import.
    from bgptui.detect.evaluation import Fold, evaluate  # noqa: PLC0415
    from bgptui.detect.evaluation_report import report  # noqa: PLC0415

    config = load_settings(args).config
    bundle = configured_bundle(config.detect.model)
    streams = read_labelled(args.csv)
    with ProgressLine("evaluate") as progress:
        evaluation, traces = evaluate(
            [Fold("all streams", streams, lambda: new_detector(config, bundle))],
            seed=args.seed,
            on_progress=lambda what, done, of: progress.show(f"{what} {done:,} of {of:,}"),
        )
        if args.plots is not None:
            from bgptui.commands.evaluation_plots import write_plots  # noqa: PLC0415

            with _folder_errors(args.plots):
                write_plots(args.plots, traces, evaluation, medium=config.detect.medium)
    print(msgspec.json.encode(evaluation).decode() if args.json else report(evaluation))
    return 0


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
