"""The table of validated ROA payloads: which VRPs cover a prefix.

Per address family one dict per prefix length, keyed by the network's bits, to the prefix's own
VRPs **and** every VRP that covers it, longest first. So the first hit of a walk from the longest
length down is the whole answer. Which lengths are worth a look is known per block of addresses.
A table never changes once built: readers take no lock, a new one replaces it by one reference.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, parse_prefix
from bgptui.domain.rpki import Vrp
from bgptui.errors import BadInput

MAX_ASN = 2**32 - 1

Covering = tuple[Vrp, ...]

# Prefix lengths that occur in a block, longest first: (length, shift to its network bits, lookup).
_Walk = tuple[tuple[int, int, Callable[[int], Covering | None]], ...]

# Top bits that make a block of addresses. Finer ones waste fewer looks but take more memory.
_BLOCK_BITS = {IPV4_BITS: 12, IPV6_BITS: 28}


class _Family(Struct, frozen=True):
    """One address family.

    Attributes:
        block_shift: bits below a block's.
        walks: per block, the lengths that occur in it.
        short_walk: the lengths shorter than a block, for blocks that have no walk.
    """

    block_shift: int
    walks: dict[int, _Walk]
    short_walk: _Walk


class VrpTable:
    """An immutable set of VRPs.

    Attributes:
        source: where they came from, for evidence.
        as_of: when they were built, seconds since 1970 UTC; None where nobody said.
    """

    __slots__ = ("_families", "_size", "as_of", "source")

    def __init__(
        self, families: dict[int, _Family], *, size: int, source: str, as_of: float | None
    ) -> None:
        self._families = families
        self._size = size
        self.source = source
        self.as_of = as_of

    def __len__(self) -> int:
        """Distinct VRPs."""
        return self._size

    def covering(self, width: int, address: int, length: int) -> Covering:
        """The VRPs that cover a prefix (as of parse_prefix), longest first; () where none does."""
        family = self._families[width]
        walk = family.walks.get(address >> family.block_shift, family.short_walk)
        for its_length, shift, lookup in walk:
            if its_length <= length:
                found = lookup(address >> shift)
                if found is not None:
                    return found
        return ()


class VrpTableBuilder:
    """Collects VRPs, then builds the table. One builder makes one table."""

    def __init__(self) -> None:
        self._own: dict[int, tuple[dict[int, Covering], ...]] = {
            width: tuple({} for _ in range(width + 1)) for width in _BLOCK_BITS
        }
        self._asns: dict[int, int] = {}

    def add(self, prefix: str, *, max_length: int | None, asn: int, trust_anchor: str = "") -> None:
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
        # A file has ten VRPs per AS and a new int object for each: one serves them all.
        vrp = Vrp(prefix, max_length, self._asns.setdefault(asn, asn), trust_anchor)
        own = self._own[width][length]
        network = address >> (width - length)
        before = own.get(network)
        own[network] = (vrp,) if before is None else (*before, vrp)

    def build(self, *, source: str = "", as_of: float | None = None) -> VrpTable:
        """The table of everything added so far."""
        size = sum(_distinct(own) for family in self._own.values() for own in family)
        families = {width: _merge(width, own) for width, own in self._own.items()}
        return VrpTable(families, size=size, source=source, as_of=as_of)


def table_of(vrps: Iterable[Vrp], *, source: str = "", as_of: float | None = None) -> VrpTable:
    """A table of these VRPs.

    Raises:
        BadInput: one of them is malformed.
    """
    builder = VrpTableBuilder()
    for vrp in vrps:
        builder.add(
            vrp.prefix, max_length=vrp.max_length, asn=vrp.asn, trust_anchor=vrp.trust_anchor
        )
    return builder.build(source=source, as_of=as_of)


def _distinct(own: dict[int, Covering]) -> int:
    """Sort each prefix's VRPs and drop repeated ones, in place; how many are left."""
    size = 0
    for network, vrps in own.items():
        if len(vrps) == 1:
            size += 1
            continue
        own[network] = distinct = tuple(sorted(set(vrps)))
        size += len(distinct)
    return size


def _merge(width: int, by_length: tuple[dict[int, Covering], ...]) -> _Family:
    """Append to each prefix's VRPs those that cover it, in place, shorter lengths first."""
    block_bits = _BLOCK_BITS[width]
    block_shift = width - block_bits
    steps = {length: (length, width - length, own.get) for length, own in enumerate(by_length)}
    walk_of: dict[int, _Walk] = {}  # by the set of lengths, as a bit mask

    def walk(lengths: int) -> _Walk:
        known = walk_of.get(lengths)
        if known is None:
            longest_first = range(lengths.bit_length() - 1, -1, -1)
            known = tuple(steps[length] for length in longest_first if lengths >> length & 1)
            walk_of[lengths] = known
        return known

    short = sum(1 << length for length in range(block_bits) if by_length[length])
    lengths_in: dict[int, int] = {}  # per block
    for length, own in enumerate(by_length):
        shift = width - length
        so_far: dict[int, _Walk] = {}  # per block, the lengths below this one
        for network, vrps in own.items():
            address = network << shift
            block = address >> block_shift
            above = so_far.get(block)
            if above is None:
                lengths = lengths_in.get(block, short) & ((1 << length) - 1)
                above = so_far[block] = walk(lengths)
                if length >= block_bits:
                    lengths_in[block] = lengths_in.get(block, short) | 1 << length
            for _, its_shift, lookup in above:
                found = lookup(address >> its_shift)
                if found is not None:
                    own[network] = vrps + found
                    break
    return _Family(
        block_shift=block_shift,
        walks={block: walk(lengths) for block, lengths in lengths_in.items()},
        short_walk=walk(short),
    )
