"""Alert changes of the pipeline as rows: alerts, alert_ids and the outbox, in one transaction.

A change finds its row by alert_uuid, so that input which is replayed updates the alerts it made
before. A person's status is never overwritten: the pipeline resolves only what is open or
acknowledged, through update_alert_status like everyone else.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from msgspec import Struct

from bgptui.domain.alert import Alert, AlertChange, Change, Reference, Severity
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.rows import storable_json
from bgptui.store.times import utc

PIPELINE = "bgptui"  # the operator of its status events


class _Latest(Struct):
    """An alert after several changes: as it stands, and whether it was resolved by one."""

    alert: Alert
    resolved: bool


def write_alerts(conn: Connection, changes: Iterable[AlertChange]) -> None:
    """Store changes in order; of several of one alert, the last state and every transition.

    To be called inside a transaction.
    """
    latest: dict[UUID, _Latest] = {}
    for change in changes:
        uuid = change.alert.alert_uuid
        latest[uuid] = _Latest(change.alert, resolved=change.change is Change.RESOLVE)
    for entry in latest.values():
        _write(conn, entry.alert, resolved=entry.resolved)
    if latest:
        payload = storable_json({"changed": len(latest)}).decode()
        conn.execute(query("store/notify_alerts"), {"payload": payload})


def alert_parameters(alert: Alert) -> dict[str, Any]:
    """An alert as the parameters of insert_alert and update_alert_facts."""
    return {
        "alert_id": alert.alert_id,
        "alert_uuid": alert.alert_uuid,
        "key": _text(alert.key),
        "alert_type": alert.alert_type.value,
        "class": alert.hijack_class,
        "severity": alert.severity.value,
        "confidence": alert.confidence,
        "collector": alert.collector,
        "peer_addr": alert.peer_addr,
        "peer_asn": alert.peer_asn,
        "prefix": alert.prefix,
        "watched_prefix": alert.watched_prefix,
        "affected_prefixes": list(alert.affected_prefixes),
        "origin_asn": alert.origin_asn,
        "expected_origins": list(alert.expected_origins),
        "title": _text(alert.title),
        "description": _text(alert.description),
        "anomaly_types": list(alert.anomaly_types),
        "first_seen": utc(alert.first_seen),
        "last_seen": utc(alert.last_seen),
        "peers_seen": alert.peers_seen,
        "peers_total": alert.peers_total,
        "rpki_status": alert.rpki_status,
        **_reference("ml_result", alert.ml_result),
        **_reference("route_monitor_event", alert.route_event),
        "ensemble_score": alert.ensemble_score,
        "heuristic_score": alert.heuristic_score,
        "rpki_score": alert.rpki_score,
        "final_score": alert.final_score,
        "raw_data": storable_json({"evidence": alert.evidence}).decode(),
    }


def _write(conn: Connection, alert: Alert, *, resolved: bool) -> None:
    parameters = alert_parameters(alert)
    conn.execute(
        query("store/claim_alert"),
        {key: parameters[key] for key in ("alert_id", "alert_uuid")}
        | {"opened": parameters["first_seen"]},
    )
    stored = conn.execute(query("store/find_alert"), {"alert_uuid": alert.alert_uuid}).fetchone()
    assert stored is not None  # noqa: S101 - claimed just now
    alert_id, old_severity, _ = stored
    # Input that was replayed before has its old id; everything else has its own.
    parameters["alert_id"] = alert_id
    if old_severity is None:
        conn.execute(query("store/insert_alert"), parameters)
        _tell(conn, parameters, Change.OPEN)
    else:
        conn.execute(query("store/update_alert_facts"), parameters)
        if not resolved and alert.severity.rank < Severity(old_severity).rank:
            _tell(conn, parameters, Change.UPDATE)
    if resolved and _resolve(conn, alert_id, alert):
        _tell(conn, parameters, Change.RESOLVE)


def _resolve(conn: Connection, alert_id: int, alert: Alert) -> bool:
    """False when a person had closed it before."""
    done = conn.execute(
        query("store/resolve_alert"),
        {"alert_id": alert_id, "operator": PIPELINE, "notes": alert.resolution},
    ).fetchone()
    if done is None:
        return False
    resolved_at = utc(alert.last_seen if alert.resolved_at is None else alert.resolved_at)
    conn.execute(query("store/set_resolved_at"), {"alert_id": alert_id, "resolved_at": resolved_at})
    return True


def _tell(conn: Connection, parameters: dict[str, Any], event: Change) -> None:
    conn.execute(
        query("store/insert_outbox"),
        {key: parameters[key] for key in ("alert_id", "alert_uuid", "severity")}
        | {"event": event.value},
    )


def _reference(name: str, reference: Reference | None) -> dict[str, Any]:
    if reference is None:
        return {f"{name}_id": None, f"{name}_timestamp": None}
    return {f"{name}_id": reference.id, f"{name}_timestamp": utc(reference.timestamp)}


def _text(value: str) -> str:
    return value.replace("\0", "\ufffd")
