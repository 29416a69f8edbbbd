"""MRT records, one type after another."""

from collections import Counter

import pytest
from msgspec.structs import replace

from bgptui.domain.routing import BgpMessage, MessageType, Peer, RibEntry, Session
from bgptui.errors import BadInput
from bgptui.sources.mrt import MrtDecoders, MrtReader
from bgptui.sources.mrt_records import split_records
from bgptui.sources.mrt_rib import MrtRibReader
from bgptui.sources.nlri import WireTexts
from bgptui.sources.ris_frames import FrameEncoder
from bgptui.sources.ris_messages import FrameDecoder
from support import bgp_wire as wire

SECONDS = 1_470_931_200
BGP, TABLE_DUMP, TABLE_DUMP_V2, BGP4MP, BGP4MP_ET = 5, 12, 13, 16, 17
ADDRESS, PREFIX = "192.0.2.1", "203.0.113.0/24"
PEER = Peer("rrc00", ADDRESS, 64496)
NEW_PEER = Peer("rrc00", "2001:db8::1", 4_200_000_000)
OLD_HEADER = wire.peer_header(64496, ADDRESS, asn_bytes=2)
NEW_HEADER = wire.peer_header(4_200_000_000, "2001:db8::1")


def attributes(*, asn_bytes: int = 4) -> bytes:
    path = wire.as_path((2, (64496, 64500)), asn_bytes=asn_bytes)
    return wire.origin() + path + wire.next_hop()


def announcement(*, asn_bytes: int = 4, path_id: int | None = None) -> bytes:
    nlri = wire.prefix(PREFIX, path_id=path_id)
    return wire.update(attributes(asn_bytes=asn_bytes), nlri=nlri)


class Reader:
    """A reader that notes its losses."""

    def __init__(self) -> None:
        self.losses: Counter[str] = Counter()
        self._reader = MrtReader("rrc00", MrtDecoders(lambda reason: self.losses.update([reason])))

    def __call__(self, kind: int, subtype: int, body: bytes) -> BgpMessage | None:
        return self._reader.read((SECONDS, kind << 16 | subtype, body))


@pytest.mark.parametrize(
    ("subtype", "header", "asn_bytes", "path_id", "peer"),
    [
        (1, OLD_HEADER, 2, None, PEER),
        (4, NEW_HEADER, 4, None, NEW_PEER),
        (8, OLD_HEADER, 2, 7, PEER),
        (9, NEW_HEADER, 4, 7, NEW_PEER),
    ],
    ids=["MESSAGE", "MESSAGE_AS4", "MESSAGE_ADDPATH", "MESSAGE_AS4_ADDPATH"],
)
def test_messages_are_read_in_each_encoding(
    subtype: int, header: bytes, asn_bytes: int, path_id: int | None, peer: Peer
) -> None:
    octets = announcement(asn_bytes=asn_bytes, path_id=path_id)
    message = Reader()(BGP4MP, subtype, header + octets)
    assert message is not None
    assert (message.timestamp, message.peer) == (SECONDS, peer)
    assert (message.announced, message.as_path) == ((PREFIX,), (64496, 64500))


def test_extended_timestamps_have_microseconds() -> None:
    body = (250_000).to_bytes(4, "big") + OLD_HEADER + wire.message(4, b"")
    message = Reader()(BGP4MP_ET, 1, body)
    assert message == BgpMessage(SECONDS + 0.25, PEER, MessageType.KEEPALIVE)


@pytest.mark.parametrize(
    ("old", "new", "before", "session"),
    [
        (6, 1, Session.UP, Session.DOWN),
        (5, 6, Session.DOWN, Session.UP),
        (2, 3, Session.DOWN, Session.DOWN),
        (4, 8, Session.DOWN, Session.DOWN),
        (0, 1, None, Session.DOWN),
        (9, 1, None, Session.DOWN),
    ],
    ids=["reset", "established", "trying", "deleted", "unknown", "impossible"],
)
def test_a_session_is_up_in_established_and_down_in_any_other_state(
    old: int, new: int, before: Session | None, session: Session
) -> None:
    states = old.to_bytes(2, "big") + new.to_bytes(2, "big")
    for subtype, header, peer in ((0, OLD_HEADER, PEER), (5, NEW_HEADER, NEW_PEER)):
        message = Reader()(BGP4MP, subtype, header + states)
        assert message == BgpMessage(
            SECONDS, peer, MessageType.STATE, session=session, session_before=before
        )


