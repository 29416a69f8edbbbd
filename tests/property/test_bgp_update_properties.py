"""Whatever bytes come, BGP and MRT decoders refuse them or give possible messages."""

from ipaddress import ip_address, ip_network
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer, RibEntry, communities_of
from bgptui.errors import BadInput
from bgptui.sources.as_paths import AsnSize
from bgptui.sources.bgp_update import MessageDecoder, extra_attributes
from bgptui.sources.mrt import MrtDecoders, MrtReader
from bgptui.sources.mrt_records import split_records
from bgptui.sources.mrt_rib import MrtRibReader
from bgptui.sources.nlri import AddPath, WireTexts
from bgptui.sources.ris_frames import FrameEncoder
from bgptui.sources.ris_messages import FrameDecoder
from support import bgp_wire as wire

PEER = Peer("rrc00", "192.0.2.1", 64496)


def ignore(_reason: str) -> None:
    pass


TEXTS = WireTexts(prefixes=50, next_hops=5)
READER = MrtReader("rrc00", MrtDecoders(ignore, frames=FrameEncoder()))
FRAMES = FrameDecoder()

ipv4_prefixes = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda pair: str(ip_network(pair, strict=False))
)
ipv6_prefixes = st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
    lambda pair: str(ip_network((pair[0].to_bytes(16, "big"), pair[1]), strict=False))
)
asns = st.integers(0, 2**32 - 1)
segments = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.lists(asns, min_size=1, max_size=4)), max_size=3
)
attribute_sets = st.builds(
    lambda path, pairs, triples, otc: (path, tuple(pairs), tuple(dict.fromkeys(triples)), otc),
    segments,
    st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), max_size=80),
    st.lists(st.tuples(asns, asns, asns), max_size=3),
    st.none() | asns,
)


@settings(max_examples=200, deadline=None)
@given(
    attribute_sets,
    st.tuples(*[st.lists(ipv4_prefixes, max_size=4)] * 2),
    st.tuples(*[st.lists(ipv6_prefixes, max_size=4)] * 2),
    st.sampled_from(AddPath),
)
def test_what_was_written_is_read(
    attributes: tuple[
        list[wire.Segment],
        tuple[tuple[int, int], ...],
        tuple[tuple[int, int, int], ...],
        int | None,
    ],
    ipv4: tuple[list[str], list[str]],
    ipv6: tuple[list[str], list[str]],
    add_path: AddPath,
) -> None:
    nlri, withdrawn = ipv4
    reached, unreached = ipv6
    path, communities, large, otc = attributes
    path_id = 7 if add_path is AddPath.YES else None
    octets = wire.update(
        wire.origin()
        + wire.as_path(*path)
        + wire.next_hop("192.0.2.9")
        + (wire.communities(*communities) if communities else b"")
        + (wire.large_communities(*large) if large else b"")
        + (b"" if otc is None else wire.otc(otc))
        + wire.mp_reach(reached, "2001:db8::1", path_id=path_id)
        + wire.mp_unreach(unreached, path_id=path_id),
        nlri=wire.prefixes(nlri, path_id=path_id),
        withdrawn=wire.prefixes(withdrawn, path_id=path_id),
    )
    decoder = MessageDecoder(TEXTS, add_path=add_path, on_loss=ignore)
    message = decoder.decode(octets, timestamp=1_000.0, peer=PEER)
    assert message == BgpMessage(
        1_000.0,
        PEER,
        MessageType.UPDATE,
        announced=tuple(dict.fromkeys(nlri + reached)),
        withdrawn=tuple(dict.fromkeys(withdrawn + unreached)),
        as_path=flat(path),
        announced_listed=len(nlri) + len(reached),
        withdrawn_listed=len(withdrawn) + len(unreached),
        next_hops=(*(["192.0.2.9"] if nlri else []), "2001:db8::1"),
        communities=communities,
        large_communities=large,
        otc=otc,
    )


def flat(path: list[wire.Segment]) -> AsPath:
    items: list[int | tuple[int, ...]] = []
    for kind, members in path:
        items += [tuple(members)] if kind == 1 else members
    return tuple(items)


