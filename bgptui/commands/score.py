"""`bgptui score`: one stream of minutes from a CSV file through the detector."""

import argparse
import csv
import sys

from bgptui.commands.detectors import new_detector
from bgptui.commands.settings import load_settings
from bgptui.detect.labelled import read_labelled_file
from bgptui.detect.model_bundle import configured_bundle
from bgptui.domain.score import WindowScore
from bgptui.errors import UsageError

COLUMNS = ("epoch", "lstm", "isolation_forest", "heuristic", "ensemble", "reasons")


def run(args: argparse.Namespace) -> int:
    """Print a row of scores for each row of the file, as CSV."""
    config = load_settings(args).config
    streams = read_labelled_file(args.csv)
    if len(streams) > 1:
        raise UsageError(
            f"{args.csv}: has rows of {len(streams)} peers; score takes one stream at a time"
        )
    detector = new_detector(config, configured_bundle(config.detect.model))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS)
    for window in streams[0].windows:
        out.writerow(_row(detector.score([window], float(window.end))[0]))
    return 0


def _row(score: WindowScore) -> tuple[int | str, ...]:
    parts = (score.lstm, score.isolation_forest, score.heuristic, score.ensemble)
    return (
        score.window.start,
        *("" if part is None else f"{part:.4f}" for part in parts),
        ";".join(reason.name for reason in score.reasons),
    )
