"""A run of alarming windows as the alert that it makes."""

from typing import Any

from msgspec import Struct

from bgptui.config.schema import Detect
from bgptui.correlate.confidence import Terms, spread
from bgptui.correlate.ledger import NO_UUID, Draft
from bgptui.correlate.ml_fact import ml_fact, rounded
from bgptui.correlate.wording import leading_reason, ml_description, ml_title
from bgptui.domain.alert import Alert, AlertType, Reference, Severity
from bgptui.domain.alert_json import iso_utc
from bgptui.domain.routing import Peer
from bgptui.domain.score import WindowScore

PEERS_SHOWN = 20
TELLING_P = 0.5  # a reason below it says little


class MlEpisode(Struct):
    """Alarming windows of one stream, short calms included.

    Attributes:
        peer: None for the network.
        last_end: end of the newest window that counted, seconds since 1970 UTC.
        last_alarm: end of the newest one that alarmed.
        peak: the strongest window; None after a restart, until one alarms again.
        reasons: names of what told, of every window.
        grouped: the network's only: the strongest alarm of each peer.
    """

    key: str
    peer: Peer | None
    last_end: float
    last_alarm: float = 0.0
    peak: WindowScore | None = None
    severity: Severity = Severity.MEDIUM
    calm_windows: int = 0
    reasons: set[str] = set()
    grouped: dict[Peer, WindowScore] = {}

    def alarm(self, score: WindowScore, detect: Detect) -> None:
        """A window alarms."""
        self.calm_windows = 0
        self.last_end = max(self.last_end, float(score.window.end))
        self.last_alarm = max(self.last_alarm, float(score.window.end))
        self.reasons |= {reason.name for reason in score.reasons if reason.p >= TELLING_P}
        self.severity = min(self.severity, ml_severity(score, detect), key=lambda s: s.rank)
        if self.peak is None or _strength(score) > _strength(self.peak):
            self.peak = score

    def group(self, score: WindowScore) -> None:
        """A peer alarms within the network's episode."""
        peer = score.window.peer
        if peer is None:
            return
        known = self.grouped.get(peer)
        if known is None or _strength(score) > _strength(known):
            self.grouped[peer] = score


def ml_severity(score: WindowScore, detect: Detect) -> Severity:
    """By the ensemble; a single reason that alarms alone is medium, whatever the ensemble.

    While the stream learns, every threshold is raised by the same amount.
    """
    raised = detect.learning_raise if score.learning else 0.0
    ensemble = 0.0 if score.ensemble is None else score.ensemble - raised
    if ensemble >= detect.critical:
        return Severity.CRITICAL
    return Severity.HIGH if ensemble >= detect.high else Severity.MEDIUM


def ml_draft(
    episode: MlEpisode,
    peak: WindowScore,
    *,
    before: Alert | None,
    medium: float,
    peers_total: int,
) -> Draft:
    """The alert, without its identity and confidence.

    Args:
        peak: the episode's strongest window.
        before: the alert as last told; what it counted stays counted.
        medium: the threshold of the ensemble. An alarm by a single reason alone is graded
            medium and counts as just that, whatever the ensemble says.
    """
    peer = episode.peer
    ensemble = 0.0 if peak.ensemble is None else peak.ensemble
    alert = Alert(
        alert_id=0,
        alert_uuid=NO_UUID,
        key=episode.key,
        alert_type=AlertType.ML_ANOMALY,
        severity=episode.severity,
        confidence=0.0,
        title=ml_title(leading_reason(peak), peer=peer),
        description=ml_description(peak, alarming_peers=len(episode.grouped)),
        first_seen=0.0,
        last_seen=episode.last_alarm,
        peer_addr=None if peer is None else peer.address,
        peer_asn=None if peer is None else peer.asn,
        collector=None if peer is None else peer.collector,
        peers_seen=max(
            _peers_seen(episode, peak, peers_total), 0 if before is None else before.peers_seen
        ),
        peers_total=peers_total,
        anomaly_types=("ml_anomaly", *sorted(name.lower() for name in episode.reasons)),
        ensemble_score=peak.ensemble,
        heuristic_score=peak.heuristic,
        ml_result=Reference(peak.id, peak.window.start),
        evidence=(ml_fact(peak), *_grouped_fact(episode)),
    )
    terms = Terms(
        ml=max(ensemble, medium),
        ml_q=1.0 if peer is None else spread(1),
        ml_source="network" if peer is None else "peers",
    )
    collectors = None if peer is None else frozenset({peer.collector})
    note = f"{len(episode.grouped)} alarm" if episode.grouped else ""
    return Draft(alert=alert, terms=terms, collectors=collectors, note=note)


def _peers_seen(episode: MlEpisode, peak: WindowScore, peers_total: int) -> int:
    """Peers that bear the alert out.

    Of the network: those that were active in its strongest window, as their sum is what
    alarms, or those whose own streams alarm where they are more. A silence in which none
    was active is a matter of all.
    """
    if episode.peer is not None:
        return 1
    alarming = len({grouped.asn for grouped in episode.grouped})
    return max(alarming, min(peak.window.unique_peers, peers_total) or peers_total)


def _grouped_fact(episode: MlEpisode) -> tuple[dict[str, Any], ...]:
    """The peers that alarm within the network's episode, the strongest first."""
    if not episode.grouped:
        return ()
    ranked = sorted(
        episode.grouped.items(),
        key=lambda item: (*(-part for part in _strength(item[1])), item[0]),
    )
    shown = [
        {
            "collector": peer.collector,
            "peer_addr": peer.address,
            "peer_asn": peer.asn,
            "ensemble": rounded(score.ensemble),
            "leading_reason": leading_reason(score),
            "window": iso_utc(score.window.start),
        }
        for peer, score in ranked[:PEERS_SHOWN]
    ]
    more = max(0, len(ranked) - PEERS_SHOWN)
    return ({"kind": "peers", "alarming": len(ranked), "peers": shown, "peers_more": more},)


def _strength(score: WindowScore) -> tuple[float, float]:
    ensemble = 0.0 if score.ensemble is None else score.ensemble
    return ensemble, max((reason.p for reason in score.reasons), default=0.0)
