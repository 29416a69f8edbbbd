"""MRT records of BGP messages and session states as domain values: pure.

Source: RFC 6396 section 4.4 (BGP4MP), 4.5 (microseconds) and appendix B (type BGP, 1999 to
2001); RFC 8050 (add-path).
"""

from collections.abc import Callable

from bgptui.domain.routing import EARLIEST, LATEST, BgpMessage, MessageType, Peer, Session
from bgptui.errors import BadInput
from bgptui.sources.as_paths import AsnSize
from bgptui.sources.bgp_update import HEADER_BYTES, MARKER, MessageDecoder
from bgptui.sources.interning import Interned
from bgptui.sources.mrt_records import Record
from bgptui.sources.nlri import AddPath, WireTexts, address_text
from bgptui.sources.ris_frames import FrameEncoder

BGP, TABLE_DUMP, TABLE_DUMP_V2, BGP4MP, BGP4MP_ET = 5, 12, 13, 16, 17
RIB_TYPES = (TABLE_DUMP, TABLE_DUMP_V2)

_UPDATE = MessageType.UPDATE
_PEERS = 5_000  # per generation
_ESTABLISHED = 6  # RFC 4271 section 8.2.2, numbered by RFC 6396 section 4.4.1
_LAST_STATE = 8  # Zebra and its heirs write 7 Clearing and 8 Deleted, and 0 for unknown
_UNKNOWN_STATE = 0
_MICROSECONDS_BYTES = 4

# Encodings of the messages of BGP4MP's subtypes (RFC 6396 section 4.4, RFC 8050 section 3).
_MESSAGES = {
    1: (AsnSize.TWO, AddPath.NO),
    4: (AsnSize.FOUR, AddPath.NO),
    8: (AsnSize.TWO, AddPath.YES),
    9: (AsnSize.FOUR, AddPath.YES),
}
_STATES = {0: AsnSize.TWO, 5: AsnSize.FOUR}
# What the collector itself sent: no word of a peer.
_LOCAL = frozenset({6, 7, 10, 11})
# Subtypes of the type BGP and their message types; its messages come without their header.
_OLD_MESSAGES = {1: 2, 5: 1, 6: 3, 7: 4}
_OLD_STATE = 3
_OLD_HEADER_BYTES = 12  # peer AS and address, local AS and address


class MrtDecoders:
    """Decoders of each encoding with their bounded caches, shared by the files of one thread.

    Args:
        on_loss: told the reason of each record or attribute that is left out, or taken
            otherwise than it says; see MrtReader and MessageDecoder.
        frames: makes the frames that messages carry; None keeps none.
    """

    def __init__(
        self, on_loss: Callable[[str], None], *, frames: FrameEncoder | None = None
    ) -> None:
        self.texts = WireTexts()
        self.on_loss = on_loss
        self.frames = frames
        self.of = {
            encoding: MessageDecoder(
                self.texts, asn_size=encoding[0], add_path=encoding[1], on_loss=on_loss
            )
            for encoding in _MESSAGES.values()
        }


