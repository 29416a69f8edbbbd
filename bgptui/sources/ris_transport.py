"""How the RIS Live client gets through: name look-up, TLS, proxies, and what failures mean."""

import asyncio
import concurrent.futures
import socket
import ssl
import threading
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from websockets.exceptions import (
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.http11 import Response
from websockets.proxy import get_proxy, parse_proxy
from websockets.uri import parse_uri

from bgptui.config.mask import mask
from bgptui.config.schema import DIRECT, Feed
from bgptui.errors import UsageError
from bgptui.sources.ris_requests import is_loopback

RETRY_AFTER_MOST_S = 3_600.0

_WEB_PAGE = (
    "that is a web page, no RIS Live: is feed.url right, or does a portal or proxy answer in its "
    "place?"
)
_REMEDIES: dict[int, str] = {
    HTTPStatus.OK: _WEB_PAGE,
    HTTPStatus.UNAUTHORIZED: "the service asks for a login, RIS Live does not: is feed.url right?",
    HTTPStatus.FORBIDDEN: "the service refuses us: feed.client should name who asks",
    HTTPStatus.NOT_FOUND: "there is no RIS Live at that path: is feed.url right?",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "feed.proxy takes a name and a password: "
    "http://NAME:PASSWORD@HOST:PORT",
    HTTPStatus.TOO_MANY_REQUESTS: "too many connections from here: is another collector running?",
}
_BUSY = "the service is overloaded or in maintenance"
_SCHEME = "is it wss:// (TLS) where feed.url says so, and the port right?"
_OFFLINE = "is this machine online, and feed.url right?"


class Refusal(Struct, frozen=True):
    """Why an attempt failed, what to do about it, and how long the service asks us to wait.

    Attributes:
        hint: a question or a sentence without a full stop.
    """

    text: str
    hint: str
    retry_after_s: float = 0.0


class Transport:
    """The settings of [feed] that lead to a connection.

    Args:
        url: the service's address, with `client=`.
    Attributes:
        options: keyword arguments for websockets' connect.
    Raises:
        UsageError: a setting cannot be used.
    """

    def __init__(self, feed: Feed, url: str) -> None:
        try:
            parse_uri(url)
        except (InvalidURI, ValueError) as error:
            raise UsageError(f"[feed] url {feed.url!r} is no WebSocket address: {error}") from None
        self._shown = feed.url
        self._proxy = _proxy(feed, url)
        self.options: dict[str, Any] = {"proxy": self._proxy}
        if urlsplit(url).scheme == "wss":
            context = _tls(feed.ca_file)
            self.options["ssl"] = context
            if self._proxy is not None and self._proxy.startswith("https:"):
                self.options["proxy_ssl"] = context

    def explain(self, error: BaseException, *, open_timeout_s: float, now: float) -> Refusal:
        """What a failed attempt means to a person.

        Args:
            now: seconds since 1970 UTC, for a Retry-After that is a date.
        """
        via = "" if self._proxy is None else f" through proxy {mask(self._proxy)}"
        where = f"{self._shown}{via}"
        if isinstance(error, TimeoutError):
            return Refusal(f"{where} did not answer within {open_timeout_s:g} s", _OFFLINE)
        if isinstance(error, InvalidStatus | InvalidProxyStatus):
            return _refused(error, where, now)
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = error.verify_message
            hint = "is its certificate signed by a CA of your own? Name that in feed.ca_file (PEM)"
            return Refusal(f"the certificate of {where} is not trusted: {reason}", hint)
        if isinstance(error, ssl.SSLError):
            return Refusal(f"no TLS with {where}: {error.reason or error}", _SCHEME)
        if isinstance(error, ProxyError):
            return Refusal(f"{where} cannot be reached: {error}", "is feed.proxy right?")
        if isinstance(error, InvalidMessage):
            return _no_answer(error, where)
        if isinstance(error, InvalidHandshake):
            return Refusal(f"{where} is no WebSocket service: {error}", "is feed.url right?")
        if isinstance(error, socket.gaierror):
            return Refusal(f"{where}: name cannot be resolved: {error.strerror}", _OFFLINE)
        if isinstance(error, ConnectionError) and not error.args:
            return Refusal(f"{where} closed the connection before it was open", _SCHEME)
        return Refusal(f"{where} cannot be reached: {error}", _OFFLINE)


class LookupLoop(asyncio.SelectorEventLoop):
    """An event loop whose name look-ups can be left behind.

    The resolver cannot be interrupted, and asyncio's own threads are waited for at the end: a
    look-up that hangs would delay the stop. These run in daemon threads, and the same look-up
    runs once however often it is asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lookups: dict[tuple[Any, ...], concurrent.futures.Future[Any]] = {}

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        question = (host, port, family, type, proto, flags)
        lookup = self._lookups.get(question)
        if lookup is None:
            lookup = self._lookups[question] = concurrent.futures.Future()
            # Running, it is not cancelled by one who gives up: the next one may still want it.
            lookup.set_running_or_notify_cancel()
            threading.Thread(
                target=_look_up, args=(question, lookup), name="bgptui-lookup", daemon=True
            ).start()
        try:
            return await asyncio.wrap_future(lookup, loop=self)
        finally:
            if lookup.done():
                self._lookups.pop(question, None)


def _look_up(question: tuple[Any, ...], lookup: "concurrent.futures.Future[Any]") -> None:
    try:
        lookup.set_result(socket.getaddrinfo(*question))
    except OSError as error:
        lookup.set_exception(error)
    except UnicodeError as error:  # a label that is too long
        lookup.set_exception(OSError(str(error)))


def _proxy(feed: Feed, url: str) -> str | None:
    """The proxy's address; None for a direct connection."""
    if feed.proxy == DIRECT:
        return None
    try:
        address = feed.proxy or (None if is_loopback(url) else get_proxy(parse_uri(url)))
        if address is None:
            return None
        scheme = parse_proxy(address).scheme
    except (InvalidProxy, ValueError) as error:
        whose = "[feed] proxy" if feed.proxy else "the environment's proxy (HTTPS_PROXY)"
        text = mask(str(error))
        raise UsageError(
            f"{whose} cannot be used: {text}; an address such as http://proxy.example.net:3128 "
            f'is needed, or "{DIRECT}"'
        ) from None
    if scheme.startswith("socks") and find_spec("python_socks") is None:
        raise UsageError(
            f"proxy {mask(address)}: SOCKS needs the package python-socks: "
            "pip install 'bgptui[socks]'"
        )
    return address


def _tls(ca_file: str) -> ssl.SSLContext:
    """The system's certification authorities, and those of [feed] ca_file."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            what = "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else (
                f"cannot be read: {error.strerror}"
            )  # fmt: skip
            raise UsageError(f"[feed] ca_file {ca_file} {what}") from None
    return context


def _no_answer(error: InvalidMessage, where: str) -> Refusal:
    """What came is no HTTP/1.1 answer."""
    cause = error.__cause__
    if isinstance(cause, EOFError):
        return Refusal(f"{where} closed the connection before it was open", _SCHEME)
    if "HTTP/1.0" in str(cause).partition(": ")[2]:
        return Refusal(f"{where} answered in HTTP/1.0, it is no WebSocket", _WEB_PAGE)
    hint = "is it a WebSocket service, and the port right?"
    return Refusal(f"{where} does not speak HTTP", hint)


def _refused(error: InvalidStatus | InvalidProxyStatus, where: str, now: float) -> Refusal:
    status = error.response.status_code
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    who = f"the proxy on the way to {where}" if isinstance(error, InvalidProxyStatus) else where
    hint = _BUSY if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "is feed.url right?"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        name += ", it is no WebSocket"
    return Refusal(
        f"{who} answered HTTP {name}",
        _REMEDIES.get(status, hint),
        _retry_after(error.response, now),
    )


def _retry_after(response: Response, now: float) -> float:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), 0 without one."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        after_s = float(text[:10])
    else:
        try:
            after_s = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return min(max(0.0, after_s), RETRY_AFTER_MOST_S)
