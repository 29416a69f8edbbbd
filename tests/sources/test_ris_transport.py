"""TLS, proxies, name look-ups and services that answer with something else than RIS Live."""

import asyncio
import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bgptui.config.schema import Feed
from bgptui.errors import UsageError
from bgptui.sources.ris_requests import client_url
from bgptui.sources.ris_transport import LookupLoop, Transport
from support.faulty_http import ConnectProxy, SocksProxy, TcpServer, answer, certificate

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(certificate, key) of localhost, signed by itself."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(signed: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*signed)
    return context


@pytest.fixture
def one_frame(make_frame: Any) -> Any:
    async def handler(connection: ServerConnection, index: int) -> None:
        await connection.send(make_frame(index).decode())
        await connection.wait_closed()

    return handler


@pytest.fixture(autouse=True)
def no_proxy_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no", "ws", "wss", "socks"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


@pytest.fixture
def listening() -> Iterator[Callable[..., TcpServer]]:
    """Starts a TcpServer; all are stopped at the test's end."""
    servers: list[TcpServer] = []

    def listen(talk: Any) -> TcpServer:
        servers.append(TcpServer(talk).__enter__())
        return servers[-1]

    yield listen
    for server in servers:
        server.__exit__()


def test_a_ca_of_our_own_is_trusted_besides_the_systems(
    *,
    start: Start,
    sink: Any,
    serve_faults: Any,
    one_frame: Any,
    tls: ssl.SSLContext,
    signed: Any,
    eventually: Any,
) -> None:
    server = serve_faults(one_frame, tls=tls)
    start(server.url, ca_file=str(signed[0]))
    eventually(lambda: len(sink.messages) == 1, "the message over TLS")


def test_a_certificate_that_is_not_trusted_names_the_setting(
    start: Start, serve_faults: Any, one_frame: Any, tls: ssl.SSLContext, eventually: Any
) -> None:
    client = start(serve_faults(one_frame, tls=tls).url)
    eventually(lambda: "is not trusted" in client.live.feed_state.error, "the error")
    assert "feed.ca_file" in client.live.feed_state.hint


