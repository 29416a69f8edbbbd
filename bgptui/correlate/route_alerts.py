"""Route events to alerts: they open at enough peers, grow, and end after a hold-down."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from bgptui.config.schema import Alerts
from bgptui.correlate.agenda import LATENESS_S, Agenda, Errand
from bgptui.correlate.gap_book import GapBook
from bgptui.correlate.grouping import News, RouteMatter, matter_key
from bgptui.correlate.ledger import Draft, Ledger, Standing
from bgptui.correlate.peer_trust import ALONE_AFTER_S, STUCK_AFTER_S, PeerTrust
from bgptui.correlate.recent_scores import RecentScores, Witness
from bgptui.correlate.route_draft import ALERT_TYPES, route_draft, withdrawn_draft
from bgptui.correlate.route_evidence import how_it_ended, sightings
from bgptui.domain.alert import Alert, AlertChange
from bgptui.domain.alert_json import withdrawn_at
from bgptui.domain.event import Cause, RouteCleared, RouteEvent
from bgptui.domain.health import Doubt
from bgptui.domain.routing import Peer
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FeatureWindow

RECHECK_S = 10.0  # how often to look whether a gap that stops a hold-down has ended
MATTERS_MOST = 50_000
ALERTS_MOST = 10_000
# Ends of which the peer said nothing.
_JUDGED = frozenset({Cause.VRP_CHANGE, Cause.ASPA_CHANGE, Cause.WATCHLIST_CHANGE, Cause.MUTED})


class RouteAlerts:
    """Every matter that some peer sees, with or without an alert.

    Args:
        drops: counts what did not fit: matters without an alert, alerts and firings.
    """

    def __init__(
        self,
        settings: Alerts,
        *,
        ledger: Ledger,
        agenda: Agenda,
        gaps: GapBook,
        scores: RecentScores,
        peers_total: Callable[[], int],
        drops: Counter[str],
    ) -> None:
        self._hold_down_s = settings.hold_down_s
        self._ledger = ledger
        self._agenda = agenda
        self._gaps = gaps
        self._scores = scores
        self._peers_total = peers_total
        self._drops = drops
        self._waiting: OrderedDict[str, RouteMatter] = OrderedDict()  # no alert yet
        self._alerted: dict[str, RouteMatter] = {}  # open or muted
        self._witness: dict[str, Witness] = {}
        self._asleep: list[RouteMatter] = []  # withdrawn before a restart
        self._trust = PeerTrust()

    @property
    def doubted(self) -> dict[Peer, Doubt]:
        """Peers whose word weighs less; read from other threads."""
        return self._trust.doubted

    def observe(self, items: Iterable[RouteEvent | RouteCleared]) -> tuple[AlertChange, ...]:
        """What one message of one peer set off; several rules of it make one change."""
        changes: list[AlertChange] = []
        touched: dict[str, tuple[float, News]] = {}
        called_off: set[str] = set()
        for item in items:
            if item.is_of_peer:
                self._trust.heard(item.peer)
            key = matter_key(item.key)
            if isinstance(item, RouteCleared):
                news = self._clear(key, item)
                if item.cause is Cause.WATCHLIST_CHANGE:
                    called_off.add(key)
            elif not item.opens_alert or item.key.event_type not in ALERT_TYPES:
                continue
            else:
                changes += self._end_if_over(key, item.timestamp)
                news = self._matter(key, item.timestamp).fire(item)
            known = touched.get(key)
            touched[key] = (item.timestamp, news if known is None else max(news, known[1]))
        for key, (at, news) in touched.items():
            matter = self._alerted.get(key) or self._waiting.get(key)
            if key in called_off and matter is not None and not matter.is_firing:
                changes += self._end(matter, at)  # a hold-down is for routes that may come back
            else:
                changes += self._judge(key, at, news)
        return tuple(changes)

    def refresh(self, key: str, at: float) -> tuple[AlertChange, ...]:
        """Tell of what came while an update was held back."""
        matter = self._alerted.get(key)
        return () if matter is None else self._ledger.update(self._draft(matter), at=at)

    def look(self, key: str, at: float) -> tuple[AlertChange, ...]:
        """End a matter that nobody has seen for the hold-down."""
        waiting = self._waiting.get(key)
        if waiting is not None and waiting.is_firing:
            changes = self._open_if_due(waiting, at)
            if key in self._waiting and at >= waiting.first_seen + ALONE_AFTER_S:
                self._note_loners(waiting)
            return changes
        matter = self._alerted.get(key) or waiting
        if matter is None or matter.is_firing:
            if matter is not None:
                self._look_for_stuck(matter, at)
            return ()
        deadline = self._deadline(matter)
        if deadline is None:
            self._agenda.put(at + RECHECK_S, key, Errand.LOOK)
            return self.refresh(key, at)  # it takes longer than was said
        if at < deadline + LATENESS_S:
            self._agenda.put(deadline + LATENESS_S, key, Errand.LOOK)
            return self.refresh(key, at)  # it takes longer than was said
        return self._end(matter, deadline)

    def see_window(self, window: FeatureWindow) -> tuple[AlertChange, ...]:
        """A minute of a peer: one that is back from a silence weighs more again."""
        back = self._trust.see_window(window)
        if back is None:
            return ()
        changes: list[AlertChange] = []
        for matter in [each for each in self._waiting.values() if each.sees(back)]:
            changes += self._open_if_due(matter, float(window.end))
        return tuple(changes)

    def take_in(self, scores: Iterable[WindowScore]) -> tuple[AlertChange, ...]:
        """Strong scores came: the open alerts they concern take them into their confidence."""
        ends = [score.window.end for score in scores]
        if not ends:
            return ()
        changes: list[AlertChange] = []
        for key, matter in self._alerted.items():
            if self._ledger.standing(key) is Standing.OPEN and self._hear(matter, max(ends)):
                changes += self._ledger.update(self._draft(matter), at=max(ends))
        return tuple(changes)

    def restore(self, alert: Alert) -> None:
        """Take over an alert; peers that its evidence has with the route count as having it."""
        matter = self._new_matter(alert.key)
        matter.last_seen = matter.cleared_at = alert.last_seen
        for sighting in sightings(alert.evidence):
            matter.take_over(sighting)
        self._alerted[alert.key] = matter
        gone_at = withdrawn_at(alert)
        if gone_at is not None and not matter.is_firing:
            matter.cleared_at = gone_at
            self._asleep.append(matter)

    def wake(self) -> None:
        """Data flows again, and gaps of the time before are known: count the hold-downs that
        a restart interrupted. A minute has been seen."""
        self._trust.list_silent()
        for matter in self._asleep:
            self._count_down(matter)
        self._asleep.clear()

    def _clear(self, key: str, item: RouteCleared) -> News:
        matter = self._alerted.get(key) or self._waiting.get(key)
        if matter is None:
            return News.NOTHING
        news = matter.clear(
            item.key, item.peer, item.timestamp, cause=item.cause, detail=item.detail
        )
        if not matter.is_firing:
            self._count_down(matter)
        elif key in self._alerted:
            self._look_for_stuck(matter, item.timestamp)
        return news if key in self._alerted else News.NOTHING

    def _count_down(self, matter: RouteMatter) -> None:
        deadline = matter.cleared_at + self._hold_down_s + LATENESS_S
        self._agenda.put(deadline, matter.key, Errand.LOOK)

    def _judge(self, key: str, at: float, news: News) -> tuple[AlertChange, ...]:
        """Open, update or leave alone, after a peer's route fired or was cleared at `at`."""
        if news is News.NOTHING and key not in self._waiting:
            return ()
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.forget_before(at - LATENESS_S)
            return self._open_if_due(waiting, at)
        if news is News.PEERS and self._ledger.hold_back(key, at):
            return ()
        return self._ledger.update(self._draft(self._alerted[key]), at=at)

    def _open_if_due(self, matter: RouteMatter, at: float) -> tuple[AlertChange, ...]:
        """Open the alert once enough peers have had it for long enough."""
        since = matter.quorum_at(self._trust.weight)
        if since is None:
            return ()
        due = since + matter.lasting_s
        if at < due:
            self._agenda.put(due, matter.key, Errand.LOOK)
            return ()
        return self._open(matter, since)

    def _open(self, matter: RouteMatter, first_seen: float) -> tuple[AlertChange, ...]:
        if len(self._alerted) >= ALERTS_MOST:
            self._drops["alerts"] += 1
            return ()
        del self._waiting[matter.key]
        self._alerted[matter.key] = matter
        for peer in matter.witnesses:
            self._trust.shared(peer)
        self._hear(matter, first_seen)
        return (self._ledger.open(self._draft(matter), first_seen=first_seen),)

    def _deadline(self, matter: RouteMatter) -> float | None:
        return self._gaps.quiet_until(matter.cleared_at, self._hold_down_s, matter.collectors)

    def _end_if_over(self, key: str, at: float) -> tuple[AlertChange, ...]:
        """A route that comes back after its hold-down is a new matter."""
        matter = self._alerted.get(key) or self._waiting.get(key)
        if matter is None or matter.is_firing:
            return ()
        deadline = self._deadline(matter)
        if deadline is None or at <= max(deadline, matter.cleared_at + LATENESS_S):
            return ()
        return self._end(matter, deadline)

    def _end(self, matter: RouteMatter, at: float) -> tuple[AlertChange, ...]:
        if self._waiting.pop(matter.key, None) is not None:
            if _JUDGED.isdisjoint(cause for cause, _ in matter.ends):
                self._note_loners(matter)
            return ()
        draft = self._draft(matter, ended_at=at)
        del self._alerted[matter.key]
        self._witness.pop(matter.key, None)
        resolution = how_it_ended(draft.alert.evidence)
        return self._ledger.resolve(matter.key, at=at, resolution=resolution, draft=draft)

    def _note_loners(self, matter: RouteMatter) -> None:
        """Nobody shared what one AS saw: that is remembered of its peers, once."""
        if len(matter.asns) == 1 and not matter.is_noted:
            matter.is_noted = True
            for peer in matter.witnesses:
                self._trust.alone(peer)

    def _look_for_stuck(self, matter: RouteMatter, at: float) -> None:
        """One AS keeps what all others have lost: in time that is remembered of its peers, once.
        Over a gap of ours nobody can tell."""
        keepers = matter.keepers
        if not keepers or matter.is_noted:
            return
        due = matter.cleared_at + STUCK_AFTER_S
        if at < due:
            self._agenda.put(due, matter.key, Errand.LOOK)
        elif not self._gaps.touching(matter.cleared_at, at, matter.collectors):
            matter.is_noted = True
            for peer in keepers:
                self._trust.stuck(peer)

    def _matter(self, key: str, at: float) -> RouteMatter:
        """The matter of `key`, a new one if need be."""
        known = self._alerted.get(key)
        if known is not None:
            return known
        waiting = self._waiting.get(key)
        if waiting is None:
            if len(self._waiting) >= MATTERS_MOST:
                self._waiting.popitem(last=False)
                self._drops["matters"] += 1
            waiting = self._waiting[key] = self._new_matter(key)
            self._agenda.put(at + ALONE_AFTER_S, key, Errand.LOOK)
        self._waiting.move_to_end(key)
        return waiting

    def _new_matter(self, key: str) -> RouteMatter:
        grace_s = max(self._hold_down_s, LATENESS_S)
        return RouteMatter(key, grace_s=grace_s, drops=self._drops)

    def _hear(self, matter: RouteMatter, at: float) -> bool:
        """Ask the detector; True when it says more than before. Its word stays."""
        found = self._scores.witness(at, matter.sees, matter.is_there_in)
        known = self._witness.get(matter.key)
        stale = not matter.is_firing and matter.cleared_at < at - self._hold_down_s
        if found is None or stale or (known is not None and known.weight >= found.weight):
            return False
        self._witness[matter.key] = found
        return True

    def _draft(self, matter: RouteMatter, *, ended_at: float | None = None) -> Draft:
        """The alert as it stands, or as it stood at the end of its hold-down."""
        if matter.is_known:
            draft = route_draft(
                matter,
                before=self._ledger.alert(matter.key),
                witness=self._witness.get(matter.key),
                peers_total=self._peers_total(),
                weight=self._trust.weight,
            )
        else:
            draft = self._ledger.draft(matter.key)
        gone_at = matter.withdrawn_at
        if gone_at is None:
            return draft
        return withdrawn_draft(
            draft,
            matter,
            at=gone_at,
            resolves_at=self._deadline(matter) if ended_at is None else ended_at,
            ended=ended_at is not None,
        )
