"""A network cable that a test can pull: a TCP relay that stands still when it is told to."""

import asyncio
import threading
from contextlib import suppress

from support.faulty_http import TcpServer


class Cable(TcpServer):
    """Relays connections to a port of this machine.

    Pulled, it carries nothing, in neither direction: connections still open (a firewall that
    drops, a stalled machine), and nothing is ever answered.

    Attributes:
        brought: every octet that came from the port.
    """

    def __init__(self, port: int) -> None:
        super().__init__(self._relay)
        self._to = port
        self.brought = bytearray()
        self._carries = threading.Event()
        self._carries.set()

    def pull(self) -> None:
        self._carries.clear()

    def plug_in(self) -> None:
        self._carries.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._until_it_carries()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(
            self._copy(reader, far_writer, bytearray()),
            self._copy(far_reader, writer, self.brought),
        )

    async def _copy(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, seen: bytearray
    ) -> None:
        with suppress(ConnectionError):
            while octets := await source.read(65_536):
                await self._until_it_carries()
                seen += octets
                target.write(octets)
                await target.drain()
        target.close()

    async def _until_it_carries(self) -> None:
        while not self._carries.is_set():
            await asyncio.sleep(0.005)
