"""From frame to message, with every bad frame counted and quarantined."""

import time
from collections.abc import Sequence

from bgptui.domain.routing import BgpMessage
from bgptui.errors import BadInput
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.ris_messages import Control, ControlKind, FrameDecoder


class Intake:
    """Decodes the frames of one source.

    Args:
        max_frame_bytes: larger ones are counted as `oversized_frame` and not decoded.
    """

    def __init__(
        self,
        decoder: FrameDecoder,
        *,
        quarantine: Quarantine,
        metrics: Metrics,
        max_frame_bytes: int,
    ) -> None:
        self._decode = decoder.decode
        self._decode_lot = decoder.decode_lot
        self._quarantine = quarantine
        self._metrics = metrics
        self._max_frame_bytes = max_frame_bytes

    def take(
        self, frame: bytes, *, source: str, line: int | None = None
    ) -> BgpMessage | Control | BadInput:
        """The message or control frame; what was wrong with a bad one.

        Args:
            source, line: where it came from, for the quarantine.
        """
        try:
            if len(frame) > self._max_frame_bytes:
                raise oversized(len(frame), self._max_frame_bytes)
            taken = self._decode(frame)
        except BadInput as error:
            self.refuse(frame, error, source=source, line=line)
            return error
        if isinstance(taken, Control):
            self._count(taken)
        return taken

    def take_lot(
        self, frames: Sequence[bytes]
    ) -> tuple[list[BgpMessage], list[tuple[int, Control | BadInput]]]:
        """The messages of many frames, none over `max_frame_bytes`; what else there was with
        its place. Refusing what is bad is left to the caller."""
        messages, others = self._decode_lot(frames)
        for _, other in others:
            if isinstance(other, Control):
                self._count(other)
        return messages, others

    def _count(self, control: Control) -> None:
        if control.kind is ControlKind.ERROR:
            self._metrics.count("ingest", "ris_error")

    def refuse(
        self, frame: bytes, error: BadInput, *, source: str, line: int | None = None
    ) -> None:
        """Count and quarantine a frame that cannot be used."""
        place = source if line is None else f"{source}:{line}"
        self._quarantine.put(frame, error, place=place, now=time.time())


def oversized(size_bytes: int, max_bytes: int) -> BadInput:
    """A frame or line above the bound (`[feed] max_frame_bytes`)."""
    return BadInput(
        f"frame of {size_bytes} bytes is over max_frame_bytes {max_bytes}",
        reason="oversized_frame",
    )
