"""RIS Live frames as domain values: pure, one frame in, one message out.

Source: the RIS Live manual (https://ris-live.ripe.net/manual/) and captured frames; where the
two differ (`STATE` beside RIS_PEER_STATE, comma-joined next hops, zero-expanded IPv6
withdrawals, `rrc19` beside `rrc19.ripe.net`) both forms are read.
"""

import re
from collections.abc import Iterable
from enum import Enum, StrEnum, auto
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from bgptui.domain.routing import (
    EARLIEST,
    LATEST,
    MAX_ASN,
    BgpMessage,
    MessageType,
    Peer,
    Session,
)
from bgptui.errors import BadInput
from bgptui.sources.addresses import canonical_address, canonical_prefix, short_host
from bgptui.sources.interning import Interned

_Asn = Annotated[int, Meta(ge=0, le=MAX_ASN)]


class _WireType(StrEnum):
    """`data.type` of a ris_message."""

    UPDATE = "UPDATE"
    KEEPALIVE = "KEEPALIVE"
    OPEN = "OPEN"
    NOTIFICATION = "NOTIFICATION"
    RIS_PEER_STATE = "RIS_PEER_STATE"
    STATE = "STATE"


class _Announcement(Struct, gc=False):
    prefixes: list[str]
    next_hop: str = ""


class _Data(Struct, gc=False):
    """The fields that are used; a frame has more (id, raw, origin, med, aggregator, ...)."""

    timestamp: float
    peer: str
    peer_asn: int | str
    host: str
    type: _WireType
    announcements: list[_Announcement] | None = None
    withdrawals: list[str] | None = None
    path: tuple[_Asn | tuple[_Asn, ...], ...] | None = None
    community: Raw = Raw()
    state: str | None = None


class _Frame(Struct, gc=False):
    type: str
    data: _Data


class _Envelope(Struct, gc=False):
    type: str
    data: Raw = Raw()


class _ErrorText(Struct, gc=False):
    message: str = ""


class _Identity(Struct, frozen=True, gc=False):
    id: str = ""


class _IdentityFrame(Struct, gc=False):
    data: _Identity = _Identity()


class KeepReceived(Enum):
    """Whether a message carries the frame it came in (for raw_bgp_data.raw_message)."""

    YES = auto()
    NO = auto()


class ControlKind(StrEnum):
    """Frames that are no BGP message."""

    ERROR = "ris_error"
    PONG = "pong"
    SUBSCRIBED = "ris_subscribe_ok"
    UNSUBSCRIBED = "ris_unsubscribe_ok"
    RRC_LIST = "ris_rrc_list"


class Control(Struct, frozen=True):
    """A frame of the service itself; `message` is the text of a ris_error, made safe."""

    kind: ControlKind
    message: str = ""


_TYPES = {
    _WireType.KEEPALIVE: MessageType.KEEPALIVE,
    _WireType.OPEN: MessageType.OPEN,
    _WireType.NOTIFICATION: MessageType.NOTIFICATION,
    _WireType.RIS_PEER_STATE: MessageType.STATE,
    _WireType.STATE: MessageType.STATE,
}

# Looked up once: finding a member of an enum costs as much as a lookup in a cache.
_WIRE_UPDATE = _WireType.UPDATE
_UPDATE = MessageType.UPDATE

# The first three are ExaBGP's; so libbgpstream (bs_format_rislive.c) reads this feed: `connected`
# is the TCP connection before any OPEN, `up` is Established. A peer that is refused goes
# `connected`, `down`, `connected` for days; one whose `up` does not come is up with its first
# UPDATE. The others are BGP's own states (RFC 4271 section 8.2.2).
_SESSIONS = {
    "connected": Session.DOWN,
    "up": Session.UP,
    "established": Session.UP,
    "down": Session.DOWN,
    "idle": Session.DOWN,
    "connect": Session.DOWN,
    "active": Session.DOWN,
    "opensent": Session.DOWN,
    "openconfirm": Session.DOWN,
}

# Where in the frame a value was of the wrong type: the reason it is counted under.
_REASONS = (
    ("$.data.peer_asn", "bad_asn"),
    ("$.data.path", "bad_asn"),
    ("$.data.timestamp", "bad_timestamp"),
    ("$.data.withdrawals", "bad_prefix"),
    ("$.data.announcements", "bad_prefix"),
    ("$.data.peer", "bad_peer"),
    ("$.data.type", "unknown_type"),
    ("$.type", "unknown_type"),
)

