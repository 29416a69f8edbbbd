"""Feature sparklines of the whole network: one a feature, a column a minute, blanks for gaps."""

from collections.abc import Sequence
from enum import Enum, auto

from bgptui.domain.window import FEATURES, WINDOW_S
from bgptui.store.readers import NetworkWindow
from bgptui.tui.lines import Line, Span, Tone, fit, fit_right, line
from bgptui.tui.present.figures import figure

BLOCKS = "▁▂▃▄▅▆▇█"
NOTABLE_Z = 2.0
# z-scores are stored clipped to this: it and all beyond it look the same.
MOST_Z = 8.0

LABELS = {
    "announcements": "announce",
    "withdrawals": "withdraw",
    "total_updates": "updates",
    "withdrawal_ratio": "wdr-ratio",
    "flap_count": "flaps",
    "path_length": "path-len",
    "unique_peers": "peers",
    "message_rate": "msg-rate",
    "session_resets": "resets",
}
UNITS = {
    "message_rate": "/s",
    "announcements": "/m",
    "withdrawals": "/m",
    "total_updates": "/m",
    "flap_count": "/m",
    "session_resets": "/m",
}


class Scale(Enum):
    """What the lowest block stands for: zero, or for a level the least value there is."""

    FROM_ZERO = auto()
    LEVEL = auto()


_LEVELS = frozenset({"path_length", "unique_peers"})

SHORT = ("announcements", "withdrawals", "path_length", "flap_count")


def sparkline(values: Sequence[float | None], *, scale: Scale = Scale.FROM_ZERO) -> str:
    """One block a value, a space for None."""
    known = [value for value in values if value is not None]
    if not known:
        return " " * len(values)
    low, high = 0.0, max(known)
    if scale is Scale.LEVEL:
        # At least a quarter of the level is the whole height: noise is not to look like news.
        low = min(*known, high * 0.75)
    return "".join(" " if value is None else _block(value - low, high - low) for value in values)


def _block(height: float, span: float) -> str:
    if span <= 0:
        return BLOCKS[0]
    return BLOCKS[min(int(height / span * len(BLOCKS)), len(BLOCKS) - 1)]


def by_minute(
    windows: Sequence[NetworkWindow], minutes: int, *, now: float | None
) -> list[NetworkWindow | None]:
    """The last `minutes` as a list without holes: None for a gap or a missing minute.

    Args:
        now: the pipeline's time; minutes that should have been closed by then and are not
            there are missing, too.
    """
    if not windows:
        return [None] * minutes
    by_start = {window.start: window for window in windows if not window.gap}
    last = windows[-1].start
    if now is not None:
        # A window closes up to lateness (10 s) after its end; two minutes are beyond doubt.
        last = max(last, int(now) // WINDOW_S * WINDOW_S - 2 * WINDOW_S)
    return [by_start.get(last - WINDOW_S * back) for back in range(minutes - 1, -1, -1)]


def spark_cell(feature: str, minutes: Sequence[NetworkWindow | None], width: int) -> Line:
    """Label, sparkline, value and z of one feature in exactly `width` cells."""
    at = FEATURES.index(feature)
    graph_width = max(width - _FIXED, 0)
    shown = minutes[-graph_width:] if graph_width else []
    values = [None if window is None else window.values[at] for window in shown]
    newest = minutes[-1] if minutes else None
    value = None if newest is None else newest.values[at]
    z = newest.zscores[at] if newest is not None and at < len(newest.zscores) else None
    graph = sparkline(values, scale=Scale.LEVEL if feature in _LEVELS else Scale.FROM_ZERO)
    return line(
        fit(LABELS[feature], 9) + " ",
        Span(fit_right(graph, graph_width), Tone.LOW),
        fit_right("-" if value is None else figure(value) + UNITS.get(feature, "  "), 7),
        " ",
        _z(z),
    )


_FIXED = 10 + 7 + 1 + 7


def _z(z: float | None) -> Span:
    """Seven cells: `z+3.1!`, the mark beyond 2 deviations."""
    if z is None:
        return Span("z   -  ", Tone.FAINT)
    if abs(z) >= MOST_Z:
        return Span(f"z{'>' if z > 0 else '<-'}{MOST_Z:.0f}!".ljust(7), Tone.WARN)
    mark = "!" if abs(z) > NOTABLE_Z else " "
    return Span(fit(f"z{z:+.1f}{mark}", 7), Tone.WARN if mark == "!" else Tone.PLAIN)


def spark_lines(
    windows: Sequence[NetworkWindow],
    features: Sequence[str],
    *,
    columns: int,
    width: int,
    now: float | None,
) -> list[Line]:
    """Sparklines in `columns` columns, row by row."""
    cell_width = (width - (columns - 1)) // columns
    minutes = by_minute(windows, max(cell_width - _FIXED, 1), now=now)
    cells = [spark_cell(feature, minutes, cell_width) for feature in features]
    lines: list[Line] = []
    for at in range(0, len(cells), columns):
        row: Line = ()
        for cell in cells[at : at + columns]:
            row = (*row, Span(" "), *cell) if row else cell
        lines.append(row)
    return lines
