import re
from itertools import count

import pytest
from msgspec.structs import replace

from bgptui.domain.event import RouteEvent
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.domain.rpki import NOT_FOUND
from bgptui.errors import BadInput
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.path_pattern import PathPattern, check_expression
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.runtime.metrics import Metrics


@pytest.mark.parametrize(
    "expression",
    [
        "",
        ".*2194,1234$",
        "(,|^)789$",
        "(,|^)456(,|$)",
        r"\[789,101112\]",
        "(?=.*456)(?=.*789)",
        r"(,|^)(\d+,)*64500$",
        r"^(\d+,){3,}64500$",
        r"(\d+)(,\1)+,",
    ],
)
def test_what_operators_write_is_taken(expression: str) -> None:
    check_expression(expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("(", "it is no regular expression: missing )"),
        (r"(\d|\d\d|,)*[a-z]$", "it takes too long on a long path: do not repeat"),
        ("(" * 400 + ")" * 400, "it is no regular expression: "),
        ("1" * 1_001, "it has more than 1000 characters"),
    ],
)
def test_what_is_wrong_with_an_expression_is_told(expression: str, problem: str) -> None:
    with pytest.raises(BadInput, match=re.escape(problem)):
        check_expression(expression)


def test_an_expression_that_turns_out_slow_is_given_up_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pattern = PathPattern(match=r"^64496,(\d|\d\d|,)*[;]$", description="slow")
    watchlist = Watchlist([Rule(1, "203.0.113.0/24", (64500,), 24, paths=(pattern,))])
    metrics = Metrics()
    monitor = RouteMonitor(
        watchlist,
        lambda _prefix, _origin: NOT_FOUND,
        lambda: 0,
        min_peers=1,
        next_id=count(1).__next__,
        metrics=metrics,
    )
    message = BgpMessage(
        100.0,
        Peer("rrc00", "192.0.2.1", 64496),
        MessageType.UPDATE,
        ("203.0.113.0/24",),
        as_path=(64496, *range(4_200_000_000, 4_200_000_060), 64666),
    )
    for second in range(20):
        changes = monitor.observe(replace(message, timestamp=100.0 + second), 100.0 + second)
        if not second:
            # The rest of the rule is looked at all the same.
            assert [one.hijack_class for one in changes if isinstance(one, RouteEvent)] == ["E|0"]
    (said,) = [record.getMessage() for record in caplog.records]  # it was tried once
    assert said.startswith(f"path pattern {pattern.match} took too long on 64496,4200000000,")
    assert metrics.drops() == {"routemon.slow_pattern": 20}
