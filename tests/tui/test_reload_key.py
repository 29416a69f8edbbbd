"""The key that has the collector read its watchlist again: on the screen, and in the database."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from bgptui.domain.health import WatchHealth
from bgptui.domain.watch_reload import Reloaded
from bgptui.store import lease, watch_reloads
from bgptui.store.connect import Connection
from bgptui.store.readers import CollectorRow
from bgptui.tui.acts import ActBook, Outcome, ReloadWatchlist, Result
from bgptui.tui.feed import DatabaseFeed
from bgptui.tui.widgets.lines_view import LinesView
from bgptui.tui.widgets.scrolling_lines import ScrollingLines
from support.outlet import Outlet

WITHIN_S = 10.0
DONE = Reloaded(is_done=True, said="1 rule added (192.0.2.0/24)", ended=2)
REFUSED = Reloaded(is_done=False, said="watch.toml:4: rule 1: orgins = [1]: unknown key")


def _message(pilot: Any) -> str:
    view: LinesView = pilot.app.screen.query_one("#message", LinesView)
    return view.text.strip()


async def test_the_key_asks_once_and_shows_the_answer(console: Any, feed: Any) -> None:
    async with console().run_test(size=(80, 24)) as pilot:
        await pilot.press("R", "R")
        assert [type(act) for act in feed.acts] == [ReloadWatchlist]
        assert "already" in _message(pilot)
        feed.answer(Result.DONE, "watchlist reloaded: no rule changed")
        pilot.app.tick()
        await pilot.pause()
        assert _message(pilot) == "watchlist reloaded: no rule changed"
        await pilot.press("enter", "R")
        assert len(feed.acts) == 2


async def test_a_refused_watchlist_stands_on_every_size_of_screen(
    console: Any, feed: Any, samples: Any
) -> None:
    why = "/etc/bgptui/watch.toml:4: rule 1: orgins = [1]: unknown key; did you mean origins?"
    health = replace(samples.health(), watch=WatchHealth("w", samples.now - 9_000, why), dropped={})
    feed.put(collector=CollectorRow("noc1:4711", 0.4, health))
    async with console().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        health_line = pilot.app.screen.query_one("#health", LinesView).text
        assert "old watchlist" in health_line
        await pilot.press("question_mark")
        text = pilot.app.screen.query_one("#text", ScrollingLines).whole_text
        assert "did you mean origins?" in " ".join(text.split())
    async with console().run_test(size=(160, 48)) as pilot:
        await pilot.pause()
        panel = pilot.app.screen.query_one("#panel", LinesView).text
        assert "watchlist of 2026-01-07 11:32:31Z stays in force: /etc" in panel


@pytest.fixture
def attached(outlet: Outlet) -> Iterator[DatabaseFeed]:
    feed = DatabaseFeed(outlet, operator="maria", refresh_s=0.1)
    feed.start()
    yield feed
    assert feed.error is None
    assert feed.stop()


def _outcome(feed: DatabaseFeed) -> Outcome:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        if found := feed.outcomes():
            assert len(found) == 1
            return found[0]
        time.sleep(0.005)
    raise AssertionError("no outcome")


def _request(conn: Connection, holder: str) -> tuple[int, ...]:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        if requests := watch_reloads.unanswered(conn, holder):
            return requests
        time.sleep(0.005)
    raise AssertionError("no request")


def _collecting(conn: Connection, scope: str = lease.COLLECTOR) -> str:
    holder = lease.new_holder()
    assert lease.acquire(conn, scope, holder=holder) is not None
    return holder


@pytest.mark.parametrize(
    ("answer", "result", "said"),
    [
        (DONE, Result.DONE, f"watchlist reloaded: {DONE.said}; 2 routes fire no more"),
        (REFUSED, Result.REFUSED, f"NOT reloaded, the old watchlist stays: {REFUSED.said}"),
    ],
)
def test_a_console_elsewhere_brings_the_collectors_answer(
    attached: DatabaseFeed, conn: Connection, answer: Reloaded, result: Result, said: str
) -> None:
    holder = _collecting(conn)
    attached.submit(ActBook().reload_watchlist())
    watch_reloads.answer(conn, holder, _request(conn, holder), answer)
    outcome = _outcome(attached)
    assert (outcome.result, outcome.message) == (result, said)
    assert watch_reloads.unanswered(conn, holder) == ()


def test_a_console_without_a_collector_says_so(attached: DatabaseFeed) -> None:
    attached.submit(ActBook().reload_watchlist())
    outcome = _outcome(attached)
    assert (outcome.result, outcome.message) == (Result.REFUSED, "NOT DONE: nobody collects")


def test_a_process_that_does_not_answer_is_named(
    attached: DatabaseFeed, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bgptui.tui.reload_runner.WAIT_S", 0.5)
    one, two = _collecting(conn, "rrc00"), _collecting(conn, "rrc01")
    attached.submit(ActBook().reload_watchlist())
    watch_reloads.answer(conn, one, _request(conn, one), DONE)
    outcome = _outcome(attached)
    assert outcome.result is Result.UNSURE
    assert two.rpartition(":")[0] in outcome.message
    assert "no answer" in outcome.message


def test_a_request_from_before_a_restart_is_answered_and_an_old_one_is_not(
    conn: Connection,
) -> None:
    holder = _collecting(conn)
    asked = watch_reloads.ask(conn, "maria")
    assert asked is not None
    assert asked.collectors == (holder,)
    later = "noc9:1:restarted"
    assert watch_reloads.unanswered(conn, later) == (asked.request_id,)
    conn.execute("update bgptui.watch_reloads set requested_at = requested_at - interval '61 s'")
    assert watch_reloads.unanswered(conn, later) == ()


def test_requests_of_days_ago_are_forgotten_with_their_answers(conn: Connection) -> None:
    holder = _collecting(conn)
    watch_reloads.ask(conn, "maria")
    watch_reloads.answer(conn, holder, watch_reloads.unanswered(conn, holder), DONE)
    conn.execute("update bgptui.watch_reloads set requested_at = requested_at - interval '2 days'")
    watch_reloads.ask(conn, "maria")
    count = partial(conn.execute, "select count(*) from bgptui.watch_reload_answers")
    assert count().fetchone() == (0,)


def test_without_a_database_the_key_says_that_nothing_was_done(database: str) -> None:
    outlet = Outlet(database)
    outlet.cut = True
    feed = DatabaseFeed(outlet, operator="maria", refresh_s=0.1)
    feed.start()
    feed.submit(ActBook().reload_watchlist())
    outcome = _outcome(feed)
    assert outcome.result is Result.FAILED
    assert "nothing done" in outcome.message
    assert feed.stop()
