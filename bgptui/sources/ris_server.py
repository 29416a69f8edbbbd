"""A RIS Live-compatible WebSocket server over recorded frames: for tests, demos and replays."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, count, islice

import msgspec
from msgspec import Raw, Struct
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bgptui.errors import BadInput, BgptuiError, UsageError
from bgptui.sources.playback import Pacing, Repeat, Times
from bgptui.sources.ris_filters import Subject
from bgptui.sources.ris_messages import UNREADABLE
from bgptui.sources.ris_subscriber import Subscriber

log = logging.getLogger(__name__)

TimedFrame = tuple[float, bytes]

_REQUEST_BYTES = 65_536
_READ_AHEAD = 1_000  # frames whose collectors request_rrc_list can name before playing
_CLOSE_S = 2.0


class _Frame(Struct):
    type: str
    data: dict[str, Raw]


_FRAME = msgspec.json.Decoder(_Frame)
_BARE = msgspec.json.Decoder(dict[str, Raw])
_ENCODER = msgspec.json.Encoder()


class RisServer:
    """Serves recorded ris_messages to every subscriber whose filters match.

    Playing begins when the first client has subscribed. Without a pace it follows the slowest
    client, waits while there is none, and so loses nothing; with one it goes on like the real
    service, and a client that falls behind gets a ris_error and is closed. After the end
    connections stay open and pings are answered.

    Args:
        frames: gives (timestamp, ris_message or its bare data) in order; called once, and
            again for every repetition. It runs inside the server's loop and must not block.
        port: 0 takes a free one; `url` has it once the server is started.
    Attributes:
        played, unplayable: frames so far.
        ended: set when the recording is over (never while it repeats).
    """

    def __init__(
        self,
        frames: Callable[[], Iterator[TimedFrame]],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        pacing: Pacing | None = None,
    ) -> None:
        self._frames = frames
        self._host = host
        self._port = port
        self._pacing = pacing or Pacing()
        self._subscribers: set[Subscriber] = set()
        self._collectors: set[str] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._someone = asyncio.Event()
        self._listening = threading.Event()
        self._failure: BgptuiError | None = None
        self.played = 0
        self.unplayable = 0
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        """Address for clients, e.g. `ws://127.0.0.1:8765/v1/ws/`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self._port}/v1/ws/"

    def start(self) -> None:
        """Listen, in a thread of its own.

        Raises:
            UsageError: the address cannot be listened on, or the recording cannot be read.
        """
        first = self._read_ahead()
        self._thread = threading.Thread(
            target=self._run, args=(first,), name="bgptui-ris-server", daemon=True
        )
        self._thread.start()
        self._listening.wait()
        if self._failure is not None:
            raise self._failure

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the server's end, which is `stop` or an error; False while it still runs.

        Raises:
            UsageError: the recording cannot be read further.
        """
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._failure is not None:
            raise self._failure
        return self._thread is None or not self._thread.is_alive()

    def stop(self) -> None:
        """Close every connection and end the thread. Stopping twice is no error."""
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # it was closed in this very moment
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join()

    def _read_ahead(self) -> Iterator[TimedFrame]:
        frames = iter(self._frames())
        ahead = list(islice(frames, _READ_AHEAD))
        for _, frame in ahead:
            with suppress(*UNREADABLE, BadInput):  # counted when its turn comes
                self._collectors.add(Subject(_fields(frame)).host)
        return chain(ahead, frames)

    def _run(self, first: Iterator[TimedFrame]) -> None:
        try:
            asyncio.run(self._serve(first))
        except OSError as error:
            self._failure = UsageError(
                f"cannot listen on {self._host} port {self._port}: {error.strerror or error}"
            )
        except BgptuiError as error:
            self._failure = error
        finally:
            self._listening.set()

    async def _serve(self, first: Iterator[TimedFrame]) -> None:
        async with serve(
            self._attend,
            self._host,
            self._port,
            compression=None,
            max_size=_REQUEST_BYTES,
            close_timeout=_CLOSE_S,
        ) as server:
            self._port = next(iter(server.sockets)).getsockname()[1]
            self._loop = asyncio.get_running_loop()
            playing = asyncio.create_task(self._play_all(first))
            playing.add_done_callback(self._stop_on_failure)
            self._listening.set()
            await self._stopping.wait()
            playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing

    def _stop_on_failure(self, playing: asyncio.Task[None]) -> None:
        if not playing.cancelled() and playing.exception() is not None:
            self._stopping.set()

    async def _attend(self, connection: ServerConnection) -> None:
        """Serve one client until it leaves."""
        subscriber = Subscriber(connection, collectors=self._collectors)
        self._subscribers.add(subscriber)
        sending = asyncio.create_task(subscriber.send_waiting())
        try:
            async for request in connection:
                subscriber.answer(request)
                self._look_for_subscribers()
        except ConnectionClosed:
            log.debug("client %s is gone", connection.remote_address)
        finally:
            self._subscribers.discard(subscriber)
            subscriber.leave()
            self._look_for_subscribers()
            sending.cancel()

    def _look_for_subscribers(self) -> None:
        if any(subscriber.has_subscribed for subscriber in self._subscribers):
            self._someone.set()
        else:
            self._someone.clear()

    async def _play_all(self, first: Iterator[TimedFrame]) -> None:
        await self._someone.wait()
        frames = first
        for repetition in count():
            played = await self._play(frames, repetition)
            # What comes from a pipe cannot be had twice: its second round is empty.
            if self._pacing.repeat is Repeat.ONCE or not played:
                self.ended.set()
                return
            frames = iter(self._frames())

    async def _play(self, frames: Iterator[TimedFrame], repetition: int) -> int:
        """Play one round; returns how many messages it had."""
        played_before = self.played
        begun = time.monotonic()
        begun_at = time.time()
        recorded_first: float | None = None
        for index, (recorded, frame) in enumerate(frames):
            recorded_first = recorded if recorded_first is None else recorded_first
            if self._pacing.is_paced:
                due_s = self._pacing.due_s(
                    index=index,
                    recorded_s=recorded - recorded_first,
                    begun_s=recorded_first - begun_at,
                )
                # Sleeps when late, too (for no time): the clients must get their turn.
                await asyncio.sleep(max(0.0, begun + due_s - time.monotonic()))
                played_at = begun_at + due_s
            else:
                await self._room()
                played_at = time.time()
            self._publish(frame, repetition=repetition, played_at=played_at)
        return self.played - played_before

    async def _room(self) -> None:
        """Until there is a subscriber, and none has too many frames waiting."""
        await self._someone.wait()
        for subscriber in tuple(self._subscribers):
            await subscriber.room()

    def _publish(self, frame: bytes, *, repetition: int, played_at: float) -> None:
        try:
            fields = _fields(frame)
            if self._pacing.times is Times.NOW:
                fields["timestamp"] = Raw(f"{played_at:.3f}".encode())
            if repetition and "id" in fields:
                fields["id"] = _renamed(fields["id"], repetition)
            subject = Subject(fields)
            self._collectors.add(subject.host)
            wanting = [other for other in self._subscribers if other.wants(subject)]
        except (*UNREADABLE, BadInput) as error:
            self.unplayable += 1
            log.warning("a recorded frame cannot be played: %s", error)
            return
        forms: dict[bool, bytes] = {}
        for subscriber in wanting:
            with_raw = subscriber.include_raw
            if with_raw not in forms:
                forms[with_raw] = _encoded(fields, without=() if with_raw else ("raw",))
            subscriber.put(forms[with_raw])
        self.played += 1


def _fields(frame: bytes) -> dict[str, Raw]:
    """Members of a ris_message's data, each still in JSON, so that it is sent as it came."""
    try:
        fields = _FRAME.decode(frame).data
    except msgspec.ValidationError:
        fields = _BARE.decode(frame)
    if "timestamp" not in fields:
        raise BadInput("a recorded frame is no ris_message")
    return fields


def _renamed(identity: Raw, repetition: int) -> Raw:
    """Messages of a later round are others: a client may drop those whose id it knows."""
    return Raw(_ENCODER.encode(f"{msgspec.json.decode(identity)}-{repetition}"))


def _encoded(fields: dict[str, Raw], *, without: tuple[str, ...]) -> bytes:
    data = {key: value for key, value in fields.items() if key not in without}
    return _ENCODER.encode({"type": "ris_message", "data": data})
