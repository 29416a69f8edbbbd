"""What the detector should reach on events that it was not tuned on, and whether it does."""

from collections.abc import Iterator

from msgspec import Struct

from bgptui.detect.evaluation_metrics import IN_TIME_MIN
from bgptui.detect.evaluation_results import Evaluation

# The fastest of the known worms: it was everywhere within ten minutes (Moore et al. 2003).
_FASTEST = "slammer"
_FASTEST_IN_MIN = 10


class Target(Struct, frozen=True):
    """One figure.

    Attributes:
        wanted, measured: for people.
    """

    name: str
    wanted: str
    measured: str
    is_met: bool


def targets(evaluation: Evaluation) -> tuple[Target, ...]:
    """Those that the judged streams can say something about."""
    return (*_incident_targets(evaluation), *_fault_targets(evaluation))


def _incident_targets(evaluation: Evaluation) -> Iterator[Target]:
    ours, ewma = evaluation.ensemble, evaluation.ewma
    if ours.incidents:
        yield Target(
            f"incidents found within {IN_TIME_MIN} minutes",
            f"{ours.incidents}",
            f"{ours.in_time}",
            ours.in_time == ours.incidents,
        )
        yield Target(
            f"... and no fewer than the EWMA's {ewma.in_time}",
            f"{ewma.in_time}",
            f"{ours.in_time}",
            ours.in_time >= ewma.in_time,
        )
    fastest = [
        incident.delay_min
        for stream in evaluation.streams
        if stream.event == _FASTEST
        for incident in stream.ensemble.incidents
    ]
    if fastest:
        known = [delay for delay in fastest if delay is not None]
        yield Target(
            f"{_FASTEST} found within {_FASTEST_IN_MIN} minutes",
            f"<= {_FASTEST_IN_MIN}",
            f"{max(known)}" if len(known) == len(fastest) else "not found",
            len(known) == len(fastest) and max(known) <= _FASTEST_IN_MIN,
        )
    rate = ours.false_alarms_per_day
    yield Target("false alarms a day and stream", "<= 0.25", f"{rate:.2f}", rate <= 0.25)
    if ours.auroc is not None and ours.auprc is not None and ewma.auprc is not None:
        yield Target("mean AUROC", ">= 0.96", f"{ours.auroc:.3f}", ours.auroc >= 0.96)
        yield Target("mean AUPRC", ">= 0.90", f"{ours.auprc:.3f}", ours.auprc >= 0.90)
        yield Target(
            "... and no less than the EWMA's",
            f">= {ewma.auprc:.3f}",
            f"{ours.auprc:.3f}",
            ours.auprc >= ewma.auprc,
        )


def _fault_targets(evaluation: Evaluation) -> Iterator[Target]:
    of = {result.fault: result for result in evaluation.faults}
    if not any(result.trials for result in evaluation.faults):
        return
    soon = of["silence"].found_soon
    yield Target("silence noticed within 5 minutes", ">= 99 %", f"{soon:.1%}", soon >= 0.99)
    rate = evaluation.ensemble.false_alarms_per_day
    for name in ("withdrawals x10", "churn x10"):
        found = of[name].found
        yield Target(
            f"{name} for five minutes, at 0.5 false alarms a day",
            ">= 80 %",
            f"{found:.1%} at {rate:.2f}",
            found >= 0.80 and rate <= 0.5,
        )
