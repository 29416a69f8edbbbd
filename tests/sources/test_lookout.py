"""The lookout for silence, as a clock goes on and messages come."""

from typing import Any

from bgptui.config.schema import Feed
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.sources.lookout import Lookout

BEGIN = 1_789_019_600.0


class SetClock:
    """A wall clock that a test sets."""

    is_event_time = False

    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> float:
        return self.time

    def observe(self, timestamp: float) -> None:
        """The wall does not care."""


def keepalive(collector: str, at: float) -> BgpMessage:
    return BgpMessage(at, Peer(collector, "192.0.2.1", 64496), MessageType.KEEPALIVE)


def test_a_collectors_gap_does_not_begin_in_the_future_of_its_broken_clock(sink: Any) -> None:
    clock = SetClock()
    lookout = Lookout(Feed(), clock)
    for second in range(700):
        clock.time += 1
        batch = [keepalive("rrc00", clock.time) for _ in range(20)]
        if second < 600:
            batch += [keepalive("rrc15", clock.time) for _ in range(10)]
        if second == 599:
            batch.append(keepalive("rrc15", clock.time + 365 * 86_400))
        lookout.note(batch, since=clock.time, at=clock.time, sink=sink)
        lookout.look(sink, sees=True)
    (gap,) = sink.gaps
    assert (gap.collector, gap.reason, gap.end) == ("rrc15", "silence", None)
    assert BEGIN + 600 <= gap.start <= BEGIN + 610


def test_a_collector_that_is_not_asked_for_any_more_is_not_away(sink: Any) -> None:
    clock = SetClock()
    lookout = Lookout(Feed(), clock)
    for second in range(1_200):
        clock.time += 1
        batch = [keepalive("rrc00", clock.time) for _ in range(20)]
        if second < 600 or second >= 1_100:  # in between another process has it
            batch += [keepalive("rrc15", clock.time) for _ in range(10)]
        lookout.keep({"rrc00", "rrc15"} if second < 600 or second >= 1_100 else {"rrc00"})
        lookout.note(batch, since=clock.time, at=clock.time, sink=sink)
        lookout.look(sink, sees=True)
    assert sink.gaps == []
