"""The collector in full: what it looks by, whose word weighs less, and what was lost."""

from typing import Any

import pytest
from msgspec.structs import replace

from bgptui.domain.health import (
    CollectorFreshness,
    Doubt,
    DoubtedPeer,
    Health,
    QuietPeer,
    RpkiSource,
    WatchHealth,
)
from bgptui.store.readers import CollectorRow
from bgptui.tui.lines import plain, width_of
from bgptui.tui.present.collector_page import collector_page
from bgptui.tui.present.pipeline import pipeline_panel
from bgptui.tui.screens.reading import CollectorScreen
from bgptui.tui.widgets.scrolling_lines import ScrollingLines

WHY_NOT = "connection refused by the cache of the other site, which is down for maintenance"


@pytest.fixture
def health(samples: Any) -> Health:
    now = samples.now
    sources = (
        RpkiSource("vrps.json", "fresh", 723_521, 3_085, now - 180),
        RpkiSource(
            "rtr://192.0.2.9:323", "fresh", 723_518, 3_085, now - 20, "v2 session 7 serial 12"
        ),
        RpkiSource("rtr://192.0.2.10:323", "stale", as_of=now - 9_000, error=WHY_NOT),
    )
    known: Health = samples.health()
    return replace(
        known,
        rpki=replace(known.rpki, sources=sources),
        freshness=(CollectorFreshness("rrc00", now, 63, quiet_peers=12),),
        quiet_peers=(QuietPeer("rrc00", "192.0.2.7", 64507, now - 1_500),),
        doubted_peers=3,
        doubted=(
            DoubtedPeer("rrc00", "192.0.2.1", 64501, Doubt.ALONE),
            DoubtedPeer("rrc01", "2001:db8::2", 64502, Doubt.STUCK),
            DoubtedPeer("rrc03", "192.0.2.3", 64503, Doubt.SILENT),
        ),
        watched_prefixes=2,
        watch=WatchHealth("/etc/bgptui/watch.toml", now - 60),
    )


@pytest.mark.parametrize("width", [60, 79, 160])
def test_the_page_holds_every_source_peer_and_loss_and_no_line_is_too_long(
    health: Health, width: int
) -> None:
    page = collector_page(health, width)
    assert all(width_of(row) <= width for row in page)
    text = " ".join(" ".join(plain(row) for row in page).split())
    for told in (
        "rtr://192.0.2.9:323 v2 session 7 serial 12",
        WHY_NOT,
        "724k VRPs 3.1k ASPAs",
        "192.0.2.1 rrc00 AS64501 mostly sees what nobody else does",
        "2001:db8::2 rrc01 AS64502 keeps routes that all others have lost",
        "192.0.2.3 rrc03 AS64503 was busy and says nothing any more",
        "192.0.2.7 rrc00 AS64507 quiet 25m",
        "63, 12 quiet, the word of 3 weighs less",
        "12 ingest.bad_prefix",
        "/etc/bgptui/watch.toml, read 2026-01-07 14:01:31Z",
    ):
        assert told in text


def test_the_panel_shows_each_source_and_who_weighs_less_in_its_ten_rows(health: Health) -> None:
    health = replace(health, quiet_peers=(), dropped={})
    panel = [plain(row) for row in pipeline_panel(health, width=79, rows=10)]
    assert len(panel) <= 10
    assert panel[1].split()[:6] == ["in", "doubt", "3", "peers", "192.0.2.1", "rrc00"]
    sources = [row for row in panel if "VRPs" in row and row.startswith("  ")]
    assert [row.split()[0] for row in sources] == ["FRESH", "FRESH", "STALE"]
    assert "v2 session 7 serial 12" in sources[1]
    assert "connection refused" in sources[2]


def test_one_source_that_has_nothing_more_to_say_takes_no_line_of_its_own(samples: Any) -> None:
    known = samples.health()
    one = replace(known.rpki, sources=(RpkiSource("vrps.json", "fresh", 5, as_of=samples.now),))
    rows = [
        pipeline_panel(replace(known, rpki=rpki), width=79, rows=20) for rpki in (known.rpki, one)
    ]
    assert rows[0] == rows[1]


async def test_a_key_opens_the_page_and_escape_leaves_it(
    console: Any, feed: Any, health: Health
) -> None:
    feed.put(collector=CollectorRow("noc1:4711", 0.4, health))
    async with console().run_test(size=(80, 24)) as pilot:
        await pilot.press("P")
        await pilot.pause()
        assert isinstance(pilot.app.screen, CollectorScreen)
        page = pilot.app.screen.query_one("#text", ScrollingLines)
        assert page.text.startswith("PIPELINE")
        await pilot.press("G")
        assert "ingest.malformed" in page.text
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, CollectorScreen)


def test_without_a_collector_the_page_says_so() -> None:
    assert "no collector" in plain(collector_page(None, 80)[0])
