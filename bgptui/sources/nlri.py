"""Prefixes and next hops as BGP writes them on the wire, made text: pure."""

from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, format_prefix
from bgptui.errors import BadInput
from bgptui.sources.interning import Interned

_PATH_ID_BYTES = 4  # RFC 7911 section 3
# Octets of a prefix on the wire by its first one, the length in bits (RFC 4271 section 4.3).
WIRE_BYTES = tuple(1 + (bits + 7) // 8 for bits in range(256))


class AddPath(Enum):
    """Whether a path identifier stands before each prefix (RFC 7911)."""

    NO = auto()
    YES = auto()


class WireTexts:
    """Canonical text of prefixes and addresses on the wire, in bounded caches.

    Args:
        prefixes, next_hops: entries per generation of each cache (a prefix takes 200 bytes).
    """

    def __init__(self, *, prefixes: int = 150_000, next_hops: int = 10_000) -> None:
        self.ipv4: Interned[bytes, str] = Interned(_ipv4_prefix, capacity=prefixes)
        self.ipv6: Interned[bytes, str] = Interned(_ipv6_prefix, capacity=prefixes)
        self.next_hops: Interned[bytes, tuple[str, ...]] = Interned(
            next_hops_text, capacity=next_hops
        )


def read_prefixes(octets: bytes, texts: Interned[bytes, str], add_path: AddPath) -> list[str]:
    """The prefixes of a Withdrawn Routes or NLRI field, as listed.

    Args:
        texts: WireTexts.ipv4 or WireTexts.ipv6.
    Raises:
        BadInput: `bad_prefix`; a length out of range, or the field ends within a prefix.
    """
    skipped = _PATH_ID_BYTES if add_path is AddPath.YES else 0
    listed: list[str] = []
    place, end = skipped, len(octets)
    while place < end:
        next_place = place + WIRE_BYTES[octets[place]]
        # One that the field's end cuts short is shorter than its length says: no key.
        listed.append(texts[octets[place:next_place]])
        place = next_place + skipped
    if place != end + skipped:
        raise BadInput("a path identifier has no prefix", reason="bad_prefix")
    return listed


def address_text(octets: bytes) -> str:
    """An address of 4 or 16 octets in canonical form (RFC 5952)."""
    return str(IPv4Address(octets)) if len(octets) == 4 else IPv6Address(octets).compressed


def next_hops_text(octets: bytes) -> tuple[str, ...]:
    """One next hop, or an IPv6 global and link-local one (RFC 2545 section 3).

    Raises:
        BadInput: `bad_next_hop`; not of 4, 16 or 32 octets.
    """
    if len(octets) in {4, 16}:
        return (address_text(octets),)
    if len(octets) == 32:
        return address_text(octets[:16]), address_text(octets[16:])
    raise BadInput(f"next hop has {len(octets)} octets", reason="bad_next_hop")


def _ipv4_prefix(key: bytes) -> str:
    return _prefix(key, IPV4_BITS)


def _ipv6_prefix(key: bytes) -> str:
    return _prefix(key, IPV6_BITS)


def _prefix(key: bytes, width: int) -> str:
    length = key[0]
    if length > width:
        raise BadInput(f"prefix length {length} is over {width}", reason="bad_prefix")
    if len(key) != WIRE_BYTES[length]:
        raise BadInput(f"the field ends within a prefix of length {length}", reason="bad_prefix")
    address = int.from_bytes(key[1:], "big") << (width - 8 * (len(key) - 1))
    # RFC 4271 section 4.3: the value of the trailing bits is irrelevant.
    host_bits = width - length
    return format_prefix(width, address >> host_bits << host_bits, length)