@pytest.mark.parametrize("new", [1, 6], ids=["idle", "established"])
def test_the_frame_of_a_state_says_the_same_when_it_is_played_again(new: int) -> None:
    reader = MrtReader("rrc00", MrtDecoders(lambda _reason: None, frames=FrameEncoder()))
    states = b"\0\5" + new.to_bytes(2, "big")
    message = reader.read((SECONDS, BGP4MP << 16, OLD_HEADER + states))
    assert message is not None
    played = FrameDecoder().decode(message.received)
    # The feed has no word for the state before.
    assert played == replace(message, received=b"", session_before=None)


def test_a_connection_without_a_peer_yet_is_read() -> None:
    """As Zebra wrote it: two AS numbers of 0, and no addresses."""
    message = Reader()(BGP4MP, 0, bytes(4) + b"\0\4\0\1")
    assert message is not None
    assert message.peer == Peer("rrc00", "0.0.0.0", 0)


def test_the_type_of_1999_is_read() -> None:
    peer = b"\xfb\xf0" + bytes([192, 0, 2, 1])
    local = b"\x31\x6e" + bytes([193, 0, 0, 1])
    read = Reader()
    announced = read(BGP, 1, peer + local + announcement(asn_bytes=2)[19:])
    assert announced is not None
    assert (announced.peer, announced.announced) == (PEER, (PREFIX,))
    assert read(BGP, 7, peer + local) == BgpMessage(SECONDS, PEER, MessageType.KEEPALIVE)
    state = BgpMessage(
        SECONDS, PEER, MessageType.STATE, session=Session.DOWN, session_before=Session.UP
    )
    assert read(BGP, 3, peer + b"\0\6\0\1") == state


@pytest.mark.parametrize(
    ("kind", "subtype", "reason"),
    [
        (BGP4MP, 6, "local_message"),
        (BGP4MP, 11, "local_message"),
        (BGP4MP, 3, "other_record"),
        (48, 0, "other_record"),
        (TABLE_DUMP_V2, 2, "rib_record"),
    ],
)
def test_records_that_are_no_message_of_a_peer_are_counted(
    kind: int, subtype: int, reason: str
) -> None:
    read = Reader()
    assert read(kind, subtype, NEW_HEADER + announcement()) is None
    assert read.losses == {reason: 1}


def test_a_route_refresh_is_counted() -> None:
    read = Reader()
    assert read(BGP4MP, 4, NEW_HEADER + wire.message(5, b"\0\1\0\1")) is None
    assert read.losses == {"route_refresh": 1}


