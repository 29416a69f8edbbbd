"""Writes what a source brings as a recording, gaps included."""

import time
from collections.abc import Set

from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.runtime.clock import Clock
from bgptui.sources.recorded_gap import begin_line, gap_line
from bgptui.sources.recorder_files import RecorderFiles

FLUSH_EVERY_S = 1.0


class Recorder:
    """A Sink that keeps each message's frame as it was received, a line each.

    The source's decoder must keep frames. Frames of the service itself (acknowledgements, pongs,
    ris_errors) say nothing about routing and are left out; what they led to is told by a gap.

    Args:
        clock: the source's; in event time it follows what is recorded.
    Attributes:
        messages, gaps: recorded so far.
    """

    def __init__(self, files: RecorderFiles, *, clock: Clock) -> None:
        self._files = files
        self._clock = clock
        self._begun = False
        self._flushed_at = time.monotonic()
        self.messages = 0
        self.gaps = 0

    def process(self, messages: list[BgpMessage], now: float) -> None:
        first = messages[0].timestamp
        # Live, a broken clock's first message must not put the begin into the future.
        self._begin(first if self._clock.is_event_time else min(first, now))
        self._clock.observe(max(message.timestamp for message in messages))
        self._files.write(b"".join([_line(message.received) for message in messages]))
        self.messages += len(messages)
        self._flush_if_due()

    def tick(self, now: float) -> None:  # noqa: ARG002 - what waits for the disk goes by the wall
        self._flush_if_due()

    def gap(self, gap: Gap) -> None:
        self._begin(gap.start)
        self.gaps += gap.end is None
        self._files.write(gap_line(gap))
        self._files.flush()

    def hold(self, collectors: Set[str] | None) -> None:
        """Nothing waits here: what is decided comes as a gap."""

    def flush(self) -> None:
        """Everything recorded so far can be read back from now on."""
        self._files.flush()

    def close(self) -> None:
        self._files.close()

    def _begin(self, first: float) -> None:
        if not self._begun:
            self._begun = True
            self._files.write(begin_line(first))

    def _flush_if_due(self) -> None:
        now = time.monotonic()
        if now - self._flushed_at >= FLUSH_EVERY_S:
            self._flushed_at = now
            self._files.flush()


def _line(frame: bytes) -> bytes:
    """A line break inside a frame can only be white space between its parts (RFC 8259)."""
    if b"\n" in frame or b"\r" in frame:
        frame = frame.replace(b"\n", b" ").replace(b"\r", b" ")
    return frame + b"\n"
