"""Rows of route_monitor_events: one for each matter that the route monitor found."""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from bgptui.domain.alert import Reference, Severity
from bgptui.domain.event import RouteEvent, RouteKey
from bgptui.domain.routing import AsPath, Peer


class RowEnd(StrEnum):
    """Values of route_monitor_events.end_reason: why a row is not followed any more.

    GONE: nobody has the route any more. AGED: the row is a day old; the matter may go on, and
    has another row from its next sighting on. EVICTED: there were too many matters at once.
    """

    GONE = "gone"
    AGED = "aged"
    EVICTED = "evicted"


class EventRow(Struct, frozen=True):
    """How a row stands: everything of it that changes after its first sighting.

    Attributes:
        row: id and timestamp of the first sighting's event; they never change.
        severity: the worst so far.
        last_seen: event time of the newest sighting, or of the newest loss of the route.
        peers_seen: distinct peer ASNs.
        sightings: events; a peer's route that began to fire, or that was judged anew.
        peers_having, peers_had: peers that have the route, and that had it: the first of them.
        paths: some distinct ones, the first sighting's first.
        ended_at: event time at which nobody had the route any more (the hold-down has passed
            since), or at which the row ended for another reason; None while it is followed.
    """

    row: Reference
    key: RouteKey
    severity: Severity
    last_seen: float
    peers_seen: int = 1
    sightings: int = 1
    peers_having: tuple[Peer, ...] = ()
    peers_had: tuple[Peer, ...] = ()
    paths: tuple[AsPath, ...] = ()
    ended_at: float | None = None
    end_reason: RowEnd | None = None


class RowChanges(NamedTuple):
    """What is to be written: first sightings, each a new row, and how rows stand since."""

    begun: tuple[RouteEvent, ...] = ()
    grown: tuple[EventRow, ...] = ()


def first_row(event: RouteEvent) -> EventRow:
    """The row that begins with `event`."""
    return EventRow(
        row=event.reference,
        key=event.key,
        severity=event.severity,
        last_seen=event.timestamp,
        peers_having=(event.peer,),
        paths=(event.as_path,) if event.as_path else (),
    )
