"""The RIS Live client of a process whose share of the hosts changes."""

import json
import threading
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bgptui.config.schema import Feed
from bgptui.runtime.clock import WallClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.ris_live import RisLive
from bgptui.sources.ris_messages import FrameDecoder


class Share:
    def __init__(self) -> None:
        self.hosts: frozenset[str] = frozenset()


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    """(type, host) of every request of the client, in order."""
    return []


@pytest.fixture
def client(serve_faults: Any, sink: Any, asked: list[tuple[str, str]]) -> Iterator[tuple[Any, ...]]:
    async def handler(connection: ServerConnection, index: int) -> None:
        async for request in connection:
            message = json.loads(request)
            asked.append((message["type"], message["data"]["host"]))

    server = serve_faults(handler)
    share, metrics, stop = Share(), Metrics(), threading.Event()
    live = RisLive(
        Feed(url=server.url),
        decoder=FrameDecoder(),
        clock=WallClock(),
        metrics=metrics,
        quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
        rng=Random(1),
        hosts=lambda: share.hosts,
    )
    thread = threading.Thread(target=live.run, args=(sink, stop))
    thread.start()
    yield live, share, server
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_hosts_are_asked_for_and_left_on_the_connection_as_the_share_changes(
    client: tuple[Any, ...], sink: Any, asked: list[tuple[str, str]], eventually: Any
) -> None:
    live, share, server = client
    eventually(lambda: sink.ticks > 0, "a tick without any host")
    assert live.feed_state.state == "standby"
    assert server.connections == 0
    share.hosts = frozenset({"rrc01", "rrc00"})
    # The first request of a connection is read by the server itself.
    eventually(lambda: len(asked) == 1, "the first subscriptions")
    assert server.requests[0]["data"]["host"] == "rrc00"
    share.hosts = frozenset({"rrc01", "rrc03"})
    eventually(lambda: len(asked) == 3, "the change")
    assert asked == [
        ("ris_subscribe", "rrc01"),
        ("ris_unsubscribe", "rrc00"),
        ("ris_subscribe", "rrc03"),
    ]
    assert server.connections == 1
    assert sink.gaps == []
