"""Real RTR caches on loopback, and BIRD as an oracle."""

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

import pytest

from bgptui.domain.rpki import Vrp
from bgptui.rpki.aspa_table import Providers
from support.faulty_http import Talk

START_S = 10.0


class Ending(Enum):
    """What a scripted cache does when it has said what it had to say."""

    CLOSED = auto()
    SILENCE = auto()


def program(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"needs {name} (Debian package {'bird2' if 'bird' in name else name})")
    return found


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


class StayRtr:
    """One stayrtr; `publish` writes what it serves, `reload` makes it serve that."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port, self._metrics_port = free_ports(2)
        self._program = program("stayrtr")
        self._file = folder / "stayrtr.json"
        self._log = folder / "stayrtr.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def publish(self, vrps: Sequence[Vrp], aspas: dict[int, Providers] | None = None) -> None:
        roas = [
            {"asn": v.asn, "prefix": v.prefix, "maxLength": v.max_length, "ta": "test"}
            for v in vrps
        ]
        document = {
            "metadata": {"buildtime": "2026-01-01T00:00:00Z"},
            "roas": roas,
            "provider_authorizations": {
                "ipv4": [
                    {"customer_asid": customer, "providers": providers}
                    for customer, providers in (aspas or {}).items()
                ],
                "ipv6": [],
            },
        }
        self._file.write_text(json.dumps(document))

    def start(self) -> None:
        command = [self._program, "-bind", f"127.0.0.1:{self.port}"]
        command += ["-metrics.addr", f"127.0.0.1:{self._metrics_port}", "-cache", str(self._file)]
        command += ["-checktime=false", "-refresh", "600"]
        command += ["-rtr.refresh", "60", "-rtr.retry", "30", "-rtr.expire", "600", *self._options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(self._log.read_text())

    def reload(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def await_serial(self, serial: int) -> None:
        """Wait until a reload has led to this serial."""
        until = time.monotonic() + START_S
        while f'new serial {serial}"' not in self._log.read_text():
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def stayrtr(folder: Path, vrps: Sequence[Vrp], *options: str) -> Iterator[StayRtr]:
    """A running stayrtr that serves these VRPs."""
    cache = StayRtr(folder, *options)
    cache.publish(vrps)
    cache.start()
    try:
        yield cache
    finally:
        cache.stop()


def scripted(answers: Mapping[bytes, bytes], *, then: Ending) -> Talk:
    """A cache that knows answers to a few queries, by their version and type, and no others."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while header := await reader.readexactly(8):
            await reader.readexactly(int.from_bytes(header[4:]) - len(header))
            writer.write(answers.get(header[:2], b""))
            await writer.drain()
            if then is Ending.CLOSED:
                return

    return talk


class Bird:
    """BIRD 2 with the VRPs of an RTR cache on this machine, and some of its own."""

    def __init__(self, folder: Path, *, cache_port: int, own: Sequence[Vrp] = ()) -> None:
        self._birdc = program("birdc")
        # A Unix socket's path may have a hundred characters only.
        self._socket = folder / "b"
        config = folder / "bird.conf"
        routes = {
            family: "".join(
                f"route {vrp.prefix} max {vrp.max_length} as {vrp.asn};"
                for vrp in own
                if (":" in vrp.prefix) == (family == "roa6")
            )
            for family in ("roa4", "roa6")
        }
        config.write_text(
            f"""
            router id 192.0.2.1;
            roa4 table r4;
            roa6 table r6;
            protocol rpki cache {{
                roa4 {{ table r4; }};
                roa6 {{ table r6; }};
                remote 127.0.0.1 port {cache_port};
            }}
            protocol static {{ roa4 {{ table r4; }}; {routes["roa4"]} }}
            protocol static {{ roa6 {{ table r6; }}; {routes["roa6"]} }}
            """
        )
        command = [program("bird"), "-f", "-c", str(config), "-s", str(self._socket)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def await_vrps(self, count: int) -> None:
        """Wait until it has that many."""
        until = time.monotonic() + START_S
        while True:
            if self._socket.exists():
                said = self._ask(["show route count table r4", "show route count table r6"])
                if sum(map(int, re.findall(r"(\d+) of \d+ routes", said))) == count:
                    return
            assert time.monotonic() < until
            assert self._process.poll() is None
            time.sleep(0.05)

    def _ask(self, commands: Sequence[str]) -> str:
        return subprocess.run(
            [self._birdc, "-s", str(self._socket)],
            input="\n".join(commands) + "\n",
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def check(self, routes: Sequence[tuple[str, int]]) -> list[str]:
        """`valid`, `invalid` or `not_found` of each (prefix, origin)."""
        commands = [
            f"eval roa_check({'r6' if ':' in prefix else 'r4'}, {prefix}, {origin})"
            for prefix, origin in routes
        ]
        # birdc has no names for these: `(enum 35)1`.
        states = {"0": "not_found", "1": "valid", "2": "invalid"}
        return [states[number] for number in re.findall(r"\(enum 35\)(\d)", self._ask(commands))]

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=START_S)


@contextmanager
def bird(folder: Path, *, cache_port: int, own: Sequence[Vrp] = ()) -> Iterator[Bird]:
    """A running BIRD."""
    running = Bird(folder, cache_port=cache_port, own=own)
    try:
        yield running
    finally:
        running.stop()
