"""AS paths on the wire as values: pure.

Source: RFC 4271 section 4.3, 5065 (confederations), 6793 (four-octet AS numbers).
"""

from enum import IntEnum
from struct import Struct as Layout

from bgptui.domain.routing import AsPath
from bgptui.errors import BadInput

AS_TRANS = 23_456  # RFC 6793 section 9


class AsnSize(IntEnum):
    """Octets of an AS number in AS_PATH and AGGREGATOR."""

    TWO = 2
    FOUR = 4


_AS_SET, _AS_SEQUENCE = 1, 2
_CONFEDERATION = (3, 4)  # RFC 5065 section 3
_LAYOUTS = {
    AsnSize.TWO: [Layout(f">{count}H") for count in range(256)],
    AsnSize.FOUR: [Layout(f">{count}I") for count in range(256)],
}


def read_path(value: bytes, asn_size: AsnSize) -> AsPath:
    """AS_PATH or AS4_PATH; segments of confederations are left out (RFC 5065 section 5.3: they
    do not count, and concern nobody outside).

    Raises:
        BadInput: `bad_as_path`; an unknown or empty segment, or lengths do not fit.
    """
    path: list[int | tuple[int, ...]] = []
    layouts = _LAYOUTS[asn_size]
    place, end = 0, len(value)
    while place < end:
        if end - place < 2:
            raise _bad_path("ends within a segment")
        segment, count = value[place], value[place + 1]
        begin = place + 2
        place = begin + asn_size * count
        if not count or place > end:
            raise _bad_path("has a segment that is empty or too long")
        asns = layouts[count].unpack_from(value, begin)
        if segment == _AS_SEQUENCE:
            path += asns
        elif segment == _AS_SET:
            path.append(asns)
        elif segment not in _CONFEDERATION:
            raise _bad_path(f"has a segment of type {segment}")
    return tuple(path)


def merge_as4_path(path: AsPath, as4_path: AsPath) -> AsPath:
    """AS_PATH of two-octet numbers with AS4_PATH for its end (RFC 6793 section 4.2.3).

    An AS4_PATH that is longer than the path is ignored.
    """
    own = len(path) - len(as4_path)
    return path if own < 0 else path[:own] + as4_path


def _bad_path(what: str) -> BadInput:
    return BadInput(f"AS_PATH {what}", reason="bad_as_path")
