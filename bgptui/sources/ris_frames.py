"""BGP messages as the frames that RIS Live would have sent: pure.

Source: the RIS Live manual (https://ris-live.ripe.net/manual/) and captured frames.
"""

from ipaddress import IPv4Address
from itertools import count

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Session
from bgptui.sources.addresses import RIS_DOMAIN
from bgptui.sources.bgp_update import HEADER_BYTES
from bgptui.sources.path_attributes import Attributes

_ORIGINS = ("igp", "egp", "incomplete")
_STATES = {Session.UP: "up", Session.DOWN: "down"}


class _Announcement(Struct):
    next_hop: str
    prefixes: list[str]


class _Data(Struct, omit_defaults=True):
    """`data` of a ris_message, in the order of the captured frames."""

    timestamp: float
    peer: str
    peer_asn: str
    id: str
    raw: str | UnsetType
    host: str
    type: str
    path: AsPath = ()
    community: tuple[tuple[int, int], ...] = ()
    origin: str | UnsetType = UNSET
    med: int | UnsetType = UNSET
    aggregator: str | UnsetType = UNSET
    announcements: list[_Announcement] | UnsetType = UNSET
    withdrawals: tuple[str, ...] = ()
    state: str | UnsetType = UNSET
    direction: str | UnsetType = UNSET
    version: int | UnsetType = UNSET
    asn: int | UnsetType = UNSET
    hold_time: int | UnsetType = UNSET
    router_id: str | UnsetType = UNSET
    notification: dict[str, int | str] | UnsetType = UNSET


class _Frame(Struct):
    type: str
    data: _Data


class FrameEncoder:
    """Makes frames; each gets an id of its own, as the service gives."""

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._numbers = count(1)

    def keep(self, message: BgpMessage, octets: bytes, attributes: Attributes | None) -> BgpMessage:
        """The message with its frame in `received`.

        Args:
            octets: the message in BGP, header included; empty for a session's state.
            attributes: of an UPDATE.
        """
        peer = message.peer
        data = _Data(
            timestamp=message.timestamp,
            peer=peer.address,
            peer_asn=str(peer.asn),
            id=f"{peer.address}-{message.timestamp:.2f}-{next(self._numbers)}",
            raw=octets.hex().upper() if octets else UNSET,
            host=ris_host(peer.collector),
            type=message.type,
        )
        body = octets[HEADER_BYTES:]
        if message.session is not None:
            data.type, data.state = "RIS_PEER_STATE", _STATES[message.session]
        elif attributes is not None:
            _add_routes(data, message, attributes)
        elif message.type is MessageType.OPEN:
            _add_open(data, body)
        elif message.type is MessageType.NOTIFICATION:
            data.notification = {"code": body[0], "subcode": body[1], "data": body.hex().upper()}
        return replace(message, received=self._encode(_Frame("ris_message", data)))


def ris_host(collector: str) -> str:
    """`rrc00.ripe.net` for `rrc00`; other collectors go by their own names."""
    return collector + RIS_DOMAIN if collector.startswith("rrc") else collector


def _add_routes(data: _Data, message: BgpMessage, attributes: Attributes) -> None:
    data.path, data.community = message.as_path, attributes.communities
    if attributes.origin is not None:
        data.origin = _ORIGINS[attributes.origin]
    if attributes.med is not None:
        data.med = attributes.med
    if attributes.aggregator is not None:
        asn, address = attributes.aggregator
        data.aggregator = f"{asn}:{address}"
    if message.announced:
        data.announcements = _announcements(message, attributes)
    data.withdrawals = message.withdrawn


def _announcements(message: BgpMessage, attributes: Attributes) -> list[_Announcement]:
    """The announced prefixes by next hop; two next hops of IPv6 are joined by a comma."""
    reached = set(attributes.reached)
    by_hop = (
        (attributes.next_hop, [prefix for prefix in message.announced if prefix not in reached]),
        (attributes.reach_hops, [prefix for prefix in message.announced if prefix in reached]),
    )
    return [_Announcement(",".join(hops), prefixes) for hops, prefixes in by_hop if prefixes]


def _add_open(data: _Data, body: bytes) -> None:
    """The fixed fields of an OPEN (RFC 4271 section 4.2); its capabilities are in `raw`."""
    data.direction = "received"
    data.version, data.asn = body[0], int.from_bytes(body[1:3], "big")
    data.hold_time = int.from_bytes(body[3:5], "big")
    data.router_id = str(IPv4Address(body[5:9]))
