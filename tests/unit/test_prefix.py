import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgptui.domain.prefix import covers, format_prefix, parse_prefix
from bgptui.errors import BadInput


@given(st.ip_addresses(), st.integers(0, 128))
def test_every_canonical_prefix_is_read_as_ipaddress_reads_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int
) -> None:
    network = ipaddress.ip_network(f"{address}/{min(length, address.max_prefixlen)}", strict=False)
    parsed = parse_prefix(str(network))
    assert parsed == (network.max_prefixlen, int(network.network_address), network.prefixlen)
    assert format_prefix(*parsed) == str(network)
    if network.version == 6:
        assert parse_prefix(network.exploded) == parsed


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_prefix_covers_what_ipaddress_calls_its_subnets(
    address: int, length: int, difference: int, longer: int
) -> None:
    # Addresses that differ in few of their first bits: often inside, often just beside.
    beside = address ^ (difference >> length)
    one = ipaddress.IPv4Network((address, length), strict=False)
    for other in (
        ipaddress.IPv4Network((beside, longer), strict=False),
        ipaddress.IPv4Network((difference, longer), strict=False),
    ):
        parsed = parse_prefix(str(one)), parse_prefix(str(other))
        assert covers(*parsed) is other.subnet_of(one)
    assert not covers(parse_prefix("::/0"), parse_prefix(str(one)))


@given(st.text(alphabet="0123456789abfxX:./+_- ٣\n", max_size=24))
def test_what_ipaddress_refuses_is_refused(text: str) -> None:
    try:
        parsed = parse_prefix(text)
    except BadInput:
        return
    network = ipaddress.ip_network(text)
    assert parsed == (network.max_prefixlen, int(network.network_address), network.prefixlen)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "10.0.0.0/08",
        "10.0.0.1/8",
        "10.0.0/8",
        "010.0.0.0/8",
        "256.0.0.0/8",
        "2001:db8::/129",
        "2001:db8::1/32",
        "2001:db8:::/32",
        "2001::db8::/32",
        "2001:0db8x::/32",
        "2001:00db8::/32",
        "0x20::/16",
        "2_0::/16",
        " 123:45678:0:0:0:0:0:0/128",
        "1:2:3:4:5:6:7/112",
        "1:2:3:4:5:6:7:8::/128",
        ":2:3:4:5:6:7:8/128",
        "fe80::%eth0/64",
        "::ffff:192.0.2.0/120",
    ],
)
def test_a_malformed_prefix_is_bad_input_that_names_it(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_prefix(text)
    assert repr(text) in str(caught.value)
    assert caught.value.reason == "bad_prefix"