def test_tls_with_a_server_that_has_none_says_so(
    start: Start, listening: Any, serve_faults: Any, one_frame: Any, eventually: Any
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    client = start(f"wss://localhost:{listening(refuse).port}/")
    eventually(lambda: "no TLS with" in client.live.feed_state.error, "the error")
    closing = start(f"wss://localhost:{serve_faults(one_frame).port}/")
    eventually(lambda: "closed the connection before" in closing.live.feed_state.error, "the other")
    for each in (client, closing):
        assert "wss://" in each.live.feed_state.hint


def test_a_ca_file_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    for path, what in ((empty, "no certificate in PEM"), (tmp_path / "gone", "cannot be read")):
        feed = Feed(ca_file=str(path))
        with pytest.raises(UsageError, match=what):
            Transport(feed, client_url(feed))


@pytest.mark.parametrize("secure", [True, False], ids=["wss", "ws"])
def test_a_proxy_is_gone_through(
    *,
    secure: bool,
    start: Start,
    sink: Any,
    serve_faults: Any,
    one_frame: Any,
    tls: ssl.SSLContext,
    signed: Any,
    listening: Any,
    eventually: Any,
) -> None:
    proxy = ConnectProxy()
    door = listening(proxy.talk)
    server = serve_faults(one_frame, tls=tls if secure else None)
    start(server.url, ca_file=str(signed[0]), proxy=f"http://127.0.0.1:{door.port}")
    eventually(lambda: len(sink.messages) == 1, "the message")
    assert proxy.asked == [f"{'localhost' if secure else '127.0.0.1'}:{server.port}"]


def test_a_socks_proxy_is_gone_through(
    *, start: Start, sink: Any, serve_faults: Any, one_frame: Any, listening: Any, eventually: Any
) -> None:
    pytest.importorskip("python_socks")
    proxy = SocksProxy()
    server = serve_faults(one_frame)
    start(server.url, proxy=f"socks5h://127.0.0.1:{listening(proxy.talk).port}")
    eventually(lambda: len(sink.messages) == 1, "the message")
    assert proxy.asked == [f"127.0.0.1:{server.port}"]


def test_a_proxys_refusal_names_the_setting_and_hides_the_password(
    start: Start, serve_faults: Any, one_frame: Any, listening: Any, eventually: Any
) -> None:
    credentials = base64.b64encode(b"noc:right").decode()
    door = listening(ConnectProxy(f"Basic {credentials}").talk)
    server = serve_faults(one_frame)
    client = start(server.url, proxy=f"http://noc:wrong@127.0.0.1:{door.port}")
    eventually(lambda: "407" in client.live.feed_state.error, "the error")
    state = client.live.feed_state
    assert "feed.proxy" in state.hint
    assert "wrong" not in state.error + state.hint


def test_a_proxy_with_the_right_password_lets_us_through(
    *, start: Start, sink: Any, serve_faults: Any, one_frame: Any, listening: Any, eventually: Any
) -> None:
    credentials = base64.b64encode(b"noc:right").decode()
    door = listening(ConnectProxy(f"Basic {credentials}").talk)
    start(serve_faults(one_frame).url, proxy=f"http://noc:right@127.0.0.1:{door.port}")
    eventually(lambda: len(sink.messages) == 1, "the message")


def test_the_environments_proxy_is_taken_unless_the_setting_says_direct(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example.net:3128")
    monkeypatch.setenv("no_proxy", "inside.example.net")
    outside = Feed(url="wss://ris.example.net/")
    assert Transport(outside, outside.url).options["proxy"] == "http://proxy.example.net:3128"
    for feed in (
        Feed(url="wss://inside.example.net/"),
        Feed(url="ws://127.0.0.1:8080/"),
        Feed(url="wss://ris.example.net/", proxy="direct"),
    ):
        assert Transport(feed, feed.url).options["proxy"] is None


def test_a_proxy_of_the_environment_that_is_no_address_is_the_users_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "gopher://noc:secret@proxy.example.net")
    with pytest.raises(UsageError, match="HTTPS_PROXY") as refused:
        Transport(Feed(), Feed().url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("response", "said", "hint"),
    [
        ("HTTP/1.1 403 Forbidden\n\n", "HTTP 403 Forbidden", "feed.client"),
        ("HTTP/1.1 429 Too Many Requests\n\n", "429", "another collector"),
        ("HTTP/1.1 503 Service Unavailable\n\n", "503", "overloaded"),
        (
            "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<html>Log in</html>",
            "200 OK, it is no WebSocket",
            "web page",
        ),
        ("HTTP/1.0 200 OK\nContent-Type: text/html\n\n<html>", "in HTTP/1.0", "web page"),
        ("SSH-2.0-OpenSSH_9.2p1\n\n", "does not speak HTTP", "WebSocket"),
        ("HTTP/1.1 101 Switching Protocols\n\n", "no WebSocket service", "feed.url"),
    ],
    ids=["403", "429", "503", "html", "http10", "ssh", "101"],
)
def test_an_answer_that_is_no_websocket_is_told_with_a_remedy(
    *,
    response: str,
    said: str,
    hint: str,
    start: Start,
    sink: Any,
    listening: Any,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = listening(answer(response))
    client = start(f"ws://127.0.0.1:{server.port}/")
    eventually(lambda: server.connections >= 4, "four attempts")
    state = client.live.feed_state
    assert said in state.error
    assert hint in state.hint
    assert [gap.reason for gap in sink.gaps] == ["connect_failed"]
    (logged,) = [each for each in caplog.records if each.name.startswith("bgptui")]
    assert said in logged.getMessage()
    assert hint in logged.getMessage()


@pytest.mark.parametrize("header", ["30", "Thu, 01 Jan 2099 00:00:00 GMT"], ids=["delay", "date"])
def test_retry_after_is_heeded(header: str, start: Start, listening: Any, eventually: Any) -> None:
    server = listening(answer(f"HTTP/1.1 503 Busy\nRetry-After: {header}\n\n"))
    client = start(f"ws://127.0.0.1:{server.port}/", backoff_first_s=0.001, backoff_most_s=0.002)
    eventually(lambda: "503" in client.live.feed_state.error, "the answer")
    threading.Event().wait(0.2)
    assert server.connections == 1


@pytest.mark.parametrize("header", ["", "-5", "soon", "9" * 400, "Thu, 32 Jan 2099"])
def test_a_retry_after_that_means_nothing_or_too_much_is_bounded(
    header: str, start: Start, listening: Any, eventually: Any
) -> None:
    server = listening(answer(f"HTTP/1.1 503 Busy\nRetry-After: {header}\n\n"))
    client = start(f"ws://127.0.0.1:{server.port}/")
    eventually(lambda: "503" in client.live.feed_state.error, "the answer")
    client.stop()


def test_a_handshake_that_drips_is_given_up(
    start: Start, sink: Any, listening: Any, eventually: Any
) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in b"HTTP/1.1 101 Switching Protocols\r\n" * 1_000:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.01)

    server = listening(drip)
    client = start(f"ws://127.0.0.1:{server.port}/", open_timeout_s=0.15)
    eventually(lambda: client.live.feed_state.attempts >= 3, "a third attempt")
    assert "did not answer within 0.15 s" in client.live.feed_state.error


def test_a_name_that_takes_for_ever_delays_neither_the_attempt_nor_the_stop(
    start: Start,
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answered, looked_up = threading.Event(), []

    def hang(*question: Any) -> Any:
        looked_up.append(question)
        answered.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr("bgptui.sources.ris_transport.socket.getaddrinfo", hang)
    client = start("ws://ris-live.example.net/", open_timeout_s=0.1)
    eventually(lambda: client.live.feed_state.attempts >= 3, "a third attempt")
    begun = time.monotonic()
    client.stop()
    assert time.monotonic() - begun < 2
    assert len(looked_up) == 1, "one look-up at a time"
    answered.set()
    for thread in threading.enumerate():
        if thread.name == "bgptui-lookup":
            thread.join(5)
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_a_name_that_does_not_exist_is_told(
    start: Start, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*question: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("bgptui.sources.ris_transport.socket.getaddrinfo", fail)
    client = start("ws://ris-live.example.net/")
    eventually(lambda: client.live.feed_state.attempts >= 3, "a third attempt")
    assert "name cannot be resolved: Name or service not known" in client.live.feed_state.error


def test_names_are_looked_up() -> None:
    async def look_up() -> Any:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    with asyncio.Runner(loop_factory=LookupLoop) as runner:
        assert runner.run(look_up())[0][4] == ("127.0.0.1", 80)
