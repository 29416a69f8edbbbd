"""The VRPs in force: which of them cover a prefix.

Per address family one dict per prefix length, keyed by the network's bits, to the prefix's own
VRPs **and** every VRP that covers it, longest first. So the first hit of a walk from the longest
length down is the whole answer.

One thread writes while others read and take no lock: what a prefix has is replaced by one
reference, so that a reader sees it either before or after a change.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from bgptui.domain.rpki import Payload, Vrp
from bgptui.rpki.prefix_blocks import PrefixBlocks, Walk
from bgptui.rpki.vrp_set import Delta, Entry, Own, VrpSet, empty_family, set_of

# From so many changes on going once over the whole table beats looking below each of them.
_MANY = 2_000


class Provenance(NamedTuple):
    """Where VRPs came from and when they were built, seconds since 1970 UTC, if anybody said."""

    source: str = ""
    as_of: float | None = None


class VrpTable:
    """The VRPs in force.

    Attributes:
        provenance: for evidence; replaced as a whole.
    """

    __slots__ = ("_blocks", "_lookups", "_merged", "_size", "provenance")

    def __init__(self, *, source: str = "", as_of: float | None = None) -> None:
        self.provenance = Provenance(source, as_of)
        self._merged = empty_family()
        self._blocks = {width: PrefixBlocks(width, own) for width, own in self._merged.items()}
        self._lookups = {
            width: (blocks.block_shift, blocks.walks.get, blocks)
            for width, blocks in self._blocks.items()
        }
        self._size = 0

    def __len__(self) -> int:
        """Distinct VRPs."""
        return self._size

    def __contains__(self, entry: Entry) -> bool:
        payload = entry.payload
        return payload in self._merged[entry.width][payload.length].get(entry.network, ())

    def __iter__(self) -> Iterator[Entry]:
        """The VRPs, each once."""
        for width, by_length in self._merged.items():
            for length, of_length in enumerate(by_length):
                for network, covering in of_length.items():
                    for payload in covering:
                        if payload.length == length:
                            yield Entry(width, network, payload)

    def covering(self, width: int, address: int, length: int) -> Own:
        """What covers a prefix (as of parse_prefix), longest first; () where nothing does."""
        block_shift, walk_of, blocks = self._lookups[width]
        for its_length, shift, lookup in walk_of(address >> block_shift) or blocks.short_walk:
            if its_length <= length:
                found = lookup(address >> shift)
                if found is not None:
                    return found
        return ()

    def own(self, width: int, address: int, length: int) -> Iterator[Entry]:
        """The VRPs that are published for this very prefix."""
        network = address >> (width - length)
        for payload in self._merged[width][length].get(network, ()):
            if payload.length != length:
                return  # from here on those that cover it
            yield Entry(width, network, payload)

    def overlapping(self, width: int, address: int, length: int) -> Iterator[Entry]:
        """The VRPs of a prefix, of those that it covers and of those that cover it. Nobody may
        write meanwhile."""
        for payload in self.covering(width, address, length):
            yield Entry(width, address >> (width - payload.length), payload)
        network = address >> (width - length)
        for longer, below in self._blocks[width].below(length, network):
            yield from self.own(width, below << (width - longer), longer)

    def of_asns(self, asns: AbstractSet[int]) -> Iterator[Entry]:
        """The VRPs of these ASes; looks at all there are. Nobody may write meanwhile."""
        for width, by_length in self._merged.items():
            for length, of_length in enumerate(by_length):
                for network, payloads in of_length.items():
                    for payload in payloads:
                        if payload.length != length:
                            break
                        if payload.asn in asns:
                            yield Entry(width, network, payload)

    def adopt(self, vrps: VrpSet) -> None:
        """Take a set's VRPs into an empty table, sharing its objects: cheaper than a delta."""
        for width, by_length in self._merged.items():
            for mine, theirs in zip(by_length, vrps.own[width], strict=True):
                mine.update(theirs)
            self._blocks[width].note_all()
        self._size = len(vrps)
        self._merge()

    def apply(self, delta: Delta) -> Delta:
        """Change the table; what of the delta made a difference.

        Announcements come first, so that a route which one VRP loses and another gains is not
        without both in between.
        """
        many = len(delta.announced) + len(delta.withdrawn) > _MANY
        announced = tuple(entry for entry in delta.announced if self._insert(entry, many=many))
        withdrawn = tuple(entry for entry in delta.withdrawn if self._remove(entry, many=many))
        self._size += len(announced) - len(withdrawn)
        if many:
            self._merge()
        return Delta(announced, withdrawn)

    def _insert(self, entry: Entry, *, many: bool) -> bool:
        width, network, payload = entry.width, entry.network, entry.payload
        length = payload.length
        of_length = self._merged[width][length]
        before = of_length.get(network)
        if before is None:
            # Whoever reads between these two lines finds what covers the prefix besides.
            of_length[network] = (payload, *self.covering(*entry.prefix))
            self._blocks[width].note(length, network)
        elif payload in before:
            return False
        else:
            of_length[network] = _with(before, payload)
        if not many:
            for longer, below in self._blocks[width].below(length, network):
                of_longer = self._merged[width][longer]
                of_longer[below] = _with(of_longer[below], payload)
        return True

    def _remove(self, entry: Entry, *, many: bool) -> bool:
        width, network, payload = entry.width, entry.network, entry.payload
        length = payload.length
        of_length = self._merged[width][length]
        before = of_length.get(network, ())
        if payload not in before:
            return False
        after = _without(before, payload)
        if after and after[0].length == length:
            of_length[network] = after
        else:
            del of_length[network]
        if not many:
            for longer, below in self._blocks[width].below(length, network):
                of_longer = self._merged[width][longer]
                of_longer[below] = _without(of_longer[below], payload)
        return True

    def _merge(self) -> None:
        """Give each prefix the VRPs that cover it besides its own, shorter lengths first."""
        for width, by_length in self._merged.items():
            for length in range(len(by_length)):
                self._merge_length(width, length)

    def _merge_length(self, width: int, length: int) -> None:
        of_length, blocks, shift = self._merged[width][length], self._blocks[width], width - length
        shorter: dict[int, Walk] = {}  # per block
        for network, before in of_length.items():
            address = network << shift
            block = address >> blocks.block_shift
            walk = shorter.get(block)
            if walk is None:
                walk = shorter[block] = blocks.shorter(block, length)
            above: Own = ()
            for _, its_shift, lookup in walk:
                found = lookup(address >> its_shift)
                if found is not None:
                    above = found
                    break
            if above or before[-1].length != length:
                after = (*(own for own in before if own.length == length), *above)
                if after != before:
                    of_length[network] = after


def _with(covering: Own, payload: Payload) -> Own:
    return tuple(sorted((*covering, payload), key=_longest_first))


def _without(covering: Own, payload: Payload) -> Own:
    return tuple(other for other in covering if other != payload)


def _longest_first(payload: Payload) -> tuple[int, int, int, str]:
    return -payload.length, payload.max_length, payload.asn, payload.trust_anchor


def table_of(vrps: Iterable[Vrp], *, source: str = "", as_of: float | None = None) -> VrpTable:
    """A table of these VRPs.

    Raises:
        BadInput: one of them is malformed.
    """
    table = VrpTable(source=source, as_of=as_of)
    table.adopt(set_of(vrps))
    return table
