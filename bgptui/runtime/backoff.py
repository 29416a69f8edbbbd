"""How long to wait before trying again."""

from random import Random


def next_delay_s(attempt: int, rng: Random, *, first_s: float = 0.5, most_s: float = 60.0) -> float:
    """Exponential backoff with full jitter above half the step.

    Args:
        attempt: 1 for the first retry.
    Returns:
        seconds, between half of and the whole of min(most_s, first_s * 2 ** (attempt - 1)).
    """
    step_s = min(most_s, first_s * 2.0 ** min(attempt - 1, 30))
    return step_s * (0.5 + 0.5 * rng.random())
