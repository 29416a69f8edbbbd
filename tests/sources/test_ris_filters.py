"""Subscription filters, as the RIS Live manual describes them."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from bgptui.errors import BadInput
from bgptui.sources.ris_filters import Subject, parse_filter, parse_path


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("456", [123, 456, 789], True),
        ("45", [123, 456, 789], False),
        ("123,456", [123, 456, 789], True),
        ("123,789", [123, 456, 789], False),
        ("^123", [123, 456], True),
        ("^456", [123, 456], False),
        ("456$", [123, 456], True),
        ("123$", [123, 456], False),
        ("^123,456$", [123, 456], True),
        ("^123,456$", [123, 456, 456], False),
        ("456$", [123, 456, 789, 456], True),
        ("^123,456,789,[789,10111]$", [123, 456, 789, (789, 10111)], True),
        ("[789,10111]", [123, (789, 10111)], True),
        ("789", [123, (789, 10111)], False),
        ("10111", [123, (789, 10111, 5)], False),
        ("!6666$", [123, 456], True),
        ("!6666$", [123, 6666], False),
        ("!^3333", [3333, 1], False),
        ("456", [], False),
        ("!456", [], False),
        ("1,2,3", [1, 2], False),
    ],
)
def test_path_patterns(pattern: str, path: list[Any], matches: bool) -> None:
    assert parse_path(pattern).matches(path) is matches


DATA = {
    "timestamp": 1.0,
    "peer": "2001:db8::1",
    "peer_asn": "64500",
    "host": "rrc21.ripe.net",
    "type": "UPDATE",
    "path": [64500, 64501],
    "announcements": [{"next_hop": "2001:db8::1", "prefixes": ["203.0.113.0/24"]}],
    "withdrawals": ["2001:db8:0:0:0:0:0:0/48"],
}


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ({}, True),
        ({"host": None, "prefix": "", "path": ""}, True),
        ({"host": "rrc21"}, True),
        ({"host": "rrc21.ripe.net"}, True),
        ({"host": "rrc2"}, False),
        ({"type": "UPDATE"}, True),
        ({"type": "OPEN"}, False),
        ({"require": "announcements"}, True),
        ({"require": "state"}, False),
        ({"peer": "2001:DB8:0::1"}, True),
        ({"peer": "192.0.2.1"}, False),
        ({"path": "64501$"}, True),
        ({"path": 64501}, True),
        ({"path": "64500$"}, False),
        ({"prefix": "203.0.113.0/24"}, True),
        ({"prefix": "203.0.112.0/23"}, True),
        ({"prefix": "203.0.112.0/23", "moreSpecific": False}, False),
        ({"prefix": "203.0.113.0/24", "moreSpecific": False}, True),
        ({"prefix": "203.0.113.128/25"}, False),
        ({"prefix": "203.0.113.128/25", "lessSpecific": True}, True),
        ({"prefix": "2001:db8::/32"}, True),
        ({"prefix": "0.0.0.0/0"}, True),
        ({"prefix": ["198.51.100.0/24", "203.0.113.0/24"]}, True),
        ({"prefix": "198.51.100.0/24", "path": "64501$"}, False),
        ({"host": "rrc21", "path": "64501$", "prefix": "203.0.113.0/24"}, True),
        ({"socketOptions": {"includeRaw": True}}, True),
    ],
)
def test_a_message_matches_when_every_part_of_the_filter_does(
    wanted: dict[str, Any], matches: bool
) -> None:
    fields = msgspec.json.decode(json.dumps(DATA), type=dict[str, Raw])
    assert parse_filter(wanted).matches(Subject(fields)) is matches


@pytest.mark.parametrize("sent", ["STATE", "RIS_PEER_STATE"])
def test_both_names_of_a_session_state_are_one_type(sent: str) -> None:
    fields = msgspec.json.decode(json.dumps({"type": sent, "state": "down"}), type=dict[str, Raw])
    assert parse_filter({"type": "RIS_PEER_STATE"}).matches(Subject(fields))
    assert not parse_filter({"prefix": "0.0.0.0/0"}).matches(Subject(fields))
    assert not parse_filter({"path": "!1"}).matches(Subject(fields))


def test_an_empty_list_does_not_meet_a_requirement() -> None:
    fields = msgspec.json.decode('{"type":"UPDATE","withdrawals":[]}', type=dict[str, Raw])
    assert not parse_filter({"require": "withdrawals"}).matches(Subject(fields))


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefx": "10.0.0.0/8"},
        {"type": "GOSSIP"},
        {"host": 21},
        {"peer": "nobody"},
        {"path": "^1,^2"},
        {"path": "AS1"},
        {"path": True},
        {"path": {}},
        {"prefix": "10.0.0.1/8"},
        {"prefix": 7},
        {"prefix": [7]},
        {"moreSpecific": "yes"},
    ],
)
def test_a_filter_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        parse_filter(wrong)
