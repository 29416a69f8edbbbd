"""One recorded input as messages: what is bad is counted, quarantined and left out."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from bgptui.domain.routing import BgpMessage, RibEntry
from bgptui.errors import BadInput
from bgptui.runtime.metrics import Metrics
from bgptui.sources.input_file import InputKind, collector_of, open_messages, open_rib
from bgptui.sources.intake import Intake
from bgptui.sources.json_lines import JsonLines, Recorded
from bgptui.sources.mrt import MrtDecoders, MrtReader
from bgptui.sources.mrt_records import split_records
from bgptui.sources.mrt_rib import MrtRibReader
from bgptui.sources.ordering import in_lots
from bgptui.sources.packed_file import STDIN
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.ris_frames import FrameEncoder
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived

T = TypeVar("T")

log = logging.getLogger(__name__)


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
        """The messages alone of what `lots` gives."""
        lots = self.lots(name, on_read=on_read)
        return (one for lot in lots for one in lot if isinstance(one, BgpMessage))

    def lots(self, name: str, *, on_read: Callable[[int], None]) -> Iterator[list[Recorded]]:
        """The messages and recorded gaps of one input as they stand, in lots.

        Raises:
            UsageError: it cannot be read, is a routing table, or no recording at all.
        """
        kind, content = open_messages(name, on_read=on_read)
        source = "standard input" if name == STDIN else name
        if kind is InputKind.MRT:
            messages = self._mrt_messages(name, source, content)
            yield from in_lots(self._before_tear(source, messages))
        else:
            lines = JsonLines(
                name, source, intake=self._intake, max_frame_bytes=self._max_frame_bytes
            )
            yield from self._before_tear(source, lines.lots(content))
            if lines.is_empty:
                log.warning("%s is empty", source)

    def rib(self, name: str, *, on_read: Callable[[int], None] | None = None) -> Iterator[RibEntry]:
        """The routes of one MRT routing table.

        Raises:
            UsageError: it cannot be read, or is no routing table.
        """
        content = open_rib(name, on_read=on_read)
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

    def _before_tear(self, source: str, read: Iterator[T]) -> Iterator[T]:
        """What comes out of a file until it ends or turns out to be torn."""
        try:
            yield from read
        except BadInput as torn:
            self._torn(source, torn)

    def _torn(self, source: str, torn: BadInput) -> None:
        self._metrics.drop("ingest", torn.reason)
        log.warning("%s: %s; everything before the tear was read", source, torn)

    def _mrt_messages(self, name: str, source: str, content: Iterable[bytes]) -> Iterator[Recorded]:
        read = MrtReader(collector_of(name, self._collector), self._mrt).read
        for number, record in enumerate(split_records(content), start=1):
            try:
                message = read(record)
            except BadInput as error:
                self._intake.refuse(record[2], error, source=source, line=number)
                continue
            if message is not None:
                yield message
