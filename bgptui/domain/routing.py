"""BGP messages as values: peers, AS paths, UPDATEs and session states."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bgptui.errors import BadInput

MAX_ASN = 2**32 - 1

# Event times outside are no times of BGP-4: it is younger than 1990 (RFC 1654).
EARLIEST = 631_152_000.0
LATEST = 4_102_444_800.0  # 2100-01-01

# Neighbour first, origin last; a nested tuple is an AS_SET (RFC 4271 section 4.3).
AsPath = tuple[int | tuple[int, ...], ...]

Community = tuple[int, int]  # asn, value


class Peer(Struct, frozen=True, gc=False, order=True, cache_hash=True):
    """A router that feeds a collector.

    Attributes:
        collector: short name, `rrc00` (never `rrc00.ripe.net`).
        address: canonical text form of its IPv4 or IPv6 address (RFC 5952).
        asn: its AS number, 0 ... 2**32 - 1.
    """

    collector: str
    address: str
    asn: int


class MessageType(StrEnum):
    """BGP message types (RFC 4271 section 4.1) and the collector's session state."""

    UPDATE = "UPDATE"
    KEEPALIVE = "KEEPALIVE"
    OPEN = "OPEN"
    NOTIFICATION = "NOTIFICATION"
    STATE = "STATE"


class Session(StrEnum):
    """State of a peer's session with its collector; `down` is any state but Established."""

    UP = "up"
    DOWN = "down"


class BgpMessage(Struct, frozen=True, gc=False):
    """One message of one peer, decoded and canonical.

    Attributes:
        timestamp: when the collector received it, seconds since 1970 UTC (event time).
        announced, withdrawn: distinct canonical prefixes, in the message's order. A prefix
            listed under two next hops (IPv6 global and link-local) stands once.
        announced_listed, withdrawn_listed: the same, counted as listed in the message.
        as_path: empty where the message has none.
        next_hops: as in the message.
        communities: RFC 1997, or the JSON text that holds them: only a few messages' are ever
            looked at, and a dozen pairs for each would make decoding half as long again. To
            be read by `communities_of`.
        session: set for STATE messages only.
        session_before: the state it changed from, where the source tells (MRT): up, and the
            session left Established; down, and it was no session before either. None elsewhere.
        received: the frame as received (JSON), empty where the configuration keeps none.
        large_communities: RFC 8092.
        otc: the AS number of the Only to Customer attribute (RFC 9234), None without one.
            RIS Live's JSON has neither; they come with its `raw` and with MRT.
    """

    timestamp: float
    peer: Peer
    type: MessageType
    announced: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    as_path: AsPath = ()
    announced_listed: int = 0
    withdrawn_listed: int = 0
    next_hops: tuple[str, ...] = ()
    communities: tuple[Community, ...] | bytes = ()
    session: Session | None = None
    received: bytes = b""
    large_communities: tuple[tuple[int, int, int], ...] = ()
    otc: int | None = None
    session_before: Session | None = None


class RibEntry(Struct, frozen=True, gc=False):
    """A route that stands in a collector's table.

    Attributes:
        originated: when the collector got it, seconds since 1970 UTC.
        next_hops, communities, large_communities, otc: as of a BgpMessage.
    """

    originated: float
    peer: Peer
    prefix: str
    as_path: AsPath = ()
    next_hops: tuple[str, ...] = ()
    communities: tuple[tuple[int, int], ...] = ()
    large_communities: tuple[tuple[int, int, int], ...] = ()
    otc: int | None = None


_Number = Annotated[int, Meta(ge=0, le=MAX_ASN)]
_COMMUNITIES = msgspec.json.Decoder(tuple[tuple[_Number, _Number], ...] | None)


def communities_of(message: BgpMessage | RibEntry) -> tuple[Community, ...]:
    """The communities of a message or route, in its order.

    Raises:
        BadInput: `bad_community`; its frame has something else in their place.
    """
    listed = message.communities
    if isinstance(listed, tuple):
        return listed
    try:
        return (_COMMUNITIES.decode(listed) if listed else None) or ()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"communities: {error}", reason="bad_community") from None


def origin_as(as_path: AsPath) -> int | None:
    """The AS that originated a route: the last of its path.

    Returns:
        None for an empty path and for an AS_SET at its end (RFC 6811 section 2: no origin).
    """
    if not as_path:
        return None
    last = as_path[-1]
    return last if isinstance(last, int) else None


def path_length(as_path: AsPath) -> int:
    """Length of a path, prepends counted, an AS_SET counting one (RFC 4271 section 9.1.2.2)."""
    return len(as_path)
