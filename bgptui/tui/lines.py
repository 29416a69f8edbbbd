"""Lines of text with tones: what presenters return and widgets paint.

Everything a person reads passes through `strip_of`, the one place where outside text loses its
control characters. Nothing here is ever parsed as markup.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


class Tone(Enum):
    """What a piece of text means; STYLES says how that looks."""

    PLAIN = auto()
    FAINT = auto()
    STRONG = auto()
    HEADING = auto()
    CRITICAL = auto()
    HIGH = auto()
    MEDIUM = auto()
    LOW = auto()
    GOOD = auto()
    WARN = auto()
    BAD = auto()


# The terminal's own sixteen colours: they follow the user's palette, light or dark, and cost
# fewer bytes than RGB. No tone is told by its colour alone.
STYLES: dict[Tone, Style] = {
    Tone.PLAIN: Style.null(),
    Tone.FAINT: Style(dim=True),
    Tone.STRONG: Style(bold=True),
    Tone.HEADING: Style(bold=True, underline=True),
    Tone.CRITICAL: Style(bold=True, color="white", bgcolor="red"),
    Tone.HIGH: Style(bold=True, color="red"),
    Tone.MEDIUM: Style(color="yellow"),
    Tone.LOW: Style(color="cyan"),
    Tone.GOOD: Style(color="green"),
    Tone.WARN: Style(bold=True, color="yellow"),
    Tone.BAD: Style(bold=True, color="white", bgcolor="red"),
}

CURSOR = Style(reverse=True)
NO_STYLE = Style.null()


class Span(NamedTuple):
    """A piece of text in one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]

EMPTY: Line = ()

# What is left of a URL at the least: its scheme and some of its host.
_URL_LEAST = 20


def line(*parts: Span | str) -> Line:
    """A line of spans; a plain string is a span in the plain tone."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def clean(text: str) -> str:
    """Text without control characters, escape bytes and direction overrides; one line of it.

    White space of any kind becomes a space, what else cannot be printed goes.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else " " if character.isspace() else ""
        for character in text
    )


def fit(text: str, width: int) -> str:
    """Text cleaned and exactly `width` cells wide; what is cut is shown by an ellipsis."""
    text = clean(text)
    if cell_len(text) > width:
        return set_cell_size(text, max(width - 1, 0)) + "…"[: max(width, 0)]
    return set_cell_size(text, width)


def fit_right(text: str, width: int) -> str:
    """Like `fit`, to the right of its cells."""
    text = clean(text)
    return " " * max(width - cell_len(text), 0) + fit(text, min(width, cell_len(text)))


def shortened(text: str, width: int) -> str:
    """Text cleaned and at most `width` cells wide; a URL in it loses its middle first."""
    text = clean(text)
    over = cell_len(text) - width
    if over <= 0:
        return text
    urls = [word for word in text.split() if "://" in word]
    url = max(urls, key=len, default="")
    kept = max(len(url) - over - 1, _URL_LEAST)
    if kept + 1 < len(url):
        tail = kept // 3
        text = text.replace(url, f"{url[: kept - tail]}…{url[len(url) - tail :]}", 1)
    return fit(text, min(cell_len(text), width))


def width_of(parts: Iterable[Span]) -> int:
    """Cells that spans take."""
    return sum(cell_len(clean(part.text)) for part in parts)


def plain(parts: Iterable[Span]) -> str:
    """The text alone."""
    return "".join(part.text for part in parts)


def faded(parts: Line) -> Line:
    """The same line, all of it faint: it is old."""
    return tuple(Span(part.text, Tone.FAINT) for part in parts)


class Piece(NamedTuple):
    """A part of a line that may be left out; rank 0 goes last."""

    rank: int
    spans: Line


def pack(pieces: Sequence[Piece], width: int, *, gap: int = 2) -> Line:
    """As many of the pieces as fit, in their order, `gap` cells apart; high ranks go first."""
    kept = list(pieces)
    while kept:
        cells = sum(width_of(piece.spans) for piece in kept) + gap * (len(kept) - 1)
        if cells <= width or len(kept) == 1:
            break
        worst = max(kept, key=lambda piece: piece.rank)
        kept.remove(worst)
    spans: list[Span] = []
    for piece in kept:
        if spans:
            spans.append(Span(" " * gap))
        spans.extend(piece.spans)
    return tuple(spans)


def wrap(text: str, width: int) -> list[str]:
    """Text cleaned and broken at spaces into lines of at most `width` cells (at least 8)."""
    width = max(width, 8)
    rows: list[str] = []
    row = ""
    for word in clean(text).split():
        joined = f"{row} {word}" if row else word
        if cell_len(joined) <= width:
            row = joined
            continue
        if row:
            rows.append(row)
        while cell_len(word) > width:
            head = set_cell_size(word, width).rstrip()
            rows.append(head)
            word = word[len(head) :]  # noqa: PLW2901  # the rest of a word wider than a line
        row = word
    if row or not rows:
        rows.append(row)
    return rows


@lru_cache(maxsize=64)
def _style(tone: Tone, base: Style) -> Style:
    return base + STYLES[tone]


def strip_of(parts: Line, width: int, base: Style = NO_STYLE) -> Strip:
    """A line as Textual paints it: exactly `width` cells, cut or filled with spaces."""
    segments: list[Segment] = []
    left = width
    for part in parts:
        text = clean(part.text)
        cells = cell_len(text)
        if cells > left:
            text, cells = set_cell_size(text, left), left
        if text:
            segments.append(Segment(text, _style(part.tone, base)))
        left -= cells
        if left <= 0:
            break
    if left > 0:
        segments.append(Segment(" " * left, base))
    return Strip(segments, width)
