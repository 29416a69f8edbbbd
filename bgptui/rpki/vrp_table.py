"""The VRPs in force: which of them cover a prefix.

Per address family one dict per prefix length, keyed by the network's bits, to the prefix's own
VRPs **and** every VRP that covers it, longest first. So the first hit of a walk from the longest
length down is the whole answer.

One thread writes while others read and take no lock: what a prefix has is replaced by one
reference, in an order that lets a reader see it either before or after a change.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from bgptui.domain.rpki import Payload, Vrp
from bgptui.rpki.prefix_blocks import PrefixBlocks, Walk
from bgptui.rpki.vrp_set import Delta, Entry, Own, VrpSet, empty_family, set_of
from bgptui.runtime.uncollected import uncollected

# From so many changes on making the whole table anew beats looking below each of them.
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

    __slots__ = ("_blocks", "_lookups", "_merged", "_size", "_version", "provenance")

    def __init__(self, *, source: str = "", as_of: float | None = None) -> None:
        self.provenance = Provenance(source, as_of)
        self._merged = empty_family()
        self._blocks = {width: PrefixBlocks(width, own) for width, own in self._merged.items()}
        self._lookups = {
            width: (blocks.block_shift, blocks.walks.get, blocks)
            for width, blocks in self._blocks.items()
        }
        self._size = 0
        self._version = 0  # counts prefixes that came

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
        while True:
            version = self._version
            block_shift, walk_of, blocks = self._lookups[width]
            for its_length, shift, lookup in walk_of(address >> block_shift) or blocks.short_walk:
                if its_length <= length:
                    found = lookup(address >> shift)
                    if found is not None:
                        break
            else:
                found = ()
            # A longer prefix may have come after the walk had passed it by.
            if version == self._version:
                return found

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
        """Take a set's VRPs into an empty table: cheaper than a delta."""
        with uncollected():
            vrps.fill(self._merged)
            self._size = len(vrps)
            self._complete()

    def apply(self, delta: Delta) -> Delta:
        """Change the table; what of the delta made a difference.

        Whoever reads meanwhile gets for each prefix the answer from before or from after the whole
        of it.
        """
        gone = set(delta.withdrawn)
        announced = tuple(
            e for e in dict.fromkeys(delta.announced) if e not in gone and e not in self
        )
        withdrawn = tuple(e for e in dict.fromkeys(delta.withdrawn) if e in self)
        effective = Delta(announced, withdrawn)
        if len(announced) + len(withdrawn) > _MANY:
            with uncollected():
                self._rebuild(effective)
        else:
            self._change(effective)
        self._size += len(announced) - len(withdrawn)
        return effective

    def _change(self, delta: Delta) -> None:
        """Replace what each prefix has that the delta concerns.

        The order is what makes a walk right at any moment. New prefixes come first, longest first:
        until a route's own is there, what it finds is as before. Prefixes that go come last,
        shortest first: until a route's own is gone, it finds that.
        """
        changes = _Changes(delta)
        comes: list[tuple[int, int, int, Own]] = []
        stays: list[tuple[dict[int, Own], int, Own]] = []
        goes: list[tuple[int, int, int]] = []
        for width, length, network in self._concerned(delta):
            of_length = self._merged[width][length]
            before = of_length.get(network)
            is_new = before is None
            if before is None:
                before = self.covering(width, network << (width - length), length)
            after = changes.applied(before, width, length, network)
            if not after or after[0].length != length:
                goes.append((length, width, network))
            elif is_new:
                comes.append((length, width, network, after))
            else:
                stays.append((of_length, network, after))
        for length, width, network, after in sorted(comes, reverse=True):
            self._merged[width][length][network] = after
            self._blocks[width].note(length, network)
            self._version += 1
        for of_length, network, after in stays:
            of_length[network] = after
        for length, width, network in sorted(goes):
            del self._merged[width][length][network]

    def _concerned(self, delta: Delta) -> set[tuple[int, int, int]]:
        """(width, length, network) of the prefixes of a delta, and of those in the table below."""
        concerned: set[tuple[int, int, int]] = set()
        for entry in (*delta.announced, *delta.withdrawn):
            width, length, network = entry.width, entry.payload.length, entry.network
            if (width, length, network) not in concerned:
                concerned.add((width, length, network))
                below = self._blocks[width].below(length, network)
                concerned.update((width, longer, its_network) for longer, its_network in below)
        return concerned

    def _rebuild(self, delta: Delta) -> None:
        """Make the table anew with a delta, aside, and exchange it by one reference."""
        fresh = VrpTable()
        for width, by_length in self._merged.items():
            for length, (mine, theirs) in enumerate(
                zip(fresh._merged[width], by_length, strict=True)
            ):
                for network, payloads in theirs.items():
                    mine[network] = _own(payloads, length)
        for changes, change in ((delta.announced, _with), (delta.withdrawn, _without)):
            for entry in changes:
                of_length = fresh._merged[entry.width][entry.payload.length]
                of_length[entry.network] = change(of_length.get(entry.network, ()), entry.payload)
                if not of_length[entry.network]:
                    del of_length[entry.network]
        fresh._complete()
        self._merged, self._blocks = fresh._merged, fresh._blocks
        self._lookups = fresh._lookups

    def _complete(self) -> None:
        """Prefixes have their own VRPs; give them what covers them."""
        for blocks in self._blocks.values():
            blocks.note_all()
        self._merge()

    def _merge(self) -> None:
        """Give each prefix, which has its own VRPs, those that cover it; shorter lengths first."""
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
            if above:
                of_length[network] = (*before, *above)


