"""The RIS Live client: a WebSocket that comes back, and a gap for every time it was away."""

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from bgptui.config.schema import ClockKind, Feed
from bgptui.domain.health import FeedHealth
from bgptui.domain.routing import BgpMessage
from bgptui.errors import BadInput
from bgptui.runtime.backoff import next_delay_s
from bgptui.runtime.clock import Clock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.intake import Intake
from bgptui.sources.lookout import Lookout
from bgptui.sources.outage import Outage
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.recent_ids import RecentIds
from bgptui.sources.repeated_log import RepeatedLog
from bgptui.sources.ris_messages import Control, ControlKind, FrameDecoder, message_id
from bgptui.sources.ris_requests import PING, Request, client_url, requests, unasked
from bgptui.sources.ris_transport import LookupLoop, Transport
from bgptui.sources.sink import BATCH_MESSAGES, TICK_S, Sink

log = logging.getLogger(__name__)

_BEAT_S = 0.05  # a batch waits no longer
_CLOSE_S = 1.0
_STABLE_S = 10.0  # a connection that served us this long may be retried at once
_LOG_EVERY_S = 60.0  # of a server's errors
_QUEUE_FRAMES = 1_024
# Frames over max_frame_bytes are refused one by one. Only above this bound, which is that
# setting's largest value, the protocol itself refuses, at the cost of the connection.
_PROTOCOL_BYTES = 64 * 2**20
_TOO_BIG = 1009  # RFC 6455 section 7.4.1
_PING_TIMEOUT = 1011  # what websockets sends when a ping stays unanswered
CONNECT_FAILED = "connect_failed"
# "If a client is unable to keep up with the incoming data, then a final error message will be
# sent and the connection will be closed" (RIS Live manual); its wording is not documented.
_SLOW = re.compile(r"slow|keep up|behind|backlog|overflow|buffer", re.IGNORECASE)


