"""An evaluation as text for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bgptui.detect.evaluation_metrics import COUNTED_FROM_MIN, IN_TIME_MIN, Incident, Judgement
from bgptui.detect.evaluation_results import Evaluation, StreamResult, Summary
from bgptui.detect.evaluation_targets import targets
from bgptui.detect.fault_trials import FOUND_WITHIN_MIN


def report(evaluation: Evaluation) -> str:
    """Tables of streams, faults, cold starts and thinned traffic, then the targets."""
    return "\n".join(
        [
            *_streams(evaluation),
            "",
            *_faults(evaluation),
            "",
            *_hard_times(evaluation),
            "",
            *target_lines(evaluation),
        ]
    )


def _streams(evaluation: Evaluation) -> Iterator[str]:
    width = max(len(stream.name) for stream in evaluation.streams)
    yield (
        f"{'':<{width}}  days{_heads('false', 'delay', 'AUROC', 'AUPRC', 'prec.', 'rec.', 'F1')}"
        f"   EWMA:{_heads('false', 'delay', 'AUROC', 'AUPRC', 'F1')}"
    )
    for stream in evaluation.streams:
        yield _stream(stream, width)
    ours, ewma = evaluation.ensemble, evaluation.ewma
    yield (
        f"{'all':<{width}} {ours.normal_days:>5.1f}{ours.false_alarms_per_day:>7.2f}"
        f"{_found(ours):>9}"
        f"{_numbers((ours.auroc, ours.auprc, ours.precision, ours.recall, ours.f1))}"
        f"{ewma.false_alarms_per_day:>15.2f}{_found(ewma):>9}"
        f"{_numbers((ewma.auroc, ewma.auprc, ewma.f1))}"
    )
    yield (
        f"days: observed outside labels, after each stream's first. false: alarms outside labels "
        f"a day ({ours.aftermath_per_day:.2f} of the {ours.false_alarms_per_day:.2f} within twelve "
        f"hours after one; {ours.first_day_alarms_per_day:.2f} on the first day, while learning)."
    )
    counts: Counter[str] = Counter()
    for stream in evaluation.streams:
        counts.update(stream.false_by_reason)
    by_reason = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    yield f"false alarms by their strongest reason: {by_reason or 'none'}."
    yield (
        f"delay: minutes from the label's start; * alarmed just before it already; (n) shorter "
        f"than {COUNTED_FROM_MIN} minutes, not counted. all: found within {IN_TIME_MIN} minutes, "
        "of how many; means over streams with an incident that counts."
    )
    if evaluation.ewma_threshold is not None:
        yield (
            f"EWMA: of the volume z alone, from {evaluation.ewma_threshold:.2f} on; the threshold "
            "is picked on these very minutes, so that it has no more false alarms."
        )


def _heads(false: str, delay: str, *figures: str) -> str:
    return f"{false:>7}{delay:>9}" + "".join(f"{name:>7}" for name in figures)


def _stream(stream: StreamResult, width: int) -> str:
    ours, ewma = stream.ensemble, stream.ewma
    return (
        f"{stream.name:<{width}} {ours.normal_days:>5.1f}{_rate(ours):>7.2f}"
        f"{_delays(ours.incidents):>9}"
        f"{_numbers((ours.auroc, ours.auprc, ours.precision, ours.recall, ours.f1))}"
        f"{_rate(ewma):>15.2f}{_delays(ewma.incidents):>9}"
        f"{_numbers((ewma.auroc, ewma.auprc, ewma.f1))}"
    )


def _rate(judged: Judgement) -> float:
    return judged.false_alarms / judged.normal_days if judged.normal_days else 0.0


def _delays(incidents: Sequence[Incident]) -> str:
    return ",".join(_delay(incident) for incident in incidents) or "-"


def _delay(incident: Incident) -> str:
    text = "missed" if incident.delay_min is None else f"{incident.delay_min}"
    text += "*" if incident.alarmed_before else ""
    return text if incident.counted else f"({text})"


def _found(summary: Summary) -> str:
    return f"{summary.in_time}/{summary.incidents}"


def _numbers(values: Sequence[float | None]) -> str:
    return "".join(f"{'-' if value is None else f'{value:.3f}':>7}" for value in values)


def _faults(evaluation: Evaluation) -> Iterator[str]:
    yield f"{'injected fault':<20}{'trials':>8}{'found':>9}{'in 5 min':>10}{'delay':>8}"
    for result in evaluation.faults:
        yield (
            f"{result.fault:<20}{result.trials:>8}{result.found:>9.1%}{result.found_soon:>10.1%}"
            f"{_minutes(result.median_delay_min):>8}"
        )
    yield f"found: alarmed within {FOUND_WITHIN_MIN} minutes; delay: median of those, in minutes."


def _hard_times(evaluation: Evaluation) -> Iterator[str]:
    yield f"{'history':<20}{'in time':>8}{'delay':>9}"
    for start in evaluation.cold_starts:
        found = f"{start.in_time}/{start.incidents}"
        yield f"{start.history_h:>3} h{'':<15}{found:>8}{_minutes(start.median_delay_min):>9}"
    yield ""
    yield f"{'thinned':<20}{'in time':>8}{'false':>9}{'AUROC':>10}{'AUPRC':>8}   EWMA: AUPRC"
    for thin in evaluation.thinned:
        ours, ewma = thin.ensemble, thin.ewma
        yield (
            f"{thin.factor:>3} times, {thin.updates_per_min:>3.0f}/min {_found(ours):>8}"
            f"{ours.false_alarms_per_day:>9.2f}{_numbers((ours.auroc,)):>10}"
            f"{_numbers((ours.auprc,)):>8}{_numbers((ewma.auprc,)):>14}"
        )


def _minutes(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def target_lines(evaluation: Evaluation) -> Iterator[str]:
    """The targets, and which models were judged."""
    yield f"{'target':<58}{'wanted':>10}{'measured':>18}"
    for target in targets(evaluation):
        verdict = "met" if target.is_met else "MISSED"
        yield f"{target.name:<58}{target.wanted:>10}{target.measured:>18}  {verdict}"
    versions = sorted(set(evaluation.model_versions))
    yield f"model: {', '.join(versions)}"
    if evaluation.seen_in_training:
        yield (
            f"CAUTION: the model was fitted to normal minutes of "
            f"{len(evaluation.seen_in_training)} of these {len(evaluation.streams)} streams, so "
            "that their figures flatter it; "
            "--leave-one-event-out judges without."
        )
