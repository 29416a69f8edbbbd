"""Gaps as lines of a recording: pure.

A recording is RIS Live's JSON, a message a line. Where its recorder was blind it says so in a line
of a type that RIS Live does not have, so that other readers skip it:

    {"type":"bgptui_gap","data":{"timestamp":1767787200.5,"start":1767787200.5,"end":null,
     "reason":"closed","collector":null,"attempts":1}}

(on one line). There is one when the gap opens and another when it ends; `timestamp` is its place
among the messages. A recorder begins with a line without a start: what lies between it and
whatever was recorded before, nobody has seen.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bgptui.domain.gap import Gap
from bgptui.errors import BadInput
from bgptui.sources.ris_messages import UNREADABLE

BEGIN = "restart"
# A recording that begins this soon after another one's last message does not interrupt it; nor
# does one of several that were made at the same time.
TOLERATED_S = 1.0

_TYPE = "bgptui_gap"
_BAD = "bad_gap"
_MARK = b'"%s"' % _TYPE.encode()
_MARK_WITHIN = 32  # octets of a line

_Moment = Annotated[float, Meta(ge=631_152_000.0, le=4_102_444_800.0)]  # 1990 ... 2100


class RecordedGap(Struct, frozen=True):
    """What a line tells.

    Attributes:
        timestamp: `end`, or `start` while there is no end.
        start: as Gap's; None where a recorder began and knew nothing of before.
        end: as Gap's; one of the two is always there.
    """

    timestamp: _Moment
    start: _Moment | None
    end: _Moment | None
    reason: Annotated[str, Meta(pattern=r"^[a-z_]{1,40}$")]
    collector: Annotated[str, Meta(pattern=r"^[a-z0-9_-][a-z0-9_.-]{0,63}$")] | None = None
    attempts: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class _Line(Struct):
    type: str
    data: RecordedGap


_LINE = msgspec.json.Decoder(_Line)


def gap_line(gap: Gap) -> bytes:
    """The line, with its end, of a gap that opens or is over."""
    timestamp = gap.start if gap.end is None else gap.end
    return _line(
        RecordedGap(timestamp, gap.start, gap.end, gap.reason, gap.collector, gap.attempts)
    )


def begin_line(first: float) -> bytes:
    """The line that a recorder begins with; `first` is the time of what follows."""
    return _line(RecordedGap(first, None, first, BEGIN))


def is_gap_line(line: bytes) -> bool:
    return _MARK in line[:_MARK_WITHIN]


def parse_gap(line: bytes) -> RecordedGap:
    """The gap of a line.

    Raises:
        BadInput: `bad_gap`.
    """
    try:
        gap = _LINE.decode(line).data
    except UNREADABLE as error:
        raise BadInput(f"line is not a recorded gap: {error}", reason=_BAD) from None
    if gap.timestamp != (gap.start if gap.end is None else gap.end):
        raise BadInput("a recorded gap's timestamp is neither its end nor its start", reason=_BAD)
    if gap.start is not None and gap.start > gap.timestamp:
        raise BadInput(f"a recorded gap ends {gap.start - gap.timestamp:g} s early", reason=_BAD)
    return gap


class KnownGaps:
    """Makes gaps of recorded ones while a recording is played."""

    def __init__(self) -> None:
        self._open: dict[str | None, Gap] = {}

    def take(self, recorded: RecordedGap, newest: float | None) -> list[Gap]:
        """The gaps that open or end with this line.

        Args:
            newest: event time of the newest message so far, None before the first.
        """
        if recorded.start is None:
            return [] if newest is None else self._begin(recorded, newest)
        gap = Gap(
            recorded.start, recorded.end, recorded.collector, recorded.reason, recorded.attempts
        )
        if gap.end is None:
            self._open[gap.collector] = gap
        else:
            self._open.pop(gap.collector, None)
        return [gap]

    def _begin(self, recorded: RecordedGap, newest: float) -> list[Gap]:
        """Another recorder began: it ends the gaps that the one before left open."""
        end = recorded.timestamp
        left_open, self._open = self._open, {}
        ended = [
            Gap(gap.start, max(gap.start, end), gap.collector, gap.reason, gap.attempts)
            for gap in left_open.values()
        ]
        if None not in left_open and end - newest > TOLERATED_S:
            ended.append(Gap(newest, end, None, recorded.reason))
        return ended


def _line(gap: RecordedGap) -> bytes:
    return msgspec.json.encode(_Line(_TYPE, gap)) + b"\n"