class RisLive:
    """A live feed as a source; it runs its own event loop in the caller's thread.

    Args:
        feed: the [feed] section.
        rng: jitter of the backoff.
        lateness_s: what is further behind is in no window ([windows] lateness_s).
        hosts: RIS hosts to ask for; they may change at any time. None: as [feed] says.
    Raises:
        UsageError: [feed] url is no WebSocket address, or ca_file or proxy cannot be used.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        decoder: FrameDecoder,
        clock: Clock,
        metrics: Metrics,
        quarantine: Quarantine,
        rng: Random,
        lateness_s: float = 10.0,
        hosts: Callable[[], frozenset[str]] | None = None,
    ) -> None:
        self._feed = feed
        self._hosts = hosts
        self._asked: tuple[Request, ...] = ()
        self._connection: ClientConnection | None = None
        self._url = client_url(feed)
        self._clock = clock
        self._rng = rng
        self._intake = Intake(
            decoder,
            quarantine=quarantine,
            metrics=metrics,
            max_frame_bytes=feed.max_frame_bytes,
        )
        self._metrics = metrics
        self._transport = Transport(feed, self._url)
        self._lookout = Lookout(feed, clock)
        self._unasked = unasked(feed)
        self._ids = RecentIds() if len(feed.subscription) > 1 else None
        self._outage = Outage(lateness_s)
        self._batch: list[BgpMessage] = []
        self._connected = False
        self._error = ""
        self._hint = ""
        self._retry_after_s = 0.0  # that the service asks for
        self._failures = 0  # closes and failed attempts since the last stable connection
        self._messages_here = 0  # on this connection, as the next three
        self._acknowledged = 0
        self._service_error = ""
        self._error_was_last = False
        self._errors = RepeatedLog(log, every_s=_LOG_EVERY_S)
        self._deadline: asyncio.Timeout | None = None

    @property
    def feed_state(self) -> FeedHealth:
        gap = self._outage.gap
        state = "live" if self._connected else "connecting"
        if self._hosts is not None and not self._hosts():
            state = "standby"
        return FeedHealth(
            mode="live",
            source=self._feed.url,
            state=state if gap is None else "gap",
            attempts=self._outage.attempts,
            last_message=self._outage.newest,
            gap_since=None if gap is None else gap.start,
            error=self._error or self._service_error,
            hint=self._hint,
        )

    def run(self, sink: Sink, stop: threading.Event) -> None:
        """Receive until `stop` is set."""
        with asyncio.Runner(loop_factory=LookupLoop) as runner:
            runner.run(self._run(sink, stop))

    async def _run(self, sink: Sink, stop: threading.Event) -> None:
        """Receive in a task; beat in this one: hand batches on, tick, look for `stop`."""
        staying = asyncio.create_task(self._stay_connected(sink))
        next_tick = 0.0
        try:
            while not stop.is_set() and not staying.done():
                await asyncio.wait((staying,), timeout=_BEAT_S)
                self._flush(sink)
                await self._ask_for_hosts()
                if time.monotonic() >= next_tick:
                    self._tick(sink)
                    next_tick = time.monotonic() + TICK_S
        finally:
            staying.cancel()
            await asyncio.wait((staying,))
        if not staying.cancelled():
            staying.result()
        self._flush(sink)

    async def _stay_connected(self, sink: Sink) -> None:
        while True:
            while not self._wanted():
                await asyncio.sleep(_BEAT_S)
            self._outage.attempts += 1
            reason = await self._connect_once(sink)
            self._connected = False
            opened = self._outage.open(reason, now=self._clock.now())
            if opened is not None:
                sink.gap(opened)
                self._look(sink)
                remedy = f" ({self._hint})" if self._hint else ""
                log.warning("feed: %s%s; reconnecting", self._error, remedy)
            # The first close is answered at once, later ones ever more patiently.
            attempt = self._failures + (reason == CONNECT_FAILED)
            if attempt:
                delay_s = next_delay_s(
                    attempt,
                    self._rng,
                    first_s=self._feed.backoff_first_s,
                    most_s=self._feed.backoff_most_s,
                )
                await asyncio.sleep(max(delay_s, self._retry_after_s))
            self._failures += 1

    async def _connect_once(self, sink: Sink) -> str:
        """One connection from begin to end; returns the reason of the gap that follows."""
        feed = self._feed
        self._retry_after_s = 0.0
        try:
            async with connect(
                self._url,
                compression=None,  # halves the rate that one core can take
                open_timeout=feed.open_timeout_s,
                ping_interval=feed.ping_interval_s,
                ping_timeout=feed.ping_timeout_s,
                close_timeout=_CLOSE_S,
                max_size=_PROTOCOL_BYTES,
                max_queue=_QUEUE_FRAMES,
                **self._transport.options,
            ) as connection:
                return await self._listen(connection, sink)
        except (OSError, WebSocketException) as error:  # TimeoutError is an OSError
            refusal = self._transport.explain(
                error, open_timeout_s=feed.open_timeout_s, now=time.time()
            )
        self._error, self._hint = refusal.text, refusal.hint
        self._retry_after_s = refusal.retry_after_s
        return CONNECT_FAILED

    async def _listen(self, connection: ClientConnection, sink: Sink) -> str:
        self._hint = ""
        self._messages_here = self._acknowledged = 0
        self._service_error = ""
        self._error_was_last = False
        self._lookout.sign_of_life()
        begun = time.monotonic()
        pinging = asyncio.create_task(self._ping(connection))
        try:
            async with asyncio.timeout(self._feed.silence_timeout_s) as deadline:
                self._deadline = deadline
                try:
                    self._asked = self._wanted()
                    for request in self._asked:
                        await connection.send(request.subscribe, text=True)
                    self._connection = connection
                    await self._receive(connection, sink)
                finally:
                    self._deadline = self._connection = None
        except TimeoutError:
            self._flush(sink)
            what = "message" if self._connected else "answer to the subscription"
            self._error = f"no {what} for {self._feed.silence_timeout_s:g} s"
            return "silence"
        except ConnectionClosed as error:
            self._flush(sink)
            return self._why_closed(error)
        finally:
            pinging.cancel()
            if self._connected and time.monotonic() - begun >= _STABLE_S:
                self._failures = 0

    def _wanted(self) -> tuple[Request, ...]:
        return requests(self._feed, None if self._hosts is None else self._hosts())

    async def _ask_for_hosts(self) -> None:
        """Change the subscriptions of this connection where other hosts are ours by now."""
        if self._hosts is None:
            return
        self._lookout.keep(self._hosts())
        connection = self._connection
        if connection is None:
            return
        before, self._asked = self._asked, self._wanted()
        left = [request for request in before if request not in self._asked]
        added = [request for request in self._asked if request not in before]
        with suppress(ConnectionClosed):
            for request in left:
                await connection.send(request.unsubscribe, text=True)
            for request in added:
                await connection.send(request.subscribe, text=True)
        if added:
            self._sign_of_life()

    async def _receive(self, connection: ClientConnection, sink: Sink) -> NoReturn:
        source = self._feed.url
        while True:
            frame = await connection.recv(decode=False)
            taken = self._intake.take(frame, source=source)
            if isinstance(taken, BgpMessage):
                self._error_was_last = False
                if self._unasked is not None and self._unasked(taken):
                    self._metrics.drop("ingest", "unasked")
                    continue
                if self._ids is None or self._is_new(frame):
                    self._batch.append(taken)
                if len(self._batch) >= BATCH_MESSAGES:
                    self._flush(sink)
            elif isinstance(taken, Control):
                self._control(taken, sink)

    def _is_new(self, frame: bytes) -> bool:
        identity = message_id(frame)
        if not identity or self._ids is None or self._ids.is_new(identity):
            return True
        self._metrics.count("ingest", "overlapping_subscription")
        return False

    def _control(self, control: Control, sink: Sink) -> None:
        if control.kind is ControlKind.ERROR:
            self._service_error = f"RIS Live: {control.message}"
            self._error_was_last = True
            self._errors.warning("RIS Live error: %s", control.message)
        elif control.kind is ControlKind.SUBSCRIBED:
            self._acknowledged += 1
            if self._acknowledged == len(self._asked):
                self._subscribed(sink)
        # A service that grants nothing, or has only errors for us, is as good as silent.
        if not self._lookout.broad and self._connected and control.kind is not ControlKind.ERROR:
            self._sign_of_life()

    def _subscribed(self, sink: Sink) -> None:
        """Everything asked for is granted. A narrow subscription sees again from now on."""
        self._connected = True
        if not self._lookout.broad and self._feed.clock is ClockKind.WALL:
            self._sees_again(sink, self._clock.now())

    def _flush(self, sink: Sink) -> None:
        """Hand the batch on; a gap ends with its first message."""
        batch = self._batch
        if not batch:
            return
        self._batch = []
        late = self._late_ones(batch)
        self._hand_on(batch[:late], sink)
        if timely := batch[late:]:
            self._sees_again(sink, self._lookout.plausible(timely[0].timestamp))
            self._hand_on(timely, sink)
        self._look(sink)

    def _late_ones(self, batch: list[BgpMessage]) -> int:
        """How many messages at the begin of a batch still belong to the gap."""
        outage, now = self._outage, self._clock.now()
        if outage.gap is None or self._clock.is_event_time:  # there nothing waits for the wall
            return 0
        timely = (
            place
            for place, message in enumerate(batch)
            if not outage.is_late(self._lookout.plausible(message.timestamp), now)
        )
        return next(timely, len(batch))

    def _hand_on(self, batch: list[BgpMessage], sink: Sink) -> None:
        if not batch:
            return
        self._connected = True
        first = self._lookout.plausible(batch[0].timestamp)
        newest = self._lookout.plausible(max(message.timestamp for message in batch))
        self._outage.hear(newest, self._clock.now())
        self._messages_here += len(batch)
        self._lookout.note(batch, since=first, at=self._outage.newest or newest, sink=sink)
        sink.process(batch, self._clock.now())
        self._sign_of_life()

    def _sees_again(self, sink: Sink, event_time: float) -> None:
        self._connected = True
        self._error = ""
        blind_s = self._outage.blind_s(self._clock.now())
        ended = self._outage.close(event_time)
        self._outage.attempts = 0
        if ended is not None:
            length_s = (ended.end or 0) - ended.start
            log.info(
                "feed: back (%s), %.1f s without a message; the gap has %.1f s of feed time",
                ended.reason,
                blind_s,
                length_s,
            )
            sink.gap(ended)

    def _tick(self, sink: Sink) -> None:
        begun = time.monotonic()
        self._look(sink)
        sink.tick(self._clock.now())
        # A sink that blocks (its database is away) is not the feed's silence.
        self._lookout.excuse(time.monotonic() - begun)
        deadline = self._deadline
        when = None if deadline is None or deadline.expired() else deadline.when()
        if deadline is not None and when is not None:
            deadline.reschedule(when + time.monotonic() - begun)

    def _look(self, sink: Sink) -> None:
        self._lookout.look(sink, sees=self._connected and self._outage.gap is None)

    def _sign_of_life(self) -> None:
        """The service serves us: not silent, not blind."""
        self._lookout.sign_of_life()
        if not self._lookout.broad and not self._clock.is_event_time:
            self._outage.alive = self._clock.now()
        deadline = self._deadline
        if deadline is not None and not deadline.expired():
            now = asyncio.get_running_loop().time()
            deadline.reschedule(now + self._feed.silence_timeout_s)

    async def _ping(self, connection: ClientConnection) -> None:
        """Where silence is no fault, the service's own pong shows that it still serves us."""
        with suppress(ConnectionClosed):
            while not self._lookout.broad:
                await asyncio.sleep(self._lookout.ping_s)
                await connection.send(PING, text=True)

    def _why_closed(self, error: ConnectionClosed) -> str:
        self._error = f"{self._feed.url} closed the connection: {error}"
        sent = None if error.sent is None or error.rcvd_then_sent else error.sent.code
        if sent == _TOO_BIG:
            refused = BadInput(f"frame is over {_PROTOCOL_BYTES} bytes", reason="oversized_frame")
            self._intake.refuse(b"", refused, source=self._feed.url)
        if sent == _PING_TIMEOUT:
            waited_s = self._feed.ping_timeout_s
            self._error = f"{self._feed.url} did not answer pings for {waited_s:g} s"
            return "silence"
        told = error.rcvd.reason if error.rcvd is not None else ""
        if self._error_was_last:
            told += " " + self._service_error
        return "slow_consumer" if self._messages_here and _SLOW.search(told) else "closed"
