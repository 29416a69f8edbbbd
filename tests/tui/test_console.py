"""The console under keys: what each does, and what it never does."""

import os
import pty
from typing import Any

import pytest
from msgspec.structs import replace
from textual import events
from textual.pilot import Pilot
from textual.screen import Screen

from bgptui.domain.alert import Severity, Status
from bgptui.errors import UsageError
from bgptui.store.readers import CollectorRow
from bgptui.tui.acts import Result, SetStatus, Undo
from bgptui.tui.app import Pipeline
from bgptui.tui.keymap import COMMANDS
from bgptui.tui.screens.main import MainScreen
from bgptui.tui.screens.reading import DetailScreen, HelpScreen
from bgptui.tui.terminal import require_terminal
from bgptui.tui.widgets.alert_table import AlertTable
from bgptui.tui.widgets.lines_view import LinesView
from bgptui.tui.widgets.scrolling_lines import ScrollingLines

SIZE = (80, 24)


def _text(pilot: Pilot[None], widget_id: str) -> str:
    return pilot.app.screen.query_one(f"#{widget_id}", LinesView).text


def _line_under_cursor(pilot: Pilot[None]) -> str:
    table = pilot.app.screen.query_one("#table", AlertTable)
    return next(row for row in table.text.splitlines() if row.startswith(">")).rstrip()


def _is_on(pilot: Pilot[None], screen: type[Screen[None]]) -> bool:
    return isinstance(pilot.app.screen, screen)


async def _tick(pilot: Pilot[None]) -> None:
    pilot.app.tick()  # type: ignore[attr-defined]
    await pilot.pause()


async def test_eighty_by_twenty_four_shows_sixteen_alerts_and_no_line_is_too_long(
    console: Any,
) -> None:
    async with console().run_test(size=SIZE) as pilot:
        table = pilot.app.screen.query_one("#table", AlertTable)
        assert table.rows_visible == 16
        assert len(table.text.splitlines()) == 17
        for view in pilot.app.screen.query(LinesView):
            assert all(len(row) <= 80 for row in view.text.splitlines())
        assert "203.0.113.128/25" in _line_under_cursor(pilot)
        assert "C!!" in _line_under_cursor(pilot)
        assert "OPEN" in _line_under_cursor(pilot)


@pytest.mark.parametrize(
    ("key", "status"),
    [("a", Status.ACKNOWLEDGED), ("x", Status.FALSE_POSITIVE), ("r", Status.RESOLVED)],
)
async def test_an_act_goes_to_the_alert_under_the_cursor_as_it_was_seen(
    key: str, status: Status, console: Any, feed: Any, samples: Any
) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("j", "j", key)
        act = feed.acts[0]
        assert isinstance(act, SetStatus)
        assert (act.seen.alert_id, act.seen.version, act.status) == (8839, 1, status)
        await _tick(pilot)
        label = {"a": "ACK", "x": "FALSE", "r": "RSLVD"}[key]
        assert _line_under_cursor(pilot).endswith(label)


async def test_u_undoes_several_acts_back_to_the_first(console: Any, feed: Any) -> None:
    async with console().run_test(size=SIZE) as pilot:
        for key in ("a", "j", "r", "u", "u"):
            await pilot.press(key)
            await _tick(pilot)
        first, second, undo_second, undo_first = feed.acts
        assert isinstance(undo_second, Undo)
        assert (undo_second.of, undo_first.of) == (second.number, first.number)
        states = {row.alert_id: row.status for row in feed.latest.alerts}
        assert states[8841] is states[8840] is Status.OPEN
        await pilot.press("u")
        assert "nothing of yours to undo" in _text(pilot, "message")


async def test_a_conflict_is_shown_and_the_alert_stays_as_it_is(console: Any, feed: Any) -> None:
    feed.refuses = Result.CONFLICT
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("a")
        await _tick(pilot)
        assert "NOT DONE" in _text(pilot, "message")
        assert _line_under_cursor(pilot).endswith("OPEN")


async def test_the_cursor_stays_on_its_alert_through_arrivals_a_sort_and_removals(
    console: Any, feed: Any, samples: Any
) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("j", "j", "j")
        assert "8838" in _line_under_cursor(pilot)
        worse = tuple(samples.row(9000 + n, severity=Severity.CRITICAL) for n in range(100))
        feed.put(alerts=(*worse, *feed.latest.alerts))
        await _tick(pilot)
        assert "8838" in _line_under_cursor(pilot)
        assert "new+100" in _text(pilot, "bar")
        await pilot.press("s")
        assert "8838" in _line_under_cursor(pilot)
        kept = tuple(row for row in feed.latest.alerts if row.alert_id in (8838, 8841))
        feed.put(alerts=kept)
        await _tick(pilot)
        assert "8838" in _line_under_cursor(pilot)
        await pilot.press("a")
        await pilot.press("r")
        assert [act.seen.alert_id for act in feed.acts] == [8838]


