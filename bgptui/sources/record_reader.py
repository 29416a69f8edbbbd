"""One recorded input as messages: what is bad is counted, quarantined and left out."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from bgptui.domain.routing import BgpMessage, RibEntry
from bgptui.errors import BadInput, UsageError
from bgptui.runtime.metrics import Metrics
from bgptui.sources.input_file import (
    BYTE_ORDER_MARK,
    InputKind,
    collector_of,
    open_messages,
    open_rib,
)
from bgptui.sources.intake import Intake, oversized
from bgptui.sources.line_file import Line, split_lines
from bgptui.sources.mrt import MrtDecoders, MrtReader
from bgptui.sources.mrt_records import split_records
from bgptui.sources.mrt_rib import MrtRibReader
from bgptui.sources.packed_file import STDIN
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.recorded_gap import RecordedGap, is_gap_line, parse_gap
from bgptui.sources.ris_frames import FrameEncoder
from bgptui.sources.ris_messages import Control, FrameDecoder, KeepReceived

log = logging.getLogger(__name__)

Recorded = BgpMessage | RecordedGap

# A file whose first lines are no JSON at all is something else than a recording.
_NO_JSON = {"malformed", "not_utf8", "oversized_frame"}
_FIRST_LINES = 10


class RecordReader:
    """Reads inputs one after another, or several by turns; it belongs to one thread.

    Args:
        decoder: of frames; where it keeps them, messages of MRT carry a frame, too.
        collector: of MRT files whose path names none.
    """

    def __init__(
        self,
        *,
        decoder: FrameDecoder,
        collector: str,
        metrics: Metrics,
        quarantine: Quarantine,
        max_frame_bytes: int,
    ) -> None:
        self._collector = collector
        self._metrics = metrics
        self._max_frame_bytes = max_frame_bytes
        self._intake = Intake(
            decoder, quarantine=quarantine, metrics=metrics, max_frame_bytes=max_frame_bytes
        )
        keeps = decoder.keep_received is KeepReceived.YES
        self._mrt = MrtDecoders(
            partial(metrics.drop, "ingest"), frames=FrameEncoder() if keeps else None
        )

    def messages(self, name: str, *, on_read: Callable[[int], None]) -> Iterator[BgpMessage]:
        """The messages alone of what `recorded` gives."""
        return (one for one in self.recorded(name, on_read=on_read) if isinstance(one, BgpMessage))

    def recorded(self, name: str, *, on_read: Callable[[int], None]) -> Iterator[Recorded]:
        """The messages and recorded gaps of one input as they stand.

        Raises:
            UsageError: it cannot be read, is a routing table, or no recording at all.
        """
        kind, content = open_messages(name, on_read=on_read)
        source = "standard input" if name == STDIN else name
        try:
            if kind is InputKind.MRT:
                yield from self._mrt_messages(name, source, content)
            else:
                yield from self._frame_messages(name, source, content)
        except BadInput as torn:
            self._torn(source, torn)

    def rib(self, name: str) -> Iterator[RibEntry]:
        """The routes of one MRT routing table.

        Raises:
            UsageError: it cannot be read, or is no routing table.
        """
        content = open_rib(name)
        read = MrtRibReader(
            collector_of(name, self._collector), self._mrt.texts, self._mrt.on_loss
        ).read
        try:
            for number, record in enumerate(split_records(content), start=1):
                try:
                    yield from read(record)
                except BadInput as error:
                    self._intake.refuse(record[2], error, source=name, line=number)
        except BadInput as torn:
            self._torn(name, torn)

    def _torn(self, source: str, torn: BadInput) -> None:
        self._metrics.drop("ingest", torn.reason)
        log.warning("%s: %s; everything before the tear was read", source, torn)

    def _mrt_messages(
        self, name: str, source: str, content: Iterable[bytes]
    ) -> Iterator[BgpMessage]:
        read = MrtReader(collector_of(name, self._collector), self._mrt).read
        for number, record in enumerate(split_records(content), start=1):
            try:
                message = read(record)
            except BadInput as error:
                self._intake.refuse(record[2], error, source=source, line=number)
                continue
            if message is not None:
                yield message

    def _frame_messages(
        self, name: str, source: str, content: Iterable[bytes]
    ) -> Iterator[Recorded]:
        readable = 0
        unreadable: BadInput | None = None
        for line in split_lines(content, max_bytes=self._max_frame_bytes):
            taken = self._take(source, line)
            if isinstance(taken, Recorded):
                yield taken
            if isinstance(taken, BadInput):
                unreadable = unreadable or taken
                readable += taken.reason not in _NO_JSON
                if not readable and line.number >= _FIRST_LINES:
                    raise _no_recording(name, unreadable)
            elif taken is not None:
                readable += 1
        if not readable and unreadable is not None:
            raise _no_recording(name, unreadable)

    def _take(self, source: str, line: Line) -> Recorded | Control | BadInput | None:
        """What a line holds; None for a blank one."""
        content = line.content.strip()
        if line.number == 1:
            content = content.removeprefix(BYTE_ORDER_MARK)
        if not content:
            return None
        if line.size_bytes > self._max_frame_bytes:
            error = oversized(line.size_bytes, self._max_frame_bytes)
            self._intake.refuse(content, error, source=source, line=line.number)
            return error
        if is_gap_line(content):
            return self._take_gap(content, source=source, line=line.number)
        return self._intake.take(content, source=source, line=line.number)

    def _take_gap(self, content: bytes, *, source: str, line: int) -> RecordedGap | BadInput:
        try:
            return parse_gap(content)
        except BadInput as error:
            self._intake.refuse(content, error, source=source, line=line)
            return error


def _no_recording(name: str, first: BadInput) -> UsageError:
    return UsageError(f"{name}: not a RIS Live recording (JSON lines) and not MRT: {first}")
