"""The RIS Live-compatible server, asked over the loopback interface."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bgptui.config.schema import Feed
from bgptui.errors import UsageError
from bgptui.runtime.clock import EventClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.playback import Pacing, Repeat, Times
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.recording import Recording
from bgptui.sources.ris_live import RisLive
from bgptui.sources.ris_messages import FrameDecoder, KeepReceived
from bgptui.sources.ris_server import RisServer

FIRST = 1_789_019_600.0
KEEP = Pacing(times=Times.RECORDED)


class Client:
    """A plain RIS Live client."""

    def __init__(self, url: str) -> None:
        self._stack = ExitStack()
        self.connection: ClientConnection = self._stack.enter_context(
            connect(url, compression=None, proxy=None, close_timeout=0.2)
        )

    def close(self) -> None:
        self._stack.close()

    def send(self, kind: str, data: Any = None) -> None:
        self.connection.send(json.dumps({"type": kind, "data": data}))

    def next(self, timeout_s: float = 5.0) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.connection.recv(timeout_s))
        return message

    def kinds_to_the_end(self) -> list[str]:
        kinds: list[str] = []
        try:
            while True:
                kinds.append(self.next()["type"])
        except ConnectionClosed:
            return kinds

    def numbers(self, count: int) -> list[int]:
        return [round(self.next()["data"]["timestamp"] - FIRST) for _ in range(count)]


@pytest.fixture
def serve() -> Iterator[Callable[..., RisServer]]:
    """Starts a server over frames; all are stopped at the test's end."""
    servers: list[RisServer] = []

    def start(frames: list[tuple[float, bytes]], pacing: Pacing = KEEP) -> RisServer:
        server = RisServer(lambda: iter(frames), pacing=pacing)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def ask() -> Iterator[Callable[[RisServer], Client]]:
    """Connects clients; all are closed at the test's end."""
    clients: list[Client] = []

    def to(server: RisServer) -> Client:
        clients.append(Client(server.url))
        return clients[-1]

    yield to
    for client in clients:
        client.close()


@pytest.fixture
def ten(make_frame: Any) -> list[tuple[float, bytes]]:
    return [(FIRST + number, make_frame(number, raw="FFFF")) for number in range(10)]


def test_playing_waits_for_the_first_subscription(serve: Any, ask: Any, ten: Any) -> None:
    server = serve(ten)
    client = ask(server)
    client.send("ping", "are you there")
    assert client.next() == {"type": "pong", "data": "are you there"}
    assert server.played == 0
    client.send("ris_subscribe", {})
    assert client.numbers(10) == list(range(10))
    assert server.ended.wait(5)
    client.send("ping")  # the connection stays open after the end
    assert client.next() == {"type": "pong", "data": None}


def test_each_client_gets_what_it_asked_for(serve: Any, ask: Any, make_frame: Any) -> None:
    frames = [(FIRST + number, make_frame(number)) for number in range(400)]
    server = serve(frames, Pacing(rate_per_s=1_000, times=Times.RECORDED))
    none, every = ask(server), ask(server)
    none.send("ris_subscribe", {"prefix": "192.0.2.0/24", "socketOptions": {"acknowledge": True}})
    assert none.next()["type"] == "ris_subscribe_ok"
    every.send("ris_subscribe", {})
    first = every.numbers(1)[0]
    assert every.numbers(399 - first) == list(range(first + 1, 400))
    none.send("ping")
    assert none.next()["type"] == "pong"


def test_a_filter_lets_through_what_it_names(serve: Any, ask: Any, make_frame: Any) -> None:
    frames = [
        (FIRST + number, make_frame(number, host="rrc00" if number % 2 else "rrc01.ripe.net"))
        for number in range(2_000)
    ]
    client = ask(serve(frames))
    client.send("ris_subscribe", {"host": "rrc00.ripe.net"})
    assert client.numbers(1_000) == list(range(1, 2_000, 2))


