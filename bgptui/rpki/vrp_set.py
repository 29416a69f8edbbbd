"""Sets of validated ROA payloads as a cache hands them out, kept small enough for millions.

A VRP is a record of ten bytes (IPv6: 22), in order within a block of addresses. Two sets are
compared block by block, so that half an hour's changes among a million are found in the few
blocks that differ; and a set passes from one process to another as it is.
"""

import struct
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, parse_prefix
from bgptui.domain.rpki import Payload, Vrp
from bgptui.errors import BadInput

MAX_ASN = 2**32 - 1

# An address, then prefix length, max length and AS number: in order as bytes and as numbers.
_REST = struct.Struct(">BBI")
_RECORDS = {IPV4_BITS: struct.Struct(">I6s"), IPV6_BITS: struct.Struct(">QQ6s")}
_RECORD_BYTES = {width: record.size for width, record in _RECORDS.items()}
# Bits below those that make a block: of the real world's VRPs there are some 3,000 blocks.
_BLOCK_SHIFT = {IPV4_BITS: 22, IPV6_BITS: 108}

Own = tuple[Payload, ...]
ByLength = tuple[dict[int, Own], ...]
Block = tuple[str, int, int]  # trust anchor, width of the address, its first bits


class Entry(Struct, frozen=True, gc=False):
    """A VRP as numbers: `network` are the first `payload.length` bits of its address."""

    width: int
    network: int
    payload: Payload

    @property
    def prefix(self) -> tuple[int, int, int]:
        """(width, address, length), as parse_prefix has it."""
        length = self.payload.length
        return self.width, self.network << (self.width - length), length

    def vrp(self) -> Vrp:
        width, address, _ = self.prefix
        return self.payload.vrp(width, address)


class Delta(Struct, frozen=True):
    """What turns one set into another."""

    announced: tuple[Entry, ...] = ()
    withdrawn: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.announced or self.withdrawn)


def empty_family() -> dict[int, ByLength]:
    """By width of the address: a dict for each prefix length, from network bits."""
    return {width: tuple({} for _ in range(width + 1)) for width in (IPV4_BITS, IPV6_BITS)}


