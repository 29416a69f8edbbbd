"""Events, scores, sessions and gaps to alerts that open, update and resolve."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from uuid import UUID

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate import gap_alerts, grouping, ml_alerts, roa_alerts, session_alerts
from bgptui.correlate.agenda import Agenda, Errand
from bgptui.correlate.feedback import FalsePositives
from bgptui.correlate.gap_alerts import GapAlerts
from bgptui.correlate.gap_book import GapBook
from bgptui.correlate.ledger import Ledger
from bgptui.correlate.ml_alerts import MlAlerts
from bgptui.correlate.recent_scores import RecentScores, is_strong
from bgptui.correlate.roa_alerts import RoaAlerts
from bgptui.correlate.route_alerts import RouteAlerts
from bgptui.correlate.session_alerts import SessionAlerts
from bgptui.domain.alert import Alert, AlertChange, AlertType, Status
from bgptui.domain.event import RouteCleared, RouteEvent
from bgptui.domain.gap import Gap
from bgptui.domain.health import Doubt
from bgptui.domain.roa import RoaChange
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.domain.score import WindowScore


class Correlator:
    """One place that knows every open alert. Single-threaded, without a clock.

    Every method returns the changes it caused, in order. What time brings about (a hold-down
    that ends, an update that was held back) happens at its own time, before anything later
    is looked at, and bears that time: how often `advance` is called makes no difference. The
    same calls in the same order give identical changes.

    Calls whose event times are shuffled within LATENESS_S (10 s), the items of one peer
    still in their order, give the same alerts by type, class, key, final severity, peers and
    time of resolution; first_seen, the event time at which enough peers had seen a route,
    may be later by as much. The updates in between may differ: a withdrawal is told at once,
    perhaps before a sighting that comes late. Two exceptions: a route that comes back within
    LATENESS_S of the end of its hold-down is the same or a new alert, and of peers whose
    sessions go down together any may be the first, after which their alert is named. In
    event time the pipeline's order settles all three.

    An alert that is still open at the end of a recording stays open: the input ended, not
    the incident. There is no flush.

    Args:
        next_alert_id: called at each opening.
        peers_total: distinct peers of the feed at this moment.
        peers_of: the same of one collector.
    """

    def __init__(
        self,
        alerts: Alerts,
        detect: Detect,
        *,
        next_alert_id: Callable[[], int],
        peers_total: Callable[[], int],
        peers_of: Callable[[str], int],
    ) -> None:
        self._detect = detect
        self._drops: Counter[str] = Counter()
        self._agenda = Agenda()
        self._gap_book = GapBook(self._drops)
        self._false_positives = FalsePositives()
        self._recent = RecentScores()
        self._ledger = Ledger(
            next_alert_id=next_alert_id,
            agenda=self._agenda,
            gaps=self._gap_book,
            false_positives=self._false_positives,
        )
        self._gaps = GapAlerts(
            ledger=self._ledger,
            agenda=self._agenda,
            gaps=self._gap_book,
            peers_total=peers_total,
        )
        self._sessions = SessionAlerts(
            alerts,
            ledger=self._ledger,
            agenda=self._agenda,
            peers_total=peers_total,
            peers_of=peers_of,
            drops=self._drops,
        )
        self._routes = RouteAlerts(
            alerts,
            ledger=self._ledger,
            agenda=self._agenda,
            gaps=self._gap_book,
            scores=self._recent,
            peers_total=peers_total,
            drops=self._drops,
        )
        self._roas = RoaAlerts(alerts, ledger=self._ledger, agenda=self._agenda)
        self._ml = MlAlerts(
            alerts,
            detect,
            ledger=self._ledger,
            agenda=self._agenda,
            gaps=self._gap_book,
            is_settling=self._sessions.is_settling,
            peers_total=peers_total,
        )

    @property
    def drops(self) -> dict[str, int]:
        """What had to be forgotten so that memory stays bounded, by reason."""
        forgotten = self._false_positives.forgotten
        drops = dict(self._drops) | ({"false_positives": forgotten} if forgotten else {})
        return dict(sorted(drops.items()))

    @property
    def doubted(self) -> dict[Peer, Doubt]:
        """Peers whose word weighs less, and why; read from other threads."""
        return self._routes.doubted

    @property
    def open_alerts(self) -> int:
        """Alerts that are open or acknowledged."""
        return self._ledger.open_count

    def route_events(
        self, items: Sequence[RouteEvent | RouteCleared], now: float
    ) -> tuple[AlertChange, ...]:
        """Rules that fired and routes that are gone, in order of arrival.

        Neighbours of one peer and time are one message: all it set off makes one change of
        an alert at most.
        """
        changes: list[AlertChange] = []
        for (at, _), message in groupby(items, key=lambda item: (item.timestamp, item.peer)):
            changes += self._catch_up(at, now)
            changes += self._routes.observe(message)
        return tuple(changes)

    def sessions(self, messages: Sequence[BgpMessage], now: float) -> tuple[AlertChange, ...]:
        """Session states, in order of arrival; messages of other types are passed over."""
        changes: list[AlertChange] = []
        for message in messages:
            if message.type is MessageType.STATE and message.session is not None:
                changes += self._catch_up(message.timestamp, now)
                changes += self._sessions.observe(message)
        return tuple(changes)

    def gap(self, gap: Gap, now: float) -> tuple[AlertChange, ...]:
        """A gap began (end None), goes on, or ended."""
        changes = self._catch_up(gap.start if gap.end is None else gap.end, now)
        changes += self._gaps.observe(gap)
        return changes + self.advance(now)

    def roas(self, roa_changes: Sequence[RoaChange], now: float) -> tuple[AlertChange, ...]:
        """What became of ROAs, in order."""
        changes = list(self.advance(now))
        for change in roa_changes:
            changes += self._roas.observe(change)
        return tuple(changes)

    def scores(self, scores: Sequence[WindowScore], now: float) -> tuple[AlertChange, ...]:
        """Scores of windows that closed; those of one window may come in one call or many."""
        changes = list(self.advance(now))
        for score in scores:
            changes += self._sessions.see_window(score.window)
            changes += self._routes.see_window(score.window)
            if score.window.messages and not score.window.gap:
                peer = score.window.peer
                collector = None if peer is None else peer.collector
                changes += self._gaps.data_flows(float(score.window.start), collector)
        changes += self._sessions.mark_transfers(now)
        changes += self._sessions.judge_again(now)
        changes += self._ml.observe(scores)
        strong = [score for score in scores if is_strong(score, self._detect)]
        for score in strong:
            self._recent.note(score)
        changes += self._routes.take_in(strong)
        self._routes.wake()
        return (*changes, *self.advance(now))

    def advance(self, now: float) -> tuple[AlertChange, ...]:
        """Do what is due by `now`, in order of (time, key)."""
        changes: list[AlertChange] = []
        while (due := self._agenda.pop(now)) is not None:
            at, key, errand = due
            if errand is Errand.LOOK:
                changes += self._look(key, at)
            elif key.startswith(grouping.PREFIX):
                changes += self._routes.refresh(key, at)
            else:
                changes += self._ledger.show(key, at)
        return tuple(changes)

    def status_changed(
        self,
        alert_uuid: UUID | str,
        status: Status | str,
        operator: str,  # noqa: ARG002 - who it was is on record in the database
        now: float,
    ) -> tuple[AlertChange, ...]:
        """A person changed an alert's status, in a console or on the command line.

        The database has it already, so this makes no line of its own: an acknowledged alert
        goes on updating; one that a person closed is heard of no more while its matter goes
        on, unless that grows more severe than what was closed; and a false positive lowers
        the confidence of the next of its kind. A status of an alert that ended before is
        ignored.

        Raises:
            ValueError: no such status, or no UUID.
        """
        changes = self.advance(now)
        self._ledger.person_set(UUID(str(alert_uuid)), Status(status))
        return changes

    def restore(self, open_alerts: Iterable[Alert], false_positives: Iterable[Alert] = ()) -> None:
        """Take over what was open before a restart, before anything else is called.

        Args:
            open_alerts: open and acknowledged ones, with their evidence.
            false_positives: earlier ones, for HISTORY.
        """
        for alert in sorted(open_alerts, key=lambda alert: alert.alert_id):
            self._ledger.adopt(alert, note=roa_alerts.note_of(alert))
            if alert.alert_type is AlertType.ML_ANOMALY:
                self._ml.restore(alert)
            elif alert.alert_type is AlertType.SESSION:
                self._sessions.restore(alert)
            elif alert.alert_type is AlertType.FEED_GAP:
                self._gaps.restore(alert)
            elif alert.alert_type is AlertType.ROA:
                self._roas.restore(alert)
            else:
                self._routes.restore(alert)
        for alert in false_positives:
            self._false_positives.add(alert)

    def _catch_up(self, event_time: float, now: float) -> tuple[AlertChange, ...]:
        """Do what is due before an item; a timestamp from the future moves nothing."""
        return self.advance(min(event_time, now))

    def _look(self, key: str, at: float) -> tuple[AlertChange, ...]:
        if key.startswith(ml_alerts.PREFIX):
            return self._ml.look(key, at)
        if key.startswith(session_alerts.PREFIX):
            return self._sessions.look(key, at)
        if key.startswith(gap_alerts.PREFIX):
            return self._gaps.look(key)
        if key.startswith(roa_alerts.PREFIX):
            return self._roas.look(key, at)
        return self._routes.look(key, at)
