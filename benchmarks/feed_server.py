"""A RIS Live-compatible server that is never the slower side: frames are made ready beforehand.

    python -m benchmarks.feed_server FRAMES [--rate N]

It prints its address, acknowledges each client's subscription, and then sends it every line of
FRAMES as a WebSocket message: as fast as the client reads, or at a rate, endlessly and dated now
(lines must be the generator's then). It ends with its standard input.
"""

import argparse
import asyncio
import sys
import time
from itertools import cycle
from pathlib import Path

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.protocol import State

CHUNK_FRAMES = 256
MOST_WAITING_BYTES = 2**20
BEAT_S = 0.01
_BEFORE_TIMESTAMP = len('{"type":"ris_message","data":{"timestamp":')
_TIMESTAMP_BYTES = len("1767780000.00")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=Path)
    parser.add_argument("--rate", type=float, help="messages a second")
    options = parser.parse_args()
    lines = options.frames.read_bytes().splitlines()
    asyncio.run(_serve(lines, options.rate))


async def _serve(lines: list[bytes], rate_per_s: float | None) -> None:
    messages = [_header(len(line)) + line for line in lines]

    async def attend(connection: ServerConnection) -> None:
        request = msgspec.json.decode(await connection.recv())
        await connection.send(
            msgspec.json.encode({"type": "ris_subscribe_ok", "data": request["data"]}), text=True
        )
        if rate_per_s is None:
            await _send_all(connection, messages)
        else:
            await _send_paced(connection, lines, rate_per_s)
        await connection.wait_closed()

    async with serve(attend, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"ws://127.0.0.1:{port}/v1/ws/", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _send_all(connection: ServerConnection, messages: list[bytes]) -> None:
    """Whole messages go to the transport at once: a send for each would be slower than reading."""
    for start in range(0, len(messages), CHUNK_FRAMES):
        connection.transport.write(b"".join(messages[start : start + CHUNK_FRAMES]))
        await _room(connection)


async def _send_paced(connection: ServerConnection, lines: list[bytes], rate_per_s: float) -> None:
    endless = cycle(lines)
    begun, sent = time.monotonic(), 0
    while connection.state is State.OPEN:
        due = int((time.monotonic() - begun) * rate_per_s) - sent
        now = f"{time.time():.2f}".encode()
        connection.transport.write(b"".join(_dated(next(endless), now) for _ in range(due)))
        sent += due
        await asyncio.sleep(BEAT_S)


async def _room(connection: ServerConnection) -> None:
    while connection.transport.get_write_buffer_size() > MOST_WAITING_BYTES:
        await asyncio.sleep(0.001)


def _header(size_bytes: int) -> bytes:
    """Of an unmasked text message in one frame (RFC 6455 section 5.2)."""
    if size_bytes < 126:
        return bytes((0x81, size_bytes))
    if size_bytes < 2**16:
        return b"\x81\x7e" + size_bytes.to_bytes(2)
    return b"\x81\x7f" + size_bytes.to_bytes(8)


def _dated(line: bytes, now: bytes) -> bytes:
    rest = line[_BEFORE_TIMESTAMP + _TIMESTAMP_BYTES :]
    return _header(len(line)) + line[:_BEFORE_TIMESTAMP] + now + rest


if __name__ == "__main__":
    main()
