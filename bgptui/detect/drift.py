"""Does the detector still see what its model was fitted to? Told once a week.

A model is held to what it reached on minutes that were held back from its training; the manifest
has these figures. Scores are compared on the network's stream alone: peers that say little have
higher ones (median .07, on the labelled incidents thinned 50 times, against .045).
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from bgptui.detect.baseline import DAY_MIN
from bgptui.domain.detector_week import DetectorWeek

DAY_S = 86_400
WEEK_S = 7 * DAY_S
# The first Monday after 1970-01-01, which was a Thursday.
_MONDAY_S = 4 * DAY_S
# People mark the weekend's false positives when they are back.
SETTLED_AFTER_S = DAY_S

BEYOND = 2.0
# Less than a day's minutes say nothing, nor do so few false positives: with one stream and the
# shipped model's figures, four come by chance in one week of seventy.
_LEAST_MINUTES = DAY_MIN
_LEAST_FALSE_POSITIVES = 4


class Usual(Struct, frozen=True):
    """What a model reached on minutes that were held back from its training.

    Attributes:
        median_ensemble: of normal minutes.
        false_alarms_per_day: a stream.
    """

    median_ensemble: float
    false_alarms_per_day: float


def usual(metrics: Mapping[str, float]) -> Usual | None:
    """Of the metrics of a manifest; None where too little was held back to know."""
    days = metrics.get("held_back_days", 0.0)
    median = metrics.get("median_ensemble", 0.0)
    if days <= 0 or median <= 0:
        return None
    # None in n days may still be one in n.
    return Usual(median, max(metrics.get("false_alarms_per_day", 0.0), 1 / days))


def week_to_report(now: float) -> int:
    """Start of the newest week (Monday 00:00 UTC) that is over for a day, in seconds."""
    settled = int(now) - SETTLED_AFTER_S - _MONDAY_S
    return settled // WEEK_S * WEEK_S - WEEK_S + _MONDAY_S


def drift(week: DetectorWeek, expected: Usual) -> tuple[str, ...]:
    """What was beyond twice what is expected: a short line each, empty where nothing was."""
    if week.network_minutes < _LEAST_MINUTES:
        return ()
    return tuple(_drifts(week, expected))


def _drifts(week: DetectorWeek, expected: Usual) -> Iterator[str]:
    if week.median_ensemble > BEYOND * expected.median_ensemble:
        yield (
            f"drift: median score {week.median_ensemble:.3f} last week, "
            f"{expected.median_ensemble:.3f} in training (bgptui train)"
        )
    a_day = week.false_positives / (week.scored_minutes / DAY_MIN)
    is_chance = week.false_positives < _LEAST_FALSE_POSITIVES
    if a_day > BEYOND * expected.false_alarms_per_day and not is_chance:
        yield (
            f"drift: {a_day:.2f} false positives a day and stream, "
            f"{expected.false_alarms_per_day:.2f} in training (bgptui train)"
        )
