"""Correlates what all processes hand over, while this one holds the lease to do so."""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from msgspec.structs import replace

from bgptui.config.schema import ClockKind, Config
from bgptui.correlate.correlator import Correlator
from bgptui.correlate.event_groups import EventGroups
from bgptui.detect.detector import Detector
from bgptui.detect.model_bundle import configured_bundle
from bgptui.domain.alert import AlertChange
from bgptui.domain.score import WindowScore
from bgptui.features.handed_minutes import SharedNetwork
from bgptui.pipeline.correlation import correlate
from bgptui.pipeline.handing import HandedTotals, unpack
from bgptui.pipeline.health import doubts
from bgptui.pipeline.moment import Moment, PeerCount
from bgptui.pipeline.operators import OperatorWatch
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.pipeline.shard_merge import BEHIND_S, SILENT_S, Item, ShardMerge
from bgptui.pipeline.takeover import histories
from bgptui.runtime.metrics import Metrics
from bgptui.store import lease, shards
from bgptui.store.batch import WriteBatch
from bgptui.store.connect import Connection
from bgptui.store.start_state import NETWORK, start_state
from bgptui.store.watched_vrps import watched_vrps
from bgptui.store.writer import Writer

log = logging.getLogger(__name__)

# Rows that are read at a time, and that may wait for a process that is behind.
READ_MOST = 1_000
WAIT_MOST = 20_000
# A host whose process has said nothing of it yet is waited for as long as this after its lease was
# taken; later it has no peers, as far as anybody knows.
UNHEARD_S = 20.0


