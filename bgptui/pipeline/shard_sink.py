"""Between the source and ingest where several processes share the collectors."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.pipeline.ingest import IngestStage
from bgptui.pipeline.moment import Moment, Moments
from bgptui.pipeline.rooms import Rooms
from bgptui.pipeline.share import Begin, Share
from bgptui.runtime.channel import Channel
from bgptui.runtime.clock import PipelineClock
from bgptui.runtime.metrics import Metrics
from bgptui.store.shards import HostProgress


class ShardSink:
    """Lets the messages of this process's hosts through, and begins and leaves hosts.

    It runs in the source's thread, so that a host begins and ends between two messages. What it
    says goes the way of the moments, behind every row of that host before.
    """

    def __init__(
        self,
        ingest: IngestStage,
        *,
        share: Share,
        rooms: Rooms,
        clock: PipelineClock,
        metrics: Metrics,
        moments: Channel[Moments],
    ) -> None:
        self._ingest = ingest
        self._share = share
        self._aggregator = rooms.aggregator
        self._monitor = rooms.monitor
        self._minutes = share.minutes
        self._clock = clock
        self._metrics = metrics
        self._moments = moments
        self._absent: dict[str, tuple[Gap, ...]] = {}
        self._blind: dict[str, Gap] = {}
        self._told: dict[str, float] = {}

    def process(self, messages: list[BgpMessage], now: float) -> None:
        """Take messages; those of hosts that are not ours (any more) are left to their holder."""
        self._follow_orders()
        active = self._share.active
        ours = [message for message in messages if message.peer.collector in active]
        if len(ours) < len(messages):
            self._metrics.count("ingest", "not_in_share", len(messages) - len(ours))
        if ours:
            if self._absent:
                self._end_absences(ours, now)
            self._ingest.process(ours, now)
        self._hand_on()

    def tick(self, now: float) -> None:
        self._follow_orders()
        self._ingest.tick(now)
        self._hand_on()

    def gap(self, gap: Gap) -> None:
        """The source is blind: that concerns our hosts, and not those of other processes."""
        if gap.collector is not None:
            if gap.collector in self._share.active:
                self._ingest.gap(gap)
        elif gap.end is None:
            for host in sorted(self._share.active - self._absent.keys()):
                self._blind[host] = replace(gap, collector=host)
                self._ingest.gap(self._blind[host])
        else:
            blind, self._blind = self._blind, {}
            for began in blind.values():
                self._ingest.gap(replace(began, end=gap.end, attempts=gap.attempts))

    def hold(self, collectors: AbstractSet[str] | None) -> None:
        """Windows of these collectors wait until it is clear whether we are blind."""
        self._ingest.hold(collectors)

    def flush(self) -> None:
        """Write the last rows of every host: the end, or a stop."""
        for host in sorted(self._share.active):
            self._leave(host)
        self._ingest.flush()

    def _follow_orders(self) -> None:
        while self._share.orders:
            order = self._share.orders.popleft()
            if isinstance(order, Begin):
                self._begin(order)
            elif order.host in self._share.active:
                self._leave(order.host)

    def _begin(self, begin: Begin) -> None:
        if begin.closed_until is not None:
            self._aggregator.begin(begin.host, begin.closed_until)
        for firing in begin.firing:
            self._monitor.take_over(firing.key, firing.peer, origin=firing.origin)
        if begin.histories:
            self._put(Moment(self._clock.now(), histories=begin.histories))
        self._share.active |= {begin.host}
        if begin.gaps:
            self._absent[begin.host] = begin.gaps
        for gap in begin.gaps:
            self._ingest.gap(gap)

    def _leave(self, host: str) -> None:
        now = self._clock.now()
        _, newest = self._aggregator.progress().get(host, (None, None))
        rows = self._aggregator.leave(host)
        if not self._clock.is_event_time:
            # The minute under way is not over: its rows say that we were blind for a part.
            rows = [replace(row, gap=True) if row.end > now else row for row in rows]
        self._monitor.leave(host)
        self._share.active -= {host}
        self._absent.pop(host, None)
        self._blind.pop(host, None)
        self._told.pop(host, None)
        closed_until = self._aggregator.closed_until(host)
        last = HostProgress(host, closed_until, newest, has_left=True)
        peers = self._aggregator.peers_of
        if rows:
            self._put(Moment(now, peers, windows=tuple(rows)))
        self._put(Moment(now, peers, totals=self._minutes.take(), progress=(last,)))

    def _end_absences(self, messages: Sequence[BgpMessage], now: float) -> None:
        """The first message of a host ends the gap since the process that had it before."""
        for message in messages:
            for gap in self._absent.pop(message.peer.collector, ()):
                # Live, a broken clock's first message must not end it in the future.
                event_time = self._clock.is_event_time
                end = message.timestamp if event_time else min(message.timestamp, now)
                self._ingest.gap(replace(gap, end=max(gap.start, end)))
            if not self._absent:
                return

    def _hand_on(self) -> None:
        """Say how far our hosts are, whenever a minute of one was closed."""
        progress = self._aggregator.progress()
        told = {host: closed_until for host, (closed_until, _) in progress.items()}
        if told == self._told:
            return
        hosts = tuple(
            HostProgress(host, closed_until, newest if newest > 0 else None)
            for host, (closed_until, newest) in progress.items()
            if self._told.get(host) != closed_until
        )
        self._told = told
        moment = Moment(
            self._clock.now(),
            self._aggregator.peers_of,
            totals=self._minutes.take(),
            progress=hosts,
        )
        self._put(moment)

    def _put(self, moment: Moment) -> None:
        self._moments.put(Moments(moment.now, (moment,)))
