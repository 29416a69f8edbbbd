"""Addresses and prefixes as text, checked and made canonical."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address

from bgptui.domain.prefix import IPV4_BITS, format_prefix, parse_prefix
from bgptui.errors import BadInput

RIS_DOMAIN = ".ripe.net"
_LONGEST = 43  # characters of a zero-expanded IPv6 prefix: 8 groups of 4, 7 colons, "/128"
_SHOWN = 64  # characters of a bad value that an error repeats


def short_host(host: str) -> str:
    """`rrc21` for `rrc21` and for `rrc21.ripe.net`; collectors of others go by their names."""
    return host.lower().removesuffix(RIS_DOMAIN)


def canonical_prefix(text: str) -> str:
    """A prefix in its one canonical form: RFC 5952 for IPv6, no host bits, decimal length.

    Raises:
        BadInput: `bad_prefix`; no address, a length out of range, or host bits set.
    """
    if len(text) > _LONGEST:
        raise BadInput(f"{text[:_SHOWN]!r}... is not an IP prefix", reason="bad_prefix")
    width, address, length = parse_prefix(text)
    # Parsing takes no second spelling of an IPv4 prefix, so what passed is canonical.
    return text if width == IPV4_BITS else format_prefix(width, address, length)


def canonical_address(text: str, *, what: str, reason: str) -> str:
    """An IPv4 or IPv6 address in canonical form, without a scope.

    Args:
        what: what the address is, for the error ("peer", "next hop").
        reason: reason under which a bad one is counted.
    """
    try:
        if ":" not in text:
            return str(IPv4Address(text))
        if "%" not in text:
            return IPv6Address(text).compressed
    except AddressValueError:
        pass
    raise BadInput(f"{what} {text[:_SHOWN]!r} is not an IP address", reason=reason)
