"""The correlation stage: moments become event rows and alerts, for the writer and for whoever
listens."""

from collections.abc import Callable

from bgptui.correlate.correlator import Correlator
from bgptui.correlate.event_groups import EventGroups
from bgptui.domain.alert import AlertChange
from bgptui.domain.gap import Gap
from bgptui.pipeline.moment import Moment, Moments, PeerCount
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.runtime.channel import Channel
from bgptui.store.batch import WriteBatch


class CorrelationStage:
    """Takes moments in order; writes event rows, gaps and alert changes.

    Args:
        roas: looks at the VRPs for changes of ROAs; None where nobody does.
        on_change: called for each change, in order, in this stage's thread (a replay prints).
    """

    def __init__(
        self,
        correlator: Correlator,
        *,
        groups: EventGroups,
        peers: PeerCount,
        writes: Channel[WriteBatch],
        roas: RoaWatch | None = None,
        on_change: Callable[[AlertChange], None] | None = None,
    ) -> None:
        self._correlator = correlator
        self._groups = groups
        self._peers = peers
        self._writes = writes
        self._roas = roas
        self._on_change = on_change
        self._now = 0.0

    def process(self, batch: Moments, now: float) -> None:
        changes: list[AlertChange] = []
        for moment in batch.items:
            if moment.peers is not None:
                self._peers.by_collector = moment.peers
            changes += correlate(self._correlator, self._groups, moment)
        changes += self._correlator.advance(now)
        memory = None
        if self._roas is not None:
            news = self._roas.look(now)
            changes += self._correlator.roas(news.changes, now)
            memory = news.memory
        self._groups.advance(now)
        self._now = now
        self._write(changes, gaps_of(batch), memory)

    def tick(self, now: float) -> None:
        """Time comes with the moments, so that it never overtakes them."""

    def flush(self) -> None:
        """What is open stays open: the world has not ended, only our input."""
        self._groups.flush()
        self._write([], ())

    def _write(
        self, changes: list[AlertChange], gaps: tuple[Gap, ...], memory: bytes | None = None
    ) -> None:
        rows = self._groups.take()
        if rows.begun or rows.grown or gaps or changes or memory is not None:
            self._writes.put(
                WriteBatch(
                    now=self._now,
                    events=rows.begun,
                    event_updates=rows.grown,
                    gaps=gaps,
                    alerts=tuple(changes),
                    watched_vrps=memory,
                )
            )
        if self._on_change is not None:
            for change in changes:
                self._on_change(change)


def correlate(correlator: Correlator, groups: EventGroups, moment: Moment) -> list[AlertChange]:
    """Tell the correlator of a moment, in the order in which its parts matter to each other;
    events first find the rows that alerts refer to."""
    now = moment.now
    route = groups.observe(moment.route, now)
    changes = list(correlator.advance(now))
    for act in moment.acts:
        changes += correlator.status_changed(act.alert_uuid, act.status, act.operator, now)
    if moment.gap is not None:
        changes += correlator.gap(moment.gap, now)
    if moment.session is not None:
        changes += correlator.sessions((moment.session,), now)
    if route:
        changes += correlator.route_events(route, now)
    if moment.scores:
        changes += correlator.scores(moment.scores, now)
    return changes


def gaps_of(batch: Moments) -> tuple[Gap, ...]:
    """What of a batch of moments is written as it is."""
    return tuple(moment.gap for moment in batch.items if moment.gap is not None)
