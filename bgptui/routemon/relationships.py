"""Relationships between ASes as CAIDA infers them from paths (serial-1 and serial-2 files)."""

import bz2
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from bgptui.errors import UsageError

_PROVIDER_TO_CUSTOMER = "-1"
_PEER_TO_PEER = "0"


class Relationships:
    """Who is whose provider or peer.

    Args:
        source: the file's name, for the evidence.
        providers: (provider, customer) pairs.
        peers: pairs in either order.
    """

    def __init__(
        self,
        source: str,
        providers: Iterable[tuple[int, int]] = (),
        peers: Iterable[tuple[int, int]] = (),
    ) -> None:
        self.source = source
        self._provider_of = frozenset(providers)
        self._peers = frozenset((min(pair), max(pair)) for pair in peers)

    def __len__(self) -> int:
        return len(self._provider_of) + len(self._peers)

    def valley(self, hops: Sequence[int | tuple[int, ...]]) -> tuple[int, int] | None:
        """The first leak of a path: (the AS that leaked, the one it leaked to).

        Read from the origin on: what came from a provider or a peer may only go on to a
        customer (Gao 2001). A hop of unknown relationship says nothing and forgets what was.

        Args:
            hops: neighbour first, origin last, without prepends.
        """
        goes_down = False
        for place in range(len(hops) - 1, 0, -1):
            here, there = hops[place], hops[place - 1]
            if not isinstance(here, int) or not isinstance(there, int):
                goes_down = False
            elif (here, there) in self._provider_of:
                goes_down = True
            elif (there, here) in self._provider_of:
                if goes_down:
                    return here, there
            elif (min(here, there), max(here, there)) in self._peers:
                if goes_down:
                    return here, there
                goes_down = True
            else:
                goes_down = False
        return None


def load_relationships(path: Path) -> Relationships:
    """Read `a|b|-1` (a is the provider of b) and `a|b|0` (peers) lines; a fourth field is the
    source of the inference, `#` begins a comment; plain, .gz or .bz2.

    Raises:
        UsageError: the file cannot be read or a line is none of these; names file and line.
    """
    providers: list[tuple[int, int]] = []
    peers: list[tuple[int, int]] = []
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                if line.startswith("#") or not line.strip():
                    continue
                fields = line.strip().split("|")
                if (
                    len(fields) not in (3, 4)
                    or not fields[0].isdecimal()
                    or not fields[1].isdecimal()
                    or fields[2] not in (_PROVIDER_TO_CUSTOMER, _PEER_TO_PEER)
                ):
                    raise UsageError(
                        f"{path}:{number}: {line.strip()[:80]!r} is not AS|AS|-1 or AS|AS|0"
                    )
                pair = int(fields[0]), int(fields[1])
                (providers if fields[2] == _PROVIDER_TO_CUSTOMER else peers).append(pair)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    return Relationships(path.name, providers, peers)


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="ascii")
    if path.suffix == ".bz2":
        return bz2.open(path, "rt", encoding="ascii")
    return path.open(encoding="ascii")
