"""What routing tables say of some ASes and prefixes: who originates what, and who is next to whom.

It keeps what concerns them and nothing else, so that its memory does not grow with the table.
Peers are counted as everywhere: by AS.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, parse_prefix
from bgptui.domain.routing import AsPath, RibEntry
from bgptui.routemon.path_rules import distinct_hops
from bgptui.routemon.verdict import Origin
from bgptui.routemon.watchlist import members

_Peers = frozenset[int]

# Of the prefixes of the peer that has the most.
_FULL_SHARE = 0.5


class Neighbours:
    """The ASes seen on one side of an AS, each with the peers in whose paths it stands there."""

    def __init__(self) -> None:
        self._seen_by: dict[int, set[int]] = {}
        self._first_hand: set[int] = set()

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._seen_by))

    def __contains__(self, asn: int) -> bool:
        return asn in self._seen_by

    def note(self, asn: int, *, peer: int, first_hand: bool) -> None:
        """A peer has it in a path; at first hand where the peer is one of the two ASes."""
        self._seen_by.setdefault(asn, set()).add(peer)
        if first_hand:
            self._first_hand.add(asn)

    def seen_by(self, asn: int) -> int:
        """Peers in whose paths it stands."""
        return len(self._seen_by[asn])

    def believed(self, enough: int) -> tuple[int, ...]:
        """Those that enough peers see, or that one of the two ASes itself shows: an upstream
        that is nobody's best way is seen by nobody but itself. Ascending."""
        return tuple(asn for asn in self if self.seen_by(asn) >= enough or asn in self._first_hand)


class RibCensus:
    """Takes the routes of one table after another.

    A table lists the routes to a prefix one after another, and a prefix before its
    more-specifics (RFC 6396 section 4.3.2; zebra, BIRD and bgpd all write so).

    Args:
        asns: whose routes and neighbours are kept.
        prefixes: the routes to these and to their more-specifics are kept as well.
    """

    def __init__(self, asns: Collection[int], prefixes: Iterable[str] = ()) -> None:
        self._asns = frozenset(asns)
        self._wanted: dict[tuple[int, int], set[int]] = {}  # network's bits by (width, length)
        for prefix in prefixes:
            self._want(*parse_prefix(prefix))
        self._prefixes_of: dict[int, Counter[int]] = {IPV4_BITS: Counter(), IPV6_BITS: Counter()}
        self._routes: dict[str, dict[Origin, _Peers]] = {}
        self._prefix = ""
        self._group: dict[Origin, set[int]] = {}
        # Thousands of prefixes are seen by the same peers.
        self._same_peers: dict[_Peers, _Peers] = {}
        self.upstreams = {asn: Neighbours() for asn in asns}
        self.downstreams = {asn: Neighbours() for asn in asns}
        self.in_paths: set[int] = set()  # of the ASes

    def take(self, entries: Iterable[RibEntry]) -> None:
        """Take the routes of a table."""
        for entry in entries:
            prefix, peer, path = entry.prefix, entry.peer.asn, entry.as_path
            if prefix != self._prefix:
                self._settle()
                self._prefix = prefix
            # RFC 6811 section 2: with an empty path the origin is the speaker's own AS.
            self._group.setdefault(path[-1] if path else peer, set()).add(peer)
            if not self._asns.isdisjoint(path):
                self._note_neighbours(path, peer)
        self._settle()
        self._prefix = ""

    @property
    def peers(self) -> set[int]:
        """Peers that have any route."""
        return {peer for counts in self._prefixes_of.values() for peer in counts}

    def full_feeds(self, width: int) -> int:
        """Peers that have the whole table of a family as far as can be told; the others, mostly
        with their customers' routes alone, do not see a prefix however well it is announced."""
        counts = self._prefixes_of[width].values()
        least = max(counts, default=0) * _FULL_SHARE
        return sum(count >= least for count in counts)

    def prefixes(self) -> list[str]:
        """What was kept, in the order of addresses."""
        return sorted(self._routes, key=parse_prefix)

    def origins(self, prefix: str) -> dict[Origin, int]:
        """How many peers see each origin of a prefix, the most first."""
        routes = self._routes.get(prefix, {})
        ranked = sorted(routes.items(), key=lambda route: (-len(route[1]), members(route[0])))
        return {origin: len(peers) for origin, peers in ranked}

    def _settle(self) -> None:
        """Keep the routes to the last prefix, if they concern anyone."""
        group, prefix = self._group, self._prefix
        if not group:
            return
        self._group = {}
        parsed = parse_prefix(prefix)
        counts = self._prefixes_of[parsed[0]]
        for peers in group.values():
            counts.update(peers)
        is_own = any(not self._asns.isdisjoint(members(origin)) for origin in group)
        if is_own:
            self._want(*parsed)
        elif not self._is_wanted(*parsed):
            return
        kept = self._routes.setdefault(prefix, {})
        for origin, peers in group.items():
            seen_by = frozenset(peers | kept.get(origin, frozenset()))
            kept[origin] = self._same_peers.setdefault(seen_by, seen_by)

    def _want(self, width: int, address: int, length: int) -> None:
        if length:  # everything is more specific than a default route
            self._wanted.setdefault((width, length), set()).add(address >> (width - length))

    def _is_wanted(self, width: int, address: int, length: int) -> bool:
        return any(
            its_width == width and its_length <= length and address >> (width - its_length) in its
            for (its_width, its_length), its in self._wanted.items()
        )

    def _note_neighbours(self, path: AsPath, peer: int) -> None:
        hops = distinct_hops(path)
        self.in_paths |= self._asns.intersection(hop for hop in hops if isinstance(hop, int))
        if len(set(hops)) < len(hops):
            return  # somebody put another's AS into it to keep the route away from there
        for place, hop in enumerate(hops):
            if not isinstance(hop, int) or hop not in self._asns:
                continue
            before = hops[place - 1] if place else None
            behind = hops[place + 1] if place + 1 < len(hops) else None
            if isinstance(before, int):
                self.upstreams[hop].note(before, peer=peer, first_hand=before == peer)
            if isinstance(behind, int):
                self.downstreams[hop].note(behind, peer=peer, first_hand=hop == peer)


class Enough:
    """How many peers make a route believable: fewer where fewer have the whole table.

    Args:
        min_peers: distinct peer ASes that it takes.
    """

    def __init__(self, census: RibCensus, min_peers: int) -> None:
        self._of_width = {
            width: max(1, min(min_peers, census.full_feeds(width)))
            for width in (IPV4_BITS, IPV6_BITS)
        }
        self.anywhere = max(self._of_width.values())

    def __call__(self, prefix: str) -> int:
        return self._of_width[IPV6_BITS if ":" in prefix else IPV4_BITS]
