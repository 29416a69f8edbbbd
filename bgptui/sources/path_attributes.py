"""Path attributes of an UPDATE or a RIB entry as values: pure.

Source: RFC 4271 section 4.3, 1997, 4760, 5065, 6396 section 4.3.4, 6793, 7606, 8092, 9234.
"""

from enum import Enum, auto
from struct import iter_unpack

from msgspec import Struct

from bgptui.domain.routing import AsPath
from bgptui.errors import BadInput
from bgptui.sources.as_paths import AS_TRANS, AsnSize, merge_as4_path, read_path
from bgptui.sources.interning import Interned
from bgptui.sources.nlri import AddPath, WireTexts, address_text, read_prefixes

CACHED_BYTES = 512  # longer attributes are read anew each time, so that the caches are bounded
_BLOBS = 20_000  # attribute sets per generation, about 1 KB each
_PATHS = 50_000
_COMMUNITIES = 20_000

_EXTENDED_LENGTH = 0x10
_OPTIONAL_TRANSITIVE = 0xC0  # the two bits of the flags that an attribute's type decides
_UNICAST = 1


class ReachForm(Enum):
    """How MP_REACH_NLRI is written.

    MESSAGE: whole, as in an UPDATE. RIB: only the next hop (RFC 6396 section 4.3.4); the
    prefix is the entry's. Some collectors write it whole there, too: both are read.
    """

    MESSAGE = auto()
    RIB = auto()


# Attribute types that are read, and the two bits of the flags that each must have.
_ORIGIN, _AS_PATH, _NEXT_HOP, _MED = 1, 2, 3, 4
_AGGREGATOR, _COMMUNITIES = 7, 8
_MP_REACH, _MP_UNREACH = 14, 15
_AS4_PATH, _AS4_AGGREGATOR = 17, 18
LARGE_COMMUNITIES, OTC = 32, 35
_FLAGS = {
    _ORIGIN: 0x40,
    _AS_PATH: 0x40,
    _NEXT_HOP: 0x40,
    _MED: 0x80,
    _COMMUNITIES: 0xC0,
    _MP_REACH: 0x80,
    _MP_UNREACH: 0x80,
    LARGE_COMMUNITIES: 0xC0,
    OTC: 0xC0,
}
_ONCE = (_MP_REACH, _MP_UNREACH)


class Attributes(Struct, frozen=True, gc=False):
    """What a set of path attributes says.

    Attributes:
        origin: 0 IGP, 1 EGP, 2 INCOMPLETE; None without one.
        next_hop: of the NLRI field, empty without one.
        aggregator: (AS number, address).
        reached, unreached: prefixes of MP_REACH_NLRI and MP_UNREACH_NLRI as listed.
        reach_hops: next hops of MP_REACH_NLRI.
        other_families: MP attributes of families that are not read.
        malformed: why the routes announced with them count as withdrawn (RFC 7606), as a
            reason to count it under; empty where they are sound.
    """

    as_path: AsPath = ()
    origin: int | None = None
    next_hop: tuple[str, ...] = ()
    med: int | None = None
    communities: tuple[tuple[int, int], ...] = ()
    large_communities: tuple[tuple[int, int, int], ...] = ()
    otc: int | None = None
    aggregator: tuple[int, str] | None = None
    reached: tuple[str, ...] = ()
    reach_hops: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    other_families: int = 0
    malformed: str = ""


