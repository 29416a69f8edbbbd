"""Gaps in the feed: an alert while we are blind, and after a time in which we were."""

from collections.abc import Callable

from bgptui.correlate.agenda import Agenda, Errand
from bgptui.correlate.confidence import OBSERVED, Terms
from bgptui.correlate.gap_book import GapBook
from bgptui.correlate.ledger import NO_UUID, Draft, Ledger, Standing
from bgptui.correlate.wording import gap_title
from bgptui.domain.alert import Alert, AlertChange, AlertType, Severity
from bgptui.domain.alert_json import iso_utc
from bgptui.domain.gap import Gap

# A reconnect takes seconds, and its gap is on record. Only a longer one is worth a page.
PAGES_AFTER_S = 30.0
PREFIX = "gap|"
# Messages of this time may be stored: it runs from the last window that was complete.
INCOMPLETE = {
    "restart": "bgptui was restarted",
    "takeover": "another bgptui has taken over",
}
# Messages come, less than a tenth of the usual.
LOW_RATE = "low_rate"


class GapAlerts:
    """Feed gaps of PAGES_AFTER_S or longer: high for the whole feed, medium for one collector.

    A gap that is over when it is first heard of (a restart) opens and resolves at once.
    first_seen is the gap's start: from then on nothing was seen.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        agenda: Agenda,
        gaps: GapBook,
        peers_total: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._agenda = agenda
        self._gaps = gaps
        self._peers_total = peers_total
        self._lasting: dict[str, Gap] = {}
        self._from_before: dict[str, Alert] = {}

    def observe(self, gap: Gap) -> tuple[AlertChange, ...]:
        """A gap began, goes on or ended."""
        self._gaps.note(gap)
        key = f"{PREFIX}{gap.collector or 'feed'}|{iso_utc(gap.start)}"
        if gap.end is None:
            self._lasting[key] = gap
            if self._ledger.standing(key) is Standing.NONE:
                self._agenda.put(gap.start + PAGES_AFTER_S, key, Errand.LOOK)
                return ()
            return self._ledger.update(self._draft(key, gap), at=gap.start + PAGES_AFTER_S)
        self._lasting.pop(key, None)
        return self._end(key, gap, gap.end) + self.data_flows(gap.end, gap.collector)

    def look(self, key: str) -> tuple[AlertChange, ...]:
        """Open the alert of a gap that has lasted long enough."""
        gap = self._lasting.get(key)
        if gap is None or self._ledger.standing(key) is not Standing.NONE:
            return ()
        opened = self._ledger.open(self._draft(key, gap), first_seen=gap.start)
        return (opened, *self._ledger.show_gap(gap.start + PAGES_AFTER_S))

    def data_flows(self, at: float, collector: str | None) -> tuple[AlertChange, ...]:
        """Data came at `at`, so the gaps from before a restart are over.

        Args:
            collector: that it came from; None: from the feed.
        """
        changes: list[AlertChange] = []
        for key, alert in list(self._from_before.items()):
            if alert.first_seen < at and alert.collector in {None, collector}:
                del self._from_before[key]
                changes += self._ledger.resolve(key, at=at, resolution="messages come again")
        return tuple(changes)

    def restore(self, alert: Alert) -> None:
        """Take over an alert; the first data ends it."""
        self._from_before[alert.key] = alert

    def _end(self, key: str, gap: Gap, end: float) -> tuple[AlertChange, ...]:
        self._from_before.pop(key, None)
        draft = self._draft(key, gap)
        changes: tuple[AlertChange, ...] = ()
        if self._ledger.standing(key) is Standing.NONE:
            if end - gap.start < PAGES_AFTER_S:
                return ()
            changes = (self._ledger.open(draft, first_seen=gap.start),)
        resolution = f"messages come again, {_loss(gap, end - gap.start)}"
        changes += self._ledger.resolve(key, at=end, resolution=resolution, draft=draft)
        return changes + self._ledger.show_gap(end)

    def _draft(self, key: str, gap: Gap) -> Draft:
        whole = gap.collector is None
        where = "the whole feed" if whole else f"collector {gap.collector}"
        since, until = iso_utc(gap.start), None if gap.end is None else iso_utc(gap.end)
        what = "Hardly any messages" if gap.reason == LOW_RATE else "No messages"
        incomplete = INCOMPLETE.get(gap.reason)
        if until is None:
            told = f"{what} of {where} since {since} ({gap.reason})."
        elif incomplete is not None:
            told = f"{incomplete}: windows of {where} from {since} to {until} are incomplete."
        else:
            told = f"{what} of {where} from {since} to {until} ({gap.reason})."
            told += " What happened in between was not seen."
        alert = Alert(
            alert_id=0,
            alert_uuid=NO_UUID,
            key=key,
            alert_type=AlertType.FEED_GAP,
            severity=Severity.HIGH if whole else Severity.MEDIUM,
            confidence=0.0,
            title=gap_title(gap.collector),
            description=told,
            first_seen=gap.start,
            last_seen=gap.start + PAGES_AFTER_S if gap.end is None else gap.end,
            collector=gap.collector,
            peers_total=self._peers_total(),
            anomaly_types=("feed_gap",),
        )
        return Draft(
            alert=alert,
            terms=Terms(route=OBSERVED, route_q=1.0, route_source="feed"),
            collectors=frozenset() if gap.collector is None else frozenset({gap.collector}),
        )


def _loss(gap: Gap, lasted_s: float) -> str:
    if gap.reason in INCOMPLETE:
        return f"windows of {lasted_s:g} s are incomplete"
    return f"{lasted_s:g} s were not seen"
