"""Changes of ROAs to alerts: what nobody has to see in the routing to be true."""

from bgptui.config.schema import Alerts
from bgptui.correlate.agenda import Agenda, Errand
from bgptui.correlate.confidence import OBSERVED, Terms
from bgptui.correlate.ledger import NO_UUID, Draft, Ledger, Standing
from bgptui.correlate.wording import roa_title
from bgptui.domain.alert import Alert, AlertChange, AlertType
from bgptui.domain.roa import RoaChange, RoaCleared, RoaEvent, RoaKind

PREFIX = "roa|"
FACTS_KEPT = 20  # of the notices before, in the alert that goes on


class RoaAlerts:
    """An alert for each matter of the ROA monitor, which has waited until it is sure.

    One that is cleared ends when it stays so for the hold-down; its resolved_at is the moment it
    was cleared. A notice ends likewise, when nothing further happened.
    """

    def __init__(self, settings: Alerts, *, ledger: Ledger, agenda: Agenda) -> None:
        self._hold_down_s = settings.hold_down_s
        self._ledger = ledger
        self._agenda = agenda
        self._cleared: dict[str, RoaCleared] = {}

    def observe(self, change: RoaChange) -> tuple[AlertChange, ...]:
        """A matter began, changed, or is over."""
        if isinstance(change, RoaCleared):
            self._clear(change)
            return ()
        key = change.key
        cleared = self._cleared.pop(key, None)
        changes = () if cleared is None else self._end_if_over(cleared, change.timestamp)
        if change.is_notice:
            self._clear(RoaCleared(change.timestamp, key, "no further change"))
        standing = self._ledger.standing(key)
        if standing is not Standing.NONE:
            return changes + self._ledger.update(self._draft(change), at=change.timestamp)
        if not change.opens_alert:
            self._cleared.pop(key, None)
            return changes
        return (*changes, self._ledger.open(self._draft(change), first_seen=change.since))

    def look(self, key: str, at: float) -> tuple[AlertChange, ...]:
        """End what stayed cleared for the hold-down."""
        cleared = self._cleared.get(key)
        if cleared is None:
            return ()
        due = cleared.timestamp + self._hold_down_s
        if at < due:
            self._agenda.put(due, key, Errand.LOOK)
            return ()
        del self._cleared[key]
        return self._end(cleared)

    def restore(self, alert: Alert) -> None:
        """Take over an alert; whether its matter goes on is the monitor's to say, but for a
        notice."""
        if RoaKind.CHANGED in alert.anomaly_types:
            self._clear(RoaCleared(alert.last_seen, alert.key, "no further change"))

    def _clear(self, cleared: RoaCleared) -> None:
        self._cleared[cleared.key] = cleared
        self._agenda.put(cleared.timestamp + self._hold_down_s, cleared.key, Errand.LOOK)

    def _end_if_over(self, cleared: RoaCleared, at: float) -> tuple[AlertChange, ...]:
        """What comes back after the hold-down is a new alert."""
        if at <= cleared.timestamp + self._hold_down_s:
            return ()
        return self._end(cleared)

    def _end(self, cleared: RoaCleared) -> tuple[AlertChange, ...]:
        if self._ledger.standing(cleared.key) is Standing.NONE:
            return ()
        return self._ledger.resolve(
            cleared.key, at=cleared.timestamp, resolution=cleared.resolution
        )

    def _draft(self, event: RoaEvent) -> Draft:
        evidence = event.evidence
        before = self._ledger.alert(event.key)
        if event.is_notice and before is not None:
            facts = (*self._ledger.draft(event.key).alert.evidence, *evidence)
            evidence = tuple(fact for at, fact in enumerate(facts) if fact not in facts[:at])
            evidence = evidence[-FACTS_KEPT:]
        alert = Alert(
            alert_id=0,
            alert_uuid=NO_UUID,
            key=event.key,
            alert_type=AlertType.ROA,
            severity=event.severity,
            confidence=0.0,
            title=roa_title(event),
            description=event.description,
            first_seen=event.since,
            last_seen=event.timestamp,
            prefix=event.prefixes[0] if event.prefixes and _names_a_prefix(event) else None,
            watched_prefix=event.watched_prefix,
            origin_asn=event.origin_asn,
            expected_origins=event.expected_origins,
            affected_prefixes=event.prefixes,
            anomaly_types=(event.kind.value,),
            rpki_status=event.rpki_status,
            evidence=evidence,
        )
        return Draft(
            alert=alert,
            terms=Terms(route=OBSERVED, route_q=1.0, route_source="vrps"),
            collectors=frozenset(),
            note=event.description,
        )


def note_of(alert: Alert) -> str:
    """The note that an alert about ROAs was told with; of others none is known."""
    return alert.description if alert.alert_type is AlertType.ROA else ""


def _names_a_prefix(event: RoaEvent) -> bool:
    """A trust anchor has an alert of its own, whatever prefixes are behind it."""
    return event.kind not in {RoaKind.ANCHOR, RoaKind.HELD}
