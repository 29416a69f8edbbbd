"""Text in chunks as lines, in bounded memory: pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

_HEAD_BYTES = 4_096  # of a line that is too long, for the quarantine


class Lines(NamedTuple):
    """Whole lines that follow each other, without their ends; `first` is the first's number."""

    first: int
    contents: list[bytes]


class LongLine(NamedTuple):
    """A line over the bound: its first bytes and its size."""

    number: int
    head: bytes
    size_bytes: int


def split_lines(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[Lines | LongLine]:
    """The lines of a text, a chunk's together; those longer than `max_bytes` apart."""
    number = 1
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
        last = following.pop()
        if size_bytes > max_bytes:
            yield LongLine(number, parts[0], size_bytes)
            number += 1
        else:
            following.insert(0, b"".join(parts))
        yield from _whole(number, following, max_bytes=max_bytes)
        number += len(following)
        parts = [last]
        size_bytes = len(last)
    if size_bytes > max_bytes:
        yield LongLine(number, b"".join(parts)[:_HEAD_BYTES], size_bytes)
    elif size_bytes:
        yield Lines(number, [b"".join(parts)])


def _whole(first: int, contents: list[bytes], *, max_bytes: int) -> Iterator[Lines | LongLine]:
    """Whole lines of one chunk: together, unless some are too long."""
    if max(map(len, contents), default=0) <= max_bytes:
        yield Lines(first, contents)
        return
    for number, content in enumerate(contents, start=first):
        if len(content) > max_bytes:
            yield LongLine(number, content[:_HEAD_BYTES], len(content))
        else:
            yield Lines(number, [content])
