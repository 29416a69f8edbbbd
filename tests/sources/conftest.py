"""What the tests of sources share: a sink that notes everything, servers with faults, frames."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage

Handler = Callable[[ServerConnection, int], Awaitable[None]]
FIRST = 1_789_019_600.0


class NotingSink:
    """Takes everything and keeps it, in order."""

    def __init__(self) -> None:
        self.messages: list[BgpMessage] = []
        self.batches: list[int] = []
        self.gaps: list[Gap] = []
        self.order: list[str] = []
        self.ticks = 0

    def process(self, messages: list[BgpMessage], now: float) -> None:
        self.messages.extend(messages)
        self.batches.append(len(messages))
        self.order.append("messages")

    def tick(self, now: float) -> None:
        self.ticks += 1

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)
        self.order.append("gap ends" if gap.end is not None else "gap opens")


class FaultServer:
    """A WebSocket server that does what a test says, connection by connection.

    Args:
        handler: called with the connection and its index, 0 for the first one.
    """

    def __init__(self, handler: Handler, *, port: int = 0) -> None:
        self._handler = handler
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
            self._attend, "127.0.0.1", self._port, compression=None, close_timeout=0.2
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

    def start(handler: Handler, *, port: int = 0) -> FaultServer:
        server = FaultServer(handler, port=port)
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
