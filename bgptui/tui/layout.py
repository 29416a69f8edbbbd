"""Which parts of the console a terminal of some size has."""

from enum import Enum


class Layout(Enum):
    """Layouts, by what fits; the value is the CSS class of the main screen."""

    TOO_SMALL = "-too-small"
    SMALL = "-small"
    NORMAL = "-normal"
    WIDE = "-wide"


def layout_for(columns: int, rows: int) -> Layout:
    """TOO_SMALL below 60x12; SMALL (table, bar, keys) below 80x20; WIDE from 140x40."""
    if columns < 60 or rows < 12:
        return Layout.TOO_SMALL
    if columns < 80 or rows < 20:
        return Layout.SMALL
    if columns < 140 or rows < 40:
        return Layout.NORMAL
    return Layout.WIDE
