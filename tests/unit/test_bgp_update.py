"""Raw BGP messages, one rule after another."""

from collections import Counter

import pytest

from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer
from bgptui.errors import BadInput
from bgptui.sources.as_paths import AsnSize
from bgptui.sources.bgp_update import MessageDecoder, extra_attributes
from bgptui.sources.nlri import AddPath, WireTexts
from support import bgp_wire as wire

PEER = Peer("rrc00", "192.0.2.1", 64496)
PATH = (2, (64496, 64500))
V4, V6 = "203.0.113.0/24", "2001:db8::/32"
ORIGIN_PATH = wire.origin() + wire.as_path(PATH)
USUAL = ORIGIN_PATH + wire.next_hop()


class Decoder:
    """A decoder that notes its losses."""

    def __init__(self, asn_size: AsnSize = AsnSize.FOUR, add_path: AddPath = AddPath.NO) -> None:
        self.losses: Counter[str] = Counter()
        self._decoder = MessageDecoder(
            WireTexts(),
            asn_size=asn_size,
            add_path=add_path,
            on_loss=lambda reason: self.losses.update([reason]),
        )

    def __call__(self, octets: bytes) -> BgpMessage:
        message = self._decoder.decode(octets, timestamp=1_000.0, peer=PEER)
        assert message is not None
        return message


def announcement(attributes: bytes = USUAL, *, nlri: str = V4) -> bytes:
    return wire.update(attributes, nlri=wire.prefix(nlri))


def test_every_attribute_of_an_update_is_read() -> None:
    attributes = (
        USUAL
        + wire.communities((64496, 1), (65535, 65281))
        + wire.large_communities((4_200_000_000, 1, 2), (4_200_000_000, 1, 2), (1, 2, 3))
        + wire.otc(4_200_000_001)
    )
    octets = wire.update(
        attributes, nlri=wire.prefix(V4), withdrawn=wire.prefixes(["198.51.100.0/25", "0.0.0.0/0"])
    )
    assert Decoder()(octets) == BgpMessage(
        1_000.0,
        PEER,
        MessageType.UPDATE,
        announced=(V4,),
        withdrawn=("198.51.100.0/25", "0.0.0.0/0"),
        as_path=(64496, 64500),
        announced_listed=1,
        withdrawn_listed=2,
        next_hops=("192.0.2.1",),
        communities=((64496, 1), (65535, 65281)),
        large_communities=((4_200_000_000, 1, 2), (1, 2, 3)),
        otc=4_200_000_001,
    )


def test_ipv6_routes_come_in_the_multiprotocol_attributes() -> None:
    reach = wire.mp_reach([V6, "::/0"], "2001:db8::1", "fe80::1")
    octets = wire.update(
        wire.origin() + wire.as_path(PATH) + reach + wire.mp_unreach(["2001:db8:1::/48"])
    )
    message = Decoder()(octets)
    assert message.announced == (V6, "::/0")
    assert message.withdrawn == ("2001:db8:1::/48",)
    assert message.next_hops == ("2001:db8::1", "fe80::1")


def test_ipv4_routes_in_them_are_read_like_the_others() -> None:
    reach = wire.mp_reach(["198.51.100.0/24"], "192.0.2.7", afi=1)
    message = Decoder()(announcement(USUAL + reach))
    assert message.announced == (V4, "198.51.100.0/24")
    assert message.next_hops == ("192.0.2.1", "192.0.2.7")


def test_the_next_hop_of_ipv6_routes_is_none_of_the_nlri_fields() -> None:
    decode = Decoder()
    message = decode(announcement(ORIGIN_PATH + wire.mp_reach([V6], "2001:db8::1")))
    assert (message.announced, message.withdrawn) == ((), (V4, V6))
    assert decode.losses == {"missing_next_hop": 1}


def test_other_families_are_counted_and_left_out() -> None:
    decode = Decoder()
    multicast = wire.mp_reach([V4], "192.0.2.7", afi=1, safi=2)
    assert decode(wire.update(USUAL + multicast)).announced == ()
    assert decode(wire.update(wire.mp_unreach([], afi=25, safi=70))).withdrawn == ()
    assert decode.losses == {"other_family": 2}


