"""Time, waiting and counting."""

from random import Random

import pytest

from bgptui.runtime.backoff import next_delay_s
from bgptui.runtime.clock import EventClock, PipelineClock, WallClock
from bgptui.runtime.metrics import Metrics


def test_event_time_never_goes_back() -> None:
    clock = EventClock()
    clock.observe(10.0)
    clock.observe(5.0)
    assert clock.now() == 10.0


def test_a_pipeline_ticks_by_the_wall_only() -> None:
    clock = PipelineClock(EventClock(7.0))
    assert clock.tick_time() is None
    assert clock.now() == 7.0
    clock.switch(WallClock())
    assert clock.tick_time() is not None


@pytest.mark.parametrize(("attempt", "step_s"), [(1, 0.5), (2, 1.0), (4, 4.0), (50, 60.0)])
def test_the_delay_doubles_up_to_its_bound_and_keeps_half_of_it(
    attempt: int, step_s: float
) -> None:
    for seed in range(50):
        delay_s = next_delay_s(attempt, Random(seed))
        assert step_s / 2 <= delay_s <= step_s


def test_losses_are_counted_by_component_and_reason() -> None:
    metrics = Metrics()
    metrics.drop("ingest", "bad_prefix")
    metrics.drop("ingest", "bad_prefix", 2)
    metrics.drop("agg", "late")
    assert metrics.drops() == {"agg.late": 1, "ingest.bad_prefix": 3}
