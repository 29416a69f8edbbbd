"""Raw BGP messages as domain values: pure, exact, one message in, one value out.

Source: RFC 4271 (messages, UPDATE), 4760 (IPv4 and IPv6 unicast are read, other families
counted), 5065 (confederations), 6793 (four-octet AS numbers), 7606 (errors), 7911 (add-path),
8092 (large communities), 8654 (extended messages), 9234 (OTC).

A message whose attributes are malformed while its routes can be told withdraws them, as every
speaker takes it (RFC 7606); all else that is wrong raises BadInput and nothing else ever is
raised. Work and memory are linear in the message, which has at most 65,535 bytes.
"""

from collections.abc import Callable
from struct import Struct as Layout

from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.errors import BadInput
from bgptui.sources.as_paths import AsnSize
from bgptui.sources.nlri import AddPath, WireTexts, read_prefixes
from bgptui.sources.path_attributes import (
    LARGE_COMMUNITIES,
    OTC,
    AttributeReader,
    Attributes,
    large_communities,
    only_to_customer,
    split_attributes,
)

HEADER_BYTES = 19
MARKER = b"\xff" * 16
_LENGTH_AND_TYPE = Layout(">HB").unpack_from
_UPDATE = MessageType.UPDATE
# (type, octets of the shortest message) by the header's type octet (RFC 4271 section 4).
_TYPES = {
    1: (MessageType.OPEN, 29),
    2: (_UPDATE, 23),
    3: (MessageType.NOTIFICATION, 21),
    4: (MessageType.KEEPALIVE, 19),
}
_ROUTE_REFRESH = 5  # RFC 2918; it says nothing about routes


class MessageDecoder:
    """Decodes messages of one encoding; it holds bounded caches and belongs to one thread.

    Args:
        on_loss: told the reason of what was left out or is taken otherwise than it says:
            `other_family` for an attribute, and what is wrong with the attributes of a message
            whose routes count as withdrawn.
    """

    def __init__(
        self,
        texts: WireTexts,
        *,
        asn_size: AsnSize = AsnSize.FOUR,
        add_path: AddPath = AddPath.NO,
        on_loss: Callable[[str], None],
    ) -> None:
        self._ipv4 = texts.ipv4
        self._add_path = add_path
        self._read = AttributeReader(texts, asn_size=asn_size, add_path=add_path).read
        self._on_loss = on_loss

    def decode(
        self, octets: bytes, begin: int = 0, *, timestamp: float, peer: Peer
    ) -> BgpMessage | None:
        """The message from `begin` to the end of `octets`; None for a ROUTE-REFRESH.

        Raises:
            BadInput: `bad_header`, `unknown_type`, `bad_length`, `bad_attributes`,
                `bad_prefix` or `bad_next_hop`.
        """
        kind = message_type(octets, begin)
        if kind is not _UPDATE:
            return None if kind is None else BgpMessage(timestamp, peer, kind)
        attributes, withdrawals, nlri = self._parts(octets, begin + HEADER_BYTES)
        withdrawn = (*withdrawals, *attributes.unreached) if attributes.unreached else withdrawals
        announced = (*nlri, *attributes.reached) if attributes.reached else nlri
        hops = (*attributes.next_hop, *attributes.reach_hops) if nlri else attributes.reach_hops
        if attributes.other_families:
            self._on_loss("other_family")
        if announced:
            # Of routes in the NLRI field the next hop is NEXT_HOP, whatever MP_REACH_NLRI has.
            has_hops = bool(attributes.next_hop if nlri else hops)
            malformed = attributes.malformed or ("" if has_hops else "missing_next_hop")
            if malformed:
                self._on_loss(malformed)
                announced, withdrawn = (), (*withdrawn, *announced)
        return BgpMessage(
            timestamp,
            peer,
            _UPDATE,
            _distinct(announced),
            _distinct(withdrawn),
            attributes.as_path,
            len(announced),
            len(withdrawn),
            hops,
            attributes.communities,
            None,
            b"",
            attributes.large_communities,
            attributes.otc,
        )

    def attributes(self, octets: bytes, begin: int = 0) -> Attributes:
        """The path attributes of an UPDATE; raises as `decode` does."""
        return self._parts(octets, begin + HEADER_BYTES)[0]

    def _parts(self, octets: bytes, begin: int) -> tuple[Attributes, list[str], list[str]]:
        withdrawn_end, attributes_end = _lengths(octets, begin)
        attributes = self._read(octets[withdrawn_end + 2 : attributes_end])
        withdrawn: list[str] = []
        announced: list[str] = []
        if withdrawn_end > begin + 2:
            withdrawn = read_prefixes(octets[begin + 2 : withdrawn_end], self._ipv4, self._add_path)
        if attributes_end < len(octets):
            announced = read_prefixes(octets[attributes_end:], self._ipv4, self._add_path)
        return attributes, withdrawn, announced


def message_type(octets: bytes, begin: int = 0) -> MessageType | None:
    """The type in the header of the message from `begin` to the end; None for a ROUTE-REFRESH.

    Raises:
        BadInput: `bad_header`, `unknown_type` or `bad_length` (RFC 4271 section 6.1).
    """
    size = len(octets) - begin
    if size < HEADER_BYTES or octets[begin : begin + 16] != MARKER:
        raise BadInput("no BGP message: its header is short or has no marker", reason="bad_header")
    said, code = _LENGTH_AND_TYPE(octets, begin + 16)
    if said != size:
        raise BadInput(f"a BGP message of {said} octets has {size}", reason="bad_length")
    kind, least = _TYPES.get(code, (None, HEADER_BYTES))
    if kind is None and code != _ROUTE_REFRESH:
        raise BadInput(f"BGP message type {code} is unknown", reason="unknown_type")
    if size < least or (kind is MessageType.KEEPALIVE and size > least):
        raise BadInput(f"{kind} of {size} octets", reason="bad_length")
    return kind


def extra_attributes(message_hex: str) -> tuple[tuple[tuple[int, int, int], ...], int | None]:
    """(large communities, OTC) of a message in hexadecimal, as RIS Live's `raw` has it.

    Both read the same whatever the session's AS number size and add-path. Only they are looked
    at; a message that is no UPDATE has neither.

    Raises:
        BadInput: `bad_raw`, or as `message_type` and `AttributeReader.read`; also the reasons
            of these two attributes.
    """
    try:
        message = bytes.fromhex(message_hex)
    except ValueError:
        raise BadInput("raw is not hexadecimal", reason="bad_raw") from None
    if message_type(message) is not _UPDATE:
        return (), None
    withdrawn_end, attributes_end = _lengths(message, HEADER_BYTES)
    values, _malformed = split_attributes(message[withdrawn_end + 2 : attributes_end])
    large, otc = values.get(LARGE_COMMUNITIES), values.get(OTC)
    return (
        () if large is None else large_communities(large),
        None if otc is None else only_to_customer(otc),
    )


def _lengths(octets: bytes, begin: int) -> tuple[int, int]:
    """Where Withdrawn Routes and Path Attributes end."""
    size = len(octets)
    if size >= begin + 4:
        withdrawn_end = begin + 2 + (octets[begin] << 8 | octets[begin + 1])
        if withdrawn_end + 2 <= size:
            attributes_end = (
                withdrawn_end + 2 + (octets[withdrawn_end] << 8 | octets[withdrawn_end + 1])
            )
            if attributes_end <= size:
                return withdrawn_end, attributes_end
    raise BadInput("UPDATE: lengths do not fit", reason="bad_length")


def _distinct(listed: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(listed)) if len(listed) > 1 else tuple(listed)
