"""Which prefix lengths are worth a look, by block of addresses."""

from collections.abc import Callable, Iterator

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS
from bgptui.rpki.vrp_set import Own

# Top bits that make a block of addresses. Finer ones waste fewer looks but take more memory.
_BLOCK_BITS = {IPV4_BITS: 12, IPV6_BITS: 28}

# Longest first: (length, shift to its network bits, lookup).
Walk = tuple[tuple[int, int, Callable[[int], Own | None]], ...]


class PrefixBlocks:
    """One address family.

    Attributes:
        block_shift: bits below a block's.
        walks: per block in which there is a prefix, the lengths of these and of the shorter
            prefixes that cover the block.
        short_walk: the lengths shorter than a block, for blocks that have no walk.
    """

    def __init__(self, width: int, by_length: tuple[dict[int, Own], ...]) -> None:
        self._block_bits = _BLOCK_BITS[width]
        self.block_shift = width - self._block_bits
        self._by_length = by_length
        self._steps = [(n, width - n, own.get) for n, own in enumerate(by_length)]
        self._walk_of: dict[int, Walk] = {}  # by the lengths, as bits
        self._masks: dict[int, int] = {}  # per block
        self._short = 0
        self.walks: dict[int, Walk] = {}
        self.short_walk: Walk = ()

    def note(self, length: int, network: int) -> None:
        """A prefix is in the table now. A length stays noted when its last prefix goes: that
        costs a look, not an answer."""
        if length >= self._block_bits:
            block = network >> (length - self._block_bits)
            self._set(block, self._mask(block) | 1 << length)
            return
        self._short |= 1 << length
        self.short_walk = self._walk(self._short)
        above = self._block_bits - length
        first, after = network << above, (network + 1) << above
        few = after - first < len(self._masks)
        for block in range(first, after) if few else list(self._masks):
            mask = self._masks.get(block)
            if mask is not None and first <= block < after:
                self._set(block, mask | 1 << length)

    def note_all(self) -> None:
        """As `note`, for everything in a table that was empty."""
        bits = self._block_bits
        for length, own in enumerate(self._by_length[:bits]):
            self._short |= bool(own) << length
        self.short_walk = self._walk(self._short)
        for length, own in enumerate(self._by_length[bits:], bits):
            for block in {network >> (length - bits) for network in own}:
                self._set(block, self._mask(block) | 1 << length)

    def _mask(self, block: int) -> int:
        known = self._masks.get(block)
        if known is not None:
            return known
        bits = self._block_bits
        return sum(
            1 << length
            for length, own in enumerate(self._by_length[:bits])
            if block >> (bits - length) in own
        )

    def _set(self, block: int, mask: int) -> None:
        self._masks[block] = mask
        self.walks[block] = self._walk(mask)

    def _walk(self, lengths: int) -> Walk:
        known = self._walk_of.get(lengths)
        if known is None:
            longest_first = range(lengths.bit_length() - 1, -1, -1)
            known = tuple(self._steps[n] for n in longest_first if lengths >> n & 1)
            self._walk_of[lengths] = known
        return known

    def shorter(self, block: int, length: int) -> Walk:
        """The walk of a block over the lengths below this one."""
        return self._walk(self._masks.get(block, self._short) & ((1 << length) - 1))

    def below(self, length: int, network: int) -> Iterator[tuple[int, int]]:
        """(length, network) of every longer prefix that this one covers."""
        bits = self._block_bits
        masks = self._masks.get(network >> (length - bits), 0) if length >= bits else -1
        for longer in range(length + 1, len(self._by_length)):
            own = self._by_length[longer]
            if not own or not masks >> longer & 1:
                continue
            above = longer - length
            if 1 << above < len(own):
                first = network << above
                found = [n for n in range(first, first + (1 << above)) if n in own]
            else:
                found = [n for n in own if n >> above == network]
            for candidate in found:
                yield longer, candidate
