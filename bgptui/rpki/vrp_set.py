"""Sets of validated ROA payloads as a cache hands them out, kept small enough for millions.

Per address family one dict per prefix length, keyed by the network's bits, to the payloads
published for that very prefix. VRPs whose payloads are equal share one object, so that a VRP costs
a slot in a dict and no text.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, parse_prefix
from bgptui.domain.rpki import Payload, Vrp
from bgptui.errors import BadInput

MAX_ASN = 2**32 - 1


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


Own = tuple[Payload, ...]


ByLength = tuple[dict[int, Own], ...]


def empty_family() -> dict[int, ByLength]:
    """By width of the address: a dict for each prefix length, from network bits."""
    return {width: tuple({} for _ in range(width + 1)) for width in (IPV4_BITS, IPV6_BITS)}


class VrpSet:
    """Distinct VRPs. One thread writes; what others read meanwhile is replaced, never mutated.

    Args:
        like: a set whose objects are used again where they are equal: that of the same source
            before, so that a reload does not double them.
    """

    def __init__(self, like: "VrpSet | None" = None) -> None:
        self.own = empty_family()
        self._like = like
        # By trust anchor and the other three as one number: a tuple would cost three times that.
        self._payloads: dict[str, dict[int, Payload]] = {} if like is None else like._payloads
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Entry]:
        for width, lengths in self.own.items():
            for own in lengths:
                for network, payloads in own.items():
                    for payload in payloads:
                        yield Entry(width, network, payload)

    def __contains__(self, entry: Entry) -> bool:
        payload = entry.payload
        return payload in self.own[entry.width][payload.length].get(entry.network, ())

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
        payload = self.payload(length, max_length, asn, trust_anchor)
        network = address >> (width - length)
        own = self.own[width][length]
        before = own.get(network)
        if before is None:
            own[network] = self._single(width, network, payload)
        elif payload not in before:
            own[network] = tuple(sorted((*before, payload)))
        else:
            return
        self._size += 1

    def insert(self, entry: Entry) -> bool:
        """Add an entry; False where it is there already."""
        payload = entry.payload
        own = self.own[entry.width][payload.length]
        before = own.get(entry.network, ())
        if payload in before:
            return False
        own[entry.network] = tuple(sorted((*before, payload))) if before else (payload,)
        self._size += 1
        return True

    def discard(self, entry: Entry) -> bool:
        """Take an entry out; False where it is not there."""
        payload = entry.payload
        own = self.own[entry.width][payload.length]
        before = own.get(entry.network, ())
        if payload not in before:
            return False
        after = tuple(other for other in before if other != payload)
        if after:
            own[entry.network] = after
        else:
            del own[entry.network]
        self._size -= 1
        return True

    def apply(self, delta: Delta) -> None:
        """Change this set; what is there already, or not there, makes no difference."""
        for entry in delta.announced:
            self.insert(entry)
        for entry in delta.withdrawn:
            self.discard(entry)

    def since(self, before: "VrpSet") -> Delta:
        """What makes this set of `before`."""
        return Delta(announced=tuple(self._beyond(before)), withdrawn=tuple(before._beyond(self)))

    def by_trust_anchor(self) -> dict[str, int]:
        """How many there are of each trust anchor."""
        counts: Counter[str] = Counter()
        for lengths in self.own.values():
            for own in lengths:
                for payloads in own.values():
                    for payload in payloads:
                        counts[payload.trust_anchor] += 1
        return dict(sorted(counts.items()))

    def payload(self, length: int, max_length: int, asn: int, trust_anchor: str = "") -> Payload:
        """The payload that equal ones share; the caller has checked the lengths.

        Raises:
            BadInput: `bad_asn`.
        """
        of_anchor = self._payloads.get(trust_anchor)
        if of_anchor is None:
            of_anchor = self._payloads[trust_anchor] = {}
        key = asn << 16 | max_length << 8 | length
        known = of_anchor.get(key)
        if known is None:
            if not 0 <= asn <= MAX_ASN:
                raise BadInput(f"{asn} is not an AS number", reason="bad_asn")
            known = of_anchor[key] = Payload(length, max_length, asn, trust_anchor)
        return known

    def sealed(self) -> "VrpSet":
        """This set, once it is complete: it lets go of the one it was made like."""
        self._like = None
        return self

    def entry(self, vrp: Vrp) -> Entry:
        """A VRP as numbers.

        Raises:
            BadInput: `bad_prefix`.
        """
        width, address, length = parse_prefix(vrp.prefix)
        payload = Payload(length, vrp.max_length, vrp.asn, vrp.trust_anchor)
        return Entry(width, address >> (width - length), payload)

    def _beyond(self, other: "VrpSet") -> Iterator[Entry]:
        for width, lengths in self.own.items():
            for length, own in enumerate(lengths):
                lookup = other.own[width][length].get
                for network, payloads in own.items():
                    theirs = lookup(network)
                    # Sets made like one another share their tuples: mostly this decides.
                    if payloads is theirs or payloads == theirs:
                        continue
                    for payload in payloads:
                        if theirs is None or payload not in theirs:
                            yield Entry(width, network, payload)

    def _single(self, width: int, network: int, payload: Payload) -> Own:
        if self._like is not None:
            known = self._like.own[width][payload.length].get(network)
            if known is not None and len(known) == 1 and known[0] is payload:
                return known
        return (payload,)


def set_of(vrps: Iterable[Vrp]) -> VrpSet:
    """A set of these VRPs.

    Raises:
        BadInput: one of them is malformed.
    """
    made = VrpSet()
    for vrp in vrps:
        made.add(vrp.prefix, vrp.max_length, vrp.asn, vrp.trust_anchor)
    return made
