"""VRPs and ASPAs out of the JSON that rpki-client, Routinator and StayRTR write, read or serve.

All three have a list `roas` of objects with `asn` (a number, or text with or without "AS"),
`prefix`, `maxLength` and `ta`; rpki-client and StayRTR add `expires`. The build time is in
`metadata`: `buildtime` (rpki-client, StayRTR), `generatedTime` or `generated` (Routinator).
ASPAs are in `aspas`, with `customer_asid` and numbers (rpki-client) or `customer` and text
(Routinator); older rpki-client files have `provider_authorizations`, by address family.
"""

import bz2
import gzip
import itertools
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO, TypeVar, cast

import msgspec
import zstandard
from msgspec import Raw, Struct

from bgptui.domain.prefix import format_prefix, parse_prefix
from bgptui.domain.rpki import Vrp
from bgptui.errors import BadInput
from bgptui.rpki.aspa_table import Providers, check_aspa, united
from bgptui.rpki.vrp_set import MAX_ASN, VrpSet, VrpSetBuilder
from bgptui.rpki.vrp_table import VrpTable

T = TypeVar("T")

_CHUNK_BYTES = 2**20
_PIECE_BYTES = 2**18
_ZSTD_STEP_BYTES = 1024

_COMMA = re.compile(rb"\s*,")

# The same trust anchor goes by several names.
_TRUST_ANCHORS = {"ripencc": "ripe", "ripe-ncc": "ripe", "n/a": "", "unknown": ""}


class VrpFile(Struct, frozen=True):
    """What a file held.

    Attributes:
        aspas: providers by customer.
        as_of: when it was built, seconds since 1970 UTC; None where nobody said.
        refused: malformed entries, by reason (`bad_prefix`, `bad_max_length`, `bad_asn`,
            `bad_aspa`, `bad_entry`).
        first_refused: what is wrong with the first of them, empty where none is.
        expired: entries left out because they had expired.
        next_expiry: when the first of the entries taken expires, None if no entry says; seconds
            since 1970 UTC.
        expires: of the VRPs (without trust anchor) of the origins that were asked for, likewise.
    """

    vrps: VrpSet
    aspas: dict[int, Providers]
    source: str
    as_of: float | None
    refused: dict[str, int]
    first_refused: str = ""
    expired: int = 0
    next_expiry: float | None = None
    expires: dict[Vrp, float] = {}

    def table(self) -> VrpTable:
        """The VRPs as a table of their own."""
        table = VrpTable(source=self.source, as_of=self.as_of)
        table.adopt(self.vrps)
        return table


class _Roa(Struct, gc=False):
    asn: int | str
    prefix: str
    max_length: int | None = msgspec.field(name="maxLength", default=None)
    ta: str = ""
    expires: float | None = None


class _Aspa(Struct, gc=False):
    customer: int | str | None = None
    customer_asid: int | str | None = None
    providers: list[int | str] = []
    expires: float | None = None


class _ByFamily(Struct):
    ipv4: list[Raw] | None = None
    ipv6: list[Raw] | None = None


class _Document(Struct):
    roas: Raw
    aspas: list[Raw] | None = None
    provider_authorizations: _ByFamily | None = None
    metadata: Raw = Raw(b"{}")


class _Metadata(Struct):
    buildtime: str | None = None
    generated_time: str | None = msgspec.field(name="generatedTime", default=None)
    generated: float | None = None


_DOCUMENT = msgspec.json.Decoder(_Document)
_ROA = msgspec.json.Decoder(_Roa)
_ROAS = msgspec.json.Decoder(list[_Roa])
_ANYTHING = msgspec.json.Decoder(list[Raw])
_ASPA = msgspec.json.Decoder(_Aspa)
_METADATA = msgspec.json.Decoder(_Metadata)


def inflate(content: bytes | bytearray, *, name: str, max_bytes: int) -> bytes | bytearray:
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
    return inflated


def _read_chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _unzstd(content: bytes | bytearray) -> Iterator[bytes]:
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
    content: bytes | bytearray,
    *,
    name: str,
    expired_at: float | None,
    built_at: float | None = None,
    expiry_of: AbstractSet[int] = frozenset(),
) -> VrpFile:
    """The payloads in a JSON document. Malformed entries are counted, the others are taken.

    Args:
        name: file or URL, for errors and as the source.
        expired_at: leave out what has expired at that time, seconds since 1970 UTC; None takes
            the document as it stands.
        built_at: the build time where the document does not say.
        expiry_of: origins whose VRPs' expiry is kept; of all it would take memory for nothing.
    Raises:
        BadInput: `not_vrps`; the content is no VRP document.
    """
    document = _decode(content, name)
    tally = _Tally(expired_at)
    vrps = VrpSetBuilder()
    anchors: dict[str, str] = {}
    expires: dict[Vrp, float] = {}
    add, expires_at_all = vrps.add, expired_at is not None
    for raw in _roas(memoryview(document.roas)):
        try:
            entry = raw if isinstance(raw, _Roa) else _entry(raw, _ROA)
            if expires_at_all and entry.expires and tally.has_expired(entry.expires):
                continue
            anchor = anchors.get(entry.ta)
            if anchor is None:
                anchor = anchors[entry.ta] = _trust_anchor(entry.ta)
            asn = entry.asn if isinstance(entry.asn, int) else as_number(entry.asn)
            add(entry.prefix, entry.max_length, asn, anchor)
            if asn in expiry_of and entry.expires:
                _note_expiry(entry, asn, entry.expires, expires)
        except BadInput as error:
            tally.refuse(error)
    aspas = _aspas(document, tally)
    as_of = _build_time(document.metadata)
    return VrpFile(
        vrps=vrps.built(),
        aspas=aspas,
        source=name,
        as_of=built_at if as_of is None else as_of,
        refused=dict(tally.refused),
        first_refused=tally.first_refused,
        expired=tally.expired,
        next_expiry=tally.next_expiry,
        expires=expires,
    )


