"""What the tests of sources share: a sink that notes everything, servers with faults, frames."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Set
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bgptui.config.schema import Feed
from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.runtime.clock import Clock, WallClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.ris_live import RisLive
from bgptui.sources.ris_messages import FrameDecoder

Handler = Callable[[ServerConnection, int], Awaitable[None]]
FIRST = 1_789_019_600.0


class NotingSink:
    """Takes everything and keeps it, in order.

    Attributes:
        seen_at_gap_end: messages that came before the last gap ended.
    """

    def __init__(self) -> None:
        self.seen_at_gap_end = 0
        self.messages: list[BgpMessage] = []
        self.batches: list[int] = []
        self.gaps: list[Gap] = []
        self.order: list[str] = []
        self.ticks = 0
        self.holds: list[frozenset[str] | None] = []

    def process(self, messages: list[BgpMessage], now: float) -> None:
        self.messages.extend(messages)
        self.batches.append(len(messages))
        self.order.append("messages")

    def tick(self, now: float) -> None:
        self.ticks += 1

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)
        if gap.end is not None:
            self.seen_at_gap_end = len(self.messages)
        self.order.append("gap ends" if gap.end is not None else "gap opens")

    def hold(self, collectors: Set[str] | None) -> None:
        self.holds.append(None if collectors is None else frozenset(collectors))


class FaultServer:
    """A WebSocket server that does what a test says, connection by connection.

    Args:
        handler: called with the connection and its index, 0 for the first one.
        tls: for wss://, where the server's name is localhost.
    """

    def __init__(
        self, handler: Handler, *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._handler = handler
        self._tls = tls
        self._port = port
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.connections = 0
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        if self._tls is not None:
            return f"wss://localhost:{self._port}/v1/ws/"
        return f"ws://127.0.0.1:{self._port}/v1/ws/"

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(5)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(5)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with serve(
            self._attend,
            "127.0.0.1",
            self._port,
            compression=None,
            close_timeout=0.2,
            ssl=self._tls,
        ) as server:
            self._port = next(iter(server.sockets)).getsockname()[1]
            self._started.set()
            await self._stopping.wait()

    async def _attend(self, connection: ServerConnection) -> None:
        index = self.connections
        self.connections += 1
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.requests.append(json.loads(await connection.recv()))
        await self._handler(connection, index)


@pytest.fixture
def sink() -> NotingSink:
    return NotingSink()


@pytest.fixture
def serve_faults() -> Iterator[Callable[..., FaultServer]]:
    """Starts a FaultServer; all are stopped at the test's end."""
    servers: list[FaultServer] = []

    def start(handler: Handler, *, port: int = 0, tls: ssl.SSLContext | None = None) -> FaultServer:
        server = FaultServer(handler, port=port, tls=tls)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def make_frame() -> Callable[..., bytes]:
    """One ris_message: the n-th, n seconds after FIRST; keywords replace fields of `data`."""

    def make(number: int, **data: Any) -> bytes:
        fields: dict[str, Any] = {
            "timestamp": FIRST + number,
            "peer": "192.0.2.1",
            "peer_asn": "64500",
            "id": f"192.0.2.1-{number}",
            "host": "rrc01.ripe.net",
            "type": "UPDATE",
            "path": [64500, 64501],
            "announcements": [
                {"next_hop": "192.0.2.1", "prefixes": [f"10.{number // 256}.{number % 256}.0/24"]}
            ],
        }
        fields.update(data)
        return json.dumps({"type": "ris_message", "data": fields}).encode()

    return make


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Waits until a condition holds; fails with its description when it does not in time."""

    def wait(condition: Callable[[], bool], what: str, *, within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < deadline, f"not in {within_s} s: {what}"
            pause.wait(0.005)

    return wait


class Running:
    """A client in its thread."""

    def __init__(self, live: RisLive, metrics: Metrics, sink: Any) -> None:
        self.live = live
        self.metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=live.run, args=(sink, self._stop))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def start(sink: Any) -> Iterator[Callable[..., Running]]:
    """Starts a client that notes into `sink`; keywords go into [feed]."""
    clients: list[Running] = []

    def run(url: str, *, clock: Clock | None = None, **settings: Any) -> Running:
        metrics = Metrics()
        feed = Feed(url=url, **{"backoff_first_s": 0.05, "backoff_most_s": 0.2, **settings})
        live = RisLive(
            feed,
            decoder=FrameDecoder(),
            clock=clock or WallClock(),
            metrics=metrics,
            quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
            rng=Random(1),
        )
        clients.append(Running(live, metrics, sink))
        return clients[-1]

    yield run
    for client in clients:
        client.stop()
