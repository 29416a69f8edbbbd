"""Keeps account of the times in which a live source brought nothing: pure."""

from dataclasses import dataclass

from bgptui.domain.gap import Gap


@dataclass
class Outage:
    """Opens a gap at the newest message's event time and ends it at the next one's.

    Where quiet is no fault, the gap opens no earlier than the connection was last known to live.

    Attributes:
        newest: event time of the newest message, None before the first.
        alive: when the service last showed that it serves us (a message, a pong), for
            subscriptions that may be quiet; None where only messages count.
        attempts: connection attempts since the last message.
    """

    newest: float | None = None
    alive: float | None = None
    attempts: int = 0
    gap: Gap | None = None

    def open(self, reason: str, *, now: float) -> Gap | None:
        """The gap that opens; None while one is open (it keeps its first reason).

        Args:
            now: where it starts when there was no sign of life yet; in event time there is no
                now before the first message, and no gap.
        """
        start = max((at for at in (self.newest, self.alive) if at is not None), default=now)
        if self.gap is not None or start <= 0:
            return None
        self.gap = Gap(start, None, None, reason, self.attempts)
        return self.gap

    def close(self, end: float) -> Gap | None:
        """The gap with its end; None when none is open. It never ends before its start."""
        gap = self.gap
        self.gap = None
        if gap is None:
            return None
        return Gap(gap.start, max(gap.start, end), gap.collector, gap.reason, self.attempts)
