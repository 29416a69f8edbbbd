"""Pictures of the screens. `pytest tests/tui --snapshot-update` takes them anew: look at them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from bgptui.domain.health import FeedHealth
from bgptui.store.readers import CollectorRow
from bgptui.tui.snapshot import Trouble

Compare = Callable[..., bool]


def _after(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Paints, presses keys, and paints what came of them."""

    async def run(pilot: Pilot[None]) -> None:
        for key in ("", *keys, ""):
            if key:
                await pilot.press(key)
            await pilot.pause()
            pilot.app.tick()  # type: ignore[attr-defined]
            await pilot.pause()

    return run


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        pytest.param((80, 24), ("j",), id="normal"),
        pytest.param((160, 48), (), id="wide"),
        pytest.param((60, 12), (), id="small"),
        pytest.param((59, 11), (), id="too-small"),
        pytest.param((80, 24), ("question_mark",), id="help"),
        pytest.param((80, 24), ("enter",), id="detail"),
        pytest.param((80, 24), ("P",), id="collector"),
    ],
)
def test_the_console_looks_as_it_did(
    size: tuple[int, int], keys: tuple[str, ...], console: Any, snap_compare: Compare
) -> None:
    assert snap_compare(console(), terminal_size=size, run_before=_after(*keys))


def test_without_a_database_the_screen_is_blind_and_says_why(
    console: Any, feed: Any, clock: Any, snap_compare: Compare
) -> None:
    clock.now = 32.0
    away = "database bgp on 192.0.2.5:5432 as noc cannot be reached (tried for 10 s): refused"
    feed.put(taken=30.0, trouble=Trouble(away, 0.0))
    assert snap_compare(console(), terminal_size=(80, 24), run_before=_after())


def test_a_gap_is_told_with_its_age_and_attempts(
    console: Any, feed: Any, samples: Any, snap_compare: Compare
) -> None:
    lost = FeedHealth(
        "live",
        "wss://ris-live.ripe.net",
        "gap",
        attempts=14,
        gap_since=samples.now - 192,
        error="RIS Live closed the connection",
    )
    feed.put(collector=CollectorRow("noc1", 0.3, samples.health(feed=lost)))
    assert snap_compare(console(), terminal_size=(80, 24), run_before=_after())


def test_a_console_without_a_feed_names_the_way_to_see_one(
    console: Any, feed: Any, samples: Any, snap_compare: Compare
) -> None:
    unreachable = FeedHealth(
        "live",
        "wss://ris-live.ripe.net",
        "connecting",
        attempts=3,
        error="RIS Live unreachable: Name or service not known",
        hint="is this machine online, and feed.url right?",
    )
    health = samples.health(feed=unreachable, learning=0.0, dropped={}, stages=())
    feed.put(collector=CollectorRow("noc1", 0.3, health), alerts=(), windows=(), open_counts={})
    assert snap_compare(console(), terminal_size=(80, 24), run_before=_after())
