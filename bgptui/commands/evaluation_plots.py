"""Pictures of scores over time, with the labels (matplotlib, extra `plots`)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.dates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bgptui.detect.evaluation_metrics import label_spans
from bgptui.detect.evaluation_results import Evaluation
from bgptui.detect.evaluation_run import Trace
from bgptui.domain.window import WINDOW_S

_LABEL, _ALARM, _SCORE, _EWMA, _TRAFFIC = "#f2c14e", "#c1292e", "#235789", "#7a8b99", "#333333"
_INCHES = (9.0, 5.4)
_DPI = 80


def write_plots(
    folder: Path, traces: Sequence[Trace], evaluation: Evaluation, *, medium: float
) -> list[Path]:
    """One PNG a stream: updates a minute, the ensemble with its alarms, the EWMA.

    Args:
        folder: exists.
        medium: the threshold that is drawn.
    """
    written = []
    for trace in traces:
        path = folder / f"{trace.stream.name.replace(' ', '_').replace('/', '_')}.png"
        figure = _figure(trace, medium=medium, ewma_threshold=evaluation.ewma_threshold)
        figure.savefig(path, dpi=_DPI, metadata={"Software": None})
        written.append(path)
    return written


def _figure(trace: Trace, *, medium: float, ewma_threshold: float | None) -> Figure:
    figure = Figure(figsize=_INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    traffic, score, ewma = figure.subplots(3, 1, sharex=True, height_ratios=(2, 2, 1.4))
    times = _times(trace, trace.minutes)
    _traffic(traffic, trace, times)
    score.plot(times, trace.ensemble, color=_SCORE, linewidth=0.7)
    score.axhline(medium, color=_ALARM, linewidth=0.7, linestyle="--")
    alarmed = np.flatnonzero(trace.is_anomaly)
    score.plot(times[alarmed], np.full(len(alarmed), 1.04), "|", color=_ALARM, markersize=6)
    score.set_ylim(0, 1.1)
    score.set_ylabel("ensemble, alarms")
    ewma.plot(times, trace.ewma, color=_EWMA, linewidth=0.7)
    if ewma_threshold is not None:
        ewma.axhline(ewma_threshold, color=_ALARM, linewidth=0.7, linestyle="--")
    ewma.set_ylabel("EWMA of volume z")
    for axes in (traffic, score, ewma):
        axes.margins(x=0)
        for first, last in label_spans(trace.minutes, trace.stream.labels):
            axes.axvspan(*_times(trace, np.array([first, last + 1])), color=_LABEL, alpha=0.45)
    ewma.xaxis.set_major_formatter(
        matplotlib.dates.ConciseDateFormatter(ewma.xaxis.get_major_locator(), tz=UTC)
    )
    figure.suptitle(f"{trace.stream.name} (labelled minutes shaded; UTC)", fontsize=10)
    return figure


def _traffic(axes: Axes, trace: Trace, times: np.ndarray) -> None:
    updates = [
        np.nan if window.gap else 1.0 + window.total_updates for window in trace.stream.windows
    ]
    axes.semilogy(times, updates, color=_TRAFFIC, linewidth=0.5)
    axes.set_ylabel("1 + updates a minute")


def _times(trace: Trace, minutes: np.ndarray) -> np.ndarray:
    """Minutes of a trace as matplotlib's dates."""
    begin = datetime.fromtimestamp(trace.stream.windows[0].start, UTC)
    first = float(matplotlib.dates.date2num(begin))
    return np.asarray(first + minutes * WINDOW_S / 86_400)
