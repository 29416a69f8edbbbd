"""Route monitor events: what one announcement or withdrawal means for a watched route."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from bgptui.domain.alert import Reference, Severity
from bgptui.domain.routing import AsPath, Peer
from bgptui.domain.rpki import OriginValidation


class EventType(StrEnum):
    """Values of route_monitor_events.event_type."""

    RPKI_INVALID = "rpki_invalid"
    HIJACK_SUSPECTED = "hijack_suspected"
    LEAK_SUSPECTED = "leak_suspected"
    PATH_ANOMALY = "path_anomaly"
    NEW_PREFIX = "new_prefix"
    VISIBILITY_LOSS = "visibility_loss"
    BOGON = "bogon"


class Cause(StrEnum):
    """Why something that fires began, changed or ended, where no other announcement is why.

    WITHDRAWN, REPLACED, SESSION_DOWN, RECOVERED and ACCEPTED only end it: the route is gone;
    its peer has another one; nothing is known of its peer; a lost prefix is there again; it
    was lost for so long that this is the new state of things.
    """

    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    SESSION_DOWN = "session_down"
    VRP_CHANGE = "vrp_change"
    ASPA_CHANGE = "aspa_change"
    WATCHLIST_CHANGE = "watchlist_change"
    MUTED = "muted"
    MUTE_ENDED = "mute_ended"
    RECOVERED = "recovered"
    ACCEPTED = "accepted"


# Ends that are the peer's own word.
_SAID = frozenset({Cause.WITHDRAWN, Cause.REPLACED, Cause.SESSION_DOWN, Cause.RECOVERED})


class RouteKey(Struct, frozen=True, order=True):
    """What makes two events the same matter: they belong to one alert.

    Attributes:
        reason: the rule that fired (`origin`, `subprefix`, `length`, `asn`, ...); of one that
            is about two neighbours in paths with them (`upstream:64501>64500`).
    """

    event_type: EventType
    prefix: str
    origin_asn: int | None
    reason: str

    @property
    def is_about_a_hop(self) -> bool:
        """The matter is a pair of neighbours, whatever prefixes and origins are behind it."""
        return ">" in self.reason


class RouteEvent(Struct, frozen=True):
    """A rule fired for one route of one peer: the first sighting of a row of
    route_monitor_events, or one more (domain.event_row).

    Attributes:
        id: unique among events, given at the source.
        hijack_class: class code of ARTEMIS, prefix | path, e.g. `S|0`.
        watched_prefix, expected_origins: the watchlist's rule, None and () where none did.
        min_peers: distinct peer ASNs that it takes to open an alert.
        lasting_s: for so long must enough peers have it before an alert opens.
        evidence: JSON-ready facts: rule, RPKI data, SLURM, ASPAs, previous origins, communities;
            `cause` where not the announcement but something else is why it is told.
        row: the row that it is counted in; None: it is the first sighting of its own.
    """

    id: int
    timestamp: float
    key: RouteKey
    peer: Peer
    severity: Severity
    hijack_class: str
    description: str
    as_path: AsPath
    next_hop: str | None
    validation: OriginValidation
    watched_prefix: str | None = None
    expected_origins: tuple[int, ...] = ()
    min_peers: int = 3
    opens_alert: bool = True
    evidence: dict[str, Any] = {}
    lasting_s: float = 0.0
    row: Reference | None = None

    @property
    def is_of_peer(self) -> bool:
        """The peer said something; else its route is judged otherwise."""
        return "cause" not in self.evidence

    @property
    def reference(self) -> Reference:
        """The row that has it."""
        return self.row or Reference(self.id, self.timestamp)


class RouteCleared(Struct, frozen=True):
    """What fired for a peer's route does not any more. When this is so for the last peer, the
    alert may resolve.

    Attributes:
        detail: of REPLACED the origin that the peer has now (`AS64500`), empty where it is the
            same; of VRP_CHANGE what ROAs say now.
    """

    timestamp: float
    key: RouteKey
    peer: Peer
    cause: Cause = Cause.WITHDRAWN
    detail: str = ""

    @property
    def is_of_peer(self) -> bool:
        """The peer said something; else its route is judged otherwise."""
        return self.cause in _SAID
