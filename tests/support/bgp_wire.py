"""BGP messages and MRT records as bytes, written from the RFCs and not from our decoder."""

import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network

MARKER = b"\xff" * 16
UPDATE = 2
Segment = tuple[int, Sequence[int]]  # type (1 set, 2 sequence, 3 and 4 confederation), members


def prefix(text: str, *, path_id: int | None = None) -> bytes:
    """One prefix of Withdrawn Routes or NLRI (RFC 4271 section 4.3; RFC 7911 section 3)."""
    network = ip_network(text)
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
    return _path_id(path_id) + bytes([network.prefixlen]) + octets


def prefixes(texts: Iterable[str], *, path_id: int | None = None) -> bytes:
    return b"".join(prefix(text, path_id=path_id) for text in texts)


def attribute(flags: int, kind: int, value: bytes, *, extended: bool = False) -> bytes:
    if extended or len(value) > 255:
        return struct.pack(">BBH", flags | 0x10, kind, len(value)) + value
    return struct.pack(">BBB", flags, kind, len(value)) + value


def origin(value: int = 0) -> bytes:
    return attribute(0x40, 1, bytes([value]))


def path_value(segments: Iterable[Segment], *, asn_bytes: int = 4) -> bytes:
    form = "I" if asn_bytes == 4 else "H"
    return b"".join(
        struct.pack(f">BB{len(asns)}{form}", kind, len(asns), *asns) for kind, asns in segments
    )


def as_path(*segments: Segment, asn_bytes: int = 4) -> bytes:
    return attribute(0x40, 2, path_value(segments, asn_bytes=asn_bytes))


def as4_path(*segments: Segment) -> bytes:
    return attribute(0xC0, 17, path_value(segments))


def next_hop(text: str = "192.0.2.1") -> bytes:
    return attribute(0x40, 3, ip_address(text).packed)


def communities(*pairs: tuple[int, int]) -> bytes:
    return attribute(0xC0, 8, b"".join(struct.pack(">HH", *pair) for pair in pairs))


def large_communities(*triples: tuple[int, int, int]) -> bytes:
    return attribute(0xC0, 32, b"".join(struct.pack(">III", *triple) for triple in triples))


def otc(asn: int) -> bytes:
    return attribute(0xC0, 35, struct.pack(">I", asn))


def mp_reach(
    texts: Iterable[str],
    *hops: str,
    afi: int = 2,
    safi: int = 1,
    path_id: int | None = None,
) -> bytes:
    packed = b"".join(ip_address(hop).packed for hop in hops)
    value = struct.pack(">HBB", afi, safi, len(packed)) + packed + b"\0"
    return attribute(0x80, 14, value + prefixes(texts, path_id=path_id))


def mp_unreach(
    texts: Iterable[str], *, afi: int = 2, safi: int = 1, path_id: int | None = None
) -> bytes:
    value = struct.pack(">HB", afi, safi) + prefixes(texts, path_id=path_id)
    return attribute(0x80, 15, value)


def message(kind: int, body: bytes) -> bytes:
    return MARKER + struct.pack(">HB", 19 + len(body), kind) + body


def update(attributes: bytes = b"", *, nlri: bytes = b"", withdrawn: bytes = b"") -> bytes:
    body = struct.pack(">H", len(withdrawn)) + withdrawn
    return message(UPDATE, body + struct.pack(">H", len(attributes)) + attributes + nlri)


def open_message(asn: int = 64496, hold_time_s: int = 180) -> bytes:
    return message(1, struct.pack(">BHH4sB", 4, asn, hold_time_s, bytes([192, 0, 2, 1]), 0))


def record(kind: int, subtype: int, body: bytes, *, seconds: int = 1_470_931_200) -> bytes:
    """An MRT record (RFC 6396 section 2)."""
    return struct.pack(">IHHI", seconds, kind, subtype, len(body)) + body


def peer_header(asn: int, address: str, *, asn_bytes: int = 4, local_asn: int = 12654) -> bytes:
    """What precedes the message or the states in BGP4MP (RFC 6396 section 4.4)."""
    packed = ip_address(address).packed
    form = "I" if asn_bytes == 4 else "H"
    afi = 1 if len(packed) == 4 else 2
    return struct.pack(f">{form}{form}HH", asn, local_asn, 0, afi) + packed + bytes(len(packed))


def peer_index(*peers: tuple[int, str], view: bytes = b"") -> bytes:
    """The body of a PEER_INDEX_TABLE (RFC 6396 section 4.3.1)."""
    body = bytes(4) + struct.pack(">H", len(view)) + view + struct.pack(">H", len(peers))
    for asn, address in peers:
        packed = ip_address(address).packed
        body += bytes([2 | (len(packed) == 16)]) + bytes(4) + packed + struct.pack(">I", asn)
    return body


def rib(text: str, *entries: tuple[int, bytes], path_id: int | None = None) -> bytes:
    """The body of a RIB_IPVn_UNICAST of (peer's index, attributes)."""
    body = bytes(4) + prefix(text) + struct.pack(">H", len(entries))
    for index, attributes in entries:
        body += struct.pack(">HI", index, 1_470_900_000) + _path_id(path_id)
        body += struct.pack(">H", len(attributes)) + attributes
    return body


def _path_id(path_id: int | None) -> bytes:
    return b"" if path_id is None else struct.pack(">I", path_id)
