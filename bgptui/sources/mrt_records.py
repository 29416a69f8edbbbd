"""MRT records from bytes: where each begins and ends, nothing of what is in them. Pure.

Source: RFC 6396 section 2.
"""

from collections.abc import Iterable, Iterator
from struct import Struct as Layout

from bgptui.domain.routing import EARLIEST
from bgptui.errors import BadInput

HEADER_BYTES = 12
# The largest are RIB entries of one prefix: 2,000 peers with attributes of 4 KB are 8 MB.
MOST_BYTES = 16 * 2**20

_HEADER = Layout(">IHHI")
_KIND_HEADER = Layout(">III")
# Types that RFC 6396 and its predecessors assign; the ones of 0-4 were never in files.
_TYPES = frozenset({5, 6, 7, 9, 11, 12, 13, 16, 17, 32, 33, 48, 49})

# (seconds since 1970 UTC, type << 16 | subtype, the record without its header)
Record = tuple[int, int, bytes]


def record_kind(head: bytes) -> tuple[int, int] | None:
    """(type, subtype) of the record that `head` begins with; None if that is no MRT."""
    if len(head) < HEADER_BYTES:
        return None
    timestamp, kind, subtype, size = _HEADER.unpack_from(head)
    if kind not in _TYPES or size > MOST_BYTES or timestamp < EARLIEST:
        return None
    return kind, subtype


def record_time(head: bytes) -> float:
    """Event time of the record that `head` begins with, whole seconds."""
    return float(_HEADER.unpack_from(head)[0])


def split_records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """The records in order; memory is bounded by the largest, MOST_BYTES.

    Raises:
        BadInput: `torn_file`; after every whole record, when the bytes end within one or a
            record cannot be so large. What follows cannot be found: MRT has no marks.
    """
    unpack = _KIND_HEADER.unpack_from
    waiting: list[bytes] = []
    waiting_bytes = done_bytes = 0
    needed_bytes = HEADER_BYTES
    for chunk in chunks:
        waiting.append(chunk)
        waiting_bytes += len(chunk)
        if waiting_bytes < needed_bytes:
            continue
        octets = b"".join(waiting)
        place, end = 0, waiting_bytes
        needed_bytes = HEADER_BYTES
        while end - place >= HEADER_BYTES:
            timestamp, kind, size = unpack(octets, place)
            if size > MOST_BYTES:
                raise _torn(f"a record of {size:,} bytes", done_bytes + place)
            begin = place + HEADER_BYTES
            if begin + size > end:
                needed_bytes = HEADER_BYTES + size
                break
            place = begin + size
            yield timestamp, kind, octets[begin:place]
        done_bytes += place
        waiting = [octets[place:]]
        waiting_bytes = end - place
    if waiting_bytes:
        raise _torn("it ends within a record", done_bytes)


def _torn(what: str, offset: int) -> BadInput:
    return BadInput(f"torn ({what} at byte {offset:,} of its content)", reason="torn_file")
