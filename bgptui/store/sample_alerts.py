"""The alerts of the sample data: each points at its scores and, if it has them, its events."""

from typing import Any

import msgspec

from bgptui.domain.alert import (
    Alert,
    AlertChange,
    AlertType,
    Change,
    Reference,
    Severity,
    alert_uuid,
)
from bgptui.domain.alert_json import iso_utc
from bgptui.domain.event import RouteEvent
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import RpkiState
from bgptui.domain.score import WindowScore
from bgptui.domain.window import WINDOW_S
from bgptui.store.sample_incidents import INCIDENTS, PEERS, Incident

_T, _S = AlertType, Severity
# Those that stand on the score of a window, and the reason that each names.
_ML_ALERTS = (
    ("Withdrawal storm", "WITHDRAWAL_STORM"),
    ("Critical churn", "CRITICAL_CHURN"),
    ("Path length shifted", "PATH_LENGTH_SHIFT"),
)


def sample_alerts(
    events: list[RouteEvent], scores: tuple[WindowScore, ...], first_id: int
) -> tuple[AlertChange, ...]:
    """One of every two events, three of the network's worst minutes, a session, a gap."""
    network = {score.window.start: score for score in scores if score.window.peer is None}
    worst = sorted(network.values(), key=lambda score: -(score.ensemble or 0.0))
    drafts = []
    for incident, seen in zip(INCIDENTS, zip(events[::2], events[1::2], strict=True), strict=True):
        minute = int(seen[0].timestamp) // WINDOW_S * WINDOW_S
        drafts.append(_route_alert(incident, seen, network[minute]))
    drafts += [_ml_alert(*row, score) for row, score in zip(_ML_ALERTS, worst, strict=False)]
    last = float(max(network) + WINDOW_S)
    drafts += [_session_alert(PEERS[0], last - 200.5), _gap_alert("rrc01", last - 95.25)]
    drafts.sort(key=lambda alert: (alert.first_seen, alert.key))
    return tuple(
        AlertChange(Change.OPEN, msgspec.structs.replace(alert, alert_id=first_id + place))
        for place, alert in enumerate(drafts)
    )


def _route_alert(
    incident: Incident, seen: tuple[RouteEvent, RouteEvent], score: WindowScore
) -> Alert:
    one, other = seen
    key = f"{incident.event_type}|{incident.prefix}|{incident.origin}"
    ml = score.ensemble or 0.0
    # routing-security's formula at two peers: ROUTE .72, q .8.
    route = 0.72 if incident.rpki is RpkiState.INVALID else 0.4
    confidence = round(1 - (1 - 0.8 * route) * (1 - ml), 2)
    return _alert(
        key=key,
        alert_type=incident.alert_type,
        severity=incident.severity,
        first_seen=one.timestamp,
        confidence=confidence,
        title=incident.title,
        description=one.description,
        last_seen=max(one.timestamp, other.timestamp),
        hijack_class=incident.hijack_class,
        prefix=incident.prefix,
        watched_prefix=incident.watched_prefix,
        origin_asn=incident.origin,
        expected_origins=(incident.owner,),
        affected_prefixes=(incident.prefix,),
        peer_addr=one.peer.address,
        peer_asn=one.peer.asn,
        collector=one.peer.collector,
        peers_seen=2,
        peers_total=len(PEERS),
        anomaly_types=(incident.event_type.value,),
        ensemble_score=ml,
        heuristic_score=score.heuristic,
        rpki_score=0.72 if incident.rpki is RpkiState.INVALID else None,
        final_score=confidence,
        rpki_status=incident.rpki.value,
        ml_result=Reference(score.id, float(score.window.start)),
        route_event=Reference(one.id, one.timestamp),
        evidence=(
            {"kind": "rule", "watched_prefix": incident.watched_prefix},
            {"kind": "rpki", "state": incident.rpki.value},
            {"kind": "ml", "ensemble": ml},
            {"kind": "path", "as_path": list(one.as_path)},
        ),
    )


def _ml_alert(title: str, reason: str, score: WindowScore) -> Alert:
    ensemble = score.ensemble or 0.0
    # The thresholds of detector.md.
    severity = _S.CRITICAL if ensemble >= 0.75 else _S.HIGH if ensemble >= 0.60 else _S.MEDIUM
    return _alert(
        key=f"ml_anomaly|{reason}",
        alert_type=_T.ML_ANOMALY,
        severity=severity,
        first_seen=float(score.window.end),
        confidence=round(ensemble, 2),
        title=title,
        description=f"{title} in the minute before",
        last_seen=float(score.window.end),
        peers_seen=len(PEERS),
        peers_total=len(PEERS),
        anomaly_types=(reason.lower(),),
        ensemble_score=ensemble,
        heuristic_score=score.heuristic,
        final_score=ensemble,
        ml_result=Reference(score.id, float(score.window.start)),
        evidence=({"kind": "ml", "ensemble": ensemble, "reasons": [reason]},),
    )


def _session_alert(peer: Peer, at: float) -> Alert:
    return _alert(
        key=f"session|{peer.collector}|{peer.address}",
        alert_type=_T.SESSION,
        severity=_S.MEDIUM,
        first_seen=at,
        confidence=0.9,
        title="BGP session flapped",
        description=f"The session of {peer.address} (AS{peer.asn}) went down and came back",
        last_seen=at + 12.0,
        collector=peer.collector,
        peer_addr=peer.address,
        peer_asn=peer.asn,
        peers_seen=1,
        peers_total=len(PEERS),
        anomaly_types=("session_reset",),
        final_score=0.9,
        evidence=(
            {
                "kind": "session",
                "collector": peer.collector,
                "peer_addr": peer.address,
                "peer_asn": peer.asn,
                "down_at": iso_utc(at),
                "up_at": iso_utc(at + 12.0),
                "resets": 1,
            },
        ),
    )


def _gap_alert(collector: str, at: float) -> Alert:
    return _alert(
        key=f"feed_gap|{collector}",
        alert_type=_T.FEED_GAP,
        severity=_S.LOW,
        first_seen=at,
        confidence=1.0,
        title=f"No data from {collector}",
        description=f"Nothing came from {collector} for 20 seconds",
        last_seen=at + 20.0,
        collector=collector,
        anomaly_types=("feed_gap",),
        final_score=1.0,
        evidence=({"kind": "gap", "reason": "silence"},),
    )


def _alert(*, key: str, alert_type: AlertType, first_seen: float, **facts: Any) -> Alert:
    """With its uuid; its number comes later, in the order of opening."""
    uuid = alert_uuid(alert_type, key, first_seen)
    return Alert(
        alert_id=0, alert_uuid=uuid, key=key, alert_type=alert_type, first_seen=first_seen, **facts
    )