def test_a_prefix_listed_twice_stands_once_and_is_counted_as_listed() -> None:
    octets = wire.update(USUAL, nlri=wire.prefixes([V4, V4]), withdrawn=wire.prefixes([V4, V4]))
    message = Decoder()(octets)
    assert (message.announced, message.announced_listed) == ((V4,), 2)
    assert (message.withdrawn, message.withdrawn_listed) == ((V4,), 2)


def test_bits_beyond_a_prefix_length_do_not_matter() -> None:
    octets = wire.update(USUAL, nlri=bytes([20, 203, 0, 0xFF]))
    assert Decoder()(octets).announced == ("203.0.240.0/20",)


def test_add_path_identifiers_are_read_over() -> None:
    attributes = wire.origin() + wire.as_path(PATH) + wire.next_hop()
    octets = wire.update(
        attributes + wire.mp_reach([V6], "2001:db8::1", path_id=9),
        nlri=wire.prefix(V4, path_id=1) + wire.prefix(V4, path_id=2),
        withdrawn=wire.prefix("198.51.100.0/24", path_id=2**32 - 1),
    )
    message = Decoder(add_path=AddPath.YES)(octets)
    assert (message.announced, message.announced_listed) == ((V4, V6), 3)
    assert message.withdrawn == ("198.51.100.0/24",)


@pytest.mark.parametrize(
    ("segments", "path"),
    [
        ([(2, (1, 2)), (1, (4, 3))], (1, 2, (4, 3))),
        ([(2, (1,)), (2, (2, 2))], (1, 2, 2)),
        ([(3, (65001, 65002)), (4, (65003,)), (2, (1, 2))], (1, 2)),
        ([], ()),
    ],
    ids=["set", "two sequences", "confederation", "empty"],
)
def test_segments_of_a_path(segments: list[wire.Segment], path: AsPath) -> None:
    attributes = wire.origin() + wire.as_path(*segments) + wire.next_hop()
    assert Decoder()(announcement(attributes)).as_path == path


OLD_PATH = wire.as_path((2, (64496, 23456, 23456)), asn_bytes=2)
NEW_PATH = wire.as4_path((2, (4_200_000_000, 4_200_000_001)))


def aggregator(asn: int) -> bytes:
    return wire.attribute(0xC0, 7, asn.to_bytes(2, "big") + bytes(4))


AS4_AGGREGATOR = wire.attribute(0xC0, 18, bytes(8))


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        (OLD_PATH + NEW_PATH, (64496, 4_200_000_000, 4_200_000_001)),
        (OLD_PATH, (64496, 23456, 23456)),
        (OLD_PATH + wire.as4_path((2, (1, 2, 3, 4))), (64496, 23456, 23456)),
        (OLD_PATH + wire.attribute(0xC0, 17, b"\2\7"), (64496, 23456, 23456)),
        (OLD_PATH + NEW_PATH + aggregator(12654), (64496, 4_200_000_000, 4_200_000_001)),
        (OLD_PATH + NEW_PATH + aggregator(12654) + AS4_AGGREGATOR, (64496, 23456, 23456)),
    ],
    ids=["merged", "alone", "longer", "malformed", "aggregator alone", "both aggregators"],
)
def test_as4_path_in_a_path_of_two_octets(attributes: bytes, path: AsPath) -> None:
    """RFC 6793 section 4.2.3."""
    decode = Decoder(AsnSize.TWO)
    octets = announcement(wire.origin() + attributes + wire.next_hop())
    assert decode(octets).as_path == path
    assert not decode.losses


def test_as4_path_counts_for_nothing_where_paths_have_four_octets() -> None:
    assert Decoder()(announcement(USUAL + NEW_PATH)).as_path == (64496, 64500)


