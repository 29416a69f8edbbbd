"""Prefixes and AS numbers that no route on the internet may have."""

from enum import Enum, auto

from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType
from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, covers, parse_prefix
from bgptui.domain.routing import AsPath
from bgptui.routemon.rules import Finding


class Bogons(Enum):
    """Whether special-purpose prefixes and AS numbers are told."""

    TOLD = auto()
    PASSED_OVER = auto()


# IANA special-purpose registries (RFC 6890 and its updates): those that are not globally
# reachable, and the ranges nobody may announce. 2001:db8::/32 and 3fff::/20 are documentation.
_BOGON_PREFIXES = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/8",
    "100::/64",
    "2001:2::/48",
    "2001:10::/28",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
_LEAST_SPECIFIC = {IPV4_BITS: 8, IPV6_BITS: 16}
_MOST_SPECIFIC = {IPV4_BITS: 24, IPV6_BITS: 48}

# RFC 7607, 4893, 5398, 6996, 7300 and IANA's reserved range between the documentation and the
# private ones.
_BOGON_ASNS = (
    (0, 0),
    (23_456, 23_456),
    (64_496, 131_071),
    (4_200_000_000, 4_294_967_295),
)

_NETWORKS = [parse_prefix(prefix) for prefix in _BOGON_PREFIXES]


def bogon_finding(prefix: str, path: AsPath) -> Finding | None:
    """What is wrong with a route whose prefix or path is none for the internet; it is told once,
    and no alert (the noise policy has no line for it)."""
    block = bogon_prefix(prefix)
    if block is not None:
        reason, why = "prefix", f"{prefix} is in {block}, which is not for the internet"
    elif (asn := bogon_asn(path)) is not None:
        reason, why = "asn", f"the path to {prefix} has AS{asn}, which is reserved or private"
    elif is_odd_length(prefix):
        reason, why = "length", f"{prefix} is longer or shorter than networks usually accept"
    else:
        return None
    return Finding(EventType.BOGON, reason, Severity.LOW, "-|-", why, opens_alert=False)


def bogon_prefix(prefix: str) -> str | None:
    """The special-purpose block that covers a canonical prefix; None for none.

    A default route is none: collectors' peers may well have one.
    """
    parsed = parse_prefix(prefix)
    for text, block in zip(_BOGON_PREFIXES, _NETWORKS, strict=True):
        if covers(block, parsed):
            return text
    return None


def is_odd_length(prefix: str) -> bool:
    """Shorter or longer than what networks usually accept (/8 to /24, /16 to /48)."""
    width, _, length = parse_prefix(prefix)
    return length != 0 and not _LEAST_SPECIFIC[width] <= length <= _MOST_SPECIFIC[width]


def bogon_asn(path: AsPath) -> int | None:
    """The first AS number of a path that is reserved or private; None for none.

    AS_TRANS (23456) stands in paths of speakers with two-octet numbers (RFC 6793), but in a
    reconstructed one it is as wrong as the others.
    """
    for hop in path:
        for asn in (hop,) if isinstance(hop, int) else hop:
            if any(least <= asn <= most for least, most in _BOGON_ASNS):
                return asn
    return None
