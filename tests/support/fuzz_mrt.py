"""Raw BGP messages and MRT, as targets for fuzz_targets.TARGETS."""

from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from bgptui.domain.routing import Peer
from bgptui.errors import BadInput, UsageError
from bgptui.runtime.metrics import Metrics
from bgptui.sources.as_paths import AsnSize
from bgptui.sources.bgp_update import MessageDecoder, extra_attributes
from bgptui.sources.nlri import AddPath, WireTexts
from bgptui.sources.packed_file import read_chunks
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.record_reader import RecordReader
from bgptui.sources.ris_messages import FrameDecoder
from support.possible import (
    EARLIEST,
    assert_canonical,
    assert_possible,
    assert_possible_path,
)

_TEXTS = WireTexts(prefixes=50, next_hops=5)
_DECODERS = [
    MessageDecoder(_TEXTS, asn_size=size, add_path=paths, on_loss=lambda _: None)
    for size in AsnSize
    for paths in AddPath
]
_PEER = Peer("rrc00", "192.0.2.1", 64500)
_MAX_SEED_BYTES = 8_192

# An UPDATE of 2019 for 2620:3:a000::/48 from AS 6881, and one that withdraws 192.0.2.0/24.
_UPDATES = [
    bytes.fromhex(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF004B0200000034800E1C000201102A0200380000000000000000"
        "00000002003026200003A0004001010040020E020300001AE100001B1B000608BD"
    ),
    bytes.fromhex("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF001B020004 18C00002 0000".replace(" ", "")),
]


def decode_message(octets: bytes) -> None:
    """One BGP message in every encoding, and what `raw` is read for."""
    for decoder in _DECODERS:
        with suppress(BadInput):
            message = decoder.decode(octets, timestamp=EARLIEST + 1.0, peer=_PEER)
            if message is not None:
                assert_possible(message)
    with suppress(BadInput):
        large, otc = extra_attributes(octets.hex())
        assert all(0 <= part < 2**32 for community in large for part in community)
        assert otc is None or 0 <= otc < 2**32


def read_rib(path: str) -> None:
    """A routing table from its compression to its entries."""
    metrics = Metrics()
    reader = RecordReader(
        decoder=FrameDecoder(prefixes=50, peers=5, next_hops=5),
        collector="rrc00",
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        max_frame_bytes=65_536,
    )
    with suppress(UsageError):
        for entry in reader.rib(path):
            assert 0 <= entry.originated < 2**32
            assert_canonical(entry.prefix)
            assert_possible_path(entry.as_path)
            for next_hop in entry.next_hops:
                assert str(ip_address(next_hop)) == next_hop


def message_seeds(_shared: Path | None) -> list[bytes]:
    return _UPDATES


def mrt_seeds(shared: Path | None) -> list[bytes]:
    """A BGP4MP_MESSAGE_AS4 for each update, and the beginnings of real files."""
    header = b"\0\0\x1a\xe1\0\0\x30\x5d\0\0\0\1" + bytes((192, 0, 2, 1)) + bytes((192, 0, 2, 2))
    bodies = [header + update for update in _UPDATES]
    made = [
        (1_573_622_213).to_bytes(4) + b"\0\x10\0\4" + len(body).to_bytes(4) + body
        for body in bodies
    ]
    return [*made, b"".join(made), *_beginnings(shared, ("updates", "withdrawal"))]


def rib_seeds(shared: Path | None) -> list[bytes]:
    """An index of one peer with one entry, and the beginnings of real tables."""
    index = b"\xc0\0\2\1\0\0\0\1\2" + bytes((192, 0, 2, 1)) * 2 + (64500).to_bytes(4)
    attributes = bytes.fromhex("40010100 4002060201 0000FBF4 400304C0000201".replace(" ", ""))
    entry = b"\0\0\0\0\x18\xcb\0\x71\0\1\0\0" + bytes(4) + len(attributes).to_bytes(2) + attributes
    records = [(1, index), (2, entry)]
    made = b"".join(
        (1_573_622_213).to_bytes(4) + b"\0\x0d" + kind.to_bytes(2) + len(body).to_bytes(4) + body
        for kind, body in records
    )
    return [made, *_beginnings(shared, ("bview", "rib"))]


def _beginnings(shared: Path | None, names: tuple[str, ...]) -> list[bytes]:
    if shared is None:
        return []
    paths = sorted((shared / "data/mrt").iterdir())
    return [
        next(read_chunks(str(path), on_read=lambda _: None))[:_MAX_SEED_BYTES]
        for path in paths
        if any(name in path.name for name in names)
    ]
