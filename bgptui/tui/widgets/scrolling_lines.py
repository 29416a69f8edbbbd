"""Lines that may be more than fit, moved by keys: details and help."""

from collections.abc import Callable, Sequence

from textual import events

from bgptui.tui.lines import Line, Span, Tone, line, plain
from bgptui.tui.widgets.lines_view import LinesView

LinesForWidth = Callable[[int], Sequence[Line]]


def _nothing(_width: int) -> Sequence[Line]:
    return ()


class ScrollingLines(LinesView):
    """Lines that are made for its width; the last one in sight says how many are below."""

    DEFAULT_CSS = "ScrollingLines { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._make: LinesForWidth = _nothing
        self._all: Sequence[Line] = ()
        self._top = 0

    def show_made(self, make: LinesForWidth) -> None:
        """Take what makes the lines; it is asked again when the width changes."""
        self._make = make
        self._all = make(self.size.width) if self.size.width else ()
        self._paint()

    def scroll_lines(self, steps: int) -> None:
        """Move by lines, within the text."""
        self._top += steps
        self._paint()

    def to_start(self) -> None:
        self.scroll_lines(-len(self._all))

    def to_finish(self) -> None:
        self.scroll_lines(len(self._all))

    @property
    def whole_text(self) -> str:
        """All lines, in sight or not."""
        return "\n".join(plain(part) for part in self._all)

    def on_resize(self, _event: events.Resize) -> None:
        self.show_made(self._make)

    def _paint(self) -> None:
        height = self.size.height
        self._top = max(min(self._top, len(self._all) - height), 0)
        shown = list(self._all[self._top : self._top + height])
        below = len(self._all) - self._top - height
        if below > 0 and shown:
            shown[-1] = line(Span(f"… {below + 1} more lines", Tone.FAINT))
        self.show(shown)