def test_raw_is_sent_only_to_those_who_ask(serve: Any, ask: Any, ten: Any) -> None:
    without = ask(serve(ten))
    without.send("ris_subscribe", {})
    assert "raw" not in without.next()["data"]
    with_raw = ask(serve(ten))
    with_raw.send("ris_subscribe", {"socketOptions": {"includeRaw": True}})
    assert with_raw.next() == json.loads(ten[0][1])


def test_a_subscription_is_acknowledged_when_asked(serve: Any, ask: Any, ten: Any) -> None:
    client = ask(serve(ten))
    client.send("ris_subscribe", {"host": "rrc99", "socketOptions": {"acknowledge": True}})
    assert client.next() == {
        "type": "ris_subscribe_ok",
        "data": {"subscription": {"host": "rrc99"}, "socketOptions": {"acknowledge": True}},
    }


def test_each_prefix_of_a_list_can_be_unsubscribed_alone(
    serve: Any, ask: Any, make_frame: Any
) -> None:
    frames = [(FIRST + number, make_frame(number % 2)) for number in range(100)]
    server = serve(frames, Pacing(rate_per_s=200, times=Times.RECORDED))
    client = ask(server)
    client.send("ris_subscribe", {"prefix": ["10.0.0.0/24", "10.0.1.0/24"]})
    assert client.numbers(2) == [0, 1]
    client.send("ris_unsubscribe", {"prefix": "10.0.0.0/24"})
    client.send("ris_unsubscribe", {"prefix": "10.9.9.0/24"})
    while (message := client.next())["type"] != "ris_error":
        continue
    assert "no such subscription" in message["data"]["message"]
    assert client.numbers(5) == [1] * 5


def test_collectors_are_listed(serve: Any, ask: Any, make_frame: Any) -> None:
    client = ask(serve([(FIRST, make_frame(0, host=host)) for host in ("rrc03", "rrc01.ripe.net")]))
    client.send("request_rrc_list")
    assert client.next() == {"type": "ris_rrc_list", "data": ["rrc01", "rrc03"]}


@pytest.mark.parametrize(
    "request_text",
    [
        "{",
        "[]",
        '{"type":"gossip"}',
        '{"data":{}}',
        '{"type":"ris_subscribe","data":[]}',
        '{"type":"ris_subscribe","data":{"prefix":"10.0.0.1/8"}}',
        '{"type":"ris_subscribe","data":{"socketOptions":7}}',
        "[" * 10_000,
    ],
)
def test_a_bad_request_is_answered_with_an_error_and_the_connection_stays(
    request_text: str, serve: Any, ask: Any, ten: Any
) -> None:
    client = ask(serve(ten))
    client.connection.send(request_text)
    assert client.next()["type"] == "ris_error"
    client.send("ris_subscribe", {})
    assert client.numbers(1) == [0]


def test_a_message_that_several_subscriptions_want_is_sent_once(
    serve: Any, ask: Any, ten: Any
) -> None:
    server = serve(ten, Pacing(rate_per_s=50, times=Times.RECORDED))
    client = ask(server)
    client.send("ris_subscribe", {})
    client.send("ris_subscribe", {"path": "64501$"})
    assert client.numbers(10) == list(range(10))


def test_timestamps_are_shifted_to_now(serve: Any, ask: Any, ten: Any) -> None:
    client = ask(serve(ten, Pacing(speed=50.0)))
    before = time.time()
    client.send("ris_subscribe", {})
    stamps = [client.next()["data"]["timestamp"] for _ in range(10)]
    assert stamps == sorted(stamps)
    assert before - 0.001 <= stamps[0]
    assert 0.15 < stamps[-1] - stamps[0] < 0.21  # 9 s at fifty times real time


def test_a_rate_is_kept(serve: Any, ask: Any, ten: Any) -> None:
    client = ask(serve(ten, Pacing(rate_per_s=50.0)))
    client.send("ris_subscribe", {})
    begun = time.monotonic()
    stamps = [client.next()["data"]["timestamp"] for _ in range(10)]
    assert time.monotonic() - begun > 0.15
    assert stamps[-1] - stamps[0] == pytest.approx(9 / 50, abs=0.002)


