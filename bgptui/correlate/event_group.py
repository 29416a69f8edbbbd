"""One matter of the route monitor: who has the route, and the row that it has."""

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.alert import Reference, Severity
from bgptui.domain.event import RouteEvent, RouteKey
from bgptui.domain.event_row import EventRow, RowEnd, first_row
from bgptui.domain.routing import AsPath, Peer

# A row is followed for a day: so it is never changed after its chunk was compressed or dropped.
ROW_MOST_S = 86_400.0
# Between two updates of a row: the first one soon, and then rarer, because a row that many peers
# see is large. A peer that loses the route can wait. What a kill can cost of a row's counts is the
# longest.
FIRST_UPDATE_S = 2.0
MOST_UPDATE_S = 8.0
PEERS_SHOWN = 512  # a restart takes over the peers named in the row; of one prefix RIS has fewer
PATHS_SHOWN = 5


class EventGroup(Struct):
    """A key's peers and row.

    Attributes:
        row: the one it has at the moment; none after a day, until the next sighting.
        peers: all that had the route since the row began, and whether each has it now.
        having: how many have it.
        gone_at: event time since which nobody has it, where nobody does.
        asns_unnamed: peer ASNs that were seen before a restart and that the row does not name.
        wait_s: until the next update.
    """

    name: str
    key: RouteKey
    row: Reference | None = None
    severity: Severity = Severity.LOW
    last_seen: float = 0.0
    sightings: int = 0
    peers: dict[Peer, bool] = {}
    having: int = 0
    paths: list[AsPath] = []
    gone_at: float = 0.0
    asns_unnamed: int = 0
    wait_s: float = FIRST_UPDATE_S

    @classmethod
    def of_row(cls, name: str, row: EventRow) -> "EventGroup":
        """The matter of a row of before a restart."""
        peers = dict.fromkeys(row.peers_had, False) | dict.fromkeys(row.peers_having, True)
        return cls(
            name=name,
            key=row.key,
            row=row.row,
            severity=row.severity,
            last_seen=row.last_seen,
            sightings=row.sightings,
            peers=peers,
            having=len(row.peers_having),
            paths=list(row.paths),
            gone_at=row.last_seen,
            asns_unnamed=max(0, row.peers_seen - len({peer.asn for peer in peers})),
        )

    def is_old(self, at: float) -> bool:
        """Its row has been followed for long enough."""
        return self.row is not None and at >= self.row.timestamp + ROW_MOST_S

    def gain(self, peer: Peer) -> bool:
        """A peer has the route; True where it did not have it since the row began."""
        has_it = self.peers.get(peer)
        if not has_it:
            self.peers[peer] = True
            self.having += 1
        return has_it is None

    def lose(self, peer: Peer, at: float) -> bool:
        """A peer has it no more; False where it did not have it."""
        if not self.peers.get(peer, False):
            return False
        self.peers[peer] = False
        self.having -= 1
        self.last_seen = max(self.last_seen, at)
        if not self.having:
            self.gone_at = self.last_seen
        return True

    def begin_row(self, event: RouteEvent) -> int:
        """A row from this sighting on: of earlier ones only who has the route still counts.

        Returns:
            how many peers were forgotten.
        """
        gone = [peer for peer, has_it in self.peers.items() if not has_it]
        for peer in gone:
            del self.peers[peer]
        first = first_row(event)
        self.row = first.row
        self.severity = first.severity
        self.last_seen = first.last_seen
        self.sightings = first.sightings
        self.paths = list(first.paths)
        self.asns_unnamed = 0
        self.wait_s = FIRST_UPDATE_S
        return len(gone)

    def sight(self, event: RouteEvent) -> bool:
        """One more sighting; True where it is worse than those before."""
        self.sightings += 1
        self.last_seen = max(self.last_seen, event.timestamp)
        path = event.as_path
        if len(self.paths) < PATHS_SHOWN and path and path not in self.paths:
            self.paths.append(path)
        if event.severity is self.severity or event.severity.rank >= self.severity.rank:
            return False
        self.severity = event.severity
        return True

    def stands(self, row: Reference) -> EventRow:
        """How its row stands."""
        having = [peer for peer, has_it in self.peers.items() if has_it][:PEERS_SHOWN]
        had = [peer for peer, has_it in self.peers.items() if not has_it]
        return EventRow(
            row=row,
            key=self.key,
            severity=self.severity,
            last_seen=self.last_seen,
            peers_seen=len({peer.asn for peer in self.peers}) + self.asns_unnamed,
            sightings=self.sightings,
            peers_having=tuple(having),
            peers_had=tuple(had[: PEERS_SHOWN - len(having)]),
            paths=tuple(self.paths),
        )

    def ended(self, row: Reference, reason: RowEnd, now: float) -> EventRow:
        """How its row ends, at `now` or at its own time."""
        ended_at = {
            RowEnd.GONE: self.gone_at,
            RowEnd.AGED: row.timestamp + ROW_MOST_S,
            RowEnd.EVICTED: max(now, self.last_seen),
        }[reason]
        return replace(self.stands(row), ended_at=ended_at, end_reason=reason)
