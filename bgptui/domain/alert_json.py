"""An alert as one JSON line, and as one line of text for a person."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from bgptui.domain.alert import Alert, AlertChange, AlertType, Change
from bgptui.domain.words import duration_text

_encode = msgspec.json.Encoder().encode


def iso_utc(timestamp: float) -> str:
    """ISO 8601 in UTC with Z: whole seconds, or up to microseconds without trailing zeros.

    Args:
        timestamp: seconds since 1970 UTC.
    """
    moment = datetime.fromtimestamp(timestamp, UTC)
    whole = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if not moment.microsecond:
        return whole + "Z"
    return f"{whole}.{moment.microsecond:06d}".rstrip("0") + "Z"


def from_iso_utc(text: str) -> float:
    """Seconds since 1970 UTC of what `iso_utc` wrote."""
    return datetime.fromisoformat(text).timestamp()


def alert_object(change: AlertChange) -> dict[str, Any]:
    """The JSON object of one change, keys in their documented order.

    Replay, export, `alerts --json` and webhooks all show this one. `duration_s` stands in a
    resolve only: from first_seen to the end of the matter in event time. A route's matter ends
    when its last peer lost it (fact `withdrawn`, `at`); the hold-down after that, at whose end
    the alert resolves, does not count.
    """
    alert = change.alert
    shown: dict[str, Any] = {
        "event": change.change.value,
        "alert_id": alert.alert_id,
        "alert_uuid": str(alert.alert_uuid),
        "alert_type": alert.alert_type.value,
        "class": alert.hijack_class,
        "severity": alert.severity.value,
        "confidence": _rounded(alert.confidence),
        "title": alert.title,
        "prefix": alert.prefix,
        "watched_prefix": alert.watched_prefix,
        "origin_asn": alert.origin_asn,
        "expected_origins": list(alert.expected_origins),
        "peer_addr": alert.peer_addr,
        "peers_seen": alert.peers_seen,
        "peers_total": alert.peers_total,
        "first_seen": iso_utc(alert.first_seen),
        "last_seen": iso_utc(alert.last_seen),
        "status": alert.status.value,
        "anomaly_types": list(alert.anomaly_types),
        "ensemble_score": _rounded(alert.ensemble_score),
        "rpki_status": alert.rpki_status,
        "evidence": list(alert.evidence),
    }
    if change.change is Change.RESOLVE:
        shown["duration_s"] = _duration_s(alert)
    return shown


def alert_line(change: AlertChange) -> str:
    """One change as compact JSON without a line feed; the same change gives the same bytes."""
    return _encode(alert_object(change)).decode()


def alert_text(change: AlertChange) -> str:
    """One change for a person: time, event, severity, type, route, confidence, peers, title.

    Times are to the second. Whatever came from outside is freed of what a terminal would not
    print as it stands: control characters, line separators and marks that reverse the direction
    of writing.
    """
    alert = change.alert
    at = alert.last_seen
    if change.change is Change.OPEN:
        at = alert.first_seen
    elif change.change is Change.RESOLVE and alert.resolved_at is not None:
        at = alert.resolved_at
    is_about_roas = alert.alert_type is AlertType.ROA
    parts = [
        iso_utc(math.floor(at)),
        f"{change.change.value.upper():<7}",
        f"{alert.severity.value:<8}",
        alert.alert_type.value,
        *_about(alert),
        f"confidence {alert.confidence:.2f}",
        # What VRPs say no peer has to see.
        *([] if is_about_roas else [f"peers {alert.peers_seen}/{alert.peers_total}"]),
        alert.title,
    ]
    if change.change is Change.RESOLVE:
        parts.append(f"after {duration_text(_duration_s(alert))}")
    elif withdrawn_at(alert) is not None:
        parts.append(f"({_ended_by(alert)})")
    return printable(" ".join(parts))


def printable(text: str) -> str:
    """`text` without control, format and separator characters other than the space."""
    return "".join(character for character in text if character.isprintable())


def _about(alert: Alert) -> list[str]:
    """What the alert concerns: its route, or else its peer, collector or trust anchors."""
    if alert.prefix is not None:
        origin = [] if alert.origin_asn is None else [f"AS{alert.origin_asn}"]
        return [alert.prefix, *origin]
    if alert.peer_addr is not None:
        return [alert.peer_addr]
    if alert.collector is not None:
        return [alert.collector]
    return [
        str(fact["trust_anchor"])
        for fact in alert.evidence
        if fact.get("kind") == "trust_anchor" and fact.get("trust_anchor")
    ]


def _duration_s(alert: Alert) -> float:
    end = alert.last_seen if alert.resolved_at is None else alert.resolved_at
    withdrawn = withdrawn_at(alert)
    if withdrawn is not None:
        end = withdrawn
    seconds = round(max(0.0, end - alert.first_seen), 3)
    return int(seconds) if seconds.is_integer() else seconds


def withdrawn_at(alert: Alert) -> float | None:
    """Event time at which the last peer lost the route; None while one has it."""
    told = [fact.get("at") for fact in alert.evidence if fact.get("kind") == "withdrawn"]
    return from_iso_utc(told[0]) if told and told[0] else None


def _ended_by(alert: Alert) -> str:
    """Why nobody has the route any more: `withdrawn`, `replaced, session down`."""
    told = [fact.get("causes") for fact in alert.evidence if fact.get("kind") == "withdrawn"]
    causes = told[0] if told and told[0] else ["withdrawn"]
    return ", ".join(str(cause).replace("_", " ") for cause in causes)


def _rounded(value: float | None) -> float | None:
    """Two digits are what a person compares; more would only suggest precision."""
    return None if value is None else round(value, 2)
