"""What a source and the stage behind it promise each other."""

import threading
from collections.abc import Set
from typing import Protocol

from bgptui.domain.gap import Gap
from bgptui.domain.health import FeedHealth
from bgptui.domain.routing import BgpMessage

BATCH_MESSAGES = 256
TICK_S = 0.25


class Sink(Protocol):
    """Takes messages in the thread of the source; `now` is the pipeline's clock."""

    def process(self, messages: list[BgpMessage], now: float) -> None: ...

    def tick(self, now: float) -> None:
        """Called at least every TICK_S while a live source waits."""

    def gap(self, gap: Gap) -> None:
        """Called when a gap opens (its end is None) and again when it ends."""

    def hold(self, collectors: Set[str] | None) -> None:
        """Called when other collectors than before may have fallen silent (None: all, empty:
        none): their windows must wait until a gap, or a message, decides it."""


class Source(Protocol):
    """Owns its loop: runs in the caller's thread until its input ends or `stop` is set.

    `feed_state` may be read from any thread.
    """

    @property
    def feed_state(self) -> FeedHealth: ...

    def run(self, sink: Sink, stop: threading.Event) -> None: ...
