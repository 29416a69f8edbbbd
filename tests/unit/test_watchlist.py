from pathlib import Path

import pytest

from bgptui.domain.aspa import Role
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.errors import UsageError
from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.watchlist import AsRule, Check, Rule, Watchlist
from bgptui.routemon.watchlist_file import load_watchlist

GOOD = """
[[prefix]]
prefix = "203.0.113.0/24"
origins = [64501, 64500, 64500]
max_length = 25
description = "web"
group = "noc"
min_peers = 2

[[prefix]]
prefix = "2001:DB8::/32"
origins = [64500]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "watch.toml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    path = write(folder, text)
    with pytest.raises(UsageError) as caught:
        load_watchlist(path)
    assert caught.value.exit_code == 2
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


def test_a_watchlist_is_read_with_its_defaults(tmp_path: Path) -> None:
    assert load_watchlist(write(tmp_path, GOOD)).rules == (
        Rule(1, "203.0.113.0/24", (64500, 64501), 25, "web", "noc", 2),
        Rule(2, "2001:db8::/32", (64500,), 32),
    )


EVERY_KEY = """
[[group]]
name = "noc"
min_peers = 4
mute_until = 2026-12-01T06:00:00Z

[[prefix]]
prefix = "203.0.113.0/24"
origins = [64500]
max_length = 25
upstreams = [64502, 64501]
checks_except = ["visibility"]
visibility_loss = 0.3
group = "noc"
min_peers = 2

[[prefix.path]]
match = ',64666,'
not_match = '64501,64500$'
description = "through the scrubbing centre"

[[prefix.path]]
longer_than = 12
shorter_than = 2

[[prefix]]
prefix = "203.0.113.0/25"
ignore = true

[[prefix]]
prefix = "198.51.100.0/24"
origins = []
checks = ["origin"]
ignore_more_specifics = true

[[asn]]
asn = 64500
upstreams = []
downstreams = [64510]
new_prefixes = false
group = "noc"

[[peer]]
asn = 3333
role = "customer"

