"""The demo's frames: their form, their resources, their rates and the incident's timetable."""

import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise, takewhile
from random import Random
from statistics import mean, quantiles
from typing import Any

import pytest

from bgptui.config.load import load
from bgptui.demo.catalogue import scenario, scenarios
from bgptui.demo.internet import WATCHED_PREFIXES, internet, zero_expanded
from bgptui.demo.scenario import HISTORY_S, Scenario
from bgptui.demo.subprefix_hijack import HIJACKED_PREFIX, HIJACKER_ASN, STORM_S, storm_start
from bgptui.errors import UsageError

# Not on a minute, and so that the fraction is not a multiple of 10 ms.
START = 1_767_780_017.3349
LIVE_S = 900.0

IPV4_DOCUMENTATION = [
    IPv4Network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
]
IPV6_DOCUMENTATION = IPv6Network("2001:db8::/32")
DOCUMENTATION_ASNS = {*range(64496, 64512), *range(65536, 65552)}

Frame = tuple[float, bytes]
Decoded = tuple[float, dict[str, Any]]


def the_scenario() -> Scenario:
    return scenario("subprefix-hijack")


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """The day before the start and the first quarter of an hour after it."""
    made = the_scenario().frames(START, rng=Random(1))
    return list(takewhile(lambda frame: frame[0] < START + LIVE_S, made))


@pytest.fixture(scope="module")
def decoded(frames: list[Frame]) -> list[Decoded]:
    return [(timestamp, json.loads(frame)["data"]) for timestamp, frame in frames]


def announced(data: dict[str, Any]) -> list[str]:
    """Distinct prefixes that a message announces."""
    listed = [p for entry in data.get("announcements", ()) for p in entry["prefixes"]]
    return list(dict.fromkeys(listed))


