"""Alerts: what a person sees, how their status may change, and their JSON line."""

from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from msgspec import Struct

_NAMESPACE = UUID("6f0a5c1e-52a0-5c0b-9f5e-0b6770747569")


class Severity(StrEnum):
    """Severity of an alert, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for critical ... 3 for low."""
        return list(Severity).index(self)


class AlertType(StrEnum):
    """Values of alerts.alert_type."""

    HIJACK = "hijack"
    LEAK = "leak"
    RPKI_INVALID = "rpki_invalid"
    PATH_ANOMALY = "path_anomaly"
    NEW_PREFIX = "new_prefix"
    VISIBILITY_LOSS = "visibility_loss"
    ML_ANOMALY = "ml_anomaly"
    SESSION = "session"
    FEED_GAP = "feed_gap"
    ROA = "roa"


class Status(StrEnum):
    """Status of an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    FALSE_POSITIVE = "false_positive"


# The same table stands in sql (update_alert_status); a test holds the two together.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.ACKNOWLEDGED, Status.RESOLVED, Status.FALSE_POSITIVE}),
    Status.ACKNOWLEDGED: frozenset({Status.OPEN, Status.RESOLVED, Status.FALSE_POSITIVE}),
    Status.RESOLVED: frozenset({Status.OPEN}),
    Status.FALSE_POSITIVE: frozenset({Status.OPEN}),
}


class Change(StrEnum):
    """What happened to an alert (`event` of its JSON line)."""

    OPEN = "open"
    UPDATE = "update"
    RESOLVE = "resolve"


class Reference(Struct, frozen=True):
    """A row of another time-series table: (id, timestamp), without a foreign key."""

    id: int
    timestamp: float


class Alert(Struct, frozen=True, kw_only=True):
    """One alert.

    Attributes:
        key: what it is about; unique among open alerts.
        first_seen: event time of its opening, seconds since 1970 UTC; never changes and is
            the row's `timestamp`.
        resolved_at: event time; set when the pipeline resolved it.
        ml_score, heuristic_score, rpki_score: parts of the confidence; None where absent.
        final_score: the confidence before HISTORY.
        evidence: JSON-ready facts, each with a `kind`: rule, rpki, aspa, origins, ml, path,
            peers, gap, session, roa, trust_anchor, withdrawn (since `at` no peer has the route),
            confidence.
    """

    alert_id: int
    alert_uuid: UUID
    key: str
    alert_type: AlertType
    severity: Severity
    confidence: float
    title: str
    description: str
    first_seen: float
    last_seen: float
    status: Status = Status.OPEN
    hijack_class: str | None = None
    prefix: str | None = None
    watched_prefix: str | None = None
    origin_asn: int | None = None
    expected_origins: tuple[int, ...] = ()
    affected_prefixes: tuple[str, ...] = ()
    peer_addr: str | None = None
    peer_asn: int | None = None
    collector: str | None = None
    peers_seen: int = 0
    peers_total: int = 0
    anomaly_types: tuple[str, ...] = ()
    ensemble_score: float | None = None
    heuristic_score: float | None = None
    rpki_score: float | None = None
    final_score: float | None = None
    rpki_status: str | None = None
    ml_result: Reference | None = None
    route_event: Reference | None = None
    resolved_at: float | None = None
    resolution: str | None = None
    evidence: tuple[dict[str, Any], ...] = ()


class AlertChange(Struct, frozen=True):
    """An alert as it stands after one change."""

    change: Change
    alert: Alert


def alert_uuid(alert_type: AlertType, key: str, first_seen: float) -> UUID:
    """The same matter opened at the same event time has the same UUID, in every replay."""
    return uuid5(_NAMESPACE, f"{alert_type}|{key}|{first_seen:.6f}")