class AttributeReader:
    """Reads attributes of one form; it holds bounded caches and belongs to one thread."""

    def __init__(
        self,
        texts: WireTexts,
        *,
        asn_size: AsnSize = AsnSize.FOUR,
        add_path: AddPath = AddPath.NO,
        form: ReachForm = ReachForm.MESSAGE,
    ) -> None:
        self._texts = texts
        self._asn_size = asn_size
        self._add_path = add_path
        self._form = form
        self._paths: Interned[bytes, AsPath] = Interned(
            lambda value: read_path(value, asn_size), capacity=_PATHS
        )
        self._communities = Interned(_communities, capacity=_COMMUNITIES)
        self._known = Interned(self._read, capacity=_BLOBS)

    def read(self, blob: bytes) -> Attributes:
        """The attributes in the field Path Attributes.

        Raises:
            BadInput: `bad_attributes`, `bad_prefix` or `bad_next_hop`: the field's structure, or
                an MP attribute, is broken, and the routes cannot be told (RFC 7606 section 3).
        """
        return self._known[blob] if len(blob) <= CACHED_BYTES else self._read(blob)

    def _read(self, blob: bytes) -> Attributes:
        values, malformed = split_attributes(blob)
        reached, reach_hops, others = self._reach(values.get(_MP_REACH))
        unreached, other_unreached = self._unreach(values.get(_MP_UNREACH))
        others += other_unreached
        if not malformed:
            try:
                return self._sound(values, reached, reach_hops, unreached, others)
            except BadInput as error:
                malformed = error.reason
        return Attributes(
            reached=reached,
            reach_hops=reach_hops,
            unreached=unreached,
            other_families=others,
            malformed=malformed,
        )

    def _sound(
        self,
        values: dict[int, bytes],
        reached: tuple[str, ...],
        reach_hops: tuple[str, ...],
        unreached: tuple[str, ...],
        others: int,
    ) -> Attributes:
        """Raises BadInput for what RFC 7606 has the routes withdrawn for."""
        get = values.get
        path, communities = get(_AS_PATH), get(_COMMUNITIES)
        large, next_hop, otc = get(LARGE_COMMUNITIES), get(_NEXT_HOP), get(OTC)
        origin, med, aggregator = get(_ORIGIN), get(_MED), get(_AGGREGATOR)
        as_path: AsPath = ()
        if path:
            as_path = self._path(path)
            if self._asn_size is AsnSize.TWO and _AS4_PATH in values:
                as_path = self._merged(as_path, values)
        return Attributes(
            as_path,
            None if origin is None else _origin(origin),
            () if next_hop is None else self._next_hop(next_hop),
            None if med is None else _number(med, reason="bad_med"),
            () if communities is None else self._community(communities),
            () if large is None else large_communities(large),
            None if otc is None else _number(otc, reason="bad_otc"),
            None if aggregator is None else _aggregator(aggregator, values, self._asn_size),
            reached,
            reach_hops,
            unreached,
            others,
            # A table also holds the collector's own routes, which lack what a peer must send.
            "" if self._form is ReachForm.RIB else _missing(values),
        )

    def _path(self, value: bytes) -> AsPath:
        if len(value) <= CACHED_BYTES:
            return self._paths[value]
        return read_path(value, self._asn_size)

    def _merged(self, as_path: AsPath, values: dict[int, bytes]) -> AsPath:
        """A path of two-octet numbers with AS4_PATH in it, where that counts."""
        has_both = _AGGREGATOR in values and _AS4_AGGREGATOR in values
        if has_both and int.from_bytes(values[_AGGREGATOR][:2], "big") != AS_TRANS:
            return as_path  # an old speaker aggregated after both were written
        try:
            return merge_as4_path(as_path, read_path(values[_AS4_PATH], AsnSize.FOUR))
        except BadInput:
            return as_path  # RFC 6793 section 6: a malformed one is discarded

    def _community(self, value: bytes) -> tuple[tuple[int, int], ...]:
        return self._communities[value] if len(value) <= CACHED_BYTES else _communities(value)

    def _next_hop(self, value: bytes) -> tuple[str, ...]:
        if len(value) != 4:
            raise BadInput(f"NEXT_HOP has {len(value)} octets", reason="bad_next_hop")
        return self._texts.next_hops[value]

    def _reach(self, value: bytes | None) -> tuple[tuple[str, ...], tuple[str, ...], int]:
        """(prefixes, next hops, other families) of MP_REACH_NLRI (RFC 4760 section 3)."""
        if value is None:
            return (), (), 0
        # The first octet is the next hop's length, or that of an AFI, which is 0.
        if self._form is ReachForm.RIB and value and value[0]:
            return (), self._texts.next_hops[_exactly(value[1:], value[0])], 0
        if len(value) < 5:
            raise _short("MP_REACH_NLRI")
        prefixes = self._family(value)
        if prefixes is None:
            return (), (), 1
        hops_end = 4 + value[3]
        if hops_end >= len(value):
            raise _short("MP_REACH_NLRI")
        hops = self._texts.next_hops[value[4:hops_end]]
        if self._form is ReachForm.RIB:
            return (), hops, 0
        # After the next hop stands one reserved octet.
        return tuple(read_prefixes(value[hops_end + 1 :], prefixes, self._add_path)), hops, 0

    def _unreach(self, value: bytes | None) -> tuple[tuple[str, ...], int]:
        """(prefixes, other families) of MP_UNREACH_NLRI (RFC 4760 section 4)."""
        if value is None:
            return (), 0
        if len(value) < 3:
            raise _short("MP_UNREACH_NLRI")
        prefixes = self._family(value)
        if prefixes is None:
            return (), 1
        return tuple(read_prefixes(value[3:], prefixes, self._add_path)), 0

    def _family(self, value: bytes) -> Interned[bytes, str] | None:
        """The texts of the prefixes of an MP attribute; None for a family that is not read."""
        if value[0] or value[2] != _UNICAST:
            return None
        return {1: self._texts.ipv4, 2: self._texts.ipv6}.get(value[1])


