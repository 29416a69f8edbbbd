"""The table against a brute force that reads RFC 6811 word by word."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_table import table_of

Network = IPv4Network | IPv6Network


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Prefixes that often cover each other: few distinct bits, any length."""
    width = draw(st.sampled_from([32, 128]))
    length = draw(st.integers(0, width))
    # A handful of address patterns on both sides of the block borders of the table.
    seed = draw(st.sampled_from([0, 0x0A000000, 0x0A0F8000, 0x0A100000, 0xFFFFFFFF]))
    address = seed if width == 32 else seed << 96 | draw(st.sampled_from([0, 1 << 95, 1 << 64, 1]))
    kept = address >> (width - length) << (width - length)
    return IPv4Network((kept, length)) if width == 32 else IPv6Network((kept, length))


@st.composite
def vrps(draw: st.DrawFn) -> Vrp:
    network = draw(networks())
    max_length = draw(st.integers(network.prefixlen, network.max_prefixlen))
    return Vrp(str(network), max_length, draw(st.integers(0, 3)), draw(st.sampled_from("ab")))


def covers(above: Network, below: Network) -> bool:
    return above.version == below.version and cast(IPv4Network, below).subnet_of(
        cast(IPv4Network, above)
    )


@given(st.lists(vrps(), max_size=12), networks(), st.sampled_from([None, 0, 1, 2, 3]))
def test_states_and_covering_vrps_are_those_of_a_brute_force(
    published: list[Vrp], route: Network, origin: int | None
) -> None:
    covering = [vrp for vrp in set(published) if covers(ip_network(vrp.prefix), route)]
    matched = [
        vrp
        for vrp in covering
        if origin and vrp.asn == origin and route.prefixlen <= vrp.max_length
    ]
    result = validate(table_of(published), str(route), origin)
    assert set(result.covering) == set(covering)
    assert len(result.covering) == len(covering)
    lengths = [ip_network(vrp.prefix).prefixlen for vrp in result.covering]
    assert lengths == sorted(lengths, reverse=True)
    if matched:
        assert result.state is RpkiState.VALID
    elif covering:
        assert result.state is RpkiState.INVALID
    else:
        assert result.state is RpkiState.NOT_FOUND
    assert (result.reason is not None) == (result.state is RpkiState.INVALID)


@given(st.permutations([Vrp("10.0.0.0/8", 9, 1), Vrp("10.0.0.0/9", 9, 2), Vrp("10.0.0.0/8", 8, 1)]))
def test_the_order_in_which_vrps_come_changes_nothing(published: list[Vrp]) -> None:
    assert validate(table_of(published), "10.0.0.0/9", 1).covering == (
        Vrp("10.0.0.0/9", 9, 2),
        Vrp("10.0.0.0/8", 8, 1),
        Vrp("10.0.0.0/8", 9, 1),
    )
