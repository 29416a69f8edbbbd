"""The ingest stage: counts, validates and watches each message, inline in the source's thread."""

from collections.abc import Set

from msgspec import Struct
from msgspec.structs import replace

from bgptui.config.schema import Keep
from bgptui.domain.event import RouteCleared, RouteEvent
from bgptui.domain.gap import Gap
from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import BgpMessage, MessageType
from bgptui.domain.window import FeatureWindow
from bgptui.features.aggregator import Aggregator
from bgptui.pipeline.moment import Moment, Moments
from bgptui.pipeline.tally import Tally
from bgptui.pipeline.watch_reload import WatchReload
from bgptui.routemon.monitor import RouteMonitor
from bgptui.runtime.channel import Channel
from bgptui.runtime.clock import PipelineClock
from bgptui.store.batch import WriteBatch

_STATE = MessageType.STATE


def _unasked(_message: BgpMessage) -> bool:
    return False


class LastRun(Struct, frozen=True):
    """Where the input before this one ended.

    Attributes:
        until: event time up to which we know everything, seconds since 1970 UTC.
        open_gaps: gaps that nobody has closed yet.
        tolerated_s: the next message may come this much later without a gap between.
    """

    until: float
    open_gaps: tuple[Gap, ...] = ()
    tolerated_s: float = 0.0


class IngestStage:
    """Takes decoded messages from a source and hands moments and raw rows on.

    It is driven by a source's own loop (`process`, `tick`, `gap`), not by a Worker, so that
    live messages need no hop between the socket and the counters.
    """

    def __init__(
        self,
        *,
        clock: PipelineClock,
        aggregator: Aggregator,
        monitor: RouteMonitor,
        raw_rows: Keep,
        raw_json: Keep,
        tally: Tally,
        last_run: LastRun | None,
        moments: Channel[Moments],
        writes: Channel[WriteBatch],
        reload: WatchReload | None = None,
    ) -> None:
        self._clock = clock
        self._aggregator = aggregator
        self._monitor = monitor
        self._raw_rows = raw_rows
        # Whether a message is watched matters only where watched ones are treated differently.
        by_watchlist = Keep.WATCHED in (raw_rows, raw_json)
        self._is_watched = monitor.is_watched if by_watchlist else _unasked
        self._moments = moments
        self._writes = writes
        self._reload = reload
        self._items: list[Moment] = []
        self._records: list[MessageRecord] = []
        self._tally = tally
        self._last_run = last_run

    def process(self, messages: list[BgpMessage], now: float) -> None:
        """Take messages in their order. `now` is used as it is live; in event time each
        message moves it, so that batch sizes make no difference."""
        event_time = self._clock.is_event_time
        if self._last_run is not None and messages:
            last_run, self._last_run = self._last_run, None
            first = messages[0].timestamp
            # Live, a broken clock's first message must not end the absence in the future.
            self._mark_absence(last_run, first if event_time else min(first, now), now)
        if event_time:
            now = self._clock.now()
        self._exchange_watchlist(now)
        # The hot path: what is looked up once here is not looked up for every message.
        aggregator, records, late_ones = self._aggregator, self._records, 0
        observe, watch, is_watched = aggregator.observe, self._monitor.observe, self._is_watched
        keeps_all, keeps_none = self._raw_rows is Keep.ALL, self._raw_rows is Keep.NONE
        for message in messages:
            if event_time and message.timestamp > now:
                now = message.timestamp
            late, window_start, flaps, resets = observe(message, now)
            late_ones += late
            changes = watch(message, now)
            if changes or message.type is _STATE:
                self._add_changes(message, changes, now)
            if not keeps_none:
                watched = is_watched(message)
                if keeps_all or watched:
                    records.append(
                        MessageRecord(message, late, window_start, flaps, resets, watched)
                    )
            if now >= aggregator.next_deadline:
                self._add_windows(aggregator.advance(now), now)
        if event_time:
            self._clock.observe(now)
        self._tally.add(messages, now)
        self._tally.late += late_ones
        self._emit(now)

    def tick(self, now: float) -> None:
        """What time brings while nothing comes: windows that close, VRPs that changed."""
        self._close_windows(now)
        self._exchange_watchlist(now)
        if changes := self._monitor.rejudge(now):
            self._items.append(Moment(now, self._aggregator.peers_of, route=tuple(changes)))
        self._emit(now)

    def gap(self, gap: Gap) -> None:
        """We are, or were, blind: mark the windows, tell the correlator."""
        now = self._clock.now()
        self._aggregator.mark_gap(gap)
        self._items.append(Moment(now, self._aggregator.peers_of, gap=gap))
        self._emit(now)

    def hold(self, collectors: Set[str] | None) -> None:
        """Their windows wait until it is decided whether we are blind; None: all windows."""
        self._aggregator.hold(collectors)

    def flush(self) -> None:
        """Close every open window: the end of a recording, or a stop.

        Live, the minute under way is not over: its rows say that we were blind for a part.
        """
        now = self._clock.now()
        windows = self._aggregator.flush()
        if not self._clock.is_event_time:
            windows = [replace(row, gap=True) if row.end > now else row for row in windows]
        self._add_windows(windows, now)
        self._emit(now)

    def resume(self, last_run: LastRun) -> None:
        """Other input follows: what lies between is a gap once its first message comes."""
        self._last_run = last_run

    def _mark_absence(self, last_run: LastRun, first: float, now: float) -> None:
        """Write down the time in which no collector ran, and end the gaps it left open."""
        absences = [
            Gap(gap.start, max(first, gap.start), gap.collector, gap.reason, gap.attempts)
            for gap in last_run.open_gaps
        ]
        if first - last_run.until > last_run.tolerated_s and not any(
            gap.collector is None for gap in absences
        ):
            absences.append(Gap(last_run.until, first, None, "restart"))
        for gap in absences:
            self._aggregator.mark_gap(gap)
            self._items.append(Moment(now, self._aggregator.peers_of, gap=gap))

    def _exchange_watchlist(self, now: float) -> None:
        """Between two messages: none is judged half by the old list and half by the new one."""
        if self._reload is None or not self._reload.is_ready:
            return
        if changes := self._reload.exchange(now):
            self._items.append(Moment(now, self._aggregator.peers_of, route=tuple(changes)))

    def _add_changes(
        self, message: BgpMessage, changes: list[RouteEvent | RouteCleared], now: float
    ) -> None:
        session = message if message.type is _STATE else None
        self._items.append(
            Moment(now, self._aggregator.peers_of, route=tuple(changes), session=session)
        )

    def _close_windows(self, now: float) -> None:
        if now >= self._aggregator.next_deadline:
            self._add_windows(self._aggregator.advance(now), now)

    def _add_windows(self, windows: list[FeatureWindow], now: float) -> None:
        if windows:
            self._items.append(Moment(now, self._aggregator.peers_of, windows=tuple(windows)))

    def _emit(self, now: float) -> None:
        if self._records:
            records, self._records = tuple(self._records), []
            self._writes.put(WriteBatch(now=now, raw=records))
        if self._items:
            items, self._items = tuple(self._items), []
            self._moments.put(Moments(now, items))
