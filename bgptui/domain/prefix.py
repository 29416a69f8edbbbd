"""IP prefixes as text and as numbers.

Written by hand because ipaddress takes 3-5 us a prefix, either way, and every announced prefix
that is not in a cache comes through here.
"""

from collections.abc import Iterator

from bgptui.errors import BadInput

IPV4_BITS = 32
IPV6_BITS = 128

ParsedPrefix = tuple[int, int, int]  # (width, address, length), as parse_prefix has it

# Looking an octet up instead of calling int() refuses "01", "+1", "1_0" and 256 for free.
_OCTETS = {str(value): value for value in range(256)}
# Of eight groups down to two: RFC 5952 section 4.2.2 leaves a single one as it is.
_ZERO_RUNS = tuple(":" + "0:" * groups for groups in range(8, 1, -1))
_LENGTHS = {str(value): value for value in range(IPV6_BITS + 1)}


def parse_prefix(text: str) -> ParsedPrefix:
    """Read a prefix in slash notation, e.g. `192.0.2.0/24` or `2001:db8::/32`.

    Returns:
        (width, address, length): width is IPV4_BITS or IPV6_BITS, address the network address
        as an integer of that many bits, length the prefix length in bits.
    Raises:
        BadInput(`bad_prefix`): not a prefix, or bits are set beyond its length.
    """
    try:
        network, length_text = text.split("/")
        length = _LENGTHS[length_text]
        if ":" in network:
            width, address = IPV6_BITS, _ipv6(network)
        else:
            a, b, c, d = network.split(".")
            address = _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
            width = IPV4_BITS
    except (KeyError, ValueError):
        raise BadInput(f"{text!r} is not an IP prefix", reason="bad_prefix") from None
    if length > width:
        raise BadInput(f"prefix {text!r} is longer than /{width}", reason="bad_prefix")
    if address & ((1 << (width - length)) - 1):
        raise BadInput(f"prefix {text!r} has bits set beyond its length", reason="bad_prefix")
    return width, address, length


def format_prefix(width: int, address: int, length: int) -> str:
    """The canonical text (RFC 5952) of what parse_prefix returned."""
    if width == IPV4_BITS:
        a, b, c, d = address.to_bytes(4, "big")
        return f"{a}.{b}.{c}.{d}/{length}"
    return f"{_ipv6_text(address)}/{length}"


def covers(above: ParsedPrefix, below: ParsedPrefix) -> bool:
    """Whether `below` is `above` or more specific."""
    width, address, length = above
    its_width, its_address, its_length = below
    shift = width - length
    return width == its_width and length <= its_length and address >> shift == its_address >> shift


def heads_below(width: int, address: int, length: int) -> Iterator[str]:
    """What the canonical text of a prefix at or below this one may have before its first
    separator: where most have nothing to do with it, that is quicker to look at than to parse."""
    bits = 8 if width == IPV4_BITS else 16
    first = address >> (width - bits)
    for number in range(first, first + (1 << max(0, bits - length))):
        if width == IPV4_BITS:
            yield str(number)
        else:
            yield f"{number:x}"
            if number == 0:
                yield ""  # RFC 5952: leading zeros as in ::1


def _ipv6_text(address: int) -> str:
    """RFC 5952: no leading zeros, and `::` for the first of the longest runs of zero groups."""
    digits = f"{address:032x}"
    groups = [digits[start : start + 4].lstrip("0") or "0" for start in range(0, 32, 4)]
    text = ":" + ":".join(groups) + ":"
    for run in _ZERO_RUNS:
        head, found, tail = text.partition(run)
        if found:
            return f"{head[1:]}::{tail[:-1]}"
    return text[1:-1]


def _ipv6(text: str) -> int:
    """The address as an integer; ValueError where it is none (IPv4 in its tail included)."""
    head, gap, tail = text.partition("::")
    first = head.split(":") if head or not gap else []
    last = tail.split(":") if tail else []
    count = len(first) + len(last)
    if count > 7 if gap else count != 8:
        raise ValueError("not eight groups")
    if "" in first or "" in last:
        raise ValueError("an empty group")
    digits = "".join([group.zfill(4) for group in first + last])
    # fromhex, unlike int(x, 16), takes neither "0x1" nor "1_0" nor digits of other scripts; it
    # skips spaces, which the second length shows. The first shows a group of five digits.
    octets = bytes.fromhex(digits)
    if len(digits) != 4 * count or len(octets) != 2 * count:
        raise ValueError("a group of more than four digits")
    address = int.from_bytes(octets, "big")
    if not last:
        return address << 16 * (8 - count)
    below = 16 * len(last)
    return address >> below << 128 - 16 * len(first) | address & ((1 << below) - 1)
