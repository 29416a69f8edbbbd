"""Several processes as one: what adds up, what is the worst of all, what is stale."""

from typing import Any

from msgspec.structs import replace

from bgptui.domain.health import FeedHealth, Health, RpkiHealth, StageHealth, StageState
from bgptui.domain.shared_health import ProcessRow, shared_health

HEALTH = Health(
    now=100.0,
    feed=FeedHealth("live", "wss://ris", "live"),
    rpki=RpkiHealth("vrps", "fresh", valid=5),
    stages=(StageHealth("ingest", StageState.OK), StageHealth("write", StageState.OK)),
    peers=3,
    messages=10,
    rate_per_s=2.0,
    learning=1.0,
    dropped={"agg.late": 1},
)


def row(holder: str, age_s: float = 0.5, **changes: Any) -> ProcessRow:
    return ProcessRow(holder, age_s, replace(HEALTH, **changes), hosts=(f"rrc-{holder}",))


def test_counts_add_up_and_the_worst_state_is_shown() -> None:
    slow = (StageHealth("write", StageState.WAIT, detail="database away"),)
    gap = FeedHealth("live", "wss://ris", "gap", gap_since=90.0)
    one = replace(row("a", learning=0.5, open_alerts=4), correlates=True)
    both = shared_health([one, row("b", stages=slow, feed=gap, lag_s=7.0)])
    assert (both.peers, both.messages, both.rate_per_s, both.rpki.valid) == (6, 20, 4.0, 10)
    assert both.dropped == {"agg.late": 2}
    assert both.collectors == ("rrc-a", "rrc-b")
    assert (both.learning, both.open_alerts, both.lag_s) == (0.5, 4, 7.0)
    assert both.feed == gap
    assert [stage.state for stage in both.stages] == [StageState.OK, StageState.WAIT]
    assert [(each.holder, each.correlates) for each in both.processes] == [
        ("a", True),
        ("b", False),
    ]


def test_a_stale_process_adds_nothing_and_is_named() -> None:
    both = shared_health([row("a"), row("b", 12.0, messages=999)])
    assert both.messages == 10
    assert both.collectors == ("rrc-a", "rrc-b")
    assert [each.is_stale for each in both.processes] == [False, True]


def test_where_all_are_stale_the_last_word_of_all_stands() -> None:
    assert shared_health([row("a", 9.0), row("b", 12.0)]).messages == 20


def test_a_process_without_a_host_does_not_hide_that_the_others_are_live() -> None:
    standby = FeedHealth("live", "wss://ris", "standby")
    assert shared_health([row("a", feed=standby), row("b")]).feed.state == "live"
