"""The detector judged on labelled minutes: incidents, faults, little history, little traffic."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from statistics import median

import numpy as np

from bgptui.detect.detector import Detector
from bgptui.detect.evaluation_metrics import (
    COUNTED_FROM_MIN,
    IN_TIME_MIN,
    false_by_reason,
    judge,
    threshold_for,
)
from bgptui.detect.evaluation_results import (
    ColdStart,
    Evaluation,
    FaultResult,
    StreamResult,
    Thinned,
    per,
    summarise,
)
from bgptui.detect.evaluation_run import Trace, trace_streams
from bgptui.detect.fault_trials import FaultTrial, try_faults
from bgptui.detect.injected_faults import FAULTS
from bgptui.detect.labelled import LabelledStream
from bgptui.detect.stream_variants import cold_starts, thinned
from bgptui.errors import UsageError

THINNED_BY = (50, 200)
HISTORY_H = (1, 3, 24)
SOON_MIN = 5
TRIALS_PER_STREAM = 20

# What is being done, how many steps of it are done, of how many.
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fold:
    """Streams, and the detector that they are judged by.

    Attributes:
        new_detector: makes fresh ones.
        trained_on: names of the streams that its model was fitted to.
    """

    name: str
    streams: Sequence[LabelledStream]
    new_detector: Callable[[], Detector]
    trained_on: Collection[str] = ()


def evaluate(
    folds: Iterable[Fold], *, seed: int, on_progress: OnProgress
) -> tuple[Evaluation, tuple[Trace, ...]]:
    """Judge each fold's streams by its detector, and put the results together.

    Args:
        seed: of thinning and of where faults are injected.
    Returns:
        The evaluation, and the traces of the streams as they are.
    """
    runs = [_run_fold(fold, seed=seed, on_progress=on_progress) for fold in folds]
    plain = [trace for run in runs for trace in run.plain]
    streams, threshold = _judge_all(plain)
    return Evaluation(
        model_versions=tuple(run.plain[-1].model_version for run in runs),
        seen_in_training=tuple(name for run in runs for name in run.seen_in_training),
        streams=streams,
        ensemble=summarise([result.ensemble for result in streams]),
        ewma=summarise([result.ewma for result in streams]),
        ewma_threshold=threshold if np.isfinite(threshold) else None,
        faults=_fault_results([trial for run in runs for trial in run.trials]),
        cold_starts=tuple(
            _cold_start(hours, [trace for run in runs for trace in run.cold[hours]])
            for hours in HISTORY_H
        ),
        thinned=tuple(
            _thinned(factor, [trace for run in runs for trace in run.thinned[factor]])
            for factor in THINNED_BY
        ),
    ), tuple(plain)


def leave_one_event_out(
    streams: Sequence[LabelledStream],
    train: Callable[[str, Sequence[LabelledStream]], Callable[[], Detector]],
) -> Iterator[Fold]:
    """A fold for each event: its streams, judged by a detector trained on all the others.

    Args:
        train: told the event that is left out and the streams that are not; gives what makes
            fresh detectors.
    Raises:
        UsageError: all streams are of one event, so nothing would be left to train on.
    """
    events = sorted({stream.event for stream in streams})
    if len(events) < 2:
        raise UsageError(
            "--leave-one-event-out: all streams are of one event (they overlap in time), so "
            "nothing is left to train on"
        )
    for event in events:
        others = [stream for stream in streams if stream.event != event]
        yield Fold(
            name=f"without {event}",
            streams=[stream for stream in streams if stream.event == event],
            new_detector=train(event, others),
            trained_on=[stream.name for stream in others],
        )


@dataclass(frozen=True)
class _FoldRun:
    plain: Sequence[Trace]
    thinned: dict[int, Sequence[Trace]]
    cold: dict[int, Sequence[Trace]]
    trials: Sequence[FaultTrial]
    seen_in_training: Sequence[str]


def _run_fold(fold: Fold, *, seed: int, on_progress: OnProgress) -> _FoldRun:
    """Everything in one detector at once, as the product runs many peers; then the faults."""
    thin = {by: [thinned(stream, by, seed) for stream in fold.streams] for by in THINNED_BY}
    cold = {
        hours: [cut for stream in fold.streams for cut in cold_starts(stream, hours * 60)]
        for hours in HISTORY_H
    }
    groups = [list(fold.streams), *thin.values(), *cold.values()]
    traces = iter(
        trace_streams(
            fold.new_detector(),
            list(chain.from_iterable(groups)),
            on_minute=lambda done, of: on_progress(f"{fold.name}: minutes", done, of),
        )
    )
    plain, *others = [list(islice(traces, len(group))) for group in groups]
    trials = try_faults(
        fold.new_detector(),
        plain,
        per_stream=TRIALS_PER_STREAM,
        seed=seed,
        on_minute=lambda done, of: on_progress(f"{fold.name}: faults", done, of),
    )
    return _FoldRun(
        plain=plain,
        thinned=dict(zip(thin, others[: len(thin)], strict=True)),
        cold=dict(zip(cold, others[len(thin) :], strict=True)),
        trials=trials,
        seen_in_training=[each.name for each in fold.streams if each.name in fold.trained_on],
    )


def _judge_all(traces: Sequence[Trace]) -> tuple[tuple[StreamResult, ...], float]:
    """Results of each stream, and the EWMA's threshold."""
    ensemble = [judge(trace, trace.ensemble, trace.is_anomaly) for trace in traces]
    threshold = threshold_for(traces, sum(judged.false_alarms for judged in ensemble))
    return tuple(
        StreamResult(
            trace.stream.name,
            trace.stream.event,
            judged,
            judge(trace, trace.ewma, trace.ewma > threshold),
            false_by_reason(trace),
        )
        for trace, judged in zip(traces, ensemble, strict=True)
    ), threshold


def _fault_results(trials: Sequence[FaultTrial]) -> tuple[FaultResult, ...]:
    results = []
    for fault in FAULTS:
        delays = [trial.delay_min for trial in trials if trial.fault is fault]
        found = [delay for delay in delays if delay is not None]
        results.append(
            FaultResult(
                fault=fault.name,
                trials=len(delays),
                found=per(len(delays), [len(found)]),
                found_soon=per(len(delays), [sum(delay <= SOON_MIN for delay in found)]),
                median_delay_min=median(found) if found else None,
            )
        )
    return tuple(results)


def _cold_start(history_h: int, traces: Sequence[Trace]) -> ColdStart:
    counted = [trace for trace in traces if trace.stream.labels.sum() >= COUNTED_FROM_MIN]
    delays = [_delay_after(trace, history_h * 60) for trace in counted]
    found = [delay for delay in delays if delay is not None]
    return ColdStart(
        history_h=history_h,
        incidents=len(counted),
        in_time=sum(delay <= IN_TIME_MIN for delay in found),
        median_delay_min=median(found) if found else None,
    )


def _delay_after(trace: Trace, minute: int) -> int | None:
    alarmed = trace.minutes[trace.is_anomaly & trace.stream.labels]
    return int(alarmed[0]) - minute + 1 if len(alarmed) else None


def _thinned(factor: int, traces: Sequence[Trace]) -> Thinned:
    streams, _ = _judge_all(traces)
    usual = [
        float(np.median([window.total_updates for window in trace.stream.windows]))
        for trace in traces
    ]
    return Thinned(
        factor=factor,
        updates_per_min=median(usual),
        ensemble=summarise([result.ensemble for result in streams]),
        ewma=summarise([result.ewma for result in streams]),
    )
