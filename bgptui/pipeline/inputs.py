"""The sources of a run, made as the settings say."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import platformdirs

from bgptui.config.schema import ClockKind, Config, Keep
from bgptui.domain.routing import BgpMessage, RibEntry
from bgptui.pipeline.share import Share
from bgptui.pipeline.topology import Leg
from bgptui.runtime.clock import EventClock, PipelineClock, WallClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.record_reader import RecordReader
from bgptui.sources.recording import Progress, Recording
from bgptui.sources.ris_live import RisLive
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived
from bgptui.sources.ris_raw import RawFrameDecoder
from bgptui.store.backlog import WhenAway


def quarantine_path() -> Path:
    """Where bad frames are kept, e.g. ~/.local/state/bgptui/quarantine.jsonl."""
    return platformdirs.user_state_path("bgptui") / "quarantine.jsonl"


class Inputs:
    """Makes the sources of one run; they share a clock, counters and the quarantine.

    Args:
        quarantine: the file of bad frames; None keeps none of them.
    Attributes:
        share: set where this process collects a share of the RIS hosts.
    """

    def __init__(
        self, config: Config, *, clock: PipelineClock, metrics: Metrics, quarantine: Path | None
    ) -> None:
        self.share: Share | None = None
        self._config = config
        self._clock = clock
        self._metrics = metrics
        self._quarantine = Quarantine(
            quarantine, max_bytes=config.feed.quarantine_max_bytes, metrics=metrics
        )

    def live(self) -> Leg:
        """RIS Live, as [feed] says."""
        feed, share = self._config.feed, self.share
        source = RisLive(
            feed,
            decoder=self._decoder(),
            clock=self._clock,
            metrics=self._metrics,
            quarantine=self._quarantine,
            rng=Random(),
            lateness_s=self._config.windows.lateness_s,
            hosts=None if share is None else lambda: share.active,
        )
        clock = EventClock() if feed.clock is ClockKind.EVENT else WallClock()
        return Leg(source, clock, when_away=WhenAway.SPOOL)

    def recording(
        self,
        paths: Sequence[str],
        *,
        speed: float | None = None,
        on_progress: Progress | None = None,
    ) -> Leg:
        """Recorded messages, in event time."""
        return Leg(self._recording(paths, speed=speed, on_progress=on_progress), EventClock())

    def lots(self, paths: Sequence[str]) -> Iterator[list[BgpMessage]]:
        """The messages of recordings in time order, without a pipeline."""
        return self._recording(paths).lots()

    def frames(self, paths: Sequence[str]) -> Iterator[tuple[float, bytes]]:
        """(timestamp, frame) of the same; the settings must keep frames."""
        return self._recording(paths).frames()

    def rib(
        self, paths: Sequence[str], *, on_read: Callable[[int], None] | None = None
    ) -> Iterator[RibEntry]:
        """The routes of MRT routing tables, one table after another.

        Args:
            on_read: told how many bytes were read from disk.
        """
        feed = self._config.feed
        reader = RecordReader(
            decoder=FrameDecoder(),
            collector=feed.mrt_collector,
            metrics=self._metrics,
            quarantine=self._quarantine,
            max_frame_bytes=feed.max_frame_bytes,
        )
        for path in paths:
            yield from reader.rib(path, on_read=on_read)

    def close(self) -> None:
        self._quarantine.close()

    def _recording(
        self,
        paths: Sequence[str],
        *,
        speed: float | None = None,
        on_progress: Progress | None = None,
    ) -> Recording:
        return Recording(
            paths,
            decoder=self._decoder(),
            clock=self._clock,
            metrics=self._metrics,
            quarantine=self._quarantine,
            max_frame_bytes=self._config.feed.max_frame_bytes,
            mrt_collector=self._config.feed.mrt_collector,
            silence_s=self._config.feed.silence_timeout_s,
            speed=speed,
            on_progress=on_progress,
        )

    def _decoder(self) -> FrameDecoder:
        store = self._config.store
        keeps = store.raw_rows is not Keep.NONE and store.raw_json is not Keep.NONE
        keep = KeepReceived.YES if keeps else KeepReceived.NO
        if self._config.feed.include_raw:
            return RawFrameDecoder(keep, on_loss=partial(self._metrics.drop, "ingest"))
        return FrameDecoder(keep)


def configured_legs(
    config: Config, inputs: Inputs, on_progress: Progress | None = None
) -> list[Leg]:
    """The recording to catch up on, where one is set, then RIS Live."""
    warm_up = config.feed.warm_up
    before = [inputs.recording([warm_up], on_progress=on_progress)] if warm_up else []
    return [*before, inputs.live()]


def oldest_timestamp(config: Config, paths: Sequence[str]) -> float | None:
    """Event time at which recordings begin; None where they hold no message."""
    clock, metrics = PipelineClock(EventClock()), Metrics()
    inputs = Inputs(config, clock=clock, metrics=metrics, quarantine=None)
    begins = [
        lot[0].timestamp for path in paths for lot in itertools.islice(inputs.lots([path]), 1)
    ]
    return min(begins, default=None)


def recorded_frames(config: Config, paths: Sequence[str]) -> Iterator[tuple[float, bytes]]:
    """(timestamp, frame) of every readable message of recordings, in time order."""
    keeping = msgspec.structs.replace(
        config, store=msgspec.structs.replace(config.store, raw_rows=Keep.ALL, raw_json=Keep.ALL)
    )
    clock, metrics = PipelineClock(EventClock()), Metrics()
    inputs = Inputs(keeping, clock=clock, metrics=metrics, quarantine=quarantine_path())
    yield from inputs.frames(paths)