def test_extended_length_is_read() -> None:
    path = wire.attribute(0x40, 2, wire.path_value([PATH]), extended=True)
    message = Decoder()(announcement(wire.origin() + path + wire.next_hop()))
    assert message.as_path == (64496, 64500)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        (wire.origin(3) + wire.as_path(PATH) + wire.next_hop(), "bad_origin"),
        (wire.origin() + wire.as_path((5, (1,))) + wire.next_hop(), "bad_as_path"),
        (wire.origin() + wire.as_path((2, ())) + wire.next_hop(), "bad_as_path"),
        (wire.origin() + wire.attribute(0x40, 2, b"\2\2") + wire.next_hop(), "bad_as_path"),
        (ORIGIN_PATH + wire.attribute(0x40, 3, bytes(16)), "bad_next_hop"),
        (USUAL + wire.communities(), "bad_communities"),
        (USUAL + wire.large_communities(), "bad_large_communities"),
        (USUAL + wire.attribute(0xC0, 35, b"\0\0\1"), "bad_otc"),
        (USUAL + wire.attribute(0x80, 4, b"\0"), "bad_med"),
        (USUAL + wire.attribute(0x40, 8, bytes(4)), "bad_attribute_flags"),
        (wire.as_path(PATH) + wire.next_hop(), "missing_origin"),
        (wire.origin() + wire.next_hop(), "missing_as_path"),
        (ORIGIN_PATH, "missing_next_hop"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed_attributes_withdraw_the_routes(attributes: bytes, reason: str) -> None:
    """RFC 7606 section 2: treat-as-withdraw."""
    decode = Decoder()
    message = decode(announcement(attributes))
    assert (message.announced, message.withdrawn) == ((), (V4,))
    assert (message.announced_listed, message.withdrawn_listed) == (0, 1)
    assert decode.losses == {reason: 1}


def test_malformed_attributes_without_routes_harm_nobody() -> None:
    decode = Decoder()
    octets = wire.update(wire.origin(3), withdrawn=wire.prefix(V4))
    assert decode(octets).withdrawn == (V4,)
    assert not decode.losses


def test_of_an_attribute_that_stands_twice_the_first_counts() -> None:
    assert Decoder()(announcement(USUAL + wire.as_path((2, (1,))))).as_path == (64496, 64500)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "bad_header"),
        (b"\0" * 23, "bad_header"),
        (wire.MARKER + b"\0\x18\2" + bytes(4), "bad_length"),
        (wire.message(9, b""), "unknown_type"),
        (wire.message(4, b"\0"), "bad_length"),
        (wire.message(1, b"\4"), "bad_length"),
        (wire.message(2, b"\0\5\0\0"), "bad_length"),
        (wire.message(2, b"\0\0\0\5"), "bad_length"),
        (wire.update(USUAL[:-1]), "bad_attributes"),
        (wire.update(b"\x40"), "bad_attributes"),
        (wire.update(USUAL + wire.mp_unreach([]) * 2), "bad_attributes"),
        (wire.update(USUAL + wire.attribute(0x80, 14, b"\0\2\1\x20\0")), "bad_attributes"),
        (wire.update(USUAL + wire.attribute(0x80, 14, b"\0\2\1\3\0\0\0\0")), "bad_next_hop"),
        (wire.update(USUAL, nlri=b"\x21\1\2\3\4\5"), "bad_prefix"),
        (wire.update(USUAL, nlri=b"\x18\1\2"), "bad_prefix"),
        (wire.update(USUAL + wire.attribute(0x80, 15, b"\0\2\1\x81" + bytes(17))), "bad_prefix"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_message_is_refused(octets: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        Decoder()(octets)
    assert refused.value.reason == reason


@pytest.mark.parametrize("octets", [b"\0\0\0", b"\0\0\0\1\x18\1\2\3"])
def test_with_add_path_an_identifier_needs_its_prefix(octets: bytes) -> None:
    with pytest.raises(BadInput, match="prefix"):
        Decoder(add_path=AddPath.YES)(wire.update(USUAL, nlri=octets + b"\0\0\0"))


def test_other_messages_are_told_by_their_type() -> None:
    kinds = {
        MessageType.OPEN: wire.open_message(),
        MessageType.NOTIFICATION: wire.message(3, b"\6\2"),
        MessageType.KEEPALIVE: wire.message(4, b""),
    }
    for kind, octets in kinds.items():
        assert Decoder()(octets) == BgpMessage(1_000.0, PEER, kind)


def test_extra_attributes_come_from_the_hexadecimal_message() -> None:
    attributes = USUAL + wire.large_communities((1, 2, 3)) + wire.otc(64500)
    assert extra_attributes(announcement(attributes).hex()) == (((1, 2, 3),), 64500)
    assert extra_attributes(announcement().hex().upper()) == ((), None)
    assert extra_attributes(wire.message(4, b"").hex()) == ((), None)
    with pytest.raises(BadInput, match="not hexadecimal"):
        extra_attributes("zz")
