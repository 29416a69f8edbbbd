"""Which collectors fell silent while the rest of the feed goes on: pure, in event time.

Time is the feed's: the newest timestamp of all its messages. It stands still while nothing comes
at all, so a stall of the whole feed puts no single collector under suspicion.
"""

from collections import deque
from collections.abc import Collection, Mapping, Set
from math import ceil, log
from statistics import fmean, median

from bgptui.domain.gap import Gap

SILENCE = "silence"
LOW_RATE = "low_rate"

LOW_SHARE = 0.1  # of the usual rate: below it a collector is hardly there
BACK_SHARE = 0.2  # above it, it is back; between the two nothing changes
# A span is the time that decides (`silence_s`), a slot a sixth of it.
SLOTS = 6
SPANS_KEPT = 60  # an hour of minutes
SPANS_NEEDED = 5  # before that, nothing is usual
# How unlikely under the usual rate a quiet must be, in nats (-ln p), to be a gap or a suspicion:
# once in 10**9, and in 10**3, had a Poisson process that rate.
GAP_NATS = 20.7
SUSPECT_NATS = 6.9
# Feeds are burstier than Poisson: a quiet is none of which a third was usual in the last hour.
USUAL_QUIET_TIMES = 3.0
FORGET_AFTER_S = 86_400.0  # as peers without a message (windows.peer_expiry_s)
COLLECTORS_MOST = 1_000  # RIS has about 25; names come from the network


def surprise(count: int, expected: float) -> float:
    """How unlikely `count` or fewer events are where `expected` are usual, in nats.

    The Chernoff bound of the Poisson distribution's lower tail: the true -ln p is larger.
    """
    if count >= expected:
        return 0.0
    return expected - count + (count * log(count / expected) if count else 0.0)


class _Collector:
    """One collector's past.

    Attributes:
        newest: timestamp of its last message; None before the first.
        heard_at: the feed's time at its last message.
        spans: count and longest quiet (seconds) of each span in which it was there.
        slots: counts of the last SLOTS slots; `count` is that of the slot under way.
        usual_per_s: its usual rate; 0 until it is learned.
        usual_quiet_s, usual_least: longest quiet, and smallest count but the last one's, of the
            spans kept.
    """

    __slots__ = (
        "count", "gap", "heard_at", "longest_quiet_s", "newest", "slots", "span_slots", "spans",
        "usual_least", "usual_per_s", "usual_quiet_s",
    )  # fmt: skip

    def __init__(self, heard_at: float) -> None:
        self.newest: float | None = None
        self.heard_at = heard_at
        self.gap: Gap | None = None
        self.unlearn()

    def unlearn(self) -> None:
        """Forget what was usual."""
        self.spans: deque[tuple[int, float]] = deque(maxlen=SPANS_KEPT)
        self.usual_per_s = self.usual_quiet_s = 0.0
        self.usual_least = 0
        self.begin_span()

    def begin_span(self) -> None:
        """Count anew: what was counted so far is no whole span."""
        self.slots: deque[int] = deque(maxlen=SLOTS)
        self.count = self.span_slots = 0
        self.longest_quiet_s = 0.0

    def close_slot(self, span_s: float) -> None:
        self.slots.append(self.count)
        self.count = 0
        self.span_slots += 1
        if self.span_slots < SLOTS:
            return
        self.spans.append((sum(self.slots), self.longest_quiet_s))
        self.span_slots = 0
        self.longest_quiet_s = 0.0
        self.learn(span_s)

    def learn(self, span_s: float) -> None:
        """What is usual, from the spans kept."""
        if len(self.spans) >= SPANS_NEEDED:
            counts = [count for count, _ in self.spans]
            # The median keeps bursts out; it is 0 where most spans have no message at all.
            self.usual_per_s = (median(counts) or fmean(counts)) / span_s
            # The last span may be part of the very minute that is judged by it.
            self.usual_least = min(counts[:-1])
            self.usual_quiet_s = max(quiet_s for _, quiet_s in self.spans)

    def begin_gap(self, gap: Gap, *, blind_s: float, span_s: float) -> Gap:
        """A gap opens: what was counted in it already is unlearned."""
        self.gap = gap
        for _ in range(min(ceil(blind_s / span_s), len(self.spans))):
            self.spans.pop()
        self.learn(span_s)
        self.begin_span()
        return gap


