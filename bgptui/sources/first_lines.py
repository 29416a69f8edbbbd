"""Whether a text begins like a recording of RIS Live: a JSON object a line."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from bgptui.errors import BadInput
from bgptui.sources.ris_messages import UNREADABLE

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# JSON in another form than lines (a file of VRPs) has an endless first line, or is no JSON in
# any of the first ones.
FIRST_LINES = 10
_MOST_BYTES = 4 * 2**20

_OBJECT = msgspec.json.Decoder(dict[str, Raw])


def has_frame(content: Iterator[bytes]) -> bool:
    """Whether one of the first lines is a message, or a gap, as RIS Live and `record` write
    them (`type`), or the data of a message alone (`timestamp`)."""
    lines = _first_lines(content)
    return any(_is_frame(line) for line in lines)


def _first_lines(content: Iterator[bytes]) -> list[bytes]:
    begin = b""
    try:
        for chunk in content:
            begin += chunk
            if len(begin) > _MOST_BYTES or begin.count(b"\n") >= FIRST_LINES:
                break
    except BadInput:  # torn: what is before the tear counts
        pass
    return begin.removeprefix(BYTE_ORDER_MARK).split(b"\n", FIRST_LINES)[:FIRST_LINES]


def _is_frame(line: bytes) -> bool:
    try:
        members = _OBJECT.decode(line)
    except UNREADABLE:
        return False
    return "type" in members or "timestamp" in members
