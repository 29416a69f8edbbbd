"""Text in chunks as lines, in bounded memory: pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

_HEAD_BYTES = 4_096  # of a line that is too long, for the quarantine


class Line(NamedTuple):
    """One line without its end; of a line over the bound `content` is only its head."""

    number: int
    content: bytes
    size_bytes: int


def split_lines(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[Line]:
    """The lines of a text; of those longer than `max_bytes` head and size only."""
    number = 0
    parts: list[bytes] = []  # of the line that is not complete yet
    size_bytes = 0
    for chunk in chunks:
        begin, *following = chunk.split(b"\n")
        size_bytes += len(begin)
        parts.append(begin)
        if size_bytes > max_bytes:
            parts = [b"".join(parts)[:_HEAD_BYTES]]
        if not following:
            continue
        number += 1
        yield Line(number, b"".join(parts), size_bytes)
        for complete in following[:-1]:
            number += 1
            yield Line(number, complete, len(complete))
        parts = [following[-1]]
        size_bytes = len(following[-1])
    if size_bytes:
        yield Line(number + 1, b"".join(parts), size_bytes)
