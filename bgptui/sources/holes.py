"""Holes in recordings: times of which nothing was recorded, told from quiet ones. Pure."""

from collections import deque
from collections.abc import Sequence
from math import inf
from operator import attrgetter
from statistics import fmean, median

from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.sources.freshness import GAP_NATS, SPANS_KEPT, SPANS_NEEDED, USUAL_QUIET_TIMES

NO_RECORDING = "no_recording"

# Before anything is usual a shorter quiet is taken for one. What follows a longer one may be
# another recording altogether, and is learned anew.
UNKNOWN_S = 3_600.0

_timestamp = attrgetter("timestamp")


class Holes:
    """Finds the times in which nothing at all came, though more was usual.

    A quiet of all inputs together is a hole where it is longer than `silence_s`, than the
    recording's usual rate makes likely, and than three times its longest quiet of the last
    hour: as a live collector is judged (see freshness). Before the rate is known, the first
    SPANS_NEEDED spans of `silence_s`, only an hour is long enough.

    What is found depends on the messages and their order, not on how they are batched.

    Args:
        silence_s: the time without a message that decides ([feed] silence_timeout_s).
    """

    def __init__(self, *, silence_s: float) -> None:
        self._silence_s = silence_s
        # Quiets up to here change no verdict, as three times them are no longer than silence_s.
        self._dense_s = silence_s / USUAL_QUIET_TIMES
        self._spans: deque[tuple[int, float]] = deque(maxlen=SPANS_KEPT)
        self._newest = -inf
        self._told = False
        self._span_end = -inf
        self._count = 0
        self._longest_quiet_s = 0.0

    def know(self, gap: Gap) -> None:
        """The recording itself tells of a gap."""
        if gap.collector is None:
            self._told = gap.end is None
            self._newest = max(self._newest, gap.start if gap.end is None else gap.end)
            self._begin_span(self._newest)

    def find(self, messages: Sequence[BgpMessage]) -> list[tuple[int, Gap]]:
        """The holes in front of some of these messages, with their places."""
        newest: float = max(map(_timestamp, messages))
        if newest <= self._newest + self._dense_s and newest < self._span_end:
            self._count += len(messages)
            self._newest = max(self._newest, newest)
            return []
        found: list[tuple[int, Gap]] = []
        for place, message in enumerate(messages):
            if message.timestamp > self._newest:
                hole = self._pass_time(message.timestamp)
                if hole is not None:
                    found.append((place, hole))
            self._count += 1
        return found

    def _pass_time(self, at: float) -> Gap | None:
        before, self._newest = self._newest, at
        if before == -inf or self._told:
            self._begin_span(at)
            return None
        quiet_s = at - before
        if quiet_s > self._silence_s and quiet_s >= self._hole_from_s():
            if quiet_s >= UNKNOWN_S:
                self._spans.clear()
            self._begin_span(at)
            return Gap(before, at, None, NO_RECORDING)
        self._close_spans(at, quiet_s)
        return None

    def _hole_from_s(self) -> float:
        """The quiet that is a hole after what came so far, the span under way included."""
        spans = [*self._spans, (self._count, self._longest_quiet_s)]
        usual_quiet_s = USUAL_QUIET_TIMES * max(quiet_s for _, quiet_s in spans)
        counts = [count for count, _ in spans]
        # The median keeps bursts out; it is 0 where most spans have no message at all.
        usual = median(counts) or fmean(counts)
        if len(spans) < SPANS_NEEDED or not usual:
            return max(UNKNOWN_S, usual_quiet_s)
        return max(GAP_NATS * self._silence_s / usual, usual_quiet_s)

    def _close_spans(self, at: float, quiet_s: float) -> None:
        """Go on to the span that `at` lies in; those in which nothing came count, too."""
        if at >= self._span_end:
            self._spans.append((self._count, self._longest_quiet_s))
            passed = int((at - self._span_end) // self._silence_s)
            self._spans.extend([(0, 0.0)] * min(passed, SPANS_KEPT))
            self._begin_span(self._span_end + passed * self._silence_s)
        self._longest_quiet_s = max(self._longest_quiet_s, quiet_s)

    def _begin_span(self, at: float) -> None:
        self._span_end = at + self._silence_s
        self._count = 0
        self._longest_quiet_s = 0.0