class Freshness:
    """Learns each collector's usual rate; tells when one falls silent, or below a tenth of it.

    Silent is a collector without a message for `silence_s`, or longer where its usual rate
    makes such a quiet likely, or where it had been quiet for a third as long in the last hour.
    Before its rate is known a collector is not judged, unless it was asked for by name.

    A gap of silence ends with the next message. One of a low rate ends when the rate is back,
    and after an hour, when the low rate, unless it is none at all, has become the usual one.

    Args:
        silence_s: the time without a message that decides.
        watched: collectors asked for by name; None: all there are.
    """

    def __init__(self, *, silence_s: float, watched: Collection[str] | None = None) -> None:
        self._silence_s = silence_s
        self._slot_s = silence_s / SLOTS
        # A quiet that puts under suspicion. A longer hole in the whole feed is nobody's silence.
        self.suspect_s = silence_s / 12
        self._watched = None if watched is None else frozenset(watched)
        self._collectors: dict[str, _Collector] = {}
        self._now: float | None = None
        self._slot_end = 0.0
        self._judged = float("-inf")

    def note(
        self,
        counts: Mapping[str, int],
        newest: Mapping[str, float],
        *,
        since: float,
        at: float,
    ) -> list[Gap]:
        """Messages came.

        Args:
            counts: messages by collector.
            newest: timestamp of the last of them, by collector.
            since: timestamp of the first of them.
            at: the newest timestamp of the feed, these included.
        Returns:
            Gaps that are over with them.
        """
        ended = self._pass_time(since, at)
        now = max(at, self._now or at)
        for name, count in counts.items():
            collector = self._collectors.get(name)
            if collector is None:
                collector = self._meet(name, now)
                if collector is None:
                    continue
            if collector.gap is None:
                quiet_s = now - collector.heard_at
                collector.longest_quiet_s = max(collector.longest_quiet_s, quiet_s)
            elif collector.gap.reason == SILENCE:
                ended.append(_end(name, collector, newest[name]))
            collector.count += count
            collector.heard_at = now
            collector.newest = newest[name]
        return ended

    def keep(self, names: Set[str]) -> None:
        """Forget all other collectors: they are not asked for any more."""
        for name in self._collectors.keys() - names:
            del self._collectors[name]

    @property
    def is_due(self) -> bool:
        """Whether the feed's time has moved on enough since `judge` to change anything."""
        return self._now is not None and self._now - self._judged >= self.suspect_s / 20

    def judge(self) -> list[Gap]:
        """Gaps that begin now."""
        if self._now is None:
            return []
        self._judged = self._now
        opened: list[Gap] = []
        for name, collector in self._collectors.items():
            if collector.gap is not None:
                continue
            quiet_s = blind_s = self._now - collector.heard_at
            if quiet_s >= self._silent_after_s(name, collector):
                start = collector.heard_at if collector.newest is None else collector.newest
                gap = Gap(start, None, name, SILENCE)
            elif quiet_s < self._silence_s / 2 and self._is_low_for_long(collector):
                blind_s = self._silence_s
                began = self._slot_end - self._slot_s - blind_s  # of the slots looked at
                gap = Gap(began, None, name, LOW_RATE)
            else:
                continue
            opened.append(collector.begin_gap(gap, blind_s=blind_s, span_s=self._silence_s))
        return opened

    def suspects(self) -> frozenset[str]:
        """Collectors that are likely away, though it is too early to say so.

        Only those that `silence_s` will decide on: others would be held for too long.
        """
        now = self._now
        if now is None:
            return frozenset()
        return frozenset(
            name
            for name, collector in self._collectors.items()
            if collector.gap is None and self._is_suspect(name, collector, now)
        )

    def _is_suspect(self, name: str, collector: _Collector, now: float) -> bool:
        if not collector.usual_per_s:
            return False
        if self._is_low(collector, 1, SUSPECT_NATS):
            # Low for a whole span it has been judged, and it was low before in the last hour.
            return not self._is_low(collector, SLOTS, GAP_NATS)
        quiet_s = now - collector.heard_at
        return (
            quiet_s >= max(self.suspect_s, collector.usual_quiet_s)
            and quiet_s * collector.usual_per_s >= SUSPECT_NATS
            and self._silent_after_s(name, collector) <= self._silence_s
        )

    def _silent_after_s(self, name: str, collector: _Collector) -> float:
        """The quiet after which a collector is silent."""
        if not collector.usual_per_s:
            asked_for = self._watched is not None and name in self._watched
            return self._silence_s if asked_for else float("inf")
        return max(
            self._silence_s,
            GAP_NATS / collector.usual_per_s,
            USUAL_QUIET_TIMES * collector.usual_quiet_s,
        )

    def _is_low_for_long(self, collector: _Collector) -> bool:
        """For a whole span, and lower than any span of the last hour."""
        return (
            self._is_low(collector, SLOTS, GAP_NATS)
            and sum(collector.slots) < collector.usual_least
        )

    def _is_low(self, collector: _Collector, slots: int, nats: float) -> bool:
        """The last slots have less than a tenth of what is usual, and not by chance."""
        if len(collector.slots) < slots:
            return False
        usual = collector.usual_per_s * self._slot_s * slots
        seen = sum(list(collector.slots)[-slots:])
        # Without any message it is silence that must be judged.
        return 0 < seen <= LOW_SHARE * usual and surprise(seen, usual) >= nats

    def _meet(self, name: str, now: float) -> _Collector | None:
        """A collector heard for the first time; None where it is not watched."""
        if self._watched is not None and name not in self._watched:
            return None
        if len(self._collectors) >= COLLECTORS_MOST:
            return None
        collector = self._collectors[name] = _Collector(now)
        return collector

    def _pass_time(self, since: float, at: float) -> list[Gap]:
        """Move the feed's time on; gaps that are over by it."""
        if self._now is None:
            # The feed's first batch: a clock that is wrong must not make hours of it.
            self._begin(max(since, at - self._silence_s / 2))
        elif since - self._now > self.suspect_s:
            self._leap(since)
        now = self._now = max(at, self._now or at)
        ended: list[Gap] = []
        while now >= self._slot_end:
            ended += self._close_slots(self._slot_end)
            self._slot_end += self._slot_s
        return ended

    def _begin(self, at: float) -> None:
        self._now = at
        self._slot_end = at + self._slot_s
        for name in self._watched or ():
            self._meet(name, at)

    def _leap(self, at: float) -> None:
        """The whole feed was away, or its clock made a step: for nobody does the time count."""
        leap_s = at - (self._now or at)
        self._now = at
        self._slot_end = at + self._slot_s
        for collector in self._collectors.values():
            collector.begin_span()
            if collector.gap is None:
                collector.heard_at += leap_s

    def _close_slots(self, at: float) -> list[Gap]:
        ended: list[Gap] = []
        for name, collector in list(self._collectors.items()):
            gap = collector.gap
            if gap is None:
                collector.close_slot(self._silence_s)
            elif at - collector.heard_at >= FORGET_AFTER_S:
                ended.append(_end(name, collector, at))
                del self._collectors[name]
            elif gap.reason == LOW_RATE:
                ended += self._look_at_rate(name, collector, at)
        return ended

    def _look_at_rate(self, name: str, collector: _Collector, at: float) -> list[Gap]:
        """Whether a low rate is over, or has become the usual one."""
        collector.slots.append(collector.count)
        collector.count = 0
        usual = collector.usual_per_s * self._silence_s
        if sum(collector.slots) > BACK_SHARE * usual:
            return [_end(name, collector, at)]
        lasts_s = 0.0 if collector.gap is None else at - collector.gap.start
        # One that has fallen silent meanwhile is away: its rate has become nothing usual.
        if lasts_s >= SPANS_KEPT * self._silence_s and any(collector.slots):
            collector.unlearn()
            return [_end(name, collector, at)]
        return []


def _end(name: str, collector: _Collector, at: float) -> Gap:
    """The collector's gap, over."""
    gap = collector.gap or Gap(at, None, name, SILENCE)
    collector.gap = None
    collector.begin_span()
    return Gap(gap.start, max(gap.start, at), name, gap.reason)


def watched_collectors(hosts: Collection[str | None]) -> frozenset[str] | None:
    """What `Freshness` watches, of the hosts that broad subscriptions ask for; None: all."""
    if any(host is None for host in hosts):
        return None
    return frozenset(host for host in hosts if host is not None)
