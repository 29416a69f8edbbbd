"""What can be true of a message, however it came in."""

from ipaddress import ip_address, ip_network

from bgptui.domain.routing import MAX_ASN, AsPath, BgpMessage, MessageType, communities_of
from bgptui.errors import BadInput

EARLIEST, LATEST = 631_152_000, 4_102_444_800  # 1990 ... 2100
# A frame of max_frame_bytes has room for no more, at two bytes an item.
MOST_ITEMS = 2**20 // 2


def assert_possible(message: BgpMessage) -> None:
    """Fail where a field holds what no BGP message can."""
    assert EARLIEST <= message.timestamp <= LATEST
    assert str(ip_address(message.peer.address)) == message.peer.address
    assert 0 <= message.peer.asn <= MAX_ASN
    assert message.peer.collector.isascii()
    for prefixes, listed in (
        (message.announced, message.announced_listed),
        (message.withdrawn, message.withdrawn_listed),
    ):
        assert len(set(prefixes)) == len(prefixes) <= listed
        for prefix in prefixes:
            assert_canonical(prefix)
    assert_possible_path(message.as_path)
    for next_hop in message.next_hops:
        assert str(ip_address(next_hop)) == next_hop
    try:
        communities = communities_of(message)
    except BadInput:
        communities = ()
    for community in communities:
        assert len(community) == 2
        assert all(0 <= part <= MAX_ASN for part in community)
    assert (message.session is not None) == (message.type is MessageType.STATE)
    if message.type is not MessageType.UPDATE:
        assert not message.announced
        assert not message.withdrawn
        assert not message.as_path


def assert_canonical(prefix: str) -> None:
    """RFC 5952's one spelling, and no bit beyond the prefix's length."""
    assert str(ip_network(prefix)) == prefix


def assert_possible_path(as_path: AsPath) -> None:
    assert len(as_path) <= MOST_ITEMS
    for item in as_path:
        for asn in item if isinstance(item, tuple) else (item,):
            assert type(asn) is int
            assert 0 <= asn <= MAX_ASN
