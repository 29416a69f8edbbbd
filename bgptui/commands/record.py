"""`bgptui record`: writes what the feed brings into files that `replay` takes."""

import argparse
import contextlib
import logging
import threading
import time
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from bgptui.commands import headless
from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings, start_log
from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.errors import ServiceUnreachable
from bgptui.pipeline.inputs import Inputs, quarantine_path
from bgptui.runtime.clock import PipelineClock, WallClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.recorder import Recorder
from bgptui.sources.recorder_files import RecorderFiles
from bgptui.sources.sink import Source

log = logging.getLogger("bgptui")


def run(args: argparse.Namespace) -> int:
    """Record until --for is over, SIGINT or SIGTERM; needs no database.

    Raises:
        ServiceUnreachable: by then the feed could never be reached.
    """
    config = load_settings(args, overrides=_overrides()).config
    start_log(args, config.runtime.log_format)
    metrics, clock = Metrics(), PipelineClock(WallClock())
    inputs = Inputs(config, clock=clock, metrics=metrics, quarantine=quarantine_path())
    leg = inputs.live()
    clock.switch(leg.clock)
    files = RecorderFiles(Path(args.file), max_bytes=args.max_size * 2**20, keep=args.keep)
    recorder = Recorder(files, clock=clock)
    log.info("recording %s into %s", config.feed.url, args.file)
    with (
        contextlib.closing(recorder),
        ProgressLine("record") as progress,
        headless.stop_signals() as stop,
    ):
        watch = _Watch(
            recorder,
            files,
            source=leg.source,
            metrics=metrics,
            progress=progress,
            stop=stop,
            for_s=args.duration,
            log_every_s=config.runtime.log_interval_s,
        )
        try:
            leg.source.run(watch, stop)
        finally:
            inputs.close()
    watch.log("recorded")
    feed = leg.source.feed_state
    if feed.error and not recorder.messages:
        files.discard()
        remedy = f" ({feed.hint})" if feed.hint else ""
        raise ServiceUnreachable(f"nothing was recorded: {feed.error}{remedy}")
    return 0


def _overrides() -> Mapping[str, Any]:
    """Every frame is kept as it came."""
    return {"store.raw_rows": "all", "store.raw_json": "all"}


class _Watch:
    """A Sink before the recorder: shows how it does, and stops it when its time is over."""

    def __init__(
        self,
        recorder: Recorder,
        files: RecorderFiles,
        *,
        source: Source,
        metrics: Metrics,
        progress: ProgressLine,
        stop: threading.Event,
        for_s: float | None,
        log_every_s: float,
    ) -> None:
        self._recorder = recorder
        self._files = files
        self._source = source
        self._metrics = metrics
        self._progress = progress
        self._stop = stop
        self._begun = time.monotonic()
        self._for_s = for_s
        self._log_every_s = log_every_s
        self._log_at = self._begun + log_every_s

    def process(self, messages: list[BgpMessage], now: float) -> None:
        self._recorder.process(messages, now)

    def gap(self, gap: Gap) -> None:
        self._recorder.gap(gap)

    def hold(self, collectors: Set[str] | None) -> None:
        self._recorder.hold(collectors)

    def tick(self, now: float) -> None:
        self._recorder.tick(now)
        passed = time.monotonic()
        if self._for_s is not None and passed - self._begun >= self._for_s:
            self._stop.set()
        if passed >= self._log_at:
            self._log_at = passed + self._log_every_s
            self.log("recording")
        self._progress.show(
            f"{self._recorder.messages:,} messages, {self._files.written_bytes / 1e6:,.1f} MB, "
            f"file {self._files.files}, feed {self._source.feed_state.state}"
        )

    def log(self, what: str) -> None:
        """One line: what was recorded, what was lost."""
        fields: dict[str, Any] = {
            "messages": self._recorder.messages,
            "gaps": self._recorder.gaps,
            "files": self._files.files,
            "bytes": self._files.written_bytes,
            "seconds": round(time.monotonic() - self._begun, 1),
            "feed": self._source.feed_state.state,
        }
        fields |= {f"dropped.{name}": count for name, count in self._metrics.drops().items()}
        text = " ".join(f"{name}={value}" for name, value in fields.items())
        log.info("%s: %s", what, text, extra={"fields": fields})