def per_minute(decoded: list[Decoded]) -> dict[int, Counter[str]]:
    """By whole minute from the start: messages, announcements and withdrawals."""
    minutes: dict[int, Counter[str]] = defaultdict(Counter)
    for timestamp, data in decoded:
        counts = minutes[int(timestamp // 60) * 60]
        counts["messages"] += 1
        counts["announcements"] += len(announced(data))
        counts["withdrawals"] += len(data.get("withdrawals", ()))
    return minutes


def test_every_frame_has_the_fields_that_ris_live_sends(frames: list[Frame]) -> None:
    kinds = set()
    for timestamp, frame in frames:
        message = json.loads(frame)
        assert message["type"] == "ris_message"
        data = message["data"]
        assert data["timestamp"] == timestamp == round(timestamp, 2)
        assert data["host"] in {"rrc00.ripe.net", "rrc01.ripe.net"}
        assert data["peer_asn"] == str(int(data["peer_asn"]))
        ip_address(data["peer"])
        kinds.add(data["type"])
        if data["type"] == "RIS_PEER_STATE":
            assert data["state"] in {"up", "down"}
            continue
        assert bool(data["announcements"]) != bool(data["withdrawals"])
        if data["announcements"]:
            assert data["path"][0] == int(data["peer_asn"])
            assert data["origin"] == "IGP"
    assert kinds == {"UPDATE", "RIS_PEER_STATE"}


def test_frames_are_in_the_order_of_time_from_a_day_before_the_start(frames: list[Frame]) -> None:
    times = [timestamp for timestamp, _ in frames]
    assert times == sorted(times)
    assert START - HISTORY_S <= times[0] < START - HISTORY_S + 60


def test_ids_are_unique(decoded: list[Decoded]) -> None:
    assert len({data["id"] for _, data in decoded}) == len(decoded)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(frames: list[Frame]) -> None:
    again = the_scenario().frames(START, rng=Random(1))
    assert all(frame == next(again) for frame in frames)
    other = the_scenario().frames(START, rng=Random(2))
    assert [next(other) for _ in range(100)] != frames[:100]


def test_the_day_and_the_live_part_are_the_same_frames_in_two(frames: list[Frame]) -> None:
    history, live = the_scenario().parts(START, rng=Random(1))
    assert history[-1][0] < START
    rest = [next(live) for _ in range(len(frames) - len(history))]
    assert rest[0][0] >= START
    assert history + rest == frames


def test_there_are_six_peers_in_six_ases_at_two_collectors(decoded: list[Decoded]) -> None:
    peers = {(data["host"], data["peer"], data["peer_asn"]) for _, data in decoded}
    assert len(peers) == 6
    assert len({asn for _, _, asn in peers}) == 6
    assert Counter(host for host, _, _ in peers) == {"rrc00.ripe.net": 3, "rrc01.ripe.net": 3}


def is_documentation(address: str) -> bool:
    network = ip_network(address)
    if isinstance(network, IPv4Network):
        return any(network.subnet_of(block) for block in IPV4_DOCUMENTATION)
    return network.subnet_of(IPV6_DOCUMENTATION)


def resources(data: dict[str, Any]) -> Iterator[str]:
    yield data["peer"]
    yield from announced(data)
    yield from data.get("withdrawals", ())
    for entry in data.get("announcements", ()):
        # A link-local next hop belongs to nobody.
        yield from (hop for hop in entry["next_hop"].split(",") if not hop.startswith("fe80:"))


def test_only_documentation_prefixes_and_as_numbers_occur(decoded: list[Decoded]) -> None:
    addresses, asns = set[str](), set[int]()
    for _, data in decoded:
        addresses.update(resources(data))
        asns.update(data.get("path", ()), (asn for asn, _ in data.get("community", ())))
    assert [address for address in addresses if not is_documentation(address)] == []
    assert asns - DOCUMENTATION_ASNS == {HIJACKER_ASN}


def test_every_prefix_but_the_hijacked_one_has_one_origin_and_overlaps_no_other(
    decoded: list[Decoded],
) -> None:
    origins: dict[str, set[int]] = defaultdict(set)
    for _, data in decoded:
        for prefix in announced(data):
            origins[prefix].add(data["path"][-1])
    assert origins.pop(HIJACKED_PREFIX) == {HIJACKER_ASN}
    assert all(len(found) == 1 for found in origins.values())
    assert [origins[prefix] for prefix in WATCHED_PREFIXES] == [{64500}, {64500}]
    assert 600 <= len(origins) <= 800
    for version in (4, 6):
        nets = [net for net in map(ip_network, origins) if net.version == version]
        spans = sorted((int(net[0]), int(net[-1])) for net in nets)
        assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_watched_prefixes_are_seen_from_every_peer_and_never_withdrawn(
    decoded: list[Decoded],
) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    watched = {*WATCHED_PREFIXES, *map(zero_expanded, WATCHED_PREFIXES)}
    for timestamp, data in decoded:
        assert not watched.intersection(data.get("withdrawals", ()))
        if timestamp < START:
            for prefix in watched.intersection(announced(data)):
                seen[prefix].add(data["peer"])
    assert [len(seen[prefix]) for prefix in WATCHED_PREFIXES] == [6, 6]


def test_a_peer_withdraws_only_what_it_has_announced_or_had_before_the_day(
    decoded: list[Decoded],
) -> None:
    gone: set[tuple[str, str]] = set()
    for _, data in decoded:
        peer = data["peer"]
        for prefix in data.get("withdrawals", ()):
            key = (peer, str(ip_network(prefix)))
            assert key not in gone
            gone.add(key)
        gone.difference_update((peer, prefix) for prefix in announced(data))


def test_ipv6_withdrawals_are_written_with_their_zeros() -> None:
    assert zero_expanded("2001:db8:1000::/48") == "2001:db8:1000:0:0:0:0:0/48"
    assert zero_expanded("198.51.100.0/30") == "198.51.100.0/30"


def test_the_ways_to_write_two_next_hops_both_occur(decoded: list[Decoded]) -> None:
    entries = [data["announcements"] for _, data in decoded if data.get("announcements")]
    assert any("," in listed[0]["next_hop"] for listed in entries)
    assert any(len(listed) == 2 for listed in entries)


def test_the_day_is_plausible_in_volume_and_texture(decoded: list[Decoded]) -> None:
    day = [(timestamp, data) for timestamp, data in decoded if timestamp < START]
    assert 30_000 <= len(day) <= 60_000
    per_peer = Counter(data["peer"] for _, data in day)
    assert max(per_peer.values()) < 2 * min(per_peer.values())
    minutes = per_minute(day)
    whole = sorted(minutes)[1:-1]
    assert len(whole) >= 1438, "a minute without any message"
    messages = [minutes[minute]["messages"] for minute in whole]
    assert max(messages) < 3.5 * mean(messages)
    withdrawals = sum(minutes[minute]["withdrawals"] for minute in whole)
    updates = withdrawals + sum(minutes[minute]["announcements"] for minute in whole)
    assert 0.1 < withdrawals / updates < 0.3
    evening = [minutes[m]["messages"] for m in whole if 18 <= m // 3600 % 24 < 20]
    morning = [minutes[m]["messages"] for m in whole if 6 <= m // 3600 % 24 < 8]
    assert mean(evening) > 1.3 * mean(morning)


def test_the_hijack_keeps_its_timetable(decoded: list[Decoded]) -> None:
    first_seen: dict[str, float] = {}
    withdrawn: dict[str, float] = {}
    for timestamp, data in decoded:
        if HIJACKED_PREFIX in announced(data):
            assert data["path"][-1] == HIJACKER_ASN
            first_seen.setdefault(data["peer_asn"], timestamp - START)
        if HIJACKED_PREFIX in data.get("withdrawals", ()):
            withdrawn[data["peer_asn"]] = timestamp - START
    seen = list(first_seen.values())
    assert seen[0] == pytest.approx(8, abs=0.01)
    assert seen[2] < 20.5
    assert len(seen) == 5, "one of the six validates origins"
    assert withdrawn.keys() == first_seen.keys()
    assert all(40 < after < 50 for after in withdrawn.values())


@pytest.mark.parametrize(
    ("after_minute", "expected"), [(0.0, 57.0), (19.9, 57.0), (20.0, 117.0), (59.9, 117.0)]
)
def test_the_storm_begins_3_s_before_a_minute(after_minute: float, expected: float) -> None:
    minute = 1_767_780_000.0
    assert storm_start(minute + after_minute) == minute + expected


def test_the_storm_lasts_four_minutes_at_every_peer(decoded: list[Decoded]) -> None:
    begin = storm_start(START)
    storm = [(t, data) for t, data in decoded if begin <= t < begin + STORM_S]
    usual = quantiles(
        [counts["withdrawals"] for m, counts in per_minute(decoded).items() if m < START - 60],
        n=100,
    )[98]
    for minute in range(int(begin) + 3, int(begin) + 3 + 240, 60):
        of_minute = [(t, data) for t, data in storm if minute <= t < minute + 60]
        assert len(of_minute) > 24 * 57, "dozens a second"
        assert per_minute(of_minute)[minute]["withdrawals"] > 20 * usual
        assert len({data["peer"] for _, data in of_minute}) == 6


def test_one_session_is_reset_in_the_storm_and_its_table_follows(decoded: list[Decoded]) -> None:
    states = [(t, data) for t, data in decoded if data["type"] == "RIS_PEER_STATE"]
    [(down_at, down), (up_at, up)] = states
    assert (down["state"], up["state"]) == ("down", "up")
    assert down["peer"] == up["peer"]
    assert up_at - down_at == pytest.approx(20)
    assert storm_start(START) < down_at < up_at < storm_start(START) + STORM_S
    of_peer = [(t, data) for t, data in decoded if data["peer"] == down["peer"]]
    assert not [t for t, data in of_peer if down_at < t < up_at]
    transferred = {p for t, d in of_peer if up_at <= t < up_at + 11 for p in announced(d)}
    assert transferred == {prefix for group in internet().groups for prefix in group.prefixes}


def test_after_the_storm_it_is_calm_again(decoded: list[Decoded]) -> None:
    calm = storm_start(START) + STORM_S + 120
    minutes = per_minute([(t, data) for t, data in decoded if t >= calm])
    assert all(counts["messages"] < 80 for counts in minutes.values())
    assert len(minutes) >= 6


def test_the_vrps_make_the_hijack_invalid_and_nothing_else() -> None:
    built = 1_767_780_000.0
    content = json.loads(the_scenario().vrps(built=built) or b"")
    assert content["metadata"]["buildtime"] == "2026-01-07T10:00:00Z"
    roas = {roa["prefix"]: roa for roa in content["roas"]}
    watched = roas["203.0.113.0/24"]
    assert (watched["asn"], watched["maxLength"]) == (64500, 24)
    assert all(roa["expires"] > built for roa in roas.values())
    groups = internet().groups
    origins = {prefix: group.origin_asn for group in groups for prefix in group.prefixes}
    assert all(origins[prefix] == roa["asn"] for prefix, roa in roas.items())
    assert 0.4 < len(roas) / len(origins) < 0.6


def test_the_watchlist_names_both_watched_prefixes() -> None:
    tables = tomllib.loads(the_scenario().watch)["prefix"]
    assert [(t["prefix"], t["origins"], t["max_length"]) for t in tables] == [
        ("203.0.113.0/24", [64500], 24),
        ("2001:db8:500::/48", [64500], 48),
    ]


def test_its_settings_are_settings(tmp_path: Any) -> None:
    flags = the_scenario().settings(
        url="ws://127.0.0.1:8080/v1/ws/", vrps="/x/vrps.json", watch="/x/watch.toml"
    )
    config = load(flags, {"HOME": str(tmp_path)}, cwd=tmp_path).config
    assert config.feed.url == "ws://127.0.0.1:8080/v1/ws/"
    assert config.watch.file == "/x/watch.toml"


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    assert list(scenarios()) == ["subprefix-hijack", "youtube-2008"]
    with pytest.raises(UsageError, match="there is no scenario 'x'; there are: subprefix-hijack, "):
        scenario("x")
