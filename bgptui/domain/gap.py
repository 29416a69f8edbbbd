"""A gap: a time in which we were blind. Missing data is never silence."""

from msgspec import Struct


class Gap(Struct, frozen=True):
    """An interval without data.

    Attributes:
        start: event time of the last message before it, seconds since 1970 UTC; where quiet
            is no fault (a narrow subscription), when the connection was last known to live.
        end: event time of the first one after it that is in time for its window; None while it
            lasts.
        collector: the collector concerned; None for the whole feed.
        reason: `connect_failed`, `closed`, `silence`, `slow_consumer`, `low_rate` (a collector
            below a tenth of its usual rate), `no_recording` (a hole in a replay's input),
            `restart`, `takeover` (another process has the collector now).
        attempts: connection attempts made so far.
    """

    start: float
    end: float | None
    collector: str | None
    reason: str
    attempts: int = 0
