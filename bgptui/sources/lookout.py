"""Looks out for silence in a live feed: of the whole of it, and of single collectors."""

import logging
import time
from collections import Counter
from collections.abc import Set

from msgspec.structs import replace

from bgptui.config.schema import Feed
from bgptui.domain.routing import BgpMessage
from bgptui.runtime.clock import Clock
from bgptui.sources.freshness import SILENCE, Freshness, watched_collectors
from bgptui.sources.ris_requests import broad_hosts
from bgptui.sources.sink import Sink

log = logging.getLogger(__name__)

_AHEAD_S = 10.0  # clocks of collectors may differ from ours


class Lookout:
    """Tells the sink which windows must wait, and of collectors that are away.

    A connection that is quiet for longer than `suspect_s` may have died, or may not: until
    [feed] silence_timeout_s decides it, no window is closed for want of messages.

    Attributes:
        broad: some subscription asks for all routes of some collector: silence is a fault.
        ping_s: the service is asked for a sign of life this often where it is none.
    """

    def __init__(self, feed: Feed, clock: Clock) -> None:
        hosts = broad_hosts(feed)
        self.broad = bool(hosts)
        self._freshness = Freshness(
            silence_s=feed.silence_timeout_s, watched=watched_collectors(hosts)
        )
        self.ping_s = min(feed.ping_interval_s, self._freshness.suspect_s)
        self._clock = clock
        self._quiet_s = self._freshness.suspect_s + (0.0 if self.broad else self.ping_s)
        self._suspects: frozenset[str] = frozenset()
        self._held: Set[str] | None = frozenset()
        self._sign_at = time.monotonic()

    def plausible(self, event_time: float) -> float:
        """Live, one peer's broken clock must not put the edge of a gap into the future."""
        if self._clock.is_event_time:
            return event_time
        return min(event_time, self._clock.now() + _AHEAD_S)

    def sign_of_life(self) -> None:
        """The service serves us."""
        self._sign_at = time.monotonic()

    def excuse(self, spent_s: float) -> None:
        """We were busy ourselves: that is not the feed's silence."""
        self._sign_at += spent_s

    def note(self, batch: list[BgpMessage], *, since: float, at: float, sink: Sink) -> None:
        """Who sent how much. To be called before the messages are handed on: a collector's gap
        ends in front of them.

        Args:
            since, at: timestamp of the batch's first message, and the feed's newest.
        """
        if not self.broad:
            return
        names = [message.peer.collector for message in batch]
        last = dict(zip(names, batch, strict=True))
        newest = {name: self.plausible(message.timestamp) for name, message in last.items()}
        for ended in self._freshness.note(Counter(names), newest, since=since, at=at):
            end = ended.end or at
            if ended.reason == SILENCE and ended.collector in newest:
                end = batch[names.index(ended.collector)].timestamp  # the first of them
            log.info("feed: %s is back (%s)", ended.collector, ended.reason)
            sink.gap(replace(ended, end=max(ended.start, self.plausible(end))))

    def keep(self, hosts: Set[str]) -> None:
        """These alone are asked for now: the quiet of others is no fault."""
        self._freshness.keep(hosts)
        self._suspects &= hosts

    def look(self, sink: Sink, *, sees: bool) -> None:
        """Begin the gaps of collectors that are away, and hold what may be part of one.

        Args:
            sees: connected, and in no gap of the whole feed.
        """
        if self._freshness.is_due:
            for opened in self._freshness.judge():
                log.warning("feed: %s is away (%s)", opened.collector, opened.reason)
                sink.gap(opened)
            self._suspects = self._freshness.suspects()
        held: Set[str] | None = frozenset()
        if sees:
            # In event time nothing closes for want of messages.
            quiet_s = time.monotonic() - self._sign_at
            waits = quiet_s >= self._quiet_s and not self._clock.is_event_time
            held = None if waits else self._suspects
        if held != self._held:
            self._held = held
            sink.hold(held)
