"""Files that are read again, and the ingest thread that puts them in force."""

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from bgptui.config.schema import Watch
from bgptui.domain.event import RouteCleared
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.domain.rpki import UNAVAILABLE
from bgptui.domain.watch_reload import Outcome, Reloaded, outcome
from bgptui.pipeline.watch_reload import WatchReload
from bgptui.pipeline.watch_rules import read_watch_rules
from bgptui.routemon.monitor import RouteMonitor
from bgptui.runtime.worker import Failure

T = 1_767_787_200.0
WITHIN_S = 10.0
PREFIX = "203.0.113.0/24"
GOOD = f'[[prefix]]\nprefix = "{PREFIX}"\norigins = [64500]\n'
PEER = Peer("rrc00", "192.0.2.1", 64496)


class Reloading:
    """A watchlist in a file, in force in a monitor."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "watch.toml"
        self.path.write_text(GOOD)
        self.relationships = folder / "relationships.txt"
        self.relationships.write_text("1|2|-1\n")
        settings = Watch(file=str(self.path), relationships=str(self.relationships))
        self.monitor = RouteMonitor(
            read_watch_rules(settings).watchlist,
            lambda _prefix, _origin: UNAVAILABLE,
            lambda: 0,
            min_peers=3,
            next_id=count(1).__next__,
        )
        self.failure = Failure()
        self.reload = WatchReload(
            partial(read_watch_rules, settings),
            file=str(self.path),
            monitor=self.monitor,
            failure=self.failure,
            wall=count(T).__next__,
        )

    def answer(self, number: int) -> Reloaded:
        answer = self.reload.answer(number, within_s=WITHIN_S)
        assert answer is not None
        return answer

    def until_ready(self) -> None:
        while not self.reload.is_ready:
            assert self.failure.error is None


@pytest.fixture
def tested(tmp_path: Path) -> Iterator[Reloading]:
    tested = Reloading(tmp_path)
    yield tested
    assert tested.failure.error is None


def test_a_good_file_is_in_force_once_the_ingest_thread_has_taken_it(tested: Reloading) -> None:
    hijack = BgpMessage(T, PEER, MessageType.UPDATE, (PREFIX,), as_path=(1, 64666))
    assert len(tested.monitor.observe(hijack, T)) == 1
    tested.path.write_text("[[asn]]\nasn = 64500\n")
    number = tested.reload.ask()
    tested.until_ready()
    assert tested.reload.answer(number) is None
    assert [rule.prefix for rule in tested.monitor.watchlist.rules] == [PREFIX]
    changes = tested.reload.exchange(T + 5)
    assert [type(change) for change in changes] == [RouteCleared]
    assert list(tested.monitor.watchlist.rules) == []
    answer = tested.answer(number)
    assert answer.is_done
    assert answer.text == (f"1 rule added (AS64500), 1 removed ({PREFIX}); 1 route fires no more")
    assert tested.reload.health.since == T + 1
    assert not tested.reload.is_ready
    assert tested.reload.exchange(T + 6) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "orgins = [1]\n", "watch.toml:4: rule 1: orgins = [1]: unknown key; did you mean"),
        ("[[prefix]\n", "watch.toml:1: no valid TOML"),
        ("[[prefix]]\n" * 6, "(and 9 more)"),
    ],
)
def test_a_bad_file_leaves_the_old_list_in_force_and_says_where_and_why(
    tested: Reloading, caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    before = tested.monitor.watchlist
    tested.path.write_text(text)
    answer = tested.answer(tested.reload.ask())
    assert not answer.is_done
    assert said in answer.said
    assert tested.monitor.watchlist is before
    assert not tested.reload.is_ready
    assert tested.reload.health.error == answer.said
    assert tested.reload.health.since == T
    [logged] = caplog.messages
    assert answer.said in logged
    assert "\n" not in logged


def test_a_bad_file_of_relationships_keeps_the_watchlist_back_too(tested: Reloading) -> None:
    tested.path.write_text("")
    tested.relationships.write_text("1|2|x\n")
    answer = tested.answer(tested.reload.ask())
    assert "relationships.txt" in answer.said
    assert [rule.prefix for rule in tested.monitor.watchlist.rules] == [PREFIX]


def test_a_file_that_is_gone_is_no_empty_watchlist(tested: Reloading) -> None:
    tested.path.unlink()
    answer = tested.answer(tested.reload.ask())
    assert "there is no such watchlist" in answer.said
    assert [rule.prefix for rule in tested.monitor.watchlist.rules] == [PREFIX]


def test_a_good_file_clears_the_error_of_a_bad_one(tested: Reloading) -> None:
    tested.path.write_text("[[prefix]\n")
    tested.answer(tested.reload.ask())
    tested.path.write_text(GOOD)
    number = tested.reload.ask()
    tested.until_ready()
    tested.reload.exchange(T)
    assert tested.answer(number).text == "no rule changed"
    assert tested.reload.health.error == ""


def test_a_refusal_stands_though_an_older_list_is_put_in_force_after_it(tested: Reloading) -> None:
    tested.path.write_text("")
    first = tested.reload.ask()
    tested.until_ready()
    tested.path.write_text("[[prefix]\n")
    second = tested.reload.ask()
    assert not tested.answer(second).is_done
    tested.reload.exchange(T)
    assert list(tested.monitor.watchlist.rules) == []
    assert not tested.answer(first).is_done
    assert tested.reload.health.error


def test_without_a_file_there_is_nothing_to_read_again(tested: Reloading) -> None:
    reload = WatchReload(
        partial(read_watch_rules, Watch()), file="", monitor=tested.monitor, failure=Failure()
    )
    answer = reload.answer(reload.ask(), within_s=WITHIN_S)
    assert answer is not None
    assert "watch.file names none" in answer.said


ONE, TWO, THREE = "noc1:17:a", "noc2:17:b", "noc3:17:c"
DONE = Reloaded(is_done=True, said="no rule changed")
REFUSED = Reloaded(is_done=False, said="w.toml:1: no valid TOML")


@pytest.mark.parametrize(
    ("asked", "answers", "expected"),
    [
        ([ONE], {ONE: DONE}, Outcome(True, False, ("watchlist reloaded: no rule changed",))),
        (
            [ONE],
            {ONE: REFUSED},
            Outcome(False, True, (f"NOT reloaded, the old watchlist stays: {REFUSED.said}",)),
        ),
        (
            [ONE, TWO, THREE],
            {ONE: DONE, TWO: REFUSED, THREE: DONE},
            Outcome(
                False,
                True,
                (
                    "noc1:17, noc3:17: watchlist reloaded: no rule changed",
                    f"noc2:17: NOT reloaded, the old watchlist stays: {REFUSED.said}",
                ),
            ),
        ),
        (
            [ONE, TWO],
            {TWO: DONE},
            Outcome(
                False,
                False,
                (
                    "noc1:17: no answer; it is not known which watchlist is in force",
                    "noc2:17: watchlist reloaded: no rule changed",
                ),
            ),
        ),
    ],
)
def test_the_answers_of_several_processes_name_those_that_failed(
    asked: list[str], answers: dict[str, Reloaded], expected: Outcome
) -> None:
    assert outcome(asked, answers) == expected
