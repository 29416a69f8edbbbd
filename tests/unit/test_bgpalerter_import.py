from itertools import pairwise
from pathlib import Path

import pytest

from bgptui.errors import UsageError
from bgptui.routemon.bgpalerter_import import import_prefixes
from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.watchlist import AsRule, Check, Rule
from bgptui.routemon.watchlist_file import load_watchlist
from bgptui.routemon.watchlist_text import watchlist_text

EVERY_KEY = r"""
165.254.255.0/24:
  description: Rome peering
  asn: 2914
  ignoreMorespecifics: false
  ignore: false
  group: noc
  excludeMonitors:
    - withdrawal-detection
  path:
    match: ".*2194,1234$"
    notMatch: ".*5054.*"
    matchDescription: detected scrubbing center
    maxLength: 128
    minLength: 2

2001:DB8::1/32:
  description: 6
  asn: ["2914", AS3333]
  ignoreMorespecifics: true
  ignore: true
  group: [a, b]
  includeMonitors: [basic-hijack-detection, asn-monitor]
  path:
    - match: '\[789,101112\]'
      matchDescription: an AS_SET
    - notMatch: "(,|^)456,"
      matchDescription: not through AS456

options:
  monitorASns:
    2914:
      group: noc
      upstreams: [99, 98]
      downstreams:
    AS58302:
      group: default
  generate:
    asnList: ["2914"]
"""


def test_every_key_of_a_prefixes_yml_becomes_a_rule() -> None:
    imported = import_prefixes(EVERY_KEY)
    assert imported.rules == (
        Rule(
            1,
            "165.254.255.0/24",
            (2914,),
            24,
            "Rome peering",
            "noc",
            paths=(
                PathPattern(
                    ".*2194,1234$", ".*5054.*", 128, 2, description="detected scrubbing center"
                ),
            ),
            checks=frozenset(Check) - {Check.VISIBILITY},
        ),
        Rule(
            2,
            "2001:db8::/32",
            (2914, 3333),
            32,
            "6",
            "a",
            paths=(
                PathPattern(r"\[789,101112\]", description="an AS_SET"),
                PathPattern(not_match="(,|^)456,", description="not through AS456"),
            ),
            checks=frozenset({Check.ORIGIN, Check.LEAK}),
            ignore=True,
            ignore_more_specifics=True,
        ),
    )
    assert imported.as_rules == (
        AsRule(1, 2914, upstreams=(98, 99), downstreams=(), group="noc"),
        AsRule(2, 58302, group="default"),
    )
    assert imported.notes == (
        "2001:DB8::1/32 was read as 2001:db8::/32",
        "2001:DB8::1/32: of its groups only the first, a, was taken",
        "options.generate was left out: bgptui has no such thing",
    )


def test_what_was_imported_is_read_back_the_same(tmp_path: Path) -> None:
    imported = import_prefixes(EVERY_KEY)
    path = tmp_path / "watch.toml"
    text = watchlist_text(imported.rules, imported.as_rules, heading=imported.notes)
    path.write_text(text, encoding="utf-8")
    watchlist = load_watchlist(path)
    assert watchlist.rules == imported.rules
    assert tuple(watchlist.as_rules.values()) == imported.as_rules


ALIASES = [("x", "a"), *((f"*{before}", one) for before, one in pairwise("abcdefghij"))]
GOOD = "192.0.2.0/24: {asn: 1, description: x, ignoreMorespecifics: false}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it takes a prefix a key"),
        ("- 192.0.2.0/24", "it takes a prefix a key"),
        ("192.0.2.0/24: {", "no valid YAML: "),
        (GOOD + GOOD, "line 2: '192.0.2.0/24' stands twice"),
        (GOOD + GOOD.replace("2.0/", "2.1/"), "192.0.2.1/24: 192.0.2.0/24 is the same prefix"),
        (GOOD.replace("192.0.2.0/24", "x"), "x: 'x' does not appear to be an IPv4 or IPv6 network"),
        (GOOD.replace("asn: 1", "asn: AS0"), "192.0.2.0/24.asn: 'AS0' is not an AS number"),
        (GOOD.replace("asn: 1", "asn: []"), "192.0.2.0/24.asn: it takes an AS number, or a list"),
        (GOOD.replace("description: x, ", ""), "192.0.2.0/24.description: None is no text"),
        (
            GOOD.replace(", ignoreMorespecifics: false", ""),
            "192.0.2.0/24.ignoreMorespecifics: it takes true or false",
        ),
        (
            GOOD.replace("}", ", includeMonitors: [], excludeMonitors: []}"),
            "192.0.2.0/24: give includeMonitors or excludeMonitors, not both",
        ),
        (
            GOOD.replace("}", ", excludeMonitors: [hijack]}"),
            "192.0.2.0/24.excludeMonitors: 'hijack' is none of the monitors basic-hijack-detection",
        ),
        (
            GOOD.replace("}", ", path: {match: '('}}"),
            "192.0.2.0/24.path.matchDescription: it takes a text\n"
            "192.0.2.0/24.path.match: '(': it is no regular expression: ",
        ),
        (
            GOOD.replace("}", ", path: {maxLength: 1, matchDescription: x}}"),
            "192.0.2.0/24.path.maxLength: 1 is not a number above 1",
        ),
        (GOOD + "options: {monitorASns: {x: {}}}", "options.monitorASns.x: 'x' is not an AS num"),
        (
            GOOD + "options: {monitorASns: {1: {}, AS1: {}}}",
            "options.monitorASns.AS1: AS1 stands twice",
        ),
        (GOOD.replace("}", ", excludeMonitors: [[a]]}"), "['a'] is none of the monitors"),
        (GOOD.replace("}", ", group: {a: b}}"), "192.0.2.0/24.group: {'a': 'b'} is no text"),
        ("? [a]\n: 1\n", "found unhashable key"),
        ("[" * 5_000, "nested too deeply"),
        # Nine times nine times nine...: written out it would fill the memory.
        (
            "".join(f"{one}: &{one} [{', '.join([before] * 9)}]\n" for before, one in ALIASES),
            "j: it takes keys and values, not [[[[",
        ),
        ("192.0.2.0/24: 5", "192.0.2.0/24: it takes keys and values, not 5"),
    ],
)
def test_a_mistake_in_a_prefixes_yml_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        import_prefixes(text)
    assert problem in str(caught.value)