class VrpSet(Struct, frozen=True):
    """Distinct VRPs; a change makes another set.

    Attributes:
        blocks: records in their order; no block is empty.
    """

    blocks: dict[Block, bytes] = {}

    def __len__(self) -> int:
        return sum(self.by_trust_anchor().values())

    def __iter__(self) -> Iterator[Entry]:
        for block, records in self.blocks.items():
            yield from _entries(block, _split(block, records))

    def __contains__(self, entry: Entry) -> bool:
        block, number = _numbered(entry)
        records = self.blocks.get(block)
        if records is None:
            return False
        size = _RECORD_BYTES[block[1]]
        return any(_beginning_with(number.to_bytes(size, "big"), records, size))

    def covering(self, width: int, address: int, length: int) -> Iterator[Entry]:
        """The VRPs that cover a prefix, by trust anchor and length."""
        size, shift = _RECORD_BYTES[width], _BLOCK_SHIFT[width]
        for trust_anchor in dict.fromkeys(block[0] for block in self.blocks):
            for its_length in range(length + 1):
                network = address >> (width - its_length) << (width - its_length)
                block = trust_anchor, width, network >> shift
                first = (network << 8 | its_length).to_bytes(width // 8 + 1, "big")
                records = _beginning_with(first, self.blocks.get(block, b""), size)
                yield from _entries(block, records)

    def by_trust_anchor(self) -> dict[str, int]:
        """How many there are of each trust anchor."""
        counts: Counter[str] = Counter()
        for (trust_anchor, width, _), records in self.blocks.items():
            counts[trust_anchor] += len(records) // _RECORD_BYTES[width]
        return dict(sorted(counts.items()))

    def since(self, before: "VrpSet") -> Delta:
        """What makes this set of `before`."""
        announced: list[Entry] = []
        withdrawn: list[Entry] = []
        for block, records in self.blocks.items():
            theirs = before.blocks.get(block, b"")
            if records != theirs:
                here, there = set(_split(block, records)), set(_split(block, theirs))
                announced += _entries(block, sorted(here - there))
                withdrawn += _entries(block, sorted(there - here))
        for block in before.blocks.keys() - self.blocks.keys():
            withdrawn += _entries(block, _split(block, before.blocks[block]))
        return Delta(tuple(announced), tuple(withdrawn))

    def changed(self, delta: Delta) -> "VrpSet":
        """This set after a change; what is there already, or not there, makes no difference."""
        touched: dict[Block, set[bytes]] = {}
        for entry in (*delta.announced, *delta.withdrawn):
            block, _ = _numbered(entry)
            if block not in touched:
                touched[block] = set(_split(block, self.blocks.get(block, b"")))
        for entry in delta.announced:
            block, number = _numbered(entry)
            touched[block].add(number.to_bytes(_RECORD_BYTES[entry.width], "big"))
        for entry in delta.withdrawn:
            block, number = _numbered(entry)
            touched[block].discard(number.to_bytes(_RECORD_BYTES[entry.width], "big"))
        blocks = dict(self.blocks)
        for block, records in touched.items():
            blocks[block] = b"".join(sorted(records))
            if not records:
                del blocks[block]
        return VrpSet(blocks)

    def fill(self, family: dict[int, ByLength]) -> None:
        """Put the VRPs under their very prefixes; equal payloads share one object, and prefixes
        with one such payload the tuple of it: of a million there are some 200,000."""
        places: dict[tuple[str, int], _Places] = {}
        for (trust_anchor, width, _), records in self.blocks.items():
            known = places.get((trust_anchor, width))
            if known is None:
                known = _Places(family[width], width, trust_anchor)
                places[trust_anchor, width] = known
            _fill(width, records, known)


class VrpSetBuilder:
    """Collects VRPs one by one for a set."""

    def __init__(self) -> None:
        self._blocks: defaultdict[Block, set[int]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(map(len, self._blocks.values()))

    def add(self, prefix: str, max_length: int | None, asn: int, trust_anchor: str = "") -> None:
        """Add one VRP; the same one twice counts once.

        Args:
            max_length: None means the prefix's own length (RFC 9582 section 4.3.2.2).
        Raises:
            BadInput: `bad_prefix`, `bad_max_length` or `bad_asn`.
        """
        width, address, length = parse_prefix(prefix)
        if max_length is None:
            max_length = length
        if not length <= max_length <= width:
            raise BadInput(
                f"max length {max_length} of {prefix} is not between {length} and {width}",
                reason="bad_max_length",
            )
        if not 0 <= asn <= MAX_ASN:
            raise BadInput(f"{asn} is not an AS number", reason="bad_asn")
        self._blocks[trust_anchor, width, address >> _BLOCK_SHIFT[width]].add(
            address << 48 | length << 40 | max_length << 32 | asn
        )

    def insert(self, entry: Entry) -> bool:
        """Add an entry that has been checked; False where it is there already."""
        block, number = _numbered(entry)
        numbers = self._blocks[block]
        before = len(numbers)
        numbers.add(number)
        return len(numbers) > before

    def built(self) -> VrpSet:
        """The set; the builder is empty again."""
        blocks: dict[Block, bytes] = {}
        while self._blocks:
            block, numbers = self._blocks.popitem()
            size = _RECORD_BYTES[block[1]]
            blocks[block] = b"".join([number.to_bytes(size, "big") for number in sorted(numbers)])
        return VrpSet(dict(sorted(blocks.items())))


def set_of(vrps: Iterable[Vrp]) -> VrpSet:
    """A set of these VRPs.

    Raises:
        BadInput: one of them is malformed.
    """
    builder = VrpSetBuilder()
    for vrp in vrps:
        builder.add(vrp.prefix, vrp.max_length, vrp.asn, vrp.trust_anchor)
    return builder.built()


def _numbered(entry: Entry) -> tuple[Block, int]:
    """The block of an entry, and its record as a number."""
    payload, (width, address, length) = entry.payload, entry.prefix
    block = payload.trust_anchor, width, address >> _BLOCK_SHIFT[width]
    return block, address << 48 | length << 40 | payload.max_length << 32 | payload.asn


def _beginning_with(first: bytes, records: bytes, size: int) -> Iterator[bytes]:
    """The records of `size` bytes that begin so."""
    places = range(0, len(records), size)
    at = size * bisect_left(places, first, key=lambda place: records[place : place + size])
    while records.startswith(first, at):
        yield records[at : at + size]
        at += size


def _split(block: Block, records: bytes) -> list[bytes]:
    size = _RECORD_BYTES[block[1]]
    return [records[at : at + size] for at in range(0, len(records), size)]


def _entries(block: Block, records: Iterable[bytes]) -> Iterator[Entry]:
    trust_anchor, width, _ = block
    for record in records:
        length, max_length, asn = _REST.unpack(record[-_REST.size :])
        network = int.from_bytes(record[: -_REST.size], "big") >> (width - length)
        yield Entry(width, network, Payload(length, max_length, asn, trust_anchor))


# Where prefixes of one length are, the bits of an address that they have not, and a payload.
_Place = tuple[dict[int, Own], int, Own]


class _Places(dict[bytes, _Place]):
    """Places by what follows the address in a record."""

    def __init__(self, by_length: ByLength, width: int, trust_anchor: str) -> None:
        super().__init__()
        self._by_length = by_length
        self._width = width
        self._trust_anchor = trust_anchor

    def __missing__(self, rest: bytes) -> _Place:
        length, max_length, asn = _REST.unpack(rest)
        payload = Payload(length, max_length, asn, self._trust_anchor)
        place = self[rest] = self._by_length[length], self._width - length, (payload,)
        return place


def _numbers(width: int, records: bytes) -> Iterator[tuple[int, bytes]]:
    """(address, what follows it) of each record."""
    unpacked = _RECORDS[width].iter_unpack(records)
    if width == IPV4_BITS:
        return unpacked
    return ((high << 64 | low, rest) for high, low, rest in unpacked)


def _fill(width: int, records: bytes, places: _Places) -> None:
    for address, rest in _numbers(width, records):
        own, below, payloads = places[rest]
        before = own.setdefault(address >> below, payloads)
        if before is not payloads:
            own[address >> below] = tuple(sorted((*before, *payloads)))
