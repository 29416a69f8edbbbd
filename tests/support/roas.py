"""Alerts of the ROA monitor as the database gives them back."""

from uuid import uuid4

import msgspec

from bgptui.domain.alert import Alert, AlertType
from bgptui.domain.roa import RoaEvent


def alert_of(event: RoaEvent) -> Alert:
    """The open alert of an event, its evidence read from JSON."""
    evidence = msgspec.json.decode(msgspec.json.encode(event.evidence))
    return Alert(
        alert_id=1,
        alert_uuid=uuid4(),
        key=event.key,
        alert_type=AlertType.ROA,
        severity=event.severity,
        confidence=1.0,
        title="",
        description=event.description,
        first_seen=event.since,
        last_seen=event.timestamp,
        prefix=event.prefixes[0] if event.prefixes else None,
        origin_asn=event.origin_asn,
        affected_prefixes=event.prefixes,
        anomaly_types=(event.kind.value,),
        evidence=tuple(evidence),
    )