def _note_expiry(entry: _Roa, asn: int, at: float, expires: dict[Vrp, float]) -> None:
    """Where several objects publish the same VRP, the last of them counts."""
    width, address, length = parse_prefix(entry.prefix)
    max_length = length if entry.max_length is None else entry.max_length
    vrp = Vrp(format_prefix(width, address, length), max_length, asn)
    expires[vrp] = max(at, expires.get(vrp, at))


def _roas(array: memoryview) -> Iterator[_Roa | Raw]:
    """The entries of a JSON array, a piece at a time: a million of them shall not stand beside the
    set that they make. Those of a piece with a malformed one are raw: it costs itself only.

    A piece ends with a brace. Where that is not the end of an entry, but in one or in a text, the
    piece is no array, and the rest is taken as one: what is an array up to there is one in the
    whole text, too.
    """
    begin, end = 1, len(array) - 1
    while begin < end:
        piece = bytes(array[begin : min(begin + _PIECE_BYTES, end)])
        after = begin + len(piece)
        if after < end:
            piece = piece[: piece.rfind(b"}") + 1]
            comma = _COMMA.match(array, begin + len(piece))
            after = comma.end() if comma and piece else 0
        try:
            entries = _array(piece) if after else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            entries = None
        if entries is None:
            entries, after = _ANYTHING.decode(b"[%b]" % bytes(array[begin:end])), end
        yield from entries
        begin = after


def _array(elements: bytes) -> list[_Roa] | list[Raw]:
    array = b"[%b]" % elements
    try:
        return _ROAS.decode(array)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _ANYTHING.decode(array)


class _Tally:
    """What is not taken of a document, and when the first of what is taken expires."""

    def __init__(self, expired_at: float | None) -> None:
        self._expired_at = expired_at
        self.refused: Counter[str] = Counter()
        self.first_refused = ""
        self.expired = 0
        self.next_expiry: float | None = None

    def refuse(self, error: BadInput) -> None:
        self.refused[error.reason] += 1
        self.first_refused = self.first_refused or str(error)

    def has_expired(self, expires: float) -> bool:
        if self._expired_at is None:
            return False
        if expires <= self._expired_at:
            self.expired += 1
            return True
        if self.next_expiry is None or expires < self.next_expiry:
            self.next_expiry = expires
        return False


def _aspas(document: _Document, tally: _Tally) -> dict[int, Providers]:
    """Providers by customer; several attestations of one customer count together."""
    aspas: dict[int, Providers] = {}
    legacy = document.provider_authorizations
    by_family = () if legacy is None else ((legacy.ipv4 or ()), (legacy.ipv6 or ()))
    for raw in itertools.chain(document.aspas or (), *by_family):
        try:
            entry = _entry(raw, _ASPA)
            if entry.expires and tally.has_expired(entry.expires):
                continue
            named = entry.customer_asid if entry.customer is None else entry.customer
            if named is None:
                raise BadInput(f"{bytes(raw)[:80]!r} names no customer", reason="bad_aspa")
            customer, providers = _asn(named), tuple(map(_asn, entry.providers))
            check_aspa(customer, providers)
        except BadInput as error:
            tally.refuse(error)
            continue
        aspas[customer] = united(aspas.get(customer, ()), providers)
    return aspas


def _asn(value: int | str) -> int:
    asn = value if isinstance(value, int) else as_number(value)
    if not 0 <= asn <= MAX_ASN:
        raise BadInput(f"{asn} is not an AS number", reason="bad_asn")
    return asn


def as_number(text: str) -> int:
    """An AS number written as `AS64496` or `64496`.

    Raises:
        BadInput: `bad_asn`.
    """
    digits = text.upper().removeprefix("AS")
    if digits.isascii() and digits.isdigit() and len(digits) <= 10:
        return int(digits)
    raise BadInput(f"{text[:32]!r} is not an AS number", reason="bad_asn")


def _decode(content: bytes | bytearray, name: str) -> _Document:
    why = "`roas` is no list"
    try:
        document = _DOCUMENT.decode(content)
        if bytes(memoryview(document.roas)[:1]) == b"[":
            return document
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = str(error)
    raise BadInput(
        f"{name} holds no VRPs: it takes JSON with a list `roas`, as rpki-client, Routinator"
        f" and StayRTR have it ({why})",
        reason="not_vrps",
    )


def _entry(raw: Raw, decoder: "msgspec.json.Decoder[T]") -> T:
    try:
        return decoder.decode(raw)
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
