"""A block of lines; only those that changed are painted again."""

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from bgptui.tui.lines import CURSOR, EMPTY, NO_STYLE, Line, plain, strip_of


class LinesView(Widget, inherit_bindings=False):
    """Shows as many of its lines as it is high (Textual's line API).

    Nothing is posted for a change and no line is parsed: a second without news costs no bytes.
    """

    DEFAULT_CSS = "LinesView { height: 1; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self.lines: tuple[Line, ...] = ()
        self.cursor: int | None = None

    def show(self, lines: Sequence[Line], *, cursor: int | None = None) -> None:
        """Take new lines and repaint those that differ.

        Args:
            cursor: the line that is painted reversed.
        """
        lines_before, cursor_before = self.lines, self.cursor
        self.lines, self.cursor = tuple(lines), cursor
        if not self.size.height and self.lines != lines_before:
            # Hidden: what was painted before must not come back with it.
            self.refresh()
        for y in range(self.size.height):
            same = _at(lines_before, y) == _at(self.lines, y)
            if not same or (y == cursor_before) is not (y == cursor):
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        base = CURSOR if y == self.cursor else NO_STYLE
        return strip_of(_at(self.lines, y), self.size.width, base)

    @property
    def text(self) -> str:
        """What it shows."""
        return "\n".join(plain(part) for part in self.lines)


def _at(lines: Sequence[Line], y: int) -> Line:
    return lines[y] if y < len(lines) else EMPTY