# What msgspec raises for input that is not the JSON asked for: bytes that are not UTF-8 and
# nesting deeper than the interpreter's recursion limit have errors of their own.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_HOST = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,63}", re.ASCII)
_DIGITS = re.compile(r"\d{1,10}", re.ASCII)
_UNPRINTABLE = re.compile(r"[^ -~]")


def message_id(frame: bytes) -> str:
    """The frame's `data.id`, by which the service tells messages apart; empty without one."""
    try:
        return _IDENTITY.decode(frame).data.id
    except UNREADABLE:
        return ""


class FrameDecoder:
    """Decodes frames; it holds bounded caches and belongs to one thread.

    Args:
        keep_received: whether messages carry their frame.
        prefixes, peers, next_hops: entries per generation of each cache; memory is bounded
            by twice as many (a prefix takes about 200 bytes).
    """

    def __init__(
        self,
        keep_received: KeepReceived = KeepReceived.NO,
        *,
        prefixes: int = 150_000,
        peers: int = 5_000,
        next_hops: int = 10_000,
    ) -> None:
        self.keep_received = keep_received
        self._keep = keep_received is KeepReceived.YES
        self._wire = msgspec.json.Decoder(_Frame).decode
        self._prefixes = Interned(canonical_prefix, capacity=prefixes)
        self._prefix = self._prefixes.__getitem__
        self._peers = Interned(_peer, capacity=peers)
        self._next_hops = Interned(_next_hops, capacity=next_hops)

    def decode(self, frame: bytes) -> BgpMessage | Control:
        """The message or control frame that `frame` holds.

        A bare data object (a line of the service's own HTTP stream without its envelope) is
        read as well.

        Raises:
            BadInput: `malformed`, `not_utf8`, `unknown_type`, `bad_timestamp`, `bad_peer`,
                `bad_asn`, `bad_collector`, `bad_prefix`, `bad_next_hop` or
                `unknown_state`; nothing else is ever raised.
        """
        try:
            wire = self._wire(frame)
        except UNREADABLE as error:
            return self._decode_other(frame, error)
        if wire.type != "ris_message":
            return self._decode_other(frame, None)
        return self._message(wire.data, frame)

    def decode_lot(
        self, frames: Iterable[bytes]
    ) -> tuple[list[BgpMessage], list[tuple[int, Control | BadInput]]]:
        """Many frames at once, so that only what is no message costs its reader a look.

        Returns:
            the messages in order, and what else there was with its place among the frames.
        """
        messages: list[BgpMessage] = []
        others: list[tuple[int, Control | BadInput]] = []
        decode, append = self.decode, messages.append
        for place, frame in enumerate(frames):
            try:
                taken = decode(frame)
            except BadInput as error:
                others.append((place, error))
                continue
            if isinstance(taken, BgpMessage):
                append(taken)
            else:
                others.append((place, taken))
        return messages, others

    def _message(self, data: _Data, frame: bytes) -> BgpMessage:
        timestamp = data.timestamp
        if not EARLIEST <= timestamp <= LATEST:
            raise BadInput(
                f"timestamp {timestamp!r} is not between 1990 and 2100", reason="bad_timestamp"
            )
        peer = self._peers[data.host, data.peer, data.peer_asn]
        received = _utf8(frame) if self._keep else b""
        if data.type is not _WIRE_UPDATE:
            return _without_routes(data, peer, received)

        # The common shapes (one next hop; nothing withdrawn) take no loop of their own: this
        # runs for every message of the feed.
        announced: tuple[str, ...] = ()
        announced_listed = 0
        next_hops: tuple[str, ...] = ()
        entries = data.announcements
        if entries:
            first = entries[0]
            next_hops = self._next_hops[first.next_hop]
            if len(entries) == 1:
                listed = first.prefixes
            else:
                listed = [prefix for entry in entries for prefix in entry.prefixes]
                hops = [hop for entry in entries for hop in self._next_hops[entry.next_hop]]
                next_hops = tuple(dict.fromkeys(hops))
            announced_listed = len(listed)
            announced = self._distinct(listed)
        withdrawals = data.withdrawals
        return BgpMessage(
            timestamp,
            peer,
            _UPDATE,
            announced,
            self._distinct(withdrawals) if withdrawals else (),
            data.path or (),
            announced_listed,
            len(withdrawals) if withdrawals else 0,
            next_hops,
            bytes(data.community),
            None,
            received,
        )

    def _distinct(self, listed: list[str]) -> tuple[str, ...]:
        """Canonical prefixes, each once, in order."""
        if len(listed) == 1:
            return (self._prefixes[listed[0]],)
        return tuple(dict.fromkeys(map(self._prefix, listed)))

    def _decode_other(self, frame: bytes, error: Exception | None) -> BgpMessage | Control:
        """A control frame, a bare data object, or the reason why it is neither."""
        try:
            envelope = _ENVELOPE.decode(frame)
        except UNREADABLE as broken:
            raise BadInput(f"frame is not a RIS Live message: {broken}") from None
        if envelope.type == "ris_message":
            raise _bad(error)
        if envelope.type in _CONTROLS:
            return _control(ControlKind(envelope.type), envelope.data)
        if envelope.type in _WIRE_TYPES and not bytes(envelope.data):
            try:
                data = _BARE.decode(frame)
            except UNREADABLE as broken:
                raise _bad(broken) from None
            return self._message(data, frame)
        raise BadInput(f"type {envelope.type[:64]!r} is unknown", reason="unknown_type")


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_BARE = msgspec.json.Decoder(_Data)
_ERROR_TEXT = msgspec.json.Decoder(_ErrorText)
_IDENTITY = msgspec.json.Decoder(_IdentityFrame)
_CONTROLS = frozenset(ControlKind)
_WIRE_TYPES = frozenset(_WireType)


