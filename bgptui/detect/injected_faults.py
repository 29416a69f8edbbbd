"""Faults put into normal minutes: does the detector notice, and how soon?

Each is a recipe for what one minute would have looked like. Counts stay consistent
(total_updates is their sum) and a gap stays a gap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bgptui.domain.window import FeatureWindow

# A storm of ten times nothing is none: so many withdrawals a minute it multiplies at least.
_LEAST_WITHDRAWALS = 5
# Likewise for the flaps of a stream that has none.
_LEAST_FLAPS = 2


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes:
        minutes: how long it lasts.
        change: from a normal minute to a bad one.
    """

    name: str
    minutes: int
    change: Callable[[FeatureWindow], FeatureWindow]


def inject(fault: Fault, windows: Sequence[FeatureWindow], at: int) -> tuple[FeatureWindow, ...]:
    """The windows with a fault that begins at row `at`, one row a minute."""
    return tuple(
        fault.change(window) if at <= row < at + fault.minutes and not window.gap else window
        for row, window in enumerate(windows)
    )


def _silent(window: FeatureWindow) -> FeatureWindow:
    return replace(
        window,
        announcements=0,
        withdrawals=0,
        flap_count=0,
        path_length=None,
        unique_peers=0,
        message_rate=0.0,
    )


def _withdrawal_storm(window: FeatureWindow) -> FeatureWindow:
    withdrawals = 10 * max(window.withdrawals, _LEAST_WITHDRAWALS)
    return replace(window, withdrawals=withdrawals, message_rate=3 * window.message_rate)


def _churn(window: FeatureWindow) -> FeatureWindow:
    return replace(
        window,
        announcements=10 * window.announcements,
        withdrawals=10 * window.withdrawals,
        flap_count=10 * window.flap_count,
        message_rate=10 * window.message_rate,
    )


def _leak(window: FeatureWindow) -> FeatureWindow:
    return replace(
        window,
        announcements=6 * window.announcements,
        flap_count=4 * window.flap_count,
        message_rate=4 * window.message_rate,
        path_length=_longer(window, 1.0),
    )


def _path_shift(window: FeatureWindow) -> FeatureWindow:
    return replace(window, path_length=_longer(window, 1.5))


def _flaps(window: FeatureWindow) -> FeatureWindow:
    return replace(
        window,
        flap_count=5 * max(window.flap_count, _LEAST_FLAPS),
        announcements=round(1.5 * window.announcements),
        message_rate=1.5 * window.message_rate,
    )


def _longer(window: FeatureWindow, hops: float) -> float | None:
    return None if window.path_length is None else window.path_length + hops


NOTHING = Fault("nothing", 0, lambda window: window)
FAULTS = (
    # First the control: alarms that come without a fault.
    NOTHING,
    Fault("silence", 15, _silent),
    Fault("leak-like burst", 20, _leak),
    Fault("withdrawals x10", 5, _withdrawal_storm),
    Fault("churn x10", 5, _churn),
    Fault("path shift +1.5", 30, _path_shift),
    Fault("flaps x5", 15, _flaps),
)
