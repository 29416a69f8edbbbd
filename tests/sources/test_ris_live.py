"""The RIS Live client against real servers on the loopback interface."""

import asyncio
import itertools
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bgptui.config.schema import ClockKind, Feed, Subscription, SubscriptionType
from bgptui.domain.gap import Gap
from bgptui.errors import UsageError
from bgptui.runtime.clock import EventClock, WallClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.ris_live import RisLive
from bgptui.sources.ris_messages import FrameDecoder

FIRST = 1_789_019_600.0
Start = Callable[..., Any]


async def stay(connection: ServerConnection) -> None:
    await connection.wait_closed()


def numbers(sink: Any) -> list[int]:
    return [int(message.timestamp - FIRST) for message in sink.messages]


def test_subscriptions_and_the_clients_name_are_sent(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    asked: list[Any] = []

    async def handler(connection: ServerConnection, index: int) -> None:
        asked.append(json.loads(await connection.recv()))
        await connection.send(make_frame(0).decode())
        await stay(connection)

    server = serve_faults(handler)
    client = start(
        server.url + "?x=1",
        client="my noc",
        include_raw=True,
        subscription=(
            Subscription(host="rrc01", prefix="10.0.0.0/8", less_specific=True),
            Subscription(path="64501$", type=SubscriptionType.UPDATE, peer="192.0.2.1"),
        ),
    )
    eventually(lambda: len(sink.messages) == 1, "the message")
    assert server.paths == ["/v1/ws/?x=1&client=my+noc"]
    options = {"includeRaw": True, "acknowledge": True}
    assert [server.requests[0], asked[0]] == [
        {
            "type": "ris_subscribe",
            "data": {
                "host": "rrc01",
                "prefix": "10.0.0.0/8",
                "moreSpecific": True,
                "lessSpecific": True,
                "socketOptions": options,
            },
        },
        {
            "type": "ris_subscribe",
            "data": {
                "type": "UPDATE",
                "peer": "192.0.2.1",
                "path": "64501$",
                "socketOptions": options,
            },
        },
    ]
    assert client.live.feed_state.state == "live"
    assert client.live.feed_state.last_message == FIRST


@pytest.mark.parametrize("clock", [WallClock, EventClock])
def test_a_cut_loses_only_the_down_time_and_is_one_gap(
    clock: Any, *, start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        if index == 0:
            for number in range(700):
                await connection.send(make_frame(number).decode())
            connection.transport.close()  # without a closing handshake
        else:
            await connection.send(make_frame(800).decode())
            await stay(connection)

    server = serve_faults(handler)
    start(server.url, clock=clock())
    eventually(lambda: len(sink.messages) == 701, "the message after the cut")
    assert numbers(sink) == [*range(700), 800]
    opened, ended = sink.gaps
    assert opened == Gap(FIRST + 699, None, None, "closed", attempts=0)
    assert ended == Gap(FIRST + 699, FIRST + 800, None, "closed", attempts=1)
    # The gap opens behind the last message before it and ends in front of the next one.
    assert sink.order[-3:] == ["gap opens", "gap ends", "messages"]
    assert max(sink.batches) <= 256


def test_a_restarted_server_is_found_again(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def before(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(1).decode())
        await stay(connection)

    async def after(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(31).decode())
        await stay(connection)

    server = serve_faults(before)
    client = start(server.url)
    eventually(lambda: len(sink.messages) == 1, "the first message")
    server.stop()
    eventually(lambda: client.live.feed_state.attempts >= 3, "three attempts")
    state = client.live.feed_state
    assert (state.state, state.gap_since) == ("gap", FIRST + 1)
    assert "online" in state.hint
    assert server.url in state.error
    serve_faults(after, port=server.port)
    eventually(lambda: len(sink.messages) == 2, "the message after the restart")
    assert [(gap.start, gap.end) for gap in sink.gaps] == [
        (FIRST + 1, None),
        (FIRST + 1, FIRST + 31),
    ]
    assert sink.gaps[-1].attempts >= 3
    state = client.live.feed_state
    assert (state.state, state.attempts, state.error, state.hint) == ("live", 0, "", "")


def test_a_stall_is_silence_and_ends_with_the_next_message(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(index * 90).decode())
        await stay(connection)

    server = serve_faults(handler)
    start(server.url, silence_timeout_s=0.3)
    eventually(lambda: len(sink.messages) >= 2, "the message after the stall")
    assert sink.gaps[:2] == [
        Gap(FIRST, None, None, "silence"),
        Gap(FIRST, FIRST + 90, None, "silence", attempts=1),
    ]


def test_what_a_stalled_service_sends_too_late_belongs_to_the_gap(
    *,
    start: Start,
    sink: Any,
    serve_faults: Any,
    make_frame: Any,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A service that stalled for 25 s sends all of it at once: 10 s of it are in time."""

    class Wall:
        is_event_time = False
        at = FIRST + 1.5

        def now(self) -> float:
            return self.at

        def observe(self, timestamp: float) -> None: ...

    async def handler(connection: ServerConnection, index: int) -> None:
        first, last = (0, 2) if index == 0 else (2, 28)
        for number in range(first, last):
            await connection.send(make_frame(number).decode())
        await stay(connection)

    wall = Wall()
    server = serve_faults(handler)
    caplog.set_level("INFO")

    def gap_opens() -> bool:
        wall.at = FIRST + 26.5 if sink.gaps else FIRST + 1.5
        return len(sink.gaps) == 2

    start(server.url, clock=wall, silence_timeout_s=0.3)
    eventually(gap_opens, "the end of the gap")
    eventually(lambda: len(sink.messages) == 28, "all messages")
    assert sink.gaps == [
        Gap(FIRST + 1, None, None, "silence"),
        Gap(FIRST + 1, FIRST + 16, None, "silence", attempts=1),
    ]
    assert sink.messages[sink.seen_at_gap_end].timestamp == FIRST + 16
    assert "25.0 s without a message; the gap has 15.0 s" in caplog.text


def test_a_narrow_subscription_may_be_quiet_while_pings_are_answered(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    pings: list[int] = []

    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send('{"type":"ris_subscribe_ok","data":{}}')
        async for request in connection:
            assert json.loads(request)["type"] == "ping"
            pings.append(index)
            await connection.send('{"type":"pong","data":null}')

    server = serve_faults(handler)
    client = start(
        server.url,
        silence_timeout_s=0.3,
        subscription=(Subscription(prefix="192.0.2.0/24"),),
    )
    eventually(lambda: len(pings) >= 6, "twice the silence time-out")
    assert server.connections == 1
    assert not sink.gaps
    assert client.live.feed_state.state == "live"


def test_a_slow_consumer_close_is_recognised(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(index).decode())
        if index == 0:
            error = {"type": "ris_error", "data": {"message": "client is too slow"}}
            await connection.send(json.dumps(error))
            await connection.close()
        await stay(connection)

    server = serve_faults(handler)
    start(server.url)
    eventually(lambda: len(sink.gaps) == 2, "the gap's end")
    assert {gap.reason for gap in sink.gaps} == {"slow_consumer"}


def test_an_oversized_frame_is_counted_and_the_stream_goes_on(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(0).decode())
        await connection.send(make_frame(1, filler="x" * 10_000_000).decode())
        await connection.send("{")
        await connection.send(make_frame(2).decode())
        await stay(connection)

    server = serve_faults(handler)
    client = start(server.url)
    eventually(lambda: len(sink.messages) == 2, "the message after the large one")
    assert numbers(sink) == [0, 2]
    assert client.metrics.drops() == {"ingest.malformed": 1, "ingest.oversized_frame": 1}
    assert server.connections == 1
    assert not sink.gaps


def test_a_frame_above_the_protocols_bound_costs_the_connection_but_makes_no_hot_loop(
    *,
    start: Start,
    sink: Any,
    serve_faults: Any,
    make_frame: Any,
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bgptui.sources.ris_live._PROTOCOL_BYTES", 100_000)

    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(index).decode())
        await connection.send("x" * 200_000)
        await stay(connection)

    server = serve_faults(handler)
    client = start(server.url, backoff_first_s=30.0, backoff_most_s=60.0)
    eventually(
        lambda: client.metrics.drops().get("ingest.oversized_frame") == 2, "the second refusal"
    )
    eventually(lambda: len(sink.gaps) == 3, "the second gap")
    assert server.connections == 2  # at once after the first close, with patience after that
    assert numbers(sink) == [0, 1]


def test_a_thousand_errors_make_one_log_line(
    *,
    start: Start,
    sink: Any,
    serve_faults: Any,
    make_frame: Any,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        error = json.dumps({"type": "ris_error", "data": {"message": "no \x1b[31mway"}})
        for _ in range(1_000):
            await connection.send(error)
        await connection.send(make_frame(0).decode())
        await stay(connection)

    server = serve_faults(handler)
    with caplog.at_level(logging.INFO, logger="bgptui"):
        client = start(server.url)
        eventually(lambda: len(sink.messages) == 1, "the message after the errors")
    assert client.metrics.counts()["ingest.ris_error"] == 1_000
    assert [record.getMessage() for record in caplog.records] == ["RIS Live error: no ?[31mway"]
    assert client.live.feed_state.error == "RIS Live: no ?[31mway"


def test_a_server_that_closes_at_once_is_not_hammered(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(index).decode())
        await connection.close()

    server = serve_faults(handler)
    start(server.url, backoff_first_s=0.3, backoff_most_s=60.0)
    eventually(lambda: len(sink.messages) == 3, "three connections")
    pause = threading.Event()
    pause.wait(0.2)  # a hot loop would have made hundreds by now
    assert server.connections <= 4


def test_overlapping_subscriptions_bring_each_message_once(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        for number in range(50):
            for _ in range(2):
                await connection.send(make_frame(number).decode())
        await stay(connection)

    server = serve_faults(handler)
    client = start(
        server.url,
        subscription=(Subscription(prefix="10.0.0.0/8"), Subscription(path="64501$")),
    )
    eventually(lambda: len(sink.messages) >= 50, "all messages")
    eventually(
        lambda: client.metrics.counts().get("ingest.overlapping_subscription") == 50, "repetitions"
    )
    assert numbers(sink) == list(range(50))


def test_one_subscription_takes_equal_messages_as_they_come(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        for _ in range(2):
            await connection.send(make_frame(5).decode())
        await stay(connection)

    start(serve_faults(handler).url)
    eventually(lambda: len(sink.messages) == 2, "both messages")


def test_zero_expanded_withdrawals_come_out_canonical(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        frame = make_frame(0, announcements=[], withdrawals=["2a12:ca42:0:0:0:0:0:0/32"])
        await connection.send(frame.decode())
        await stay(connection)

    start(serve_faults(handler).url)
    eventually(lambda: len(sink.messages) == 1, "the message")
    assert sink.messages[0].withdrawn == ("2a12:ca42::/32",)


def test_a_server_that_never_answers_the_handshake_is_given_up(
    start: Start, sink: Any, eventually: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        client = start(url, open_timeout_s=0.1)
        eventually(lambda: client.live.feed_state.attempts >= 2, "a second attempt")
        state = client.live.feed_state
        assert "did not answer within 0.1 s" in state.error
        assert "online" in state.hint
        assert sink.gaps[0].reason == "connect_failed"


def test_in_event_time_there_is_no_gap_before_the_first_message(
    start: Start, sink: Any, eventually: Any
) -> None:
    client = start("ws://127.0.0.1:9/", clock=EventClock())
    eventually(lambda: client.live.feed_state.attempts >= 2, "a second attempt")
    assert not sink.gaps
    assert client.live.feed_state.state == "connecting"


def test_the_sink_is_ticked_while_nothing_comes(start: Start, sink: Any, eventually: Any) -> None:
    start("ws://127.0.0.1:9/")
    eventually(lambda: sink.ticks >= 3, "three ticks", within_s=2.0)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "nonsense", "ws://[::1"])
def test_an_address_that_is_none_is_the_users_error(url: str, start: Start) -> None:
    with pytest.raises(UsageError) as refused:
        start(url)
    assert url in str(refused.value)


def test_a_sink_that_fails_ends_the_source(serve_faults: Any, make_frame: Any) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(0).decode())
        await stay(connection)

    class FullDisk(Exception):
        pass

    class Failing:
        def process(self, messages: Any, now: float) -> None:
            raise FullDisk

        def tick(self, now: float) -> None: ...

        def gap(self, gap: Gap) -> None: ...

        def hold(self, collectors: Any) -> None: ...

    metrics = Metrics()
    live = RisLive(
        Feed(url=serve_faults(handler).url, clock=ClockKind.WALL),
        decoder=FrameDecoder(),
        clock=WallClock(),
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        rng=Random(1),
    )
    with pytest.raises(FullDisk):
        live.run(Failing(), threading.Event())


def test_a_stop_is_heeded_while_connected_and_while_waiting(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(0).decode())
        await stay(connection)

    connected = start(serve_faults(handler).url)
    waiting = start("ws://127.0.0.1:9/", backoff_first_s=60.0)
    eventually(lambda: len(sink.messages) == 1, "the message")
    eventually(lambda: waiting.live.feed_state.attempts == 1, "the attempt")
    for client in (connected, waiting):
        client.stop()


def test_a_collector_that_falls_silent_is_a_gap_of_its_own_and_costs_no_reconnect(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    back = threading.Event()

    async def handler(connection: ServerConnection, index: int) -> None:
        for number in itertools.count():
            await connection.send(make_frame(number).decode())
            if number < 400 or back.is_set():
                await connection.send(make_frame(number, host="rrc15").decode())
            # As fast as the client reads: event time is what counts.
            await asyncio.sleep(0.0005)

    server = serve_faults(handler)
    client = start(server.url, clock=EventClock())
    eventually(lambda: len(sink.gaps) == 1, "the gap")
    opened = sink.gaps[0]
    assert opened == Gap(FIRST + 399, None, "rrc15", "silence")
    assert client.live.feed_state.state == "live"
    back.set()
    eventually(lambda: len(sink.gaps) == 2, "its end")
    assert sink.gaps[1].start == opened.start
    assert sink.gaps[1].end >= FIRST + 460
    assert server.connections == 1


def test_a_subscription_for_a_collector_that_sends_nothing_is_a_gap(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        for number in itertools.count():
            await connection.send(make_frame(number).decode())
            await asyncio.sleep(0.001)

    server = serve_faults(handler)
    subscription = (Subscription(host="rrc01"), Subscription(host="rrc99.ripe.net"))
    start(server.url, clock=EventClock(), subscription=subscription)
    eventually(lambda: len(sink.gaps) == 1, "the gap")
    assert (sink.gaps[0].collector, sink.gaps[0].reason) == ("rrc99", "silence")


def test_windows_wait_while_the_feed_stands_still_and_go_on_with_the_next_message(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    go_on = threading.Event()

    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(0).decode())
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        for number in range(1, 100):
            await connection.send(make_frame(number).decode())
            await asyncio.sleep(0.02)
        await stay(connection)

    start(serve_faults(handler).url, silence_timeout_s=12.0)
    eventually(lambda: sink.holds == [None], "the windows are held")
    go_on.set()
    eventually(lambda: sink.holds == [None, frozenset()], "they are not any more")
    assert not sink.gaps


def test_a_gap_of_a_quiet_subscription_begins_when_the_connection_was_last_known_to_live(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    pulled = threading.Event()

    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send('{"type":"ris_subscribe_ok","data":{}}')
        if index == 0:
            await connection.send(make_frame(0).decode())  # long ago, on this clock
        async for _ in connection:
            if not pulled.is_set() or index > 0:
                await connection.send('{"type":"pong","data":null}')

    server = serve_faults(handler)
    start(server.url, silence_timeout_s=0.6, subscription=(Subscription(prefix="10.0.0.0/8"),))
    eventually(lambda: len(sink.messages) == 1, "the message")
    threading.Event().wait(0.3)
    before = time.time()
    pulled.set()
    eventually(lambda: len(sink.gaps) == 2, "the gap")
    opened, ended = sink.gaps
    assert (opened.reason, opened.start) == ("silence", ended.start)
    assert before - 0.3 <= opened.start <= before + 0.1, "not from the message on"
    assert None in sink.holds


def test_a_service_with_nothing_but_errors_is_left_with_ever_more_patience(
    *,
    start: Start,
    sink: Any,
    serve_faults: Any,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        error = json.dumps({"type": "ris_error", "data": {"message": "refused"}})
        for _ in range(1_000):
            await connection.send(error)
        async for _ in connection:
            await connection.send('{"type":"pong","data":null}')

    server = serve_faults(handler)
    client = start(
        server.url,
        silence_timeout_s=0.2,
        subscription=(Subscription(prefix="10.0.0.0/8"),),
        backoff_first_s=30.0,
        backoff_most_s=60.0,
    )
    eventually(lambda: server.connections == 2, "the first reconnect, at once")
    eventually(lambda: client.metrics.counts().get("ingest.ris_error") == 2_000, "the errors")
    threading.Event().wait(0.5)
    assert server.connections == 2
    assert "no answer to the subscription" in client.live.feed_state.error
    assert len([each for each in caplog.records if each.name.startswith("bgptui")]) == 2


def test_a_frame_that_drips_in_is_silence(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(index).decode())

        async def drip() -> AsyncIterator[str]:
            while True:
                yield " "
                await asyncio.sleep(0.01)

        await connection.send(drip())

    server = serve_faults(handler)
    start(server.url, silence_timeout_s=0.3)
    eventually(lambda: server.connections >= 2, "the reconnect")
    assert sink.gaps[0].reason == "silence"


def test_binary_frames_that_are_no_json_are_counted_and_the_stream_goes_on(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        for number in range(1_000):
            await connection.send(bytes([number % 256]) * 64)
        await connection.send(b"\xff\xfe" + make_frame(0))
        await connection.send(make_frame(1))  # JSON all the same
        await stay(connection)

    server = serve_faults(handler)
    client = start(server.url)
    eventually(lambda: len(sink.messages) == 1, "the message")
    assert sum(client.metrics.drops().values()) == 1_001
    assert server.connections == 1


def test_what_no_subscription_asked_for_is_left_out(
    start: Start, sink: Any, serve_faults: Any, make_frame: Any, eventually: Any
) -> None:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(0, host="rrc15").decode())
        await connection.send(make_frame(1, type="RIS_PEER_STATE", state="down").decode())
        await connection.send(make_frame(2).decode())
        await stay(connection)

    subscription = (Subscription(host="rrc01", type=SubscriptionType.UPDATE),)
    client = start(serve_faults(handler).url, subscription=subscription)
    eventually(lambda: len(sink.messages) == 1, "the message asked for")
    assert numbers(sink) == [2]
    assert client.metrics.drops() == {"ingest.unasked": 2}
