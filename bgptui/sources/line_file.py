"""Lines of a plain, gzip, bzip2 or zstd file, or of standard input, in bounded memory."""

import bz2
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import zstandard

from bgptui.errors import BadInput, UsageError

STDIN = "-"
_BLOCK_BYTES = 65_536
_ZSTD_BLOCK_BYTES = 4_096  # its objects have no bound on what one call returns
_BZ2_OUTPUT_BYTES = 2**20
_HEAD_BYTES = 4_096  # of a line that is too long, for the quarantine

_GZIP_MAGIC = b"\x1f\x8b"
_BZ2_MAGIC = b"BZh"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Line(NamedTuple):
    """One line without its end; of a line over the bound `content` is only its head."""

    number: int
    content: bytes
    size_bytes: int


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def size_of(name: str) -> int | None:
    """Bytes of the file as it lies on disk; None for standard input and pipes."""
    if name == STDIN or not Path(name).is_file():
        return None
    return Path(name).stat().st_size


def read_lines(name: str, *, max_bytes: int, on_read: Callable[[int], None]) -> Iterator[Line]:
    """The lines of a file, whatever it is compressed with (its content tells).

    Args:
        name: path, or `-` for standard input.
        max_bytes: longer lines are given by their head and size only.
        on_read: told how many bytes were read from disk.
    Raises:
        BadInput: `torn_file`, after every whole line before the tear.
        UsageError: the file cannot be opened, or is binary.
    """
    try:
        with _open(name) as file:
            first = file.read(_BLOCK_BYTES)
            blocks = _blocks(first, file, on_read)
            text = _inflated(name, first, blocks)
            yield from _split(_checked(name, text), max_bytes=max_bytes)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror or error}") from None


def _open(name: str) -> "BinaryIO | nullcontext[BinaryIO]":
    if name == STDIN:
        if sys.stdin is None:
            raise UsageError("standard input is closed")
        return nullcontext(sys.stdin.buffer)
    return Path(name).open("rb")


def _blocks(first: bytes, file: BinaryIO, on_read: Callable[[int], None]) -> Iterator[bytes]:
    block = first
    while block:
        on_read(len(block))
        yield block
        block = file.read(_BLOCK_BYTES)


def _inflated(name: str, first: bytes, blocks: Iterable[bytes]) -> Iterator[bytes]:
    if first.startswith(_GZIP_MAGIC):
        return _inflate(name, blocks, lambda: zlib.decompressobj(wbits=31), _expand)
    if first.startswith(_BZ2_MAGIC):
        return _inflate(name, blocks, bz2.BZ2Decompressor, _bunzip)
    if first.startswith(_ZSTD_MAGIC):
        decompressor = zstandard.ZstdDecompressor()
        return _inflate(name, _sliced(blocks), decompressor.decompressobj, _expand)
    return iter(blocks)


def _inflate(
    name: str,
    blocks: Iterable[bytes],
    new: Callable[[], _Inflater],
    expand: Callable[..., Iterator[bytes]],
) -> Iterator[bytes]:
    """Decompress one stream after another (concatenated files are one file)."""
    inflater = new()
    begun = False
    for block in blocks:
        rest = block
        while rest:
            begun = True
            try:
                yield from expand(inflater, rest)
            except (zlib.error, zstandard.ZstdError, OSError, EOFError) as error:
                raise _torn(name, str(error)) from None
            rest = b""
            if inflater.eof:
                rest = inflater.unused_data.lstrip(b"\0")  # gzip(1) allows padding with zeros
                inflater = new()
                begun = False
    if begun:
        raise _torn(name, "it ends in the middle")


def _expand(
    inflater: "zlib._Decompress | zstandard.ZstdDecompressionObj", block: bytes
) -> Iterator[bytes]:
    yield inflater.decompress(block)


def _bunzip(inflater: bz2.BZ2Decompressor, block: bytes) -> Iterator[bytes]:
    yield inflater.decompress(block, _BZ2_OUTPUT_BYTES)
    while not inflater.needs_input and not inflater.eof:
        yield inflater.decompress(b"", _BZ2_OUTPUT_BYTES)


def _sliced(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), _ZSTD_BLOCK_BYTES):
            yield block[start : start + _ZSTD_BLOCK_BYTES]


def _torn(name: str, why: str) -> BadInput:
    return BadInput(f"{name}: compressed data is torn ({why})", reason="torn_file")


def _checked(name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Refuse binary files at their first chunk: JSON text holds no NUL byte."""
    first = True
    for chunk in chunks:
        if first and b"\0" in chunk:
            raise UsageError(
                f"{name}: is binary, not a RIS Live recording (JSON lines, one message a line)"
            )
        first = first and not chunk
        yield chunk


def _split(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[Line]:
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