[[siblings]]
asns = [64500, 64520]
"""


def test_a_watchlist_with_every_key_is_read(tmp_path: Path) -> None:
    muted = 1_796_104_800.0
    found = load_watchlist(write(tmp_path, EVERY_KEY))
    assert found.rules == (
        Rule(
            1,
            "203.0.113.0/24",
            (64500,),
            25,
            group="noc",
            min_peers=2,
            upstreams=(64501, 64502),
            paths=(
                PathPattern(
                    match=",64666,",
                    not_match="64501,64500$",
                    description="through the scrubbing centre",
                ),
                PathPattern(longer_than=12, shorter_than=2),
            ),
            checks=frozenset(Check) - {Check.VISIBILITY},
            visibility_loss=0.3,
            mute_until=muted,
        ),
        Rule(2, "203.0.113.0/25", (), 25, ignore=True),
        Rule(
            3,
            "198.51.100.0/24",
            (),
            24,
            checks=frozenset({Check.ORIGIN}),
            ignore_more_specifics=True,
        ),
    )
    assert found.as_rules == {
        64500: AsRule(
            1,
            64500,
            upstreams=(),
            downstreams=(64510,),
            new_prefixes=False,
            group="noc",
            min_peers=4,
            mute_until=muted,
        )
    }
    assert found.roles == {3333: Role.CUSTOMER}
    assert found.are_siblings(64520, (64500, 1))
    assert not found.are_siblings(64521, (64500, 1))


def test_rules_for_one_prefix_that_expect_different_things_stand_together(
    tmp_path: Path,
) -> None:
    text = RULE + "upstreams = [64501]\n" + RULE.replace("64500", "64502")
    found = load_watchlist(write(tmp_path, text))
    assert [rule.number for rule in found.covering("192.0.2.128/25")] == [1, 2]


def test_an_empty_file_watches_nothing(tmp_path: Path) -> None:
    assert len(load_watchlist(write(tmp_path, ""))) == 0


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.toml: there is no such watchlist"):
        load_watchlist(tmp_path / "no.toml")


RULE = '[[prefix]]\nprefix = "192.0.2.0/24"\norigins = [64500]\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[prefix]", "1: no valid TOML"),
        ("[prefix]\na = 1", "1: write [[prefix]], in two brackets, for each rule"),
        (RULE + "orgins = 1", "4: rule 1: orgins = 1: unknown key; did you mean origins?"),
        (
            RULE + "zzz = 1",
            "4: rule 1: zzz = 1: unknown key; there are prefix, origins, max_length, upstreams,"
            " path, checks,",
        ),
        (
            "[[prefixes]]\n",
            "1: unknown key 'prefixes'; a rule begins with [[prefix]] or [[asn]]; did you mean"
            " prefix?",
        ),
        (
            "[[prefix]]\norigins = [1]",
            '1: rule 1: prefix: it takes a prefix, e.g. "192.0.2.0/24"',
        ),
        (
            RULE.replace("2.0/24", "2.1/24"),
            "2: rule 1: prefix = '192.0.2.1/24': prefix '192.0.2.1/24' has bits set beyond its"
            " length; did you mean 192.0.2.0/24?",
        ),
        (
            RULE.replace("[64500]", "64500"),
            "3: rule 1: origins = 64500: it takes a list of AS numbers, e.g. [64496]",
        ),
        (
            RULE + "upstreams = [-1]",
            "4: rule 1: upstreams = [-1]: -1 is not an AS number (1 to 4294967295)",
        ),
        (RULE + "ignore = 1", "4: rule 1: ignore = 1: it takes true or false"),
        (
            RULE + "visibility_loss = 40",
            "4: rule 1: visibility_loss = 40: it takes a number above 0, at most 1",
        ),
        (
            RULE + 'mute_until = "tomorrow"',
            "4: rule 1: mute_until = 'tomorrow': it takes a date and time without quotes",
        ),
        (
            RULE + 'checks = ["origins"]',
            "4: rule 1: checks = ['origins']: 'origins' is none of them; did you mean origin?",
        ),
        (
            RULE + 'checks = ["origin"]\nchecks_except = ["roa"]',
            "5: rule 1: checks_except = ['roa']: give checks or checks_except, not both",
        ),
        (
            RULE + "[[prefix.path]]\nmatch = '('",
            "5: rule 1: match = '(': it is no regular expression: missing )",
        ),
        (
            RULE + RULE.replace("2.0", "3.0") + "[[prefix.path]]\ndescription = 'x'",
            "7: rule 2: path: it takes one or more of match, not_match, longer_than,",
        ),
        (
            RULE + "[[prefix.path]]\nlonger = 3",
            "5: rule 1: longer = 3: unknown key; did you mean longer_than?",
        ),
        ("[[asn]]\nupstreams = [1]", "1: rule 1: asn: it takes a whole number from 1 to 42949672"),
        (
            "[[asn]]\nasn = 64500\n[[asn]]\nasn = 64500",
            "4: rule 2: asn = 64500: the same AS as rule 1",
        ),
        ("[[group]]\nmin_peers = 1", "1: group 1: name: it takes the name that rules give"),
        (
            "[[peer]]\nasn = 64500\nrole = 'friend'",
            "3: peer 1: role = 'friend': it takes one of provider, customer, peer, rs, rs-client",
        ),
        ("[[siblings]]\nasns = [1]", "2: siblings 1: asns = [1]: it takes two or more AS numbers"),
        (
            RULE.replace("192.0.2.0/24", "192.0.2.0"),
            "2: rule 1: prefix = '192.0.2.0': '192.0.2.0' is not an IP prefix; did you mean"
            " 192.0.2.0/32?",
        ),
        (
            RULE.replace("192.0.2.0/24", "web"),
            "2: rule 1: prefix = 'web': 'web' is not an IP prefix, write it like",
        ),
        (
            RULE.replace("192.0.2.0/24", "::ffff:c000:200/120"),
            "2: rule 1: prefix = '::ffff:c000:200/120': IPv4 inside IPv6 is never announced;"
            " write 192.0.2.0/24",
        ),
        (
            RULE.replace("192.0.2.0/24", "::ffff:192.0.2.0/120"),
            "2: rule 1: prefix = '::ffff:192.0.2.0/120': '::ffff:192.0.2.0/120' is not an IP"
            " prefix; did you mean 192.0.2.0/24?",
        ),
        (
            RULE.replace("[64500]", "[1.10]"),
            "3: rule 1: origins = [1.1]: 1.1 is not an AS number (1 to 4294967295); of asdot"
            " notation write the plain number: 65546 for 1.10",
        ),
        (
            RULE + r"[[prefix.path]]" + "\n" + r"match = '(\d|\d\d|,)*[a-z]$'",
            r"5: rule 1: match = '(\\d|\\d\\d|,)*[a-z]$': it takes too long on a long path",
        ),
        (
            RULE.replace("[64500]", '["AS64500"]'),
            "3: rule 1: origins = ['AS64500']: 'AS64500' is not an AS number (1 to 4294967295);"
            " write 64500, without quotes",
        ),
        (
            RULE.replace("[64500]", "[0]"),
            "3: rule 1: origins = [0]: 0 is not an AS number (1 to 4294967295)",
        ),
        (
            RULE.replace("[64500]", "[true]"),
            "3: rule 1: origins = [True]: True is not an AS number (1 to 4294967295)",
        ),
        (
            RULE + "max_length = 23",
            "4: rule 1: max_length = 23: it takes a whole number from 24 to 32",
        ),
        (
            RULE + "max_length = 33",
            "4: rule 1: max_length = 33: it takes a whole number from 24 to 32",
        ),
        (
            RULE + "min_peers = 0",
            "4: rule 1: min_peers = 0: it takes a whole number from 1 to 10000",
        ),
        (RULE + "group = 1", "4: rule 1: group = 1: it takes a text in quotes"),
        (
            RULE + RULE,
            "5: rule 2: prefix = '192.0.2.0/24': the same prefix, origins and upstreams as rule 1",
        ),
    ],
)
def test_a_mistake_is_told_with_line_rule_key_value_and_remedy(
    tmp_path: Path, text: str, problem: str
) -> None:
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_a_file_that_nobody_could_have_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "watch.toml"
    with path.open("wb") as file:
        file.truncate(2**24 + 1)
    with pytest.raises(UsageError, match="is larger than 16 MiB"):
        load_watchlist(path)
    path.write_text("a = " + "[" * 10_000)
    with pytest.raises(UsageError, match="nested too deeply"):
        load_watchlist(path)
    with pytest.raises(UsageError, match="Is a directory"):
        load_watchlist(tmp_path)


def test_two_spellings_of_one_prefix_are_the_same_prefix(tmp_path: Path) -> None:
    text = GOOD + '[[prefix]]\nprefix = "2001:db8:0::/32"\norigins = [64500]\n'
    assert "the same prefix, origins and upstreams as rule 2" in problems(tmp_path, text)[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = RULE.replace("[64500]", "[0]") + "max_length = 1\n" + RULE.replace("origins", "x")
    assert len(problems(tmp_path, text)) == 4


LIST = Watchlist(
    [
        Rule(1, "203.0.113.0/24", (64500,), 24),
        Rule(2, "203.0.0.0/16", (64501,), 16),
        Rule(3, "8.0.0.0/6", (64502,), 6),
        Rule(4, "2001:db8::/32", (64500,), 48),
        Rule(5, "::/15", (64503,), 15),
    ]
)


@pytest.mark.parametrize(
    ("prefix", "number"),
    [
        ("203.0.113.0/24", 1),
        ("203.0.113.128/25", 1),
        ("203.0.112.0/23", 2),
        ("203.0.0.0/16", 2),
        ("203.0.0.0/15", None),
        ("203.1.0.0/16", None),
        ("11.255.0.0/16", 3),
        ("8.0.0.0/5", None),
        ("12.0.0.0/8", None),
        ("2001:db8::/32", 4),
        ("2001:db8:ffff::/48", 4),
        ("2001:db9::/32", None),
        ("::1/128", 5),
        ("0:1::/32", 5),
        ("1:ffff::/32", 5),
        ("2::/16", None),
        ("::/0", None),
        ("0.0.0.0/0", None),
    ],
)
def test_the_most_specific_rule_that_covers_a_prefix_answers(
    prefix: str, number: int | None
) -> None:
    assert [rule.number for rule in LIST.covering(prefix)] == ([] if number is None else [number])


@pytest.mark.parametrize(
    ("announced", "withdrawn", "as_path", "concerned"),
    [
        (("203.0.113.0/25",), (), (1, 2), True),
        ((), ("203.0.113.0/25",), (), True),
        (("192.0.2.0/24",), (), (1, 64500), True),
        (("192.0.2.0/24",), (), (1, (3, 64503)), True),
        (("192.0.2.0/24",), ("198.51.100.0/24",), (64500, 1), False),
        ((), (), (), False),
    ],
)
def test_a_message_concerns_the_watchlist_by_prefix_or_origin(
    announced: tuple[str, ...],
    withdrawn: tuple[str, ...],
    as_path: tuple[int | tuple[int, ...], ...],
    concerned: bool,
) -> None:
    peer = Peer("rrc00", "192.0.2.9", 1)
    message = BgpMessage(1.0, peer, MessageType.UPDATE, announced, withdrawn, as_path)
    assert LIST.concerns(message) is concerned
    assert not Watchlist().concerns(message)
