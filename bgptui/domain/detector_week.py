"""A week of the detector, as the table detector_weeks has it."""

from msgspec import Struct


class DetectorWeek(Struct, frozen=True):
    """How one model did in one week.

    Attributes:
        start: Monday 00:00 UTC, seconds since 1970.
        scored_minutes: of all streams, of each after its first day.
        network_minutes: those of them that are the whole network's.
        median_ensemble: of the network's scores.
        ml_alerts: alerts of type ml_anomaly that opened, of which `false_positives` are marked
            as such.
    """

    start: float
    model_version: str
    scored_minutes: int
    network_minutes: int
    median_ensemble: float
    ml_alerts: int
    false_positives: int
