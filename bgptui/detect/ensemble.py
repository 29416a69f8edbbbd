"""The ensemble score: the only definition of its weights; SQL's is tested against this one."""

from types import MappingProxyType

WEIGHTS = MappingProxyType({"lstm": 0.5, "isolation_forest": 0.3, "heuristic": 0.2})


def calculate_ensemble_score(
    lstm: float | None, isolation_forest: float | None, heuristic: float | None
) -> float | None:
    """Weighted mean of the parts that are present.

    Args:
        lstm: calibrated confidence, 0 ... 1.
        isolation_forest: its confidence negated, -1 ... 0, lower is worse.
        heuristic: 0 ... 1.
    Returns:
        0 ... 1; None when no part is present.

    >>> round(calculate_ensemble_score(0.8, -0.6, 0.9), 6)
    0.76
    """
    parts = {
        "lstm": lstm,
        "isolation_forest": None if isolation_forest is None else -isolation_forest,
        "heuristic": heuristic,
    }
    present = {name: part for name, part in parts.items() if part is not None}
    if not present:
        return None
    weight = sum(WEIGHTS[name] for name in present)
    return sum(WEIGHTS[name] * part for name, part in present.items()) / weight