def test_a_loop_goes_on_with_new_ids(serve: Any, ask: Any, ten: Any) -> None:
    client = ask(serve(ten, Pacing(repeat=Repeat.FOREVER)))
    client.send("ris_subscribe", {})
    ids = [client.next()["data"]["id"] for _ in range(30)]
    assert len(set(ids)) == 30
    assert ids[10] == ids[0] + "-1"


def test_a_loop_over_what_can_be_read_once_ends(ask: Any, ten: Any) -> None:
    once = iter(ten)
    server = RisServer(lambda: once, pacing=Pacing(repeat=Repeat.FOREVER))
    server.start()
    try:
        client = ask(server)
        client.send("ris_subscribe", {})
        assert server.ended.wait(5)
        assert server.played == 10
    finally:
        server.stop()


def test_a_client_that_does_not_read_is_told_and_closed(
    serve: Any, ask: Any, make_frame: Any, caplog: pytest.LogCaptureFixture
) -> None:
    large = make_frame(0, filler="x" * 2_000)
    server = serve([(FIRST, large)] * 40_000, Pacing(rate_per_s=1_000_000, times=Times.RECORDED))
    client = ask(server)
    client.send("ris_subscribe", {})
    assert server.ended.wait(20)
    kinds = client.kinds_to_the_end()
    assert kinds[-1] == "ris_error"
    assert len(kinds) < 40_000


def test_without_a_pace_a_slow_client_loses_nothing(serve: Any, ask: Any, make_frame: Any) -> None:
    large = make_frame(0, filler="x" * 2_000)
    server = serve([(FIRST, large)] * 10_000)
    client = ask(server)
    client.send("ris_subscribe", {})
    threading.Event().wait(0.2)
    assert server.played < 10_000
    assert client.numbers(10_000) == [0] * 10_000


def test_a_frame_that_cannot_be_played_is_counted_and_passed_over(
    serve: Any, ask: Any, make_frame: Any
) -> None:
    server = serve([(FIRST, b"{"), (FIRST, b'{"type":"pong"}'), (FIRST, make_frame(1))])
    client = ask(server)
    client.send("ris_subscribe", {})
    assert client.numbers(1) == [1]
    assert (server.played, server.unplayable) == (1, 2)


def test_a_port_in_use_is_the_users_error(ten: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}"):
            RisServer(lambda: iter(ten), port=port).start()


def test_a_server_that_was_stopped_can_be_stopped_again(ten: Any) -> None:
    server = RisServer(lambda: iter(ten))
    server.start()
    assert not server.wait(0.0)
    server.stop()
    server.stop()
    assert server.wait()


def test_a_recording_served_and_received_is_the_recording(
    shared: Path, sink: Any, serve: Any, eventually: Any
) -> None:
    metrics = Metrics()
    quarantine = Quarantine(None, max_bytes=0, metrics=metrics)
    recording = Recording(
        [str(shared / "data/rislive/ris-live-1000-frames-20190523.jsonl")],
        decoder=FrameDecoder(KeepReceived.YES),
        clock=EventClock(),
        metrics=metrics,
        quarantine=quarantine,
        max_frame_bytes=2**20,
    )
    messages = [message for lot in recording.lots() for message in lot]
    server = serve([(message.timestamp, message.received) for message in messages])
    live = RisLive(
        Feed(url=server.url, include_raw=True),
        decoder=FrameDecoder(KeepReceived.YES),
        clock=EventClock(),
        metrics=metrics,
        quarantine=quarantine,
        rng=Random(1),
    )
    stop = threading.Event()
    thread = threading.Thread(target=live.run, args=(sink, stop))
    thread.start()
    try:
        eventually(lambda: len(sink.messages) == 1_000, "all messages")
    finally:
        stop.set()
        thread.join(10)
    assert sink.messages == messages
    assert not sink.gaps
    assert not metrics.drops()
