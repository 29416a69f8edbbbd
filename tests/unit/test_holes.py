"""What of a recording is a hole, and what is only quiet."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.sources.holes import NO_RECORDING, Holes

T0 = 1_700_000_000.0
PEER = Peer("rrc00", "192.0.2.1", 64500)
DAY_S = 86_400.0


def every(period_s: float, begin: float, end: float) -> list[float]:
    """Times from `begin` up to before `end`."""
    return [begin + number * period_s for number in range(int((end - begin) / period_s))]


def holes(times: Iterable[float], *, batch: int = 256) -> list[Gap]:
    found = Holes(silence_s=60.0)
    messages = [BgpMessage(T0 + at, PEER, MessageType.KEEPALIVE) for at in times]
    gaps: list[Gap] = []
    for start in range(0, len(messages), batch):
        lot = messages[start : start + batch]
        for place, gap in found.find(lot):
            assert gap.end == lot[place].timestamp
            gaps.append(gap)
    return gaps


def lengths(gaps: list[Gap]) -> list[float]:
    return [round((gap.end or 0) - gap.start) for gap in gaps]


def test_an_archive_that_is_missing_is_one_gap_from_message_to_message() -> None:
    there = [*every(0.1, 0, 300), *every(0.1, 600, 900)]
    assert holes(there) == [Gap(T0 + 299.9, T0 + 600, None, NO_RECORDING)]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param(every(0.1, 0, 300) + every(0.1, 350, 400), [], id="shorter than silence"),
        pytest.param([0.0, 5 * 365 * DAY_S], [5 * 365 * DAY_S], id="years after one message"),
        pytest.param([0.0, 0.1, 1_200.0], [], id="nothing is usual yet"),
        pytest.param(
            every(0.5, 0, 30)
            + every(0.5, DAY_S, DAY_S + 30)
            + every(0.5, 3 * DAY_S, 3 * DAY_S + 9),
            [DAY_S - 30 + 0.5, 2 * DAY_S - 30 + 0.5],
            id="every hole of a folder",
        ),
        pytest.param(
            [*every(1, 0, 3_600), *every(1, 7_300, 7_400), *every(700, 8_000, 20_000)],
            [3_701],
            id="after an hour another recording may be sparse",
        ),
    ],
)
def test_a_quiet_is_a_hole_where_more_was_usual(times: list[float], expected: list[float]) -> None:
    assert lengths(holes(times)) == pytest.approx(expected, abs=1)


def test_a_quiet_peer_with_messages_minutes_apart_has_no_holes() -> None:
    rng = Random(5)
    at, times = 0.0, []
    for _ in range(3_000):
        at += rng.expovariate(1 / 240)
        times += [at, at + 0.1, at + 0.2]
    assert holes(times) == []


def test_a_quiet_that_was_usual_before_is_no_hole() -> None:
    busy = [at for start in range(0, 7_200, 300) for at in every(0.2, start, start + 200)]
    assert holes(busy) == []
    assert lengths(holes([*busy, *every(0.2, 10_800, 10_900)])) == [10_800 - 7_100]


def test_a_gap_that_the_recording_tells_is_not_told_twice() -> None:
    found = Holes(silence_s=60.0)
    for at in every(1, 0, 600):
        found.find([BgpMessage(T0 + at, PEER, MessageType.KEEPALIVE)])
    found.know(Gap(T0 + 599, None, None, "closed"))
    assert found.find([BgpMessage(T0 + 900, PEER, MessageType.KEEPALIVE)]) == []
    found.know(Gap(T0 + 599, T0 + 1_200, None, "closed"))
    assert found.find([BgpMessage(T0 + 1_200, PEER, MessageType.KEEPALIVE)]) == []
    later = [BgpMessage(T0 + 1_500, PEER, MessageType.KEEPALIVE)]
    assert lengths([gap for _, gap in found.find(later)]) == [300]


@given(
    st.lists(
        st.one_of(st.floats(0.0, 5.0), st.floats(10.0, 400.0), st.floats(3_000.0, 1e6)),
        min_size=2,
        max_size=200,
    ),
    st.integers(1, 50),
)
def test_what_is_found_does_not_depend_on_the_batches(steps: list[float], batch: int) -> None:
    times = [sum(steps[: number + 1]) for number in range(len(steps))]
    assert holes(times, batch=batch) == holes(times, batch=1)
