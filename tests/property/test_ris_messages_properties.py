"""Whatever bytes come, the decoder refuses them or gives a possible message."""

import json
from ipaddress import IPv6Network, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from bgptui.domain.routing import BgpMessage, MessageType
from bgptui.errors import BadInput
from bgptui.sources.ris_messages import Control, FrameDecoder, KeepReceived
from support.possible import assert_possible

DECODER = FrameDecoder(KeepReceived.YES, prefixes=50, peers=5, next_hops=5)

ipv4_prefixes = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda pair: str(ip_network(pair, strict=False))
)
ipv6_prefixes = st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
    lambda pair: IPv6Network(pair, strict=False)
)


def zero_expanded(prefix: IPv6Network) -> str:
    """As the feed writes IPv6 withdrawals: every group, without leading zeros."""
    groups = prefix.network_address.exploded.split(":")
    return ":".join(format(int(group, 16), "x") for group in groups) + f"/{prefix.prefixlen}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
prefix_texts = (
    ipv4_prefixes | ipv6_prefixes.map(str) | ipv6_prefixes.map(zero_expanded) | st.text(max_size=20)
)
announcement_lists = st.lists(
    st.fixed_dictionaries(
        {
            "next_hop": st.sampled_from(["192.0.2.1", "2001:db8::1,fe80::1", "", "x"]),
            "prefixes": st.lists(prefix_texts, max_size=4),
        }
    ),
    max_size=3,
)
data_objects = st.fixed_dictionaries(
    {
        "timestamp": st.floats() | st.just(1789019601.67) | json_values,
        "peer": st.ip_addresses().map(str) | st.text(max_size=10),
        "peer_asn": st.integers(-1, 2**33).map(str) | st.integers(-1, 2**33),
        "host": st.sampled_from(["rrc01", "rrc01.ripe.net"]) | st.text(max_size=10),
        "type": st.sampled_from([*MessageType, "RIS_PEER_STATE"]) | st.text(max_size=10),
    },
    optional={
        "announcements": announcement_lists | json_values,
        "withdrawals": st.lists(prefix_texts, max_size=4) | json_values,
        "path": st.lists(st.integers(0, 2**33) | st.lists(st.integers(0, 2**32), max_size=3))
        | json_values,
        "community": st.lists(st.lists(st.integers(0, 2**33), max_size=3)) | json_values,
        "state": st.sampled_from(["connected", "down"]) | json_values,
        "extra": json_values,
    },
)
frames = st.builds(
    lambda kind, data: json.dumps({"type": kind, "data": data}).encode(errors="surrogatepass"),
    st.sampled_from(["ris_message"] * 9 + ["ris_error", "pong", "x"]),
    data_objects | json_values,
)


@st.composite
def mutated_frames(draw: st.DrawFn) -> bytes:
    whole = bytearray(draw(frames))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(whole)))
        if draw(st.booleans()):
            whole[place:place] = draw(st.binary(max_size=3))
        else:
            del whole[place : place + draw(st.integers(1, 20))]
    return bytes(whole)


def check(frame: bytes) -> None:
    try:
        message = DECODER.decode(frame)
    except BadInput:
        return
    if isinstance(message, Control):
        return
    assert_possible(message)
    assert message.received == frame
    message.received.decode()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_bad_input(frame: bytes) -> None:
    check(frame)


@settings(max_examples=500, deadline=None)
@given(frames)
def test_every_accepted_message_is_possible(frame: bytes) -> None:
    check(frame)


@settings(max_examples=500, deadline=None)
@given(mutated_frames())
def test_mutated_frames_are_refused_or_possible(frame: bytes) -> None:
    check(frame)


@settings(max_examples=200, deadline=None)
@given(st.lists(ipv4_prefixes | ipv6_prefixes.map(str), min_size=1, max_size=10))
def test_announced_prefixes_keep_their_order_and_stand_once(prefixes: list[str]) -> None:
    half = len(prefixes) // 2
    data = {
        "timestamp": 1789019601.67,
        "peer": "192.0.2.1",
        "peer_asn": "64500",
        "host": "rrc01",
        "type": "UPDATE",
        "announcements": [
            {"next_hop": "192.0.2.1", "prefixes": prefixes[:half]},
            {"next_hop": "192.0.2.2", "prefixes": prefixes[half:]},
        ],
    }
    message = DECODER.decode(json.dumps({"type": "ris_message", "data": data}).encode())
    assert isinstance(message, BgpMessage)
    assert message.announced == tuple(dict.fromkeys(prefixes))
    assert message.announced_listed == len(prefixes)


@settings(max_examples=200, deadline=None)
@given(ipv6_prefixes)
def test_every_spelling_of_an_ipv6_prefix_is_one_prefix(prefix: IPv6Network) -> None:
    spellings = [str(prefix), prefix.exploded, zero_expanded(prefix), zero_expanded(prefix).upper()]
    data = {
        "timestamp": 1789019601.67,
        "peer": "192.0.2.1",
        "peer_asn": 64500,
        "host": "rrc01",
        "type": "UPDATE",
        "withdrawals": spellings,
    }
    message = DECODER.decode(json.dumps({"type": "ris_message", "data": data}).encode())
    assert isinstance(message, BgpMessage)
    assert message.withdrawn == (str(prefix),)
    assert message.withdrawn_listed == len(spellings)
