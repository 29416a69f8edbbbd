"""Text to cells: what comes from outside, what does not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bgptui.tui.lines import (
    Piece,
    Span,
    Tone,
    clean,
    fit,
    fit_right,
    line,
    pack,
    plain,
    strip_of,
    wrap,
)


@pytest.mark.parametrize(
    ("outside", "shown"),
    [
        ("EXAMPLE-AS", "EXAMPLE-AS"),
        ("a\x1b[31mred", "a[31mred"),
        ("one\ntwo\tthree", "one two three"),
        ("nul\x00bell\x07", "nulbell"),
        ("abc\u202edef", "abcdef"),  # a direction override
        ("no\u00a0break", "no break"),
        ("[/b] [@click=app.quit]x[/]", "[/b] [@click=app.quit]x[/]"),
    ],
)
def test_outside_text_loses_what_would_steer_a_terminal_and_nothing_else(
    outside: str, shown: str
) -> None:
    assert clean(outside) == shown


@given(st.text(), st.integers(0, 60))
def test_fitted_text_has_exactly_its_cells_and_only_printable_ones(text: str, width: int) -> None:
    for fitted in (fit(text, width), fit_right(text, width)):
        assert cell_len(fitted) == width
        assert fitted.isprintable()


@given(st.lists(st.text(), max_size=5), st.integers(0, 60))
def test_a_painted_line_has_exactly_its_width_whatever_the_text(
    texts: list[str], width: int
) -> None:
    strip = strip_of(tuple(Span(text, Tone.BAD) for text in texts), width)
    assert strip.cell_length == sum(segment.cell_length for segment in strip) == width
    assert strip.text.isprintable()


@given(st.text(), st.integers(8, 40))
def test_wrapped_lines_fit_and_keep_every_word(text: str, width: int) -> None:
    rows = wrap(text, width)
    assert all(cell_len(row) <= width for row in rows)
    assert "".join(rows).replace(" ", "") == "".join(clean(text).split())


def test_what_does_not_fit_a_line_goes_by_rank_and_not_by_place() -> None:
    pieces = [Piece(2, line("least")), Piece(0, line("most")), Piece(1, line("some"))]
    assert plain(pack(pieces, 80)) == "least  most  some"
    assert plain(pack(pieces, 12)) == "most  some"
    assert plain(pack(pieces, 4)) == "most"
