"""One client of the RIS Live server: its subscriptions, its requests, what waits for it."""

import asyncio
import logging
from collections import deque
from collections.abc import Set
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from bgptui.errors import BadInput
from bgptui.sources.ris_filters import Filter, Subject, parse_filter
from bgptui.sources.ris_messages import UNREADABLE

log = logging.getLogger(__name__)

_ROOM_FRAMES = 1_000  # waiting above this, an unpaced playback pauses
_MOST_FRAMES = 20_000  # waiting above this, a client of a paced playback is too slow
_POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1

_ENCODER = msgspec.json.Encoder()


class Subscriber:
    """Answers a client's requests and sends it, in order, what is put.

    Args:
        collectors: names for request_rrc_list; read when asked.
    """

    def __init__(self, connection: ServerConnection, *, collectors: Set[str]) -> None:
        self._connection = connection
        self._collectors = collectors
        self._filters: dict[Filter, None] = {}
        self._waiting: deque[bytes] = deque()
        self._more = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._too_slow = False
        self._acknowledge = False
        self.include_raw = False

    @property
    def has_subscribed(self) -> bool:
        return bool(self._filters)

    def wants(self, subject: Subject) -> bool:
        """Whether any of the subscriptions matches; a message is sent once however many do."""
        return any(wanted.matches(subject) for wanted in self._filters)

    def put(self, frame: bytes) -> None:
        """Send a frame after those that wait. A client too far behind is told and closed."""
        if self._too_slow:
            return
        self._waiting.append(frame)
        if len(self._waiting) > _ROOM_FRAMES:
            self._has_room.clear()
        if len(self._waiting) > _MOST_FRAMES:
            self._too_slow = True
            log.warning("client %s is too slow; closing it", self._connection.remote_address)
            self._waiting.clear()
            self._waiting.append(
                _message("ris_error", {"message": "client is too slow: too many messages waiting"})
            )
        self._more.set()

    async def room(self) -> None:
        """Until few enough frames wait, or the client is gone."""
        await self._has_room.wait()

    def leave(self) -> None:
        self._filters.clear()
        self._has_room.set()

    async def send_waiting(self) -> None:
        """Send what is put until the connection closes."""
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                while self._waiting:
                    await self._connection.send(self._waiting.popleft(), text=True)
                    if len(self._waiting) <= _ROOM_FRAMES // 2:
                        self._has_room.set()
                if self._too_slow:
                    await self._connection.close(_POLICY_VIOLATION, "too slow")
        except ConnectionClosed:
            self.leave()

    def answer(self, request: str | bytes) -> None:
        """Act on a client's message; what is wrong with it comes back as a ris_error."""
        try:
            decoded = msgspec.json.decode(request)
            if not isinstance(decoded, dict):
                raise BadInput("a message is a JSON object with the keys type and data")
            self._act(decoded.get("type"), decoded.get("data"))
        except (*UNREADABLE, BadInput) as error:
            self.put(_message("ris_error", {"message": str(error)}))

    def _act(self, kind: object, body: object) -> None:
        match kind:
            case "ris_subscribe":
                self._subscribe(_object(body))
            case "ris_unsubscribe":
                self._unsubscribe(_object(body))
            case "request_rrc_list":
                self.put(_message("ris_rrc_list", sorted(self._collectors)))
            case "ping":
                self.put(_message("pong", body))
            case _:
                raise BadInput(f"message type {str(kind)[:64]!r} is unknown")

    def _subscribe(self, body: dict[str, Any]) -> None:
        wanted = [parse_filter(part) for part in _one_prefix_each(body)]
        options = _object(body.get("socketOptions"))
        # They hold for the whole socket; a later subscription's go before earlier ones.
        self.include_raw = bool(options.get("includeRaw", self.include_raw))
        self._acknowledge = bool(options.get("acknowledge", self._acknowledge))
        self._filters.update(dict.fromkeys(wanted))
        if self._acknowledge:
            echoed = {key: value for key, value in body.items() if key != "socketOptions"}
            self.put(
                _message("ris_subscribe_ok", {"subscription": echoed, "socketOptions": options})
            )

    def _unsubscribe(self, body: dict[str, Any]) -> None:
        for part in _one_prefix_each(body):
            if self._filters.pop(parse_filter(part), self) is self:
                raise BadInput("there is no such subscription")


def _one_prefix_each(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A list of prefixes makes as many subscriptions, each of which can be ended alone."""
    prefixes = body.get("prefix")
    if isinstance(prefixes, list) and prefixes:
        return [{**body, "prefix": prefix} for prefix in prefixes]
    return [body]


def _object(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput(f"{value!r:.64} is not a JSON object")
    return value


def _message(kind: str, body: object) -> bytes:
    return _ENCODER.encode({"type": kind, "data": body})
