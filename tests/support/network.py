"""A network cable that a test can pull: a TCP relay that stands still when it is told to."""

import asyncio
import threading
from contextlib import suppress


class Cable:
    """Relays connections to a port of this machine.

    Pulled, it carries nothing, in neither direction: connections still open (a firewall that
    drops, a stalled machine), and nothing is ever answered.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._carries = threading.Event()
        self._carries.set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.port = 0

    def __enter__(self) -> "Cable":
        self._thread.start()
        assert self._started.wait(5)
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(5)

    def pull(self) -> None:
        self._carries.clear()

    def plug_in(self) -> None:
        self._carries.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._attend, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            await self._until_it_carries()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while octets := await source.read(65_536):
                await self._until_it_carries()
                target.write(octets)
                await target.drain()
        target.close()

    async def _until_it_carries(self) -> None:
        while not self._carries.is_set():
            await asyncio.sleep(0.005)
