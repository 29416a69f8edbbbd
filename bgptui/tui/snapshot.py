"""What the console shows, read at one moment; replaced as a whole, never changed."""

from msgspec import Struct

from bgptui.domain.alert import Severity
from bgptui.store.readers import AlertDetail, AlertRow, CollectorRow, NetworkWindow


class Trouble(Struct, frozen=True):
    """The database cannot be read: why, and since when (the feed's clock)."""

    message: str
    since: float


class Snapshot(Struct, frozen=True):
    """One reading of the database.

    Attributes:
        sequence: grows by one with each.
        taken: the feed's clock when it was read, seconds; only differences mean anything.
        collector: None before a collector has ever written to this database.
        alerts: unresolved ones and the latest closed ones; the same tuple while nothing changes.
        alerts_left_out: there are more than were read.
        open_counts: open alerts by severity.
        windows: network-wide, oldest first, one a minute; missing minutes are missing.
        detail: of the alert that `Feed.follow` named.
        trouble: set while the rest is old because the database is away.
    """

    sequence: int
    taken: float
    collector: CollectorRow | None = None
    alerts: tuple[AlertRow, ...] = ()
    alerts_left_out: bool = False
    open_counts: dict[Severity, int] = {}
    windows: tuple[NetworkWindow, ...] = ()
    detail: AlertDetail | None = None
    trouble: Trouble | None = None