whole_messages = st.builds(
    lambda attributes, nlri, withdrawn: wire.update(
        b"".join(attributes), nlri=wire.prefixes(nlri), withdrawn=wire.prefixes(withdrawn)
    ),
    st.lists(
        st.sampled_from(
            [
                wire.origin(),
                wire.as_path((2, (64496, 64500)), (1, (1, 2))),
                wire.as_path((2, (1, 2)), asn_bytes=2),
                wire.as4_path((2, (4_200_000_000,))),
                wire.next_hop(),
                wire.communities((1, 2)),
                wire.large_communities((1, 2, 3)),
                wire.otc(1),
                wire.mp_reach(["2001:db8::/32"], "2001:db8::1"),
                wire.mp_unreach(["2001:db8::/32"], path_id=1),
            ]
        )
        | st.builds(wire.attribute, st.integers(0, 255), st.integers(0, 40), st.binary(max_size=9)),
        max_size=7,
    ),
    st.lists(ipv4_prefixes, max_size=3),
    st.lists(ipv4_prefixes, max_size=3),
)
messages = whole_messages | st.builds(wire.message, st.integers(0, 6), st.binary(max_size=40))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A message with a few octets changed behind its header, so that its length still fits."""
    octets = bytearray(draw(messages))
    for _ in range(draw(st.integers(0, 3))):
        if len(octets) > 19:
            octets[draw(st.integers(19, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets)


def check(message: BgpMessage | RibEntry) -> None:
    prefixes: tuple[str, ...]
    if isinstance(message, RibEntry):
        prefixes = (message.prefix,)
    else:
        prefixes = message.announced + message.withdrawn
        assert len(set(message.announced)) == len(message.announced) <= message.announced_listed
        assert len(set(message.withdrawn)) == len(message.withdrawn) <= message.withdrawn_listed
        assert (message.session is not None) == (message.type is MessageType.STATE)
    assert str(ip_address(message.peer.address)) == message.peer.address
    for prefix in prefixes:
        assert str(ip_network(prefix)) == prefix
    for hop in message.next_hops:
        assert str(ip_address(hop)) == hop
    for item in message.as_path:
        members = item if isinstance(item, tuple) else (item,)
        assert members
        assert all(0 <= asn < 2**32 for asn in members)
    assert all(0 <= part < 2**16 for pair in communities_of(message) for part in pair)
    assert all(0 <= part < 2**32 for triple in message.large_communities for part in triple)
    assert message.otc is None or 0 <= message.otc < 2**32


@settings(max_examples=400, deadline=None)
@given(mutated() | st.binary(max_size=80), st.sampled_from(AsnSize), st.sampled_from(AddPath))
def test_bytes_are_refused_or_a_possible_message(
    octets: bytes, asn_size: AsnSize, add_path: AddPath
) -> None:
    decoder = MessageDecoder(TEXTS, asn_size=asn_size, add_path=add_path, on_loss=ignore)
    try:
        message = decoder.decode(octets, timestamp=1_000.0, peer=PEER)
    except BadInput:
        message = None
    if message is not None:
        check(message)
    try:
        extra_attributes(octets.hex())
    except BadInput:
        return


bodies = st.builds(
    lambda header, octets: header + octets,
    st.sampled_from(
        [
            wire.peer_header(64496, "192.0.2.1"),
            wire.peer_header(64496, "2001:db8::1", asn_bytes=2),
            bytes(4),
            bytes(12),
        ]
    ),
    mutated() | st.binary(max_size=30),
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([5, 11, 12, 13, 16, 17]),
    st.integers(0, 13),
    st.integers(0, 2**32 - 1) | st.just(1_470_931_200),
    bodies,
)
def test_records_are_refused_or_a_possible_message_with_a_frame_that_says_the_same(
    kind: int, subtype: int, seconds: int, body: bytes
) -> None:
    try:
        message = READER.read((seconds, kind << 16 | subtype, body))
    except BadInput:
        return
    if message is None:
        return
    check(message)
    framed = FRAMES.decode(message.received)
    assert isinstance(framed, BgpMessage)
    same = ("timestamp", "peer", "type", "announced", "withdrawn", "as_path", "session")
    for name in same:
        assert getattr(framed, name) == getattr(message, name)
    assert communities_of(framed) == communities_of(message)
    assert set(framed.next_hops) <= set(message.next_hops)


tables = st.builds(
    lambda kind, body: (1_470_931_200, kind, body),
    st.sampled_from([12 << 16 | 1, 12 << 16 | 2, *(13 << 16 | kind for kind in range(14))]),
    st.binary(max_size=60)
    | st.just(wire.peer_index((64496, "192.0.2.1"), (4_200_000_000, "2001:db8::1")))
    | st.builds(
        wire.rib,
        ipv4_prefixes | ipv6_prefixes,
        st.tuples(st.integers(0, 2), whole_messages.map(lambda octets: octets[23:])),
        path_id=st.none() | st.just(1),
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(tables, max_size=4))
def test_tables_are_refused_or_have_possible_routes(records: list[tuple[int, int, bytes]]) -> None:
    reader = MrtRibReader("rrc00", TEXTS, ignore)
    index = wire.peer_index((64496, "192.0.2.1"))
    list(reader.read((1_470_931_200, 13 << 16 | 1, index)))
    for record in records:
        try:
            for entry in reader.read(record):
                check(entry)
        except BadInput:
            continue


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=5), st.data())
def test_records_are_the_same_whatever_the_chunks(bodies: list[bytes], data: st.DataObject) -> None:
    octets = b"".join(wire.record(16, 4, body) for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=6)))
    edges = [0, *cuts, len(octets)]
    chunks = [octets[begin:end] for begin, end in pairwise(edges)]
    assert [body for _, _, body in split_records(chunks)] == bodies
