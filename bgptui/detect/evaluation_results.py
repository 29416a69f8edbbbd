"""What an evaluation found: figures of streams, faults, little history, little traffic."""

from collections.abc import Sequence
from statistics import mean, median

from msgspec import Struct

from bgptui.detect.evaluation_metrics import Incident, Judgement


class Summary(Struct, frozen=True):
    """Several streams together.

    Attributes:
        incidents: those that count; `found` of them at all, `in_time` within an hour.
        delays: in minutes, of those found.
        normal_days: stream-days outside labels, after each stream's first.
        false_alarms_per_day: episodes per stream and day; `aftermath_per_day` of these begin
            in the twelve hours after a label.
        first_day_alarms_per_day: while learning.
        auroc, auprc, precision, recall, f1: means over the streams with such an incident.
    """

    incidents: int
    found: int
    in_time: int
    median_delay_min: float | None
    longest_delay_min: int | None
    normal_days: float
    false_alarms_per_day: float
    aftermath_per_day: float
    first_day_alarms_per_day: float
    auroc: float | None
    auprc: float | None
    precision: float | None
    recall: float | None
    f1: float | None


class StreamResult(Struct, frozen=True):
    """One stream, as the ensemble and as the EWMA alone judge it.

    Attributes:
        false_by_reason: the ensemble's false alarms by the strongest reason of their first
            minute.
    """

    name: str
    event: str
    ensemble: Judgement
    ewma: Judgement
    false_by_reason: dict[str, int]


class FaultResult(Struct, frozen=True):
    """One kind of fault.

    Attributes:
        found: share of trials with an alarm within twenty minutes; `found_soon` within five.
    """

    fault: str
    trials: int
    found: float
    found_soon: float
    median_delay_min: float | None


class ColdStart(Struct, frozen=True):
    """Incidents met with little history."""

    history_h: int
    incidents: int
    in_time: int
    median_delay_min: float | None


class Thinned(Struct, frozen=True):
    """The same streams with so many times less traffic.

    Attributes:
        updates_per_min: median over the streams of their medians.
    """

    factor: int
    updates_per_min: float
    ensemble: Summary
    ewma: Summary


class Evaluation(Struct, frozen=True):
    """Everything that was found out.

    Attributes:
        model_versions: one for each fold.
        seen_in_training: streams that the model judging them was fitted to.
        ewma_threshold: picked on the minutes that are judged, so that the EWMA has no more
            false alarms than the ensemble; None where nothing is judged.
    """

    model_versions: tuple[str, ...]
    seen_in_training: tuple[str, ...]
    streams: tuple[StreamResult, ...]
    ensemble: Summary
    ewma: Summary
    ewma_threshold: float | None
    faults: tuple[FaultResult, ...]
    cold_starts: tuple[ColdStart, ...]
    thinned: tuple[Thinned, ...]


def summarise(judgements: Sequence[Judgement]) -> Summary:
    """One line for several streams."""
    incidents = [each for judged in judgements for each in judged.incidents if each.counted]
    ranked = [judged for judged in judgements if any(each.counted for each in judged.incidents)]
    delays = _delays(incidents)
    days = sum(judged.normal_days for judged in judgements)
    return Summary(
        incidents=len(incidents),
        found=len(delays),
        in_time=sum(each.in_time for each in incidents),
        median_delay_min=median(delays) if delays else None,
        longest_delay_min=max(delays, default=None),
        normal_days=days,
        false_alarms_per_day=per(days, [judged.false_alarms for judged in judgements]),
        aftermath_per_day=per(days, [judged.aftermath for judged in judgements]),
        first_day_alarms_per_day=per(
            len(judgements), [judged.first_day_alarms for judged in judgements]
        ),
        auroc=_mean([judged.auroc for judged in ranked]),
        auprc=_mean([judged.auprc for judged in ranked]),
        precision=_mean([judged.precision for judged in ranked]),
        recall=_mean([judged.recall for judged in ranked]),
        f1=_mean([judged.f1 for judged in ranked]),
    )


def _delays(incidents: Sequence[Incident]) -> list[int]:
    return [each.delay_min for each in incidents if each.delay_min is not None]


def per(of: float, counts: Sequence[int]) -> float:
    """Their sum divided by `of`; 0 where that is 0."""
    return sum(counts) / of if of else 0.0


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return mean(present) if present else None
