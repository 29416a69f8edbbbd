"""VRPs out of the JSON that rpki-client, Routinator and StayRTR write, read or serve.

All three have a list `roas` of objects with `asn` (a number, or text with or without "AS"),
`prefix`, `maxLength` and `ta`; rpki-client and StayRTR add `expires`. The build time is in
`metadata`: `buildtime` (rpki-client, StayRTR), `generatedTime` or `generated` (Routinator).
"""

import bz2
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO, cast

import msgspec
import zstandard
from msgspec import Raw, Struct

from bgptui.errors import BadInput
from bgptui.rpki.vrp_table import VrpTable, VrpTableBuilder

_CHUNK_BYTES = 2**20
_ZSTD_STEP_BYTES = 1024

# The same trust anchor goes by several names.
_TRUST_ANCHORS = {"ripencc": "ripe", "ripe-ncc": "ripe", "n/a": "", "unknown": ""}


class VrpFile(Struct, frozen=True):
    """What a file held.

    Attributes:
        refused: malformed entries, by reason (`bad_prefix`, `bad_max_length`, `bad_asn`,
            `bad_entry`).
        first_refused: what is wrong with the first of them, empty where none is.
        expired: entries left out because they had expired.
        next_expiry: when the first of the entries taken expires, None if no entry says; seconds
            since 1970 UTC.
    """

    table: VrpTable
    refused: dict[str, int]
    first_refused: str = ""
    expired: int = 0
    next_expiry: float | None = None


class _Entry(Struct, gc=False):
    asn: int | str
    prefix: str
    max_length: int | None = msgspec.field(name="maxLength", default=None)
    ta: str = ""
    expires: float | None = None


class _Document(Struct):
    roas: list[Raw]
    metadata: Raw = Raw(b"{}")


class _Metadata(Struct):
    buildtime: str | None = None
    generated_time: str | None = msgspec.field(name="generatedTime", default=None)
    generated: float | None = None


_DOCUMENT = msgspec.json.Decoder(_Document)
_ENTRY = msgspec.json.Decoder(_Entry)
_METADATA = msgspec.json.Decoder(_Metadata)


def inflate(content: bytes, *, name: str, max_bytes: int) -> bytes:
    """Undo gzip, bzip2 or zstd, told by the content and not by the name.

    Raises:
        BadInput: `torn_file`, or `too_large` where more than `max_bytes` come out.
    """
    if content.startswith(b"\x1f\x8b"):
        chunks = _read_chunks(cast(BinaryIO, gzip.GzipFile(fileobj=BytesIO(content))))
    elif content.startswith(b"BZh"):
        chunks = _read_chunks(cast(BinaryIO, bz2.BZ2File(BytesIO(content))))
    elif content.startswith(b"\x28\xb5\x2f\xfd"):
        chunks = _unzstd(content)
    else:
        return content
    inflated = bytearray()
    try:
        for chunk in chunks:
            inflated += chunk
            if len(inflated) > max_bytes:
                raise BadInput(f"{name}: more than {max_bytes} bytes", reason="too_large")
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise BadInput(f"{name}: compressed data is torn ({error})", reason="torn_file") from None
    return bytes(inflated)


def _read_chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _unzstd(content: bytes) -> Iterator[bytes]:
    """Frame after frame, in small steps: one step's output has no bound of its own."""
    inflater = zstandard.ZstdDecompressor().decompressobj()
    rest = memoryview(content)
    while rest:
        yield inflater.decompress(rest[:_ZSTD_STEP_BYTES])
        rest = rest[_ZSTD_STEP_BYTES:]
        if inflater.eof:
            rest = memoryview(content)[len(content) - len(rest) - len(inflater.unused_data) :]
            inflater = zstandard.ZstdDecompressor().decompressobj()
            if not rest:
                return
    raise EOFError("it ends in the middle")


def read_vrps(
    content: bytes, *, name: str, expired_at: float | None, built_at: float | None = None
) -> VrpFile:
    """The table in a JSON document. Malformed entries are counted, the others are taken.

    Args:
        name: file or URL, for errors and as the table's source.
        expired_at: leave out what has expired at that time, seconds since 1970 UTC; None takes
            the document as it stands.
        built_at: the build time where the document does not say.
    Raises:
        BadInput: `not_vrps`; the content is no VRP document.
    """
    document = _decode(content, name)
    builder = VrpTableBuilder()
    anchors: dict[str, str] = {}
    refused: Counter[str] = Counter()
    first_refused = ""
    expired = 0
    next_expiry: float | None = None
    # One entry at a time: a malformed one costs itself only, and objects of a million entries
    # beside the table's would double its memory for good.
    for raw in document.roas:
        try:
            entry = _entry(raw)
            expires = entry.expires
            if expires and expired_at is not None:
                if expires <= expired_at:
                    expired += 1
                    continue
                if next_expiry is None or expires < next_expiry:
                    next_expiry = expires
            anchor = anchors.get(entry.ta)
            if anchor is None:
                anchor = anchors[entry.ta] = _trust_anchor(entry.ta)
            asn = entry.asn if isinstance(entry.asn, int) else as_number(entry.asn)
            builder.add(entry.prefix, max_length=entry.max_length, asn=asn, trust_anchor=anchor)
        except BadInput as error:
            refused[error.reason] += 1
            first_refused = first_refused or str(error)
    as_of = _build_time(document.metadata)
    return VrpFile(
        table=builder.build(source=name, as_of=built_at if as_of is None else as_of),
        refused=dict(refused),
        first_refused=first_refused,
        expired=expired,
        next_expiry=next_expiry,
    )


def as_number(text: str) -> int:
    """An AS number written as `AS64496` or `64496`.

    Raises:
        BadInput: `bad_asn`.
    """
    digits = text.upper().removeprefix("AS")
    if digits.isascii() and digits.isdigit() and len(digits) <= 10:
        return int(digits)
    raise BadInput(f"{text[:32]!r} is not an AS number", reason="bad_asn")


def _decode(content: bytes, name: str) -> _Document:
    try:
        return _DOCUMENT.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{name} holds no VRPs: it takes JSON with a list `roas`, as rpki-client, Routinator"
            f" and StayRTR have it ({error})",
            reason="not_vrps",
        ) from None


def _entry(raw: Raw) -> _Entry:
    try:
        return _ENTRY.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{bytes(raw)[:80]!r}: {error}", reason="bad_entry") from None


def _trust_anchor(text: str) -> str:
    name = text.strip().lower()
    return _TRUST_ANCHORS.get(name, name)


def _build_time(raw: Raw) -> float | None:
    """Seconds since 1970 UTC; None where the metadata has no time that can be read."""
    try:
        metadata = _METADATA.decode(raw)
        text = metadata.buildtime or metadata.generated_time
        if text:
            built = datetime.fromisoformat(text)
            return (built if built.tzinfo else built.replace(tzinfo=UTC)).timestamp()
    except (msgspec.DecodeError, ValueError):
        return None
    return metadata.generated or None
