"""Rows of route_monitor_events that are on: brought up to date, and taken up after a restart."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from psycopg.rows import dict_row

from bgptui.domain.alert import Reference, Severity
from bgptui.domain.event import EventType, RouteKey
from bgptui.domain.event_row import EventRow
from bgptui.domain.routing import Peer
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.rows import grown_metadata, parse_path, storable_json
from bgptui.store.times import utc


def update_event_rows(conn: Connection, rows: Collection[EventRow]) -> None:
    """Bring rows up to date, each once; one that is not there (any more) is passed over.

    To be called inside a transaction, after the rows that begin in it.
    """
    if not rows:
        return
    began = [stands.row.timestamp for stands in rows]
    # One document: an array of texts is escaped quote by quote in Python.
    document = storable_json([_changing(stands) for stands in rows]).decode()
    parameters = {"rows": document, "first": utc(min(began)), "last": utc(max(began))}
    conn.execute(query("store/update_event_rows"), parameters)


def open_event_rows(conn: Connection) -> tuple[EventRow, ...]:
    """Rows that are followed, oldest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(map(_row, cursor.execute(query("store/open_event_rows"))))


def _changing(stands: EventRow) -> dict[str, Any]:
    return {
        "id": stands.row.id,
        "timestamp": utc(stands.row.timestamp),
        "severity": stands.severity,
        "last_seen": utc(stands.last_seen),
        "peers_seen": stands.peers_seen,
        "sightings": stands.sightings,
        "ended_at": None if stands.ended_at is None else utc(stands.ended_at),
        "end_reason": stands.end_reason,
        "metadata": grown_metadata(stands),
    }


def _row(found: dict[str, Any]) -> EventRow:
    return EventRow(
        row=Reference(found["id"], found["timestamp"]),
        key=RouteKey(
            EventType(found["event_type"]), found["prefix"], found["origin_asn"], found["reason"]
        ),
        severity=Severity(found["severity"]),
        last_seen=found["last_seen"],
        peers_seen=found["peers_seen"],
        sightings=found["sightings"],
        peers_having=_peers(found["have"]),
        peers_had=_peers(found["had"]),
        paths=tuple(map(parse_path, found["paths"] or ())),
    )


def _peers(named: Sequence[Any] | None) -> tuple[Peer, ...]:
    return tuple(Peer(*each) for each in msgspec.convert(named or (), list[tuple[str, str, int]]))