async def test_resizing_keeps_cursor_and_filter(console: Any) -> None:
    async with console().run_test(size=(160, 48)) as pilot:
        await pilot.press("f", *["backspace"] * 20, *"state:act sev>=medium", "enter", "j", "j")
        assert "8839" in _line_under_cursor(pilot)
        for size in ((80, 24), (40, 10), (70, 15), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            too_small = pilot.app.screen.query_one("#too-small", LinesView)
            assert too_small.display is (size == (40, 10))
        assert "8839" in _line_under_cursor(pilot)
        assert "filter: state:act sev>=medium" in _text(pilot, "filter")


async def test_a_wide_terminal_shows_nine_features_panels_and_the_detail_at_the_cursor(
    console: Any, feed: Any
) -> None:
    async with console().run_test(size=(160, 48)) as pilot:
        await pilot.pause()
        await _tick(pilot)
        pane = pilot.app.screen.query_one("#pane", ScrollingLines)
        assert feed.followed == 8841
        assert "Confidence" in pane.whole_text
        assert len(_text(pilot, "sparks").splitlines()) == 10
        assert "ingest.malformed 1" in _text(pilot, "panel")
        table = pilot.app.screen.query_one("#table", AlertTable)
        assert table.rows_visible >= 30
        await pilot.press("j")
        assert feed.followed == 8840
        await _tick(pilot)
        assert "Visibility lost" in pane.whole_text


async def test_enter_opens_the_detail_which_stays_on_its_alert_and_takes_acts(
    console: Any, feed: Any, samples: Any
) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("enter")
        await _tick(pilot)
        assert _is_on(pilot, DetailScreen)
        text = pilot.app.screen.query_one("#text", ScrollingLines)
        assert "64497 {64501,64502} 64666" in text.whole_text
        feed.put(alerts=(samples.row(9001), *feed.latest.alerts))
        await _tick(pilot)
        await pilot.press("a")
        assert feed.acts[0].seen.alert_id == 8841
        await _tick(pilot)
        assert "ACK" in text.whole_text
        await pilot.press("G", "g", "ctrl+d", "ctrl+u", "j", "k", "escape")
        assert _is_on(pilot, MainScreen)
        await _tick(pilot)
        assert "8841" in _line_under_cursor(pilot)
        assert feed.followed is None


async def test_pause_freezes_the_view_and_says_so(console: Any, feed: Any, samples: Any) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("p")
        before = _text(pilot, "table")
        feed.put(alerts=(samples.row(9001), *feed.latest.alerts))
        await _tick(pilot)
        assert _text(pilot, "table") == before
        assert "PAUSED" in _text(pilot, "bar")
        assert "new+1" in _text(pilot, "bar")
        await pilot.press("p")
        assert "9001" in _text(pilot, "table")
        assert "PAUSED" not in _text(pilot, "bar")


async def test_find_goes_to_the_next_match_and_n_further(console: Any) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("slash", *"new prefix", "enter")
        assert "8600" in _line_under_cursor(pilot)
        assert "new prefix: 1 of 14" in _text(pilot, "message")
        await pilot.press("n", "n", "N")
        assert "8599" in _line_under_cursor(pilot)
        await pilot.press("slash", *"zebra", "enter")
        assert "not in the list" in _text(pilot, "message")


async def test_keys_typed_into_a_prompt_are_no_commands(console: Any, feed: Any) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("slash", *"arxuqp", "escape")
        assert feed.acts == []
        assert pilot.app.is_running
        await pilot.press("j")
        assert "8840" in _line_under_cursor(pilot)


async def test_a_filter_that_cannot_be_read_stays_in_the_prompt_to_be_corrected(
    console: Any,
) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("f", *" sevv:x", "enter")
        assert pilot.app.screen.has_class("-asking")
        assert "no field 'sevv'" in _text(pilot, "keys")
        await pilot.press("escape")
        assert "filter: state:active" in _text(pilot, "filter")


async def test_help_comes_from_the_keymap_and_goes_with_escape(console: Any) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await pilot.press("question_mark")
        assert _is_on(pilot, HelpScreen)
        text = pilot.app.screen.query_one("#text", ScrollingLines).whole_text
        assert all(command.help in text for command in COMMANDS)
        await pilot.press("escape")
        assert _is_on(pilot, MainScreen)


async def test_hostile_strings_are_shown_as_text_and_nothing_more(
    console: Any, feed: Any, samples: Any
) -> None:
    evil = "[/b][bold red]x[/] \x1b]0;pwned\x07 \x1b[2J [@click=app.quit]go[/]"
    row = samples.row(8841, title=evil, prefix=None, peer_addr=evil, acknowledged_by=evil)
    health = samples.health(
        feed=samples.health().feed.__class__("live", evil, "gap", error=evil, hint=evil),
        collectors=(evil,),
        dropped={evil: 3},
    )
    detail = samples.detail(row)
    feed.put(alerts=(row,), collector=CollectorRow(evil, 0.1, health), detail=detail)
    async with console(operator=evil).run_test(size=(160, 48)) as pilot:
        await _tick(pilot)
        await pilot.press("y", "enter")
        await _tick(pilot)
        await pilot.press("escape", "question_mark", "escape", "a")
        await _tick(pilot)
        painted = "".join(
            pilot.app.screen.query_one("#table", AlertTable).render_line(y).text for y in range(4)
        )
        assert "\x1b" not in painted
        assert "[/b][bold red]x[/]" in painted


async def _burst(pilot: Pilot[None], *keys: str) -> None:
    """Keys that all come before the first has been looked at."""
    for key in keys:
        event = events.Key(key, key if len(key) == 1 else None)
        event.set_sender(pilot.app)
        pilot.app.post_message(event)
    await pilot.pause()
    await pilot.pause()


async def test_keys_typed_at_once_are_taken_in_their_order(console: Any, feed: Any) -> None:
    app = console(hosts_pipeline=Pipeline.HOSTED)
    async with app.run_test(size=SIZE) as pilot:
        await _burst(pilot, "j", "a", "slash", "a", "r", "x", "escape")
        assert [act.seen.alert_id for act in feed.acts] == [8840]
        await _burst(pilot, "q", "x", "enter", "j", "escape")
        assert len(feed.acts) == 1
        assert app.is_running
        assert _is_on(pilot, MainScreen)
        await _burst(pilot, "q", "y")
        assert not app.is_running


async def test_a_prompt_asks_for_what_its_key_was_for(console: Any) -> None:
    async with console().run_test(size=SIZE) as pilot:
        for key, label in (("f", "filter: "), ("slash", "find: "), ("f", "filter: ")):
            await pilot.press(key)
            await pilot.pause()
            asking = pilot.app.screen.query_one("#asking", LinesView)
            assert asking.render_lines(asking.size.region)[0].text == label.ljust(8)
            await pilot.press("escape")
            await pilot.pause()


async def test_q_quits_at_once_where_the_collector_runs_elsewhere(console: Any) -> None:
    app = console()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_q_asks_first_where_it_would_stop_the_collector(key: str, console: Any) -> None:
    app = console(hosts_pipeline=Pipeline.HOSTED)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(key)
        assert "stops the collector" in _text(pilot, "message")
        await pilot.press("a", "q", "q")
        assert app.is_running
        await pilot.press("q", "y")
        await pilot.pause()
        assert not app.is_running


async def test_an_answer_to_the_question_is_no_command(console: Any, feed: Any) -> None:
    async with console(hosts_pipeline=Pipeline.HOSTED).run_test(size=SIZE) as pilot:
        await pilot.press("q", "x")
        assert feed.acts == []
        assert "stops the collector" not in _text(pilot, "message")


async def test_the_console_ends_when_its_feed_or_the_pipeline_does(console: Any, feed: Any) -> None:
    app = console()
    async with app.run_test(size=SIZE):
        feed.error = RuntimeError("broken")
        app.tick()
        assert app._exit
    stopped = console(stopping=lambda: True)
    async with stopped.run_test(size=SIZE):
        stopped.tick()
        assert stopped._exit


async def test_a_snapshot_without_news_repaints_nothing(
    console: Any, feed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console().run_test(size=SIZE) as pilot:
        await _tick(pilot)
        painted: list[str] = []
        for view in pilot.app.screen.query(LinesView):
            monkeypatch.setattr(
                view, "refresh", lambda *_regions, name=view.id, **_: painted.append(name)
            )
        feed.put()
        await _tick(pilot)
        assert painted == []
        feed.put(
            alerts=tuple(
                replace(row, peers_seen=9) if row.alert_id == 8838 else row
                for row in feed.latest.alerts
            )
        )
        await _tick(pilot)
        assert painted == ["table"]


async def test_a_new_critical_alert_rings_unless_the_bell_is_off(
    console: Any, feed: Any, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = console()
    rung: list[int] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append(1))
    async with app.run_test(size=SIZE) as pilot:
        feed.put(alerts=(samples.row(9001), *feed.latest.alerts))
        await _tick(pilot)
        assert len(rung) == 1
        await pilot.press("b")
        assert "[mute]" in _text(pilot, "bar")
        feed.put(alerts=(samples.row(9002), *feed.latest.alerts))
        await _tick(pilot)
        assert len(rung) == 1


async def test_silence_turns_into_blind_as_time_passes(console: Any, feed: Any, clock: Any) -> None:
    async with console(refresh_s=1.0).run_test(size=SIZE) as pilot:
        await _tick(pilot)
        assert "LIVE" in _text(pilot, "bar")
        clock.now = 9.0
        await _tick(pilot)
        assert "BLIND no answer for 9s, last 14:02:31Z" in _text(pilot, "bar")


# The terminal


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_a_terminal_that_can_show_nothing_is_refused_with_the_way_out(term: str | None) -> None:
    environ = {} if term is None else {"TERM": term}
    main, side = pty.openpty()
    with (
        os.fdopen(side, "r") as stream,
        os.fdopen(main, "w"),
        pytest.raises(UsageError, match="--no-ui"),
    ):
        require_terminal(environ, stream, stream)


def test_without_a_terminal_the_console_is_refused(tmp_path: Any) -> None:
    with (tmp_path / "out").open("w+") as stream, pytest.raises(UsageError, match="--no-ui"):
        require_terminal({"TERM": "xterm"}, stream, stream)
