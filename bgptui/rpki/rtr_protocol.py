"""The RTR protocol as bytes: RFC 6810 (version 0), RFC 8210 (1), draft-ietf-sidrops-8210bis (2).

Lengths must be exact. Version 2's ASPA PDU is read as the current draft has it; the layout of
older drafts, which stayrtr 0.5 still sends, is told apart and refused.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import ClassVar

from msgspec import Struct

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS
from bgptui.errors import BgptuiError
from bgptui.rpki.aspa_table import Providers

VERSIONS = (2, 1, 0)  # best first
MOST_BYTES = 65_535  # of a PDU; 8210bis section 5

_HEADER = struct.Struct("!BBHI")  # version, type, session id or flags, length
_HEADER_BYTES = _HEADER.size
_FLAG_ANNOUNCE = 1


class PduType(IntEnum):
    SERIAL_NOTIFY = 0
    SERIAL_QUERY = 1
    RESET_QUERY = 2
    CACHE_RESPONSE = 3
    IPV4_PREFIX = 4
    IPV6_PREFIX = 6
    END_OF_DATA = 7
    CACHE_RESET = 8
    ROUTER_KEY = 9
    ERROR_REPORT = 10
    ASPA = 11


class ErrorCode(IntEnum):
    """RFC 8210 section 12, 8210bis section 12."""

    CORRUPT_DATA = 0
    INTERNAL_ERROR = 1
    NO_DATA = 2
    INVALID_REQUEST = 3
    UNSUPPORTED_VERSION = 4
    UNSUPPORTED_PDU = 5
    UNKNOWN_WITHDRAWAL = 6
    DUPLICATE_ANNOUNCEMENT = 7
    UNEXPECTED_VERSION = 8
    ASPA_PROVIDER_LIST = 9


class ProtocolError(BgptuiError):
    """The other side broke the protocol.

    Args:
        code: for the Error Report.
        pdu: the PDU that did, as far as it is there.
    """

    def __init__(self, code: ErrorCode, message: str, pdu: bytes = b"") -> None:
        super().__init__(message)
        self.code = code
        self.pdu = pdu

    @property
    def may_be_answered(self) -> bool:
        """RFC 8210 section 5.11: an Error Report never is, not even a malformed one."""
        return self.pdu[1:2] != bytes([PduType.ERROR_REPORT])


class LegacyAspa(ProtocolError):
    """An ASPA PDU as drafts before 8210bis-14 had it: this cache's version 2 is no use to us."""


class SerialNotify(Struct, frozen=True):
    session: int
    serial: int


class SerialQuery(Struct, frozen=True):
    session: int
    serial: int


class ResetQuery(Struct, frozen=True):
    pass


class CacheResponse(Struct, frozen=True):
    session: int


class PrefixPdu(Struct, frozen=True, gc=False):
    """A VRP; `network` are the first `length` bits of its address, `width` is 32 or 128."""

    announce: bool
    width: int
    network: int
    length: int
    max_length: int
    asn: int


class EndOfData(Struct, frozen=True):
    """Intervals are in seconds; None in version 0, which has none."""

    session: int
    serial: int
    refresh_s: int | None = None
    retry_s: int | None = None
    expire_s: int | None = None


class CacheReset(Struct, frozen=True):
    pass


class RouterKey(Struct, frozen=True):
    """A BGPsec key, which nothing here uses."""


class ErrorReport(Struct, frozen=True):
    """`code` is a number, since caches send codes that we have no name for."""

    fatal: ClassVar[frozenset[int]] = frozenset({0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 13})

    code: int
    pdu: bytes = b""
    text: str = ""


class Aspa(Struct, frozen=True):
    """Providers are empty in a withdrawal."""

    announce: bool
    customer: int
    providers: Providers = ()


Pdu = (
    SerialNotify
    | SerialQuery
    | ResetQuery
    | CacheResponse
    | PrefixPdu
    | EndOfData
    | CacheReset
    | RouterKey
    | ErrorReport
    | Aspa
)


