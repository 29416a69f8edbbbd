"""Rows of one query on two engines, made comparable."""

from typing import Any

Row = dict[str, Any]

# By the database's clock: not the same in two databases.
_CLOCK = ("acknowledged_at", "resolved_at", "created_at", "updated_at")


def without_clock(rows: list[Row]) -> list[Row]:
    """The same rows; of what the database's clock says, only whether it is there."""
    return [
        {name: value is not None if name in _CLOCK else value for name, value in row.items()}
        for row in rows
    ]


def sorted_rows(rows: list[Row]) -> list[Row]:
    """In one order, whatever the engine's, and sums that do not depend on theirs."""
    return sorted(
        ({name: _rounded(value) for name, value in row.items()} for row in rows), key=repr
    )


def _rounded(value: object) -> object:
    return round(value, 9) if isinstance(value, float) else value