class CorrelationDesk:
    """Event rows, alerts, and the network's rows and scores, of all processes together.

    What it reads is removed in the transaction of what became of it, so a kill loses nothing and
    repeats nothing: the next holder of the lease takes up what the database knows (event rows,
    alerts, baseline, the newest network row) and goes on with what is not removed.

    Args:
        connection: commits each statement; what is to be known at the begin is read from it.
        taken: the lease to correlate.
        roas: looks at the VRPs of this process; those of the others do not, so that there is one
            alert of each matter.
    """

    def __init__(
        self,
        config: Config,
        connection: Connection,
        taken: lease.Lease,
        *,
        connect: Callable[[], Connection],
        metrics: Metrics,
        roas: RoaWatch | None = None,
    ) -> None:
        self.lease = taken
        self._roas = roas
        self._metrics = metrics
        state = start_state(connection)
        progress = shards.progress(connection)
        closed_until = shards.network_closed_until(connection)
        first_id = shards.new_number(connection) * shards.IDS_EACH
        self._peers = PeerCount()
        self._peers_of: dict[str, dict[str, int]] = {}
        self._detector = Detector(
            config.detect,
            bundle=configured_bundle(config.detect.model),
            next_feature_id=itertools.count(first_id).__next__,
            next_result_id=itertools.count(first_id).__next__,
        )
        if state.closed_until is not None:
            past = histories(connection, state.closed_until, collectors=(NETWORK,))
            self._detector.restore(past)
        self._correlator = Correlator(
            config.alerts,
            config.detect,
            next_alert_id=itertools.count(state.next_ids.alerts).__next__,
            peers_total=self._peers,
            peers_of=self._peers.of,
        )
        self._correlator.restore(state.open_alerts, state.false_positives)
        if roas is not None:
            roas.take_up(state.open_alerts, watched_vrps(connection))
        self._groups = EventGroups(hold_down_s=config.alerts.hold_down_s, metrics=metrics)
        self._groups.restore(state.event_rows)
        self._operators = OperatorWatch(state.last_status_event)
        since = float("-inf") if closed_until is None else closed_until
        # Until a host's process says how far it is, it is where the network's rows end.
        self._network = SharedNetwork(since, dict.fromkeys(progress, since))
        self._now = 0.0
        self._late_minutes = 0
        self._waiting_totals: dict[int, int] = {}
        self._changes: list[AlertChange] = []
        self._scores: list[WindowScore] = []
        for gap in shards.gaps_since(connection, max(since, 0.0)):
            self._network.mark_gap(gap)
            if gap.end is None:
                self._changes += self._correlator.gap(gap, gap.start)
        is_event_time = config.feed.clock is ClockKind.EVENT
        self._merge = ShardMerge(
            silent_s=float("inf") if is_event_time else SILENT_S,
            behind_s=float("inf") if is_event_time else BEHIND_S,
        )
        self._writer = Writer(
            connect=connect,
            check_lease=lambda conn: lease.check(conn, taken),
            holder=shards.correlating_as(taken.holder),
            epoch=taken.epoch,
            metrics=metrics,
        )
        self._writing: tuple[int, ...] = ()

    @property
    def open_alerts(self) -> int:
        return self._correlator.open_alerts

    @property
    def doubts(self) -> dict[str, Any]:
        """The fields of Health about peers whose word weighs less."""
        return doubts(self._correlator)

    @property
    def drops(self) -> dict[str, int]:
        return self._correlator.drops

    @property
    def learning_share(self) -> float:
        return self._detector.learning_share

    def turn(self, connection: Connection) -> bool:
        """Read, correlate, write; True where there was something.

        Raises:
            Transient: the database went away; to be called again.
            LeaseLost: another process correlates now.
        """
        self._write(None)
        at = time.monotonic()
        # Those that leave, this one perhaps among them, have handed their last over: it is read.
        alive = {
            process.holder
            for process in shards.processes(connection)
            if process.is_alive and not process.is_leaving
        }
        leases = shards.leases(connection)
        acts = self._operators.acts(connection)
        has_all = self._read(connection, at)
        if acts:
            self._changes += correlate(self._correlator, self._groups, Moment(self._now, acts=acts))
        self._operators.taken()
        # From here on nothing is asked of the database, which may go away: no item may be lost.
        items = self._merge.ready(alive, at=at)
        if not items and not has_all:
            # As much waits as may, and for what is still to be read.
            items = self._merge.ready((), at=at)
        collected = self._collected(leases, alive)
        if not has_all or self._merge.holders() - alive:
            collected |= self._network.known  # a process that has gone left something to read
        done = [moment_id for item in items for moment_id in self._take(item, collected)]
        self._close_minutes(collected)  # somebody may have gone who was waited for
        done += self._closed_totals()
        self._forget_peers(alive | self._merge.holders())
        memory = self._look_at_roas()
        scores, self._scores = tuple(self._scores), []
        changes, self._changes = tuple(self._changes), []
        self._groups.flush()  # its sightings are removed in this transaction
        rows = self._groups.take()
        batch = WriteBatch(
            now=self._now,
            features=tuple((score.feature_id, score.window, score.zscores) for score in scores),
            scores=scores,
            events=rows.begun,
            event_updates=rows.grown,
            alerts=changes,
            consumed=tuple(done),
            watched_vrps=memory,
        )
        self._write(batch if batch.row_count or done or memory is not None else None)
        return bool(items)

    def close(self) -> None:
        """Give the connection back."""
        self._writer.close()

    def _read(self, connection: Connection, at: float) -> bool:
        """Read what was handed over; False where there is more.

        What waits for a process that is behind is kept here up to WAIT_MOST, and beyond that in
        the database.
        """
        while len(self._merge.known) < WAIT_MOST:
            found = shards.moments(connection, known=self._merge.known, most=READ_MOST)
            for moment_id, holder, payload in found:
                handed = unpack(payload)
                self._merge.put(Item(handed.now, moment_id, holder, handed), at=at)
                if isinstance(handed, HandedTotals):
                    for host in handed.progress:
                        self._network.expect(host.collector)
            if len(found) < READ_MOST:
                return True
        return False

    def _look_at_roas(self) -> bytes | None:
        """Correlate what became of ROAs; what is to be remembered of it."""
        if self._roas is None:
            return None
        news = self._roas.look(self._now)
        self._changes += self._correlator.roas(news.changes, self._now)
        return news.memory

    def _collected(self, leases: dict[str, shards.HeldLease], alive: set[str]) -> set[str]:
        """The hosts that some process collects now, as far as it has said anything of them."""
        known = self._network.known
        return {
            each.scope
            for each in leases.values()
            if each.holder in alive and (each.scope in known or each.held_s < UNHEARD_S)
        } - {lease.CORRELATE}

    def _take(self, item: Item, collected: set[str]) -> list[int]:
        """Correlate one item; its id where it is done with."""
        handed = item.handed
        self._now = max(self._now, handed.now)
        if isinstance(handed, HandedTotals):
            done = self._add_totals(item.moment_id, handed)
            self._close_minutes(collected | self._network.known)
            return done
        self._peers_of[item.holder] = handed.peers
        self._peers.by_collector = self._peers_of_all()
        moment = replace(handed.moment(), now=self._now)
        if moment.gap is not None:
            self._network.mark_gap(moment.gap)
        self._changes += correlate(self._correlator, self._groups, moment)
        self._changes += self._correlator.advance(self._now)
        return [item.moment_id]

    def _peers_of_all(self) -> Counter[str]:
        """Peers of each collector, of all processes."""
        counts: Counter[str] = Counter()
        for peers in self._peers_of.values():
            counts.update(peers)
        return counts

    def _forget_peers(self, present: set[str]) -> None:
        for gone in self._peers_of.keys() - present:
            del self._peers_of[gone]

    def _add_totals(self, moment_id: int, handed: HandedTotals) -> list[int]:
        for totals in handed.totals:
            self._network.add(totals)
        for host in handed.progress:
            if host.has_left:
                self._network.leaves(host.collector)
            elif host.closed_until is not None:
                self._network.passes(host.collector, host.closed_until)
        late = self._network.late_minutes - self._late_minutes
        if late:
            self._late_minutes = self._network.late_minutes
            self._metrics.drop("correlate", "late_minutes", late)
        newest = max((totals.start for totals in handed.totals), default=None)
        if newest is None:
            return [moment_id]
        self._waiting_totals[moment_id] = newest
        return []

    def _close_minutes(self, collected: Collection[str]) -> None:
        windows = self._network.close(collected)
        if windows:
            scores = self._detector.score(windows, self._now)
            self._scores += scores
            self._changes += self._correlator.scores(scores, self._now)

    def _closed_totals(self) -> list[int]:
        """Ids of the minutes that are in rows by now, or never will be."""
        closed_until = self._network.closed_until
        done = [each for each, start in self._waiting_totals.items() if start < closed_until]
        for moment_id in done:
            del self._waiting_totals[moment_id]
        return done

    def _write(self, batch: WriteBatch | None) -> None:
        """Write a batch, and first the one that the database did not take."""
        if batch is not None:
            self._writing += batch.consumed
            self._writer.process(batch, batch.now)
        self._writer.flush()
        self._merge.done(self._writing)
        self._writing = ()