class MrtReader:
    """Reads the records of one file.

    Counted as losses: `local_message` (sent by the collector, no word of a peer),
    `route_refresh`, `rib_record` (MrtRibReader reads those) and `other_record`.

    Args:
        collector: whose file it is; MRT does not say.
    """

    def __init__(self, collector: str, decoders: MrtDecoders) -> None:
        self._decoders = decoders
        self._frames = decoders.frames
        self._headers = {size: _PeerHeaders(collector, size) for size in AsnSize}
        self._subtypes: dict[int, tuple[_PeerHeaders, MessageDecoder | None]] = {
            BGP4MP << 16 | subtype: (self._headers[encoding[0]], decoders.of[encoding])
            for subtype, encoding in _MESSAGES.items()
        }
        self._subtypes |= {
            BGP4MP << 16 | subtype: (self._headers[size], None) for subtype, size in _STATES.items()
        }

    def read(self, record: Record) -> BgpMessage | None:
        """The message of a record; None for what is counted as a loss.

        Raises:
            BadInput: `bad_record`, `bad_timestamp`, `bad_peer`, `unknown_state`, or as
                MessageDecoder.decode.
        """
        seconds, kind, body = record
        timestamp = float(seconds)
        if kind >> 16 == BGP4MP_ET:
            if len(body) < _MICROSECONDS_BYTES:
                raise BadInput("a record ends within its time", reason="bad_record")
            # RFC 6396 section 3: microseconds, less than a second.
            timestamp += min(int.from_bytes(body[:_MICROSECONDS_BYTES], "big"), 999_999) / 1e6
            body = body[_MICROSECONDS_BYTES:]
            kind -= (BGP4MP_ET - BGP4MP) << 16
        if not EARLIEST <= timestamp <= LATEST:
            raise BadInput(f"time {seconds} is not between 1990 and 2100", reason="bad_timestamp")
        found = self._subtypes.get(kind)
        if found is None:
            return self._read_other(kind, body, timestamp)
        headers, decoder = found
        peer, begin = headers.read(body)
        if decoder is None:
            return self._state(body[begin:], timestamp, peer)
        return self._message(decoder, body, begin, timestamp=timestamp, peer=peer)

    def _message(
        self, decoder: MessageDecoder, octets: bytes, begin: int, *, timestamp: float, peer: Peer
    ) -> BgpMessage | None:
        message = decoder.decode(octets, begin, timestamp=timestamp, peer=peer)
        if message is None:
            self._decoders.on_loss("route_refresh")
        elif self._frames is not None:
            attributes = decoder.attributes(octets, begin) if message.type is _UPDATE else None
            return self._frames.keep(message, octets[begin:], attributes)
        return message

    def _state(self, states: bytes, timestamp: float, peer: Peer) -> BgpMessage:
        """A change from one state to another, of two octets each."""
        if len(states) != 4:
            raise BadInput("a record of a state change has another size", reason="bad_record")
        before, state = int.from_bytes(states[:2], "big"), int.from_bytes(states[2:], "big")
        if state > _LAST_STATE:
            raise BadInput(f"peer state {state} is unknown", reason="unknown_state")
        message = BgpMessage(
            timestamp,
            peer,
            MessageType.STATE,
            session=_session(state),
            session_before=(_session(before) if _UNKNOWN_STATE < before <= _LAST_STATE else None),
        )
        return message if self._frames is None else self._frames.keep(message, b"", None)

    def _read_other(self, kind: int, body: bytes, timestamp: float) -> BgpMessage | None:
        main, subtype = kind >> 16, kind & 0xFFFF
        if main == BGP and subtype in _OLD_MESSAGES:
            peer = self._headers[AsnSize.TWO].old(body)
            octets = body[_OLD_HEADER_BYTES:]
            size = HEADER_BYTES + len(octets)
            if len(body) < _OLD_HEADER_BYTES or size > 0xFFFF:
                raise BadInput("a record ends within its peer", reason="bad_record")
            header = MARKER + size.to_bytes(2, "big") + bytes([_OLD_MESSAGES[subtype]])
            decoder = self._decoders.of[AsnSize.TWO, AddPath.NO]
            return self._message(decoder, header + octets, 0, timestamp=timestamp, peer=peer)
        if main == BGP and subtype == _OLD_STATE:
            return self._state(body[6:], timestamp, self._headers[AsnSize.TWO].old(body))
        if main == BGP4MP and subtype in _LOCAL:
            self._decoders.on_loss("local_message")
        else:
            self._decoders.on_loss("rib_record" if main in RIB_TYPES else "other_record")
        return None


def _session(state: int) -> Session:
    return Session.UP if state == _ESTABLISHED else Session.DOWN


class _PeerHeaders:
    """What stands before the message: peer AS, local AS, interface, AFI, both addresses."""

    def __init__(self, collector: str, asn_size: AsnSize) -> None:
        self._collector = collector
        self._asn_size = asn_size
        self._addresses_at = 2 * asn_size + 4
        self._sizes = {
            afi.to_bytes(2, "big"): self._addresses_at + 2 * size for afi, size in ((1, 4), (2, 16))
        }
        self._peers: Interned[bytes, Peer] = Interned(self._peer, capacity=_PEERS)

    def read(self, body: bytes) -> tuple[Peer, int]:
        """(peer, octets of the header)."""
        at = self._addresses_at
        size = self._sizes.get(body[at - 2 : at])
        if size is not None and len(body) >= size:
            return self._peers[body[:size]], size
        # Of a connection that is not identified yet Zebra wrote two AS numbers of 0, no more.
        asns = body[: 2 * self._asn_size]
        if len(asns) == 2 * self._asn_size and not any(asns):
            return Peer(self._collector, address_text(bytes(4)), 0), len(asns)
        raise BadInput("a peer has no IPv4 or IPv6 address", reason="bad_peer")

    def old(self, body: bytes) -> Peer:
        """The peer of a record of type BGP: AS and IPv4 address."""
        if len(body) < 6:
            raise BadInput("a record ends within its peer", reason="bad_record")
        return Peer(self._collector, address_text(body[2:6]), int.from_bytes(body[:2], "big"))

    def _peer(self, header: bytes) -> Peer:
        asn = int.from_bytes(header[: self._asn_size], "big")
        addresses = header[self._addresses_at :]
        return Peer(self._collector, address_text(addresses[: len(addresses) // 2]), asn)