def split_attributes(blob: bytes) -> tuple[dict[int, bytes], str]:
    """(value of each attribute by its type, reason why they are malformed or nothing).

    Of an attribute that stands twice the first counts (RFC 7606 section 3g).

    Raises:
        BadInput: `bad_attributes`; lengths do not fit, or an MP attribute stands twice.
    """
    values: dict[int, bytes] = {}
    malformed = ""
    place, end = 0, len(blob)
    try:
        while place < end:
            flags, kind = blob[place], blob[place + 1]
            if flags & _EXTENDED_LENGTH:
                begin = place + 4
                place = begin + (blob[place + 2] << 8 | blob[place + 3])
            else:
                begin = place + 3
                place = begin + blob[place + 2]
            if kind in values:
                if kind in _ONCE:
                    raise BadInput(f"attribute {kind} stands twice", reason="bad_attributes")
                continue
            if flags & _OPTIONAL_TRANSITIVE != _FLAGS.get(kind, flags & _OPTIONAL_TRANSITIVE):
                malformed = "bad_attribute_flags"
            values[kind] = blob[begin:place]
    except IndexError:
        raise _short("path attributes") from None
    if place != end:
        raise _short("path attributes")
    return values, malformed


def large_communities(value: bytes) -> tuple[tuple[int, int, int], ...]:
    """LARGE_COMMUNITIES, each once (RFC 8092 section 5).

    Raises:
        BadInput: `bad_large_communities`.
    """
    if not value or len(value) % 12:
        raise BadInput(f"LARGE_COMMUNITIES has {len(value)} octets", reason="bad_large_communities")
    return tuple(dict.fromkeys(iter_unpack(">III", value)))


def only_to_customer(value: bytes) -> int:
    """OTC (RFC 9234 section 5); BadInput `bad_otc` unless it has four octets."""
    return _number(value, reason="bad_otc")


def _communities(value: bytes) -> tuple[tuple[int, int], ...]:
    if not value or len(value) % 4:
        raise BadInput(f"COMMUNITIES has {len(value)} octets", reason="bad_communities")
    return tuple(iter_unpack(">HH", value))


def _origin(value: bytes) -> int:
    if len(value) != 1 or value[0] > 2:
        raise BadInput(f"ORIGIN is {value[:8].hex()}", reason="bad_origin")
    return value[0]


def _number(value: bytes, *, reason: str) -> int:
    if len(value) != 4:
        raise BadInput(f"an attribute of four octets has {len(value)}", reason=reason)
    return int.from_bytes(value, "big")


def _aggregator(
    value: bytes, values: dict[int, bytes], asn_size: AsnSize
) -> tuple[int, str] | None:
    """(AS number, address); None where it is malformed: discarded (RFC 7606 section 7.7)."""
    if len(value) != asn_size + 4:
        return None
    asn = int.from_bytes(value[:asn_size], "big")
    as4 = values.get(_AS4_AGGREGATOR)
    if asn_size is AsnSize.TWO and asn == AS_TRANS and as4 is not None and len(as4) == 8:
        value, asn = as4, int.from_bytes(as4[:4], "big")
    return asn, address_text(value[-4:])


def _missing(values: dict[int, bytes]) -> str:
    """The mandatory attribute that is missing, as a reason (RFC 7606 section 3d)."""
    if _AS_PATH not in values:
        return "missing_as_path"
    return "" if _ORIGIN in values else "missing_origin"


def _exactly(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise _short("MP_REACH_NLRI")
    return value


def _short(what: str) -> BadInput:
    return BadInput(f"{what}: lengths do not fit", reason="bad_attributes")
