"""Synthetic RIS Live frames for benchmarks: deterministic, with the shape of the real feed.

Modelled on captured frames: a median of about 470 bytes, two announced prefixes a message, one
message in ten with withdrawals (IPv6 ones zero-expanded, as on the wire; a few beside
announcements), a fifth of the UPDATEs IPv6 with two next hops (half as two entries, half
comma-joined), now and then an AS_SET, KEEPALIVEs, sessions that go down and come up, and bursts of
one peer that re-announces a block of prefixes. Some prefixes are heard of much more often than
others, and one route in a thousand has a wrong origin.
"""

from collections.abc import Iterator
from random import Random

from msgspec import Struct

BLOCK = 20  # prefixes of one origin AS


class FeedShape(Struct, frozen=True):
    """How large the synthetic feed is.

    Attributes:
        rate_per_s: messages per second of event time.
        prefixes: distinct prefixes in the table, a fifth of them IPv6.
    """

    peers: int = 1_500
    collectors: int = 22
    prefixes: int = 200_000
    rate_per_s: float = 4_400.0
    start: float = 1_767_780_000.0


class _Peer(Struct):
    host: str
    address: str
    address6: str
    asn: int
    is_up: bool = True


def frames(count: int, *, seed: int = 1, shape: FeedShape | None = None) -> Iterator[bytes]:
    """`count` frames in time order; the same seed and shape give the same bytes."""
    feed = _Feed(shape or FeedShape(), Random(seed))
    for number in range(count):
        yield feed.next_frame(number)


class _Feed:
    """A made-up world of peers and prefixes, and the burst that is under way."""

    def __init__(self, shape: FeedShape, rng: Random) -> None:
        self._shape = shape
        self._rng = rng
        self._peers = [_peer(index, shape) for index in range(shape.peers)]
        self._transit = [rng.randrange(1_000, 65_000) for _ in range(400)]
        self._burst_left = 0
        self._burst_peer = self._peers[0]
        self._burst_prefix = 0

    def next_frame(self, number: int) -> bytes:
        rng = self._rng
        timestamp = self._shape.start + number / self._shape.rate_per_s
        if self._burst_left == 0 and rng.random() < 0.0005:
            self._burst_left = rng.randrange(50, 400)
            self._burst_peer = rng.choice(self._peers)
            self._burst_prefix = rng.randrange(self._shape.prefixes)
        if self._burst_left:
            self._burst_left -= 1
            self._burst_prefix += 3
            return self._update(self._burst_peer, timestamp, number, self._burst_prefix)
        return self._background(rng.choice(self._peers), timestamp, number)

    def _background(self, peer: _Peer, timestamp: float, number: int) -> bytes:
        kind = self._rng.random()
        if kind < 0.01:
            head = _head(peer, peer.address, timestamp, number)
            return f'{head}"type":"KEEPALIVE"}}}}'.encode()
        if kind < 0.0102:
            return _state(peer, timestamp, number)
        if kind < 0.115:
            head = _head(peer, peer.address, timestamp, number)
            return f'{head}"type":"UPDATE",{self._withdrawals()}}}}}'.encode()
        return self._update(peer, timestamp, number, self._some_prefix())

    def _some_prefix(self) -> int:
        """Half of what is heard is of an eighth of the prefixes."""
        return int(self._shape.prefixes * self._rng.random() ** 3)

    def _withdrawals(self) -> str:
        first = self._some_prefix()
        listed = []
        for step in range(self._rng.choice((1, 1, 2, 3, 8))):
            withdrawn = prefix((first + 5 * step) % self._shape.prefixes)
            if ":" in withdrawn:  # as on the wire: "2a12:ca42:0:0:0:0:0:0/32"
                network, length = withdrawn.split("/")
                withdrawn = network.replace("::", ":0:0:0:0:0:0") + "/" + length
            listed.append(f'"{withdrawn}"')
        return f'"withdrawals":[{",".join(listed)}]'

    def _update(self, peer: _Peer, timestamp: float, number: int, near: int) -> bytes:
        rng, prefixes = self._rng, self._shape.prefixes
        first = near % prefixes
        ipv6 = first % 5 == 4
        # Prefixes of one message have one origin, so they are of one block.
        most = (BLOCK - first % BLOCK + 4) // 5
        count = min(rng.choice((1, 1, 1, 2, 2, 3, 4)), most)
        listed = ",".join(f'"{prefix((first + 5 * step) % prefixes)}"' for step in range(count))
        last = origin(first) + (rng.random() < 0.001)
        path = [peer.asn, *rng.sample(self._transit, rng.randrange(2, 5)), last]
        hops = ",".join(map(str, path))
        if rng.random() < 0.002:
            hops += f",[{path[-1] + 1},{path[-1] + 2}]"
        community = ",".join(
            f"[{rng.choice(self._transit)},{rng.randrange(65_536)}]"
            for _ in range(rng.randrange(5, 18))
        )
        address = peer.address6 if ipv6 else peer.address
        link_local = f"fe80::{peer.asn:x}"
        if not ipv6:
            announcements = f'{{"next_hop":"{address}","prefixes":[{listed}]}}'
        elif number % 2:
            announcements = f'{{"next_hop":"{address},{link_local}","prefixes":[{listed}]}}'
        else:
            announcements = (
                f'{{"next_hop":"{address}","prefixes":[{listed}]}},'
                f'{{"next_hop":"{link_local}","prefixes":[{listed}]}}'
            )
        head = _head(peer, address, timestamp, number)
        if rng.random() < 0.003:
            head += f"{self._withdrawals()},"
        return (
            f'{head}"type":"UPDATE","path":[{hops}],"community":[{community}],"origin":"igp",'
            f'"announcements":[{announcements}]}}}}'
        ).encode()


def _state(peer: _Peer, timestamp: float, number: int) -> bytes:
    peer.is_up = not peer.is_up
    state = "up" if peer.is_up else "down"
    head = _head(peer, peer.address, timestamp, number)
    return f'{head}"type":"RIS_PEER_STATE","state":"{state}"}}}}'.encode()


def _peer(index: int, shape: FeedShape) -> _Peer:
    return _Peer(
        host=f"rrc{index % shape.collectors:02d}.ripe.net",
        address=f"10.{index >> 8 & 255}.{index & 255}.1",
        address6=f"2001:7f8:{index & 0xFFFF:x}::1",
        asn=3_000 + index,
    )


def origin(number: int) -> int:
    """The AS that prefix `number` belongs to."""
    return 100_000 + 2 * (number // BLOCK)


def prefix(number: int) -> str:
    """Prefix `number` of the table: every fifth is IPv6."""
    if number % 5 == 4:
        return f"2a{number >> 16 & 0xFF:02x}:{number & 0xFFFF:x}::/32"
    return f"{11 + (number >> 16 & 127)}.{number >> 8 & 255}.{number & 255}.0/24"


def _head(peer: _Peer, address: str, timestamp: float, number: int) -> str:
    return (
        f'{{"type":"ris_message","data":{{"timestamp":{timestamp:.2f},"peer":"{address}",'
        f'"peer_asn":"{peer.asn}","id":"{address}-{number:012x}","host":"{peer.host}",'
    )
