"""The correlation stage: moments become alerts, for the writer and for whoever listens."""

from collections.abc import Callable

from bgptui.correlate.correlator import Correlator
from bgptui.domain.alert import AlertChange
from bgptui.domain.event import RouteEvent
from bgptui.domain.gap import Gap
from bgptui.pipeline.moment import Moment, Moments, PeerCount
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.runtime.channel import Channel
from bgptui.store.batch import WriteBatch


class CorrelationStage:
    """Takes moments in order; writes events, gaps and alert changes.

    Args:
        roas: looks at the VRPs for changes of ROAs; None where nobody does.
        on_change: called for each change, in order, in this stage's thread (a replay prints).
    """

    def __init__(
        self,
        correlator: Correlator,
        *,
        peers: PeerCount,
        writes: Channel[WriteBatch],
        roas: RoaWatch | None = None,
        on_change: Callable[[AlertChange], None] | None = None,
    ) -> None:
        self._correlator = correlator
        self._peers = peers
        self._writes = writes
        self._roas = roas
        self._on_change = on_change

    def process(self, batch: Moments, now: float) -> None:
        changes: list[AlertChange] = []
        for moment in batch.items:
            if moment.peers is not None:
                self._peers.by_collector = moment.peers
            changes += correlate(self._correlator, moment)
        changes += self._correlator.advance(now)
        memory = None
        if self._roas is not None:
            news = self._roas.look(now)
            changes += self._correlator.roas(news.changes, now)
            memory = news.memory
        self._write(batch, now, changes, memory)

    def tick(self, now: float) -> None:
        """Time comes with the moments, so that it never overtakes them."""

    def flush(self) -> None:
        """Alerts that are open stay open: the world has not ended, only our input."""

    def _write(
        self, batch: Moments, now: float, changes: list[AlertChange], memory: bytes | None
    ) -> None:
        events, gaps = events_and_gaps(batch)
        if events or gaps or changes or memory is not None:
            self._writes.put(
                WriteBatch(
                    now=now,
                    events=events,
                    gaps=gaps,
                    alerts=tuple(changes),
                    watched_vrps=memory,
                )
            )
        if self._on_change is not None:
            for change in changes:
                self._on_change(change)


def correlate(correlator: Correlator, moment: Moment) -> list[AlertChange]:
    """Tell the correlator of a moment, in the order in which its parts matter to each other."""
    now = moment.now
    changes = list(correlator.advance(now))
    for act in moment.acts:
        changes += correlator.status_changed(act.alert_uuid, act.status, act.operator, now)
    if moment.gap is not None:
        changes += correlator.gap(moment.gap, now)
    if moment.session is not None:
        changes += correlator.sessions((moment.session,), now)
    if moment.route:
        changes += correlator.route_events(moment.route, now)
    if moment.scores:
        changes += correlator.scores(moment.scores, now)
    return changes


def events_and_gaps(batch: Moments) -> tuple[tuple[RouteEvent, ...], tuple[Gap, ...]]:
    """What of a batch of moments is written as it is."""
    events = tuple(
        item for moment in batch.items for item in moment.route if isinstance(item, RouteEvent)
    )
    return events, tuple(moment.gap for moment in batch.items if moment.gap is not None)