class _Changes:
    """A delta by prefix."""

    def __init__(self, delta: Delta) -> None:
        self._announced: defaultdict[tuple[int, int, int], list[Payload]] = defaultdict(list)
        self._withdrawn: defaultdict[tuple[int, int, int], list[Payload]] = defaultdict(list)
        self._lengths: defaultdict[int, set[int]] = defaultdict(set)
        for entries, of_prefix in (
            (delta.announced, self._announced),
            (delta.withdrawn, self._withdrawn),
        ):
            for entry in entries:
                length = entry.payload.length
                of_prefix[entry.width, length, entry.network].append(entry.payload)
                self._lengths[entry.width].add(length)

    def applied(self, before: Own, width: int, length: int, network: int) -> Own:
        """What covers a prefix afterwards, longest first."""
        above = [
            (width, shorter, network >> (length - shorter))
            for shorter in self._lengths[width]
            if shorter <= length
        ]
        gone = {payload for prefix in above for payload in self._withdrawn.get(prefix, ())}
        new = [payload for prefix in above for payload in self._announced.get(prefix, ())]
        kept = [payload for payload in before if payload not in gone]
        return tuple(sorted((*kept, *new), key=longest_first))


def _own(covering: Own, length: int) -> Own:
    """Those of the prefix itself, whose length this is."""
    if covering[-1].length == length:
        return covering
    return tuple(payload for payload in covering if payload.length == length)


def _with(covering: Own, payload: Payload) -> Own:
    return tuple(sorted((*covering, payload), key=longest_first))


def _without(covering: Own, payload: Payload) -> Own:
    return tuple(other for other in covering if other != payload)


def longest_first(payload: Payload) -> tuple[int, int, int, str]:
    """The order of what covers a prefix."""
    return -payload.length, payload.max_length, payload.asn, payload.trust_anchor


def table_of(vrps: Iterable[Vrp], *, source: str = "", as_of: float | None = None) -> VrpTable:
    """A table of these VRPs.

    Raises:
        BadInput: one of them is malformed.
    """
    table = VrpTable(source=source, as_of=as_of)
    table.adopt(set_of(vrps))
    return table
