"""Small routing tables in MRT, as a collector would write them."""

from collections.abc import Iterable
from pathlib import Path

from support import bgp_wire as wire

SECONDS = 1_767_780_000  # 2026-01-07T10:00:00Z
PEERS = tuple((64700 + n, f"198.18.0.{n}") for n in range(1, 6))
Path_ = tuple[int, ...]


def table(*routes: tuple[str, Iterable[Path_]]) -> bytes:
    """A TABLE_DUMP_V2 of IPv4: for each prefix the paths of some of PEERS, whose AS is first."""
    numbers = {asn: number for number, (asn, _) in enumerate(PEERS)}
    octets = wire.record(13, 1, wire.peer_index(*PEERS), seconds=SECONDS)
    for prefix, paths in routes:
        entries = [(numbers[path[0]], _attributes(path)) for path in paths]
        octets += wire.record(13, 2, wire.rib(prefix, *entries), seconds=SECONDS)
    return octets


def by_all(*path: int, peers: int = len(PEERS)) -> list[Path_]:
    """The same path at so many peers, their own AS in front."""
    return [(asn, *path) for asn, _ in PEERS[:peers]]


def write_table(folder: Path, *routes: tuple[str, Iterable[Path_]]) -> Path:
    """The same in a file."""
    path = folder / "rib.mrt"
    path.write_bytes(table(*routes))
    return path


def _attributes(path: Path_) -> bytes:
    return wire.origin() + wire.as_path((2, path)) + wire.next_hop()
