"""Keeps account of the times in which a live source brought nothing: pure."""

from dataclasses import dataclass
from math import inf

from bgptui.domain.gap import Gap


@dataclass
class Outage:
    """Opens a gap at the newest message's event time and ends it at the next timely one's.

    A service that stalled may send afterwards what it could not send before. Of that the
    oldest is late: windows went on with the time, and it is in none. The gap covers it.

    Where quiet is no fault, the gap opens no earlier than the connection was last known to live.

    Attributes:
        lateness_s: messages further behind than usual than this are late.
        newest: event time of the newest message, None before the first.
        lag_s: how old the newest message was when it came, before the gap.
        heard_at: by our clock, when the newest message before the gap came; None before the first.
        back_at: by our clock, when the first message came after the gap began.
        alive: when the service last showed that it serves us (a message, a pong), for
            subscriptions that may be quiet; None where only messages count.
        attempts: connection attempts since the last message.
    """

    lateness_s: float = inf
    newest: float | None = None
    lag_s: float = 0.0
    heard_at: float | None = None
    back_at: float | None = None
    alive: float | None = None
    attempts: int = 0
    gap: Gap | None = None

    def hear(self, newest: float, now: float) -> None:
        """Messages came, up to this event time."""
        self.newest = max(newest, self.newest or newest)
        if self.gap is None:
            self.heard_at = now
            self.lag_s = now - self.newest

    def is_late(self, timestamp: float, now: float) -> bool:
        """Whether a message that came now, in the gap, is too late for its window."""
        if self.back_at is None:
            self.back_at = now
        return timestamp < self.back_at - self.lag_s - self.lateness_s

    def blind_s(self, now: float) -> float:
        """How long no message came, by our clock."""
        back_at = now if self.back_at is None else self.back_at
        since = self.heard_at
        if since is None:
            since = back_at if self.gap is None else self.gap.start
        return max(0.0, back_at - since)

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
        self.gap = self.back_at = None
        if gap is None:
            return None
        return Gap(gap.start, max(gap.start, end), gap.collector, gap.reason, self.attempts)