def _without_routes(data: _Data, peer: Peer, received: bytes) -> BgpMessage:
    """KEEPALIVE, OPEN, NOTIFICATION or a session's state."""
    kind = _TYPES[data.type]
    if kind is not MessageType.STATE:
        return BgpMessage(data.timestamp, peer, kind, received=received)
    state = data.state or ""
    session = _SESSIONS.get(state.lower())
    if session is None:
        raise BadInput(f"peer state {state[:64]!r} is unknown", reason="unknown_state")
    return BgpMessage(data.timestamp, peer, kind, session=session, received=received)


def _peer(key: tuple[str, str, int | str]) -> Peer:
    host, address, asn = key
    return Peer(
        _collector(host), canonical_address(address, what="peer", reason="bad_peer"), _asn(asn)
    )


def _collector(host: str) -> str:
    """`rrc19` of `rrc19` (until 2019) and of `rrc19.ripe.net`."""
    name = short_host(host)
    if _HOST.fullmatch(name) is None:
        raise BadInput(f"host {host[:64]!r} is not a collector's name", reason="bad_collector")
    return name


def _asn(raw: int | str) -> int:
    """An AS number in asplain (RFC 5396), as number or text."""
    if isinstance(raw, str):
        if _DIGITS.fullmatch(raw) is None:
            raise BadInput(f"peer_asn {raw[:64]!r} is not an AS number", reason="bad_asn")
        raw = int(raw)
    if not 0 <= raw <= MAX_ASN:
        raise BadInput(f"peer_asn {raw} is not between 0 and {MAX_ASN}", reason="bad_asn")
    return raw


def _next_hops(text: str) -> tuple[str, ...]:
    """Next hops of one announcement; IPv6 may name two, global and link-local (RFC 2545)."""
    if not text:
        return ()
    return tuple(
        canonical_address(part.strip(), what="next hop", reason="bad_next_hop")
        for part in text.split(",")
    )


def _utf8(frame: bytes) -> bytes:
    """The frame without space around it: what is kept goes into a JSON column, which holds only
    UTF-8.

    The typed decoder checks the fields it reads; this checks the ones it skips.
    """
    try:
        frame.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"frame is not UTF-8: {error}", reason="not_utf8") from None
    return frame.strip()


def _control(kind: ControlKind, data: Raw) -> Control:
    if kind is not ControlKind.ERROR:
        return Control(kind)
    try:
        text = _ERROR_TEXT.decode(data).message
    except UNREADABLE:
        text = ""
    return Control(kind, _UNPRINTABLE.sub("?", text[:200]))


def _bad(error: Exception | None) -> BadInput:
    """The decoder's error with the reason that its place in the frame tells."""
    text = str(error)
    for place, reason in _REASONS:
        if place in text:
            return BadInput(f"frame: {text}", reason=reason)
    return BadInput(f"frame is not a RIS Live message: {text}")
