import pytest

from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType
from bgptui.domain.routing import AsPath
from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.path_rules import decide_neighbours, decide_path, distinct_hops
from bgptui.routemon.watchlist import AsRule, Check, Rule

PREFIX = "203.0.113.0/24"
SUB = "203.0.113.128/25"
RULE = Rule(1, PREFIX, (64500, 64510), 25, upstreams=(64501, 64502))


def told(prefix: str, path: AsPath, *rules: Rule) -> list[tuple[str, str, Severity, str]]:
    return [
        (finding.event_type.value, finding.reason, finding.severity, finding.hijack_class)
        for finding in decide_path(prefix, path, rules)
    ]


@pytest.mark.parametrize(
    "path",
    [
        (1, 64501, 64500),
        (1, 64502, 64502, 64500, 64500, 64500),
        (64500,),
        (64500, 64500),
        (),
        (1, 64501, (64500, 64510)),
    ],
)
def test_an_expected_neighbour_is_quiet(path: AsPath) -> None:
    assert told(PREFIX, path, RULE) == []


@pytest.mark.parametrize(
    ("prefix", "path", "hijack_class"),
    [
        (PREFIX, (1, 64666, 64500), "E|1"),
        (PREFIX, (64501, 64666, 64500, 64500), "E|1"),
        (SUB, (1, 64666, 64500), "S|1"),
        (PREFIX, (1, (64501, 64666), 64500), "E|1"),
    ],
)
def test_an_unexpected_neighbour_may_be_a_forged_origin(
    prefix: str, path: AsPath, hijack_class: str
) -> None:
    assert told(prefix, path, RULE) == [
        ("hijack_suspected", "upstream", Severity.HIGH, hijack_class)
    ]


def test_an_empty_list_expects_no_neighbour_at_all() -> None:
    rule = Rule(1, PREFIX, (64500,), 24, upstreams=())
    assert len(told(PREFIX, (1, 64500), rule)) == 1
    assert told(PREFIX, (64500,), rule) == []


def test_a_neighbour_that_another_rule_of_the_prefix_expects_is_expected() -> None:
    other = Rule(2, PREFIX, (64500,), 24, upstreams=(64666,))
    elsewhere = Rule(3, PREFIX, (64777,), 24, upstreams=(64888,))
    assert told(PREFIX, (1, 64666, 64500), RULE, other) == []
    assert len(told(PREFIX, (1, 64888, 64500), RULE, other, elsewhere)) == 1


@pytest.mark.parametrize(
    "rule",
    [
        Rule(1, PREFIX, (64500,), 24, upstreams=(64501,), ignore=True),
        Rule(1, PREFIX, (64500,), 24, upstreams=(64501,), checks=frozenset({Check.ORIGIN})),
        Rule(1, PREFIX, (64500,), 24),
    ],
)
def test_neighbours_that_nobody_asked_for_are_not_looked_at(rule: Rule) -> None:
    assert told(PREFIX, (1, 64666, 64500), rule) == []


def test_more_specifics_that_are_ignored_may_have_any_path() -> None:
    rule = Rule(
        1,
        PREFIX,
        (64500,),
        24,
        upstreams=(64501,),
        paths=(PathPattern("64666"),),
        ignore_more_specifics=True,
    )
    assert told(SUB, (1, 64666, 64500), rule) == []
    assert len(told(PREFIX, (1, 64666, 64500), rule)) == 2


@pytest.mark.parametrize(
    ("pattern", "path", "fires"),
    [
        (PathPattern(match=r".*2194,1234$", not_match=r".*5054.*"), (1, 2194, 1234), True),
        (PathPattern(match=r".*2194,1234$", not_match=r".*5054.*"), (5054, 2194, 1234), False),
        (PathPattern(match=r"(,|^)789$"), (789,), True),
        (PathPattern(match=r"(,|^)456,"), (1, 456), False),
        (PathPattern(match=r"^123,456,"), (123, 456, 1), True),
        (PathPattern(match=r"\[789,101112\]"), (1, (789, 101112)), True),
        (PathPattern(match=r"(?=.*,1,)(?=.*,2,)"), (9, 2, 1, 3), True),
        (PathPattern(longer_than=2), (1, 1, 1), True),
        (PathPattern(longer_than=3), (1, 1, 1), False),
        (PathPattern(shorter_than=2), (1,), True),
        (PathPattern(longer_than=3, shorter_than=2), (1, 2), False),
        (PathPattern(longer_than=3, shorter_than=2), (1, 2, 3, 4), True),
        (PathPattern(match="^1,", longer_than=2), (2, 3, 4), False),
        (PathPattern(not_match="64501,"), (1, 64500), True),
    ],
)
def test_the_conditions_of_a_pattern_must_all_hold(
    pattern: PathPattern, path: AsPath, fires: bool
) -> None:
    assert pattern.fires(path) is fires


def test_every_pattern_that_fires_is_told_with_its_description() -> None:
    patterns = (PathPattern("64666", description="through AS64666"), PathPattern(longer_than=2))
    rule = Rule(7, PREFIX, (64500,), 24, paths=patterns)
    found = decide_path(PREFIX, (1, 64666, 64500), (rule,))
    assert [finding.reason for finding in found] == ["pattern:1", "pattern:2"]
    assert {finding.event_type for finding in found} == {EventType.PATH_ANOMALY}
    assert {finding.hijack_class for finding in found} == {"E|P"}
    assert found[0].why == "through AS64666: 203.0.113.0/24 has the path 1,64666,64500"


AS_RULES = {100: AsRule(1, 100, upstreams=(99, 98), downstreams=(101,))}


# The examples of BGPalerter's documentation of path neighbours.
@pytest.mark.parametrize(
    ("path", "reasons"),
    [
        ((10, 20, 30, 100, 101), ["upstream:30>100"]),
        ((10, 20, 30, 100), ["upstream:30>100"]),
        ((10, 20, 99, 100, 101), []),
        ((10, 20, 99, 100, 104), ["downstream:100>104"]),
        ((100, 104), ["downstream:100>104"]),
        ((99, 100, 100, 100, 101), []),
        ((30, 100, 104), ["upstream:30>100", "downstream:100>104"]),
        ((99, 100, (104, 105)), []),
        ((1, 2, 3), []),
    ],
)
def test_new_neighbours_of_a_watched_as_are_told(path: AsPath, reasons: list[str]) -> None:
    assert [finding.reason for finding in decide_neighbours(path, AS_RULES)] == reasons


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        (AsRule(1, 100), 0),
        (AsRule(1, 100, upstreams=()), 1),
        (AsRule(1, 100, downstreams=()), 1),
        (AsRule(1, 100, upstreams=(), downstreams=()), 2),
    ],
)
def test_no_list_means_any_neighbour_and_an_empty_one_none(rule: AsRule, count: int) -> None:
    assert len(list(decide_neighbours((1, 100, 2), {100: rule}))) == count


def test_prepends_are_one_hop() -> None:
    assert distinct_hops((1, 1, 2, (3, 4), (3, 4), 1)) == [1, 2, (3, 4), 1]
