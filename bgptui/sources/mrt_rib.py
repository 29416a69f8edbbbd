"""MRT records of routing tables as domain values: pure.

Source: RFC 6396 sections 4.2 (TABLE_DUMP) and 4.3 (TABLE_DUMP_V2); RFC 8050 section 4
(add-path). IPv4 and IPv6 unicast are read; other families and RIB_GENERIC are counted.
"""

from collections.abc import Callable, Iterator
from struct import Struct as Layout

from bgptui.domain.routing import EARLIEST, LATEST, Peer, RibEntry
from bgptui.errors import BadInput
from bgptui.sources.as_paths import AsnSize
from bgptui.sources.interning import Interned
from bgptui.sources.mrt import TABLE_DUMP, TABLE_DUMP_V2
from bgptui.sources.mrt_records import Record
from bgptui.sources.nlri import WIRE_BYTES, WireTexts, address_text
from bgptui.sources.path_attributes import AttributeReader, Attributes, ReachForm

_PEER_INDEX_TABLE = 1
# Subtypes of TABLE_DUMP_V2: (is IPv6, octets of a path identifier in each entry).
_UNICAST = {2: (False, 0), 4: (True, 0), 8: (False, 4), 10: (True, 4)}
# Before the attributes: peer's index, time, path identifier, size (RFC 6396 section 4.3.4).
_ENTRIES = {0: (Layout(">HIH").unpack_from, 8), 4: (Layout(">HI4xH").unpack_from, 12)}
_OTHER_FAMILIES = frozenset({3, 5, 6, 9, 11, 12})
# Subtypes of TABLE_DUMP: octets of an address.
_TABLE_DUMP_AFIS = {1: 4, 2: 16}


class MrtRibReader:
    """Reads the records of one table, in their order: the peers come first.

    Counted as losses: `other_family`, `other_record`, and entries whose attributes are
    malformed, by what is wrong with them.

    Args:
        on_loss: told the reason of what is left out.
    """

    def __init__(self, collector: str, texts: WireTexts, on_loss: Callable[[str], None]) -> None:
        self._collector = collector
        self._texts = texts
        self._on_loss = on_loss
        self._peers: list[Peer] = []
        two, four = (AttributeReader(texts, asn_size=size, form=ReachForm.RIB) for size in AsnSize)
        self._read_two, self._read_four = two.read, four.read
        self._old_peers: Interned[bytes, Peer] = Interned(self._old_peer, capacity=5_000)

    def read(self, record: Record) -> Iterator[RibEntry]:
        """The entries of a record: none of a table of peers, else one for each peer and path.

        Raises:
            BadInput: `bad_record`, `bad_timestamp`, `bad_peer`, `bad_prefix`, or as
                AttributeReader.read.
        """
        seconds, kind, body = record
        if not EARLIEST <= seconds <= LATEST:
            raise BadInput(f"time {seconds} is not between 1990 and 2100", reason="bad_timestamp")
        main, subtype = kind >> 16, kind & 0xFFFF
        if main == TABLE_DUMP and subtype in _TABLE_DUMP_AFIS:
            return self._table_dump(body, _TABLE_DUMP_AFIS[subtype])
        if main == TABLE_DUMP_V2 and subtype in _UNICAST:
            return self._entries(body, *_UNICAST[subtype])
        if main == TABLE_DUMP_V2 and subtype == _PEER_INDEX_TABLE:
            self._peers = []  # those of another table would be the wrong ones
            self._peers = self._index(body)
        elif main == TABLE_DUMP_V2 and subtype in _OTHER_FAMILIES:
            self._on_loss("other_family")
        else:
            self._on_loss("other_record")
        return iter(())

    def _entries(self, body: bytes, is_ipv6: bool, path_id_bytes: int) -> Iterator[RibEntry]:
        if len(body) < 5:
            raise _short("a RIB record")
        texts = self._texts.ipv6 if is_ipv6 else self._texts.ipv4
        place = 4 + WIRE_BYTES[body[4]]
        if place + 2 > len(body):
            raise _short("a RIB record")
        prefix = texts[body[4:place]]  # after the sequence number
        entries = int.from_bytes(body[place : place + 2], "big")
        place += 2
        unpack, header_bytes = _ENTRIES[path_id_bytes]
        peers, read, end = self._peers, self._read_four, len(body)
        for _ in range(entries):
            begin = place + header_bytes
            if begin > end:
                raise _short("a RIB record")
            index, originated, size = unpack(body, place)
            place = begin + size
            if place > end:
                raise _short("a RIB record")
            if index >= len(peers):
                raise BadInput(f"peer {index} is not in the table of peers", reason="bad_peer")
            try:
                attributes = read(body[begin:place])
            except BadInput as error:  # where the next entry begins is known all the same
                self._on_loss(error.reason)
                continue
            entry = self._entry(originated, peers[index], prefix, attributes)
            if entry is not None:
                yield entry

    def _table_dump(self, body: bytes, address_bytes: int) -> Iterator[RibEntry]:
        # View, sequence number, prefix, its length, status, time, peer address, peer AS.
        length_at = 4 + address_bytes
        peer_at = length_at + 6
        attributes_at = peer_at + address_bytes + 4
        if len(body) < attributes_at:
            raise _short("a TABLE_DUMP record")
        if int.from_bytes(body[attributes_at - 2 : attributes_at], "big") != (
            len(body) - attributes_at
        ):
            raise _short("a TABLE_DUMP record")
        length = body[length_at]
        wire = body[length_at : length_at + 1] + body[4 : 3 + WIRE_BYTES[length]]
        texts = self._texts.ipv4 if address_bytes == 4 else self._texts.ipv6
        entry = self._entry(
            int.from_bytes(body[length_at + 2 : peer_at], "big"),
            self._old_peers[body[peer_at : attributes_at - 2]],
            texts[wire],
            self._read_two(body[attributes_at:]),
        )
        if entry is not None:
            yield entry

    def _entry(
        self, originated: int, peer: Peer, prefix: str, attributes: Attributes
    ) -> RibEntry | None:
        """None where the attributes are malformed."""
        if attributes.malformed:
            self._on_loss(attributes.malformed)
            return None
        return RibEntry(
            float(originated),
            peer,
            prefix,
            attributes.as_path,
            attributes.reach_hops or attributes.next_hop,
            attributes.communities,
            attributes.large_communities,
            attributes.otc,
        )

    def _old_peer(self, key: bytes) -> Peer:
        return Peer(self._collector, address_text(key[:-2]), int.from_bytes(key[-2:], "big"))

    def _index(self, body: bytes) -> list[Peer]:
        """The table of peers (RFC 6396 section 4.3.1)."""
        name_bytes = int.from_bytes(body[4:6], "big")
        place = 6 + name_bytes
        count = int.from_bytes(body[place : place + 2], "big")
        place += 2
        peers: list[Peer] = []
        for _ in range(count):
            if place >= len(body):
                raise _short("a table of peers")
            flags = body[place]
            asn_at = place + 5 + (16 if flags & 1 else 4)  # after type and BGP identifier
            end = asn_at + (4 if flags & 2 else 2)
            if end > len(body):
                raise _short("a table of peers")
            asn = int.from_bytes(body[asn_at:end], "big")
            peers.append(Peer(self._collector, address_text(body[place + 5 : asn_at]), asn))
            place = end
        return peers


def _short(what: str) -> BadInput:
    return BadInput(f"{what}: lengths do not fit", reason="bad_record")
