"""The content of a plain, gzip, bzip2 or zstd file, or of standard input, in bounded memory."""

import bz2
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from bgptui.errors import BadInput, UsageError

STDIN = "-"
_BLOCK_BYTES = 65_536
_ZSTD_BLOCK_BYTES = 4_096  # its objects have no bound on what one call returns
_BZ2_OUTPUT_BYTES = 2**20

_GZIP_MAGIC = b"\x1f\x8b"
_BZ2_MAGIC = b"BZh"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def read_chunks(name: str, *, on_read: Callable[[int], None]) -> Iterator[bytes]:
    """The content of a file, whatever it is compressed with (its first bytes tell).

    Args:
        name: path, or `-` for standard input.
        on_read: told how many bytes were read from disk.
    Raises:
        BadInput: `torn_file`, after everything before the tear.
        UsageError: the file cannot be read.
    """
    try:
        with _open(name) as file:
            first = file.read(_BLOCK_BYTES)
            yield from _inflated(first, _blocks(first, file, on_read))
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


def _inflated(first: bytes, blocks: Iterable[bytes]) -> Iterator[bytes]:
    if first.startswith(_GZIP_MAGIC):
        return _inflate(blocks, lambda: zlib.decompressobj(wbits=31), _expand)
    if first.startswith(_BZ2_MAGIC):
        return _inflate(blocks, bz2.BZ2Decompressor, _bunzip)
    if first.startswith(_ZSTD_MAGIC):
        decompressor = zstandard.ZstdDecompressor()
        return _inflate(_sliced(blocks), decompressor.decompressobj, _expand)
    return iter(blocks)


def _inflate(
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
                raise _torn(str(error)) from None
            rest = b""
            if inflater.eof:
                rest = inflater.unused_data.lstrip(b"\0")  # gzip(1) allows padding with zeros
                inflater = new()
                begun = False
    if begun:
        raise _torn("it ends in the middle")


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


def _torn(why: str) -> BadInput:
    return BadInput(f"compressed data is torn ({why})", reason="torn_file")