class Decoder:
    """Bytes as they come to (version, PDU)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> Iterator[tuple[int, Pdu]]:
        """The PDUs that are complete now, so that how the bytes were cut makes no difference.

        Raises:
            ProtocolError: at the first that is malformed; the session is over.
        """
        buffer, at = self._rest + received, 0
        while len(buffer) - at >= _HEADER_BYTES:
            version, kind, field, length = _HEADER.unpack_from(buffer, at)
            if not _HEADER_BYTES <= length <= MOST_BYTES:
                raise ProtocolError(
                    ErrorCode.CORRUPT_DATA,
                    f"a PDU of version {version} and type {kind} claims to have {length} bytes;"
                    " is this an RTR cache?",
                    buffer[at : at + _HEADER_BYTES],
                )
            if len(buffer) - at < length:
                break
            pdu = buffer[at : at + length]
            at += length
            yield version, _decode(version, kind, field, pdu)
        self._rest = buffer[at:]


def _decode(version: int, kind: int, field: int, pdu: bytes) -> Pdu:
    body = pdu[_HEADER_BYTES:]
    match kind:
        case PduType.IPV4_PREFIX:
            return _prefix(pdu, IPV4_BITS)
        case PduType.IPV6_PREFIX:
            return _prefix(pdu, IPV6_BITS)
        case PduType.SERIAL_NOTIFY:
            _expect(pdu, 12)
            return SerialNotify(field, int.from_bytes(body, "big"))
        case PduType.SERIAL_QUERY:
            _expect(pdu, 12)
            return SerialQuery(field, int.from_bytes(body, "big"))
        case PduType.RESET_QUERY:
            _expect(pdu, 8)
            return ResetQuery()
        case PduType.CACHE_RESPONSE:
            _expect(pdu, 8)
            return CacheResponse(field)
        case PduType.END_OF_DATA if version == 0:
            _expect(pdu, 12)
            return EndOfData(field, int.from_bytes(body, "big"))
        case PduType.END_OF_DATA:
            _expect(pdu, 24)
            return EndOfData(field, *struct.unpack("!4I", body))
        case PduType.CACHE_RESET:
            _expect(pdu, 8)
            return CacheReset()
        case PduType.ERROR_REPORT:
            return _error_report(field, pdu)
        case PduType.ROUTER_KEY if version >= 1:
            if len(pdu) < 32:  # header, key identifier, AS
                raise _bad_length(pdu)
            return RouterKey()
        case PduType.ASPA if version >= 2:
            return _aspa(field, pdu)
    raise ProtocolError(
        ErrorCode.UNSUPPORTED_PDU, f"version {version} has no PDU of type {kind}", pdu
    )


def _prefix(pdu: bytes, width: int) -> PrefixPdu:
    _expect(pdu, 16 + width // 8)
    flags, length, max_length = pdu[8:11]
    address, asn = int.from_bytes(pdu[12:-4], "big"), int.from_bytes(pdu[-4:], "big")
    below = width - length
    if not length <= max_length <= width or address & ((1 << below) - 1):
        raise ProtocolError(ErrorCode.CORRUPT_DATA, "a VRP with impossible lengths", pdu)
    return PrefixPdu(bool(flags & _FLAG_ANNOUNCE), width, address >> below, length, max_length, asn)


def _error_report(code: int, pdu: bytes) -> ErrorReport:
    pdu_end = 12 + int.from_bytes(pdu[8:12], "big")
    text_at = pdu_end + 4
    if len(pdu) < text_at or len(pdu) != text_at + int.from_bytes(pdu[pdu_end:text_at], "big"):
        raise _bad_length(pdu)
    # stayrtr ends its texts with a NUL.
    text = pdu[text_at:].decode("utf-8", "replace").rstrip("\0")
    return ErrorReport(code, pdu[12:pdu_end], text)


def _aspa(field: int, pdu: bytes) -> Aspa:
    size = len(pdu)
    if size < 12 or size % 4:
        raise _bad_length(pdu)
    announce = bool(field >> 8 & _FLAG_ANNOUNCE)
    if not announce and _is_legacy(pdu):
        raise LegacyAspa(
            ErrorCode.CORRUPT_DATA, "an ASPA PDU in the layout of an outdated draft", pdu
        )
    customer, *providers = struct.unpack(f"!{(size - 8) // 4}I", pdu[8:])
    if not announce:
        # A longer one names providers for nothing: 8210bis section 5.12 wants none.
        return Aspa(announce, customer)
    if not providers or (0 in providers and len(providers) > 1):
        raise ProtocolError(
            ErrorCode.ASPA_PROVIDER_LIST, f"AS{customer} has an impossible provider list", pdu
        )
    return Aspa(announce, customer, tuple(sorted(set(providers))))


def _is_legacy(pdu: bytes) -> bool:
    """Zero in the header, then flags, address family, number of providers, and the customer."""
    if len(pdu) < 16:
        return False
    flags, family, count = pdu[8], pdu[9], int.from_bytes(pdu[10:12], "big")
    return flags <= 1 and family <= 3 and len(pdu) == 16 + 4 * count


def _expect(pdu: bytes, size: int) -> None:
    if len(pdu) != size:
        raise _bad_length(pdu)


def _bad_length(pdu: bytes) -> ProtocolError:
    return ProtocolError(
        ErrorCode.CORRUPT_DATA, f"a PDU of type {pdu[1]} with a length of {len(pdu)}", pdu
    )


def encode(version: int, pdu: Pdu) -> bytes:
    """A PDU's bytes; all but the router key, which nobody here sends."""
    match pdu:
        case SerialNotify(session, serial):
            return _pdu(version, PduType.SERIAL_NOTIFY, session, struct.pack("!I", serial))
        case SerialQuery(session, serial):
            return _pdu(version, PduType.SERIAL_QUERY, session, struct.pack("!I", serial))
        case ResetQuery():
            return _pdu(version, PduType.RESET_QUERY, 0)
        case CacheResponse(session):
            return _pdu(version, PduType.CACHE_RESPONSE, session)
        case PrefixPdu():
            return _encode_prefix(version, pdu)
        case EndOfData(session, serial, refresh_s, retry_s, expire_s):
            body = struct.pack("!I", serial)
            if version > 0:
                body += struct.pack("!3I", refresh_s or 0, retry_s or 0, expire_s or 0)
            return _pdu(version, PduType.END_OF_DATA, session, body)
        case CacheReset():
            return _pdu(version, PduType.CACHE_RESET, 0)
        case ErrorReport(code, broken, text):
            said = text.encode()
            # RFC 8210 section 5.11: a PDU that is too long to be repeated may be cut.
            room = MOST_BYTES - _HEADER_BYTES - 8 - len(said)
            body = b"".join((_sized(broken[:room]), _sized(said)))
            return _pdu(version, PduType.ERROR_REPORT, code, body)
        case Aspa(announce, customer, providers):
            body = struct.pack(f"!{1 + len(providers)}I", customer, *providers)
            return _pdu(version, PduType.ASPA, announce << 8, body)
    raise TypeError(f"{type(pdu).__name__} is not sent")


def _encode_prefix(version: int, pdu: PrefixPdu) -> bytes:
    kind = PduType.IPV4_PREFIX if pdu.width == IPV4_BITS else PduType.IPV6_PREFIX
    address = pdu.network << (pdu.width - pdu.length)
    body = struct.pack("!4B", pdu.announce, pdu.length, pdu.max_length, 0)
    body += address.to_bytes(pdu.width // 8, "big") + struct.pack("!I", pdu.asn)
    return _pdu(version, kind, 0, body)


def _pdu(version: int, kind: PduType, field: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(version, kind, field, _HEADER_BYTES + len(body)) + body


def _sized(content: bytes) -> bytes:
    return struct.pack("!I", len(content)) + content
