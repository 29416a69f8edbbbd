"""Fields of PostgreSQL's binary COPY: each is its length in four bytes, then its bytes.

Written by hand because psycopg's encoder costs 8.5 us of CPU for a row of raw_bgp_data where
this costs 5 (it walks arrays in Python, and wants objects for addresses). A test holds the two
together.

Source: PostgreSQL documentation, COPY, "Binary Format"; the *_send functions of its types.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from struct import Struct

from bgptui.domain.prefix import IPV4_BITS, parse_prefix
from bgptui.errors import BadInput

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

_EPOCH_2000_US = 946_684_800_000_000
_LAST_S = 253_402_300_800.0  # the year 10000

_LENGTH = Struct(">i").pack
_FLOAT8 = Struct(">id").pack
_INT8 = Struct(">iq").pack
_INT4 = Struct(">ii").pack
_INT2 = Struct(">h").pack
_FLOAT4 = Struct(">if").pack
_ARRAY = Struct(">iiiiii").pack
_ARRAY_HEADER_BYTES = 20
_NOTHING = Struct(">iii").pack

TRUE = _LENGTH(1) + b"\x01"
FALSE = _LENGTH(1) + b"\x00"

# Types' object ids never change (pg_type.dat).
_TEXT_OID, _CIDR_OID, _FLOAT4_OID = 25, 650, 700
_FAMILY_V4, _FAMILY_V6 = 2, 3  # PGSQL_AF_INET, PGSQL_AF_INET6
_CIDR_V4 = Struct(">iBBBBI").pack
_CIDR_V6 = Struct(">iBBBB16s").pack


def field_count(count: int) -> bytes:
    """Start of a row of `count` fields."""
    return _INT2(count)


def micros(seconds: float) -> int:
    """Microseconds since 2000-01-01 UTC, PostgreSQL's timestamptz, of seconds since 1970.

    Raises:
        BadInput(`bad_timestamp`): before 1970, after the year 9999, or not a number.
    """
    if not 0.0 <= seconds < _LAST_S:
        raise BadInput(f"{seconds!r} is not a time from 1970 to 9999", reason="bad_timestamp")
    return round(seconds * 1e6) - _EPOCH_2000_US


def timestamptz(seconds: float | None) -> bytes:
    return NULL if seconds is None else _INT8(8, micros(seconds))


def int8(value: int | None) -> bytes:
    return NULL if value is None else _INT8(8, value)


def int4(value: int | None) -> bytes:
    return NULL if value is None else _INT4(4, value)


def float8(value: float | None) -> bytes:
    return NULL if value is None else _FLOAT8(8, value)


def boolean(value: bool | None) -> bytes:
    return NULL if value is None else TRUE if value else FALSE


def text(value: str | None) -> bytes:
    """A text field. U+0000, which PostgreSQL cannot store, becomes U+FFFD."""
    if value is None:
        return NULL
    encoded = value.replace("\0", "\ufffd").encode(errors="replace")
    return _LENGTH(len(encoded)) + encoded


def jsonb(document: bytes) -> bytes:
    """A jsonb field of JSON text; the server parses it."""
    return _LENGTH(len(document) + 1) + b"\x01" + document


@lru_cache(maxsize=1 << 16)
def inet(address: str) -> bytes:
    """An inet field of an address without a prefix length.

    Raises:
        BadInput(`bad_address`): not an IPv4 or IPv6 address.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        raise BadInput(f"{address!r} is not an IP address", reason="bad_address") from None
    family = _FAMILY_V4 if parsed.version == 4 else _FAMILY_V6
    packed = parsed.packed
    return _LENGTH(4 + len(packed)) + bytes((family, 8 * len(packed), 0, len(packed))) + packed


@lru_cache(maxsize=1 << 16)
def cidr(prefix: str) -> bytes:
    """A cidr field.

    Raises:
        BadInput(`bad_prefix`): not a prefix, or bits are set beyond its length.
    """
    width, address, length = parse_prefix(prefix)
    if width == IPV4_BITS:
        return _CIDR_V4(8, _FAMILY_V4, length, 1, 4, address)
    return _CIDR_V6(20, _FAMILY_V6, length, 1, 16, address.to_bytes(16, "big"))


_NO_CIDRS = _LENGTH(12) + _NOTHING(0, 0, _CIDR_OID)


def cidr_array(prefixes: Sequence[str]) -> bytes:
    """A cidr[] field; BadInput as for `cidr`."""
    return first_and_array(prefixes)[1]


def first_and_array(prefixes: Sequence[str]) -> tuple[bytes, bytes]:
    """A cidr field of the first (null where there is none), and a cidr[] of all."""
    if not prefixes:
        return NULL, _NO_CIDRS
    fields = list(map(cidr, prefixes))
    return fields[0], _array(_CIDR_OID, fields, has_null=0)


def text_array(values: Sequence[str]) -> bytes:
    return _array(_TEXT_OID, [text(value) for value in values], has_null=0)


def float4_array(values: Sequence[float | None]) -> bytes:
    """A real[] field. What a real cannot hold becomes infinite."""
    fields = [NULL if value is None else _real(value) for value in values]
    return _array(_FLOAT4_OID, fields, has_null=int(NULL in fields))


def _real(value: float) -> bytes:
    try:
        return _FLOAT4(4, value)
    except OverflowError:
        return _FLOAT4(4, math.copysign(math.inf, value))


def _array(oid: int, fields: list[bytes], *, has_null: int) -> bytes:
    """A one-dimensional array, indexed from 1."""
    if not fields:
        return _LENGTH(12) + _NOTHING(0, 0, oid)
    body = b"".join(fields)
    header = _ARRAY(_ARRAY_HEADER_BYTES + len(body), 1, has_null, oid, len(fields), 1)
    return header + body