@pytest.mark.parametrize(
    ("kind", "subtype", "body", "reason"),
    [
        (BGP4MP, 4, b"", "bad_peer"),
        (BGP4MP, 4, NEW_HEADER[:-1], "bad_peer"),
        (BGP4MP, 4, NEW_HEADER, "bad_header"),
        (BGP4MP, 0, OLD_HEADER + b"\0\6", "bad_record"),
        (BGP4MP, 0, OLD_HEADER + b"\0\6\0\x09", "unknown_state"),
        (BGP4MP_ET, 4, b"\0", "bad_record"),
        (BGP, 1, b"\0", "bad_record"),
        (BGP, 3, b"\0", "bad_record"),
    ],
)
def test_what_is_no_record_is_refused(kind: int, subtype: int, body: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        Reader()(kind, subtype, body)
    assert refused.value.reason == reason


class Table:
    """A reader of a table that notes its losses."""

    def __init__(self) -> None:
        self.losses: Counter[str] = Counter()
        self._reader = MrtRibReader(
            "rrc00", WireTexts(), lambda reason: self.losses.update([reason])
        )

    def __call__(self, kind: int, subtype: int, body: bytes) -> list[RibEntry]:
        return list(self._reader.read((SECONDS, kind << 16 | subtype, body)))


PEERS = wire.peer_index((64496, ADDRESS), (4_200_000_000, "2001:db8::1"), view=b"master")


@pytest.mark.parametrize("path_id", [None, 7], ids=["RIB_IPV4_UNICAST", "with add-path"])
def test_a_table_has_a_route_for_each_peer_and_path(path_id: int | None) -> None:
    read = Table()
    assert read(TABLE_DUMP_V2, 1, PEERS) == []
    body = wire.rib(PREFIX, (1, attributes()), (0, attributes()), path_id=path_id)
    routes = read(TABLE_DUMP_V2, 2 if path_id is None else 8, body)
    assert [route.peer for route in routes] == [NEW_PEER, PEER]
    for route in routes:
        assert (route.prefix, route.originated) == (PREFIX, 1_470_900_000)
        assert (route.as_path, route.next_hops) == ((64496, 64500), ("192.0.2.1",))


def test_the_next_hop_of_ipv6_is_read_abbreviated_and_whole() -> None:
    """RFC 6396 section 4.3.4; some collectors write MP_REACH_NLRI whole all the same."""
    read = Table()
    read(TABLE_DUMP_V2, 1, PEERS)
    packed = bytes([16]) + NEW_HEADER[12:28]
    for reach in (
        wire.attribute(0x80, 14, packed),
        wire.mp_reach(["2001:db8::/32"], "2001:db8::1"),
    ):
        known = wire.origin() + wire.as_path((2, (1,))) + reach
        (route,) = read(TABLE_DUMP_V2, 4, wire.rib("2001:db8::/32", (0, known)))
        assert route.next_hops == ("2001:db8::1",)


def test_a_table_dump_of_the_first_version_is_read() -> None:
    known = attributes(asn_bytes=2)
    body = bytes(4) + bytes([203, 0, 113, 0, 24, 1]) + (1_470_900_000).to_bytes(4, "big")
    body += bytes([192, 0, 2, 1]) + b"\xfb\xf0" + len(known).to_bytes(2, "big") + known
    (route,) = Table()(TABLE_DUMP, 1, body)
    assert (route.peer, route.prefix, route.as_path) == (PEER, PREFIX, (64496, 64500))
    with pytest.raises(BadInput, match="lengths do not fit"):
        Table()(TABLE_DUMP, 1, body[:-1])


def test_other_families_and_generic_tables_are_counted() -> None:
    read = Table()
    for subtype in (3, 6, 12):
        assert read(TABLE_DUMP_V2, subtype, b"") == []
    assert read.losses == {"other_family": 3}


@pytest.mark.parametrize(
    ("malformed", "reason"),
    [
        (wire.origin(9), "bad_origin"),
        (wire.attribute(0x80, 14, b"\7"), "bad_attributes"),
        (wire.attribute(0x80, 14, b"\3\1\2\3"), "bad_next_hop"),
        (b"\x40", "bad_attributes"),
    ],
    ids=["ORIGIN", "MP_REACH", "its next hop", "cut"],
)
def test_a_route_with_malformed_attributes_is_counted_and_its_neighbours_are_read(
    malformed: bytes, reason: str
) -> None:
    read = Table()
    read(TABLE_DUMP_V2, 1, PEERS)
    body = wire.rib(PREFIX, (0, malformed), (1, attributes()))
    assert [route.peer for route in read(TABLE_DUMP_V2, 2, body)] == [NEW_PEER]
    assert read.losses == {reason: 1}


def test_a_record_that_ends_before_its_entries_is_refused() -> None:
    read = Table()
    read(TABLE_DUMP_V2, 1, PEERS)
    with pytest.raises(BadInput, match="lengths do not fit"):
        read(TABLE_DUMP_V2, 2, wire.rib(PREFIX, (0, attributes()))[:8])


def test_a_route_of_a_peer_that_is_not_listed_is_refused() -> None:
    with pytest.raises(BadInput, match="peer 0 is not in the table"):
        Table()(TABLE_DUMP_V2, 2, wire.rib(PREFIX, (0, attributes())))


def test_a_broken_table_of_peers_leaves_no_peers_of_the_table_before() -> None:
    read = Table()
    read(TABLE_DUMP_V2, 1, PEERS)
    with pytest.raises(BadInput, match="lengths do not fit"):
        read(TABLE_DUMP_V2, 1, PEERS[:-1])
    with pytest.raises(BadInput, match="peer 0 is not in the table"):
        read(TABLE_DUMP_V2, 2, wire.rib(PREFIX, (0, attributes())))


def test_records_end_where_the_file_is_torn() -> None:
    whole = wire.record(BGP4MP, 4, NEW_HEADER)
    for torn, why in ((whole[:-1], "ends within"), (b"\x57" * 12, "1,465,341,783 bytes")):
        records = split_records([whole, torn])
        assert next(records) == (SECONDS, BGP4MP << 16 | 4, NEW_HEADER)
        with pytest.raises(BadInput, match=why) as error:
            next(records)
        assert error.value.reason == "torn_file"
