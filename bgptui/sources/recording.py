"""Recorded messages (RIS Live JSON lines, MRT) as a source."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from bgptui.domain.alert_json import iso_utc
from bgptui.domain.health import FeedHealth
from bgptui.domain.routing import BgpMessage
from bgptui.runtime.clock import Clock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.holes import Holes
from bgptui.sources.input_file import DEFAULT_COLLECTOR, begin_of, expand, size_of
from bgptui.sources.json_lines import Recorded
from bgptui.sources.ordering import in_lots, in_time_order, merge_in_time_order
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.record_reader import RecordReader
from bgptui.sources.recorded_gap import KnownGaps
from bgptui.sources.ris_messages import FrameDecoder
from bgptui.sources.sink import BATCH_MESSAGES, TICK_S, Sink

log = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
T = TypeVar("T")


class Recording:
    """Plays recordings once, merged by time, in (timestamp, arrival) order.

    Where nothing was recorded the sink is told of a gap, in front of the message that ends it.

    Args:
        inputs: paths (plain, gzip, bzip2 or zstd), folders of such, or `-` for standard input;
            whether RIS Live JSON lines or MRT their content tells.
        mrt_collector: collector of MRT files whose path names none.
        silence_s: a hole in the recording is longer ([feed] silence_timeout_s).
        speed: multiple of real time; None plays as fast as the sink takes it.
        on_progress: called with bytes read and their total, None where that is unknown.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        *,
        decoder: FrameDecoder,
        clock: Clock,
        metrics: Metrics,
        quarantine: Quarantine,
        max_frame_bytes: int,
        mrt_collector: str = DEFAULT_COLLECTOR,
        silence_s: float = 60.0,
        speed: float | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        self._inputs = tuple(inputs)
        self._clock = clock
        self._reader = RecordReader(
            decoder=decoder,
            collector=mrt_collector,
            metrics=metrics,
            quarantine=quarantine,
            max_frame_bytes=max_frame_bytes,
        )
        self._speed = speed
        self._on_progress = on_progress
        self._read_bytes = 0
        self._total_bytes: int | None = None
        self._state = "connecting"
        self._last_message: float | None = None
        self._gaps = KnownGaps()
        self._holes = Holes(silence_s=silence_s)

    @property
    def feed_state(self) -> FeedHealth:
        return FeedHealth(
            mode="recording",
            source=", ".join(self._inputs),
            state=self._state,
            last_message=self._last_message,
        )

    def run(self, sink: Sink, stop: threading.Event) -> None:
        """Give everything to `sink`; returns at the end or soon after `stop`.

        Raises:
            UsageError: an input cannot be read, or is no RIS Live recording.
        """
        self._state = "live"
        play = self._play_at_once if self._speed is None else self._play_paced
        play(self._recorded(), sink, stop)
        self._state = "ended"

    def lots(self) -> Iterator[list[BgpMessage]]:
        """All messages of all inputs in order, in lots."""
        for lot in self._recorded():
            if messages := [one for one in lot if isinstance(one, BgpMessage)]:
                yield messages

    def _recorded(self) -> Iterator[list[Recorded]]:
        """Everything that the inputs hold, in order."""
        names = expand(self._inputs)
        sizes = [size_of(name) for name in names]
        known = [size for size in sizes if size is not None]
        self._total_bytes = sum(known) if len(known) == len(sizes) else None
        if len(names) == 1:
            yield from in_time_order(self._as_it_stands(names[0]))
            return
        parts = [(begin_of(name), partial(self._ordered, name)) for name in names]
        yield from in_time_order(in_lots(merge_in_time_order(parts)))

    def frames(self) -> Iterator[tuple[float, bytes]]:
        """(timestamp, frame as received) of every message, in order, for a RisServer.

        The decoder must keep what it received.
        """
        return ((message.timestamp, message.received) for message in _flat(self.lots()))

    def _play_at_once(
        self, lots: Iterable[list[Recorded]], sink: Sink, stop: threading.Event
    ) -> None:
        for lot in lots:
            for start in range(0, len(lot), BATCH_MESSAGES):
                if stop.is_set():
                    return
                self._give(lot[start : start + BATCH_MESSAGES], sink)

    def _play_paced(
        self, lots: Iterable[list[Recorded]], sink: Sink, stop: threading.Event
    ) -> None:
        begun = time.monotonic()
        first: float | None = None
        batch: list[Recorded] = []
        for message in _flat(lots):
            first = message.timestamp if first is None else first
            due = begun + (message.timestamp - first) / (self._speed or 1.0)
            if batch and (due > time.monotonic() or len(batch) >= BATCH_MESSAGES):
                self._give(batch, sink)
                batch = []
            while (ahead_s := due - time.monotonic()) > 0:
                if stop.wait(min(ahead_s, TICK_S)):
                    return
                sink.tick(self._clock.now())
            if stop.is_set():
                return
            batch.append(message)
        if batch:
            self._give(batch, sink)

    def _give(self, batch: list[Recorded], sink: Sink) -> None:
        """Hand a batch on; a gap splits it."""
        messages: list[BgpMessage] = []
        for one in batch:
            if isinstance(one, BgpMessage):
                messages.append(one)
                continue
            self._process(messages, sink)
            messages = []
            for gap in self._gaps.take(one, self._last_message):
                self._clock.observe(gap.start)  # it may come before the first message
                self._holes.know(gap)
                sink.gap(gap)
        self._process(messages, sink)

    def _process(self, messages: list[BgpMessage], sink: Sink) -> None:
        begin = 0
        for place, hole in self._holes.find(messages) if messages else ():
            self._hand_on(messages[begin:place], sink)
            log.warning(
                "nothing was recorded from %s to %s",
                iso_utc(hole.start),
                iso_utc(messages[place].timestamp),
            )
            sink.gap(hole)
            begin = place
        self._hand_on(messages[begin:] if begin else messages, sink)

    def _hand_on(self, messages: list[BgpMessage], sink: Sink) -> None:
        if messages:
            self._last_message = messages[-1].timestamp
            sink.process(messages, self._clock.now())

    def _as_it_stands(self, name: str) -> Iterator[list[Recorded]]:
        return self._reader.lots(name, on_read=self._count_read)

    def _ordered(self, name: str) -> Iterator[Recorded]:
        return _flat(in_time_order(self._as_it_stands(name)))

    def _count_read(self, size_bytes: int) -> None:
        self._read_bytes += size_bytes
        if self._on_progress is not None:
            self._on_progress(self._read_bytes, self._total_bytes)


def _flat(lots: Iterable[list[T]]) -> Iterator[T]:
    for lot in lots:
        yield from lot
