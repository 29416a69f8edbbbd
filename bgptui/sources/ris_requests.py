"""What the RIS Live client asks for: its address and its subscriptions."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bgptui.config.schema import Feed, Subscription, SubscriptionType
from bgptui.domain.routing import BgpMessage, MessageType
from bgptui.errors import UsageError
from bgptui.sources.addresses import short_host

_TYPES = {SubscriptionType.RIS_PEER_STATE: MessageType.STATE}
PING = msgspec.json.encode({"type": "ping"})


def client_url(feed: Feed) -> str:
    """The service's address with `client=`, by which it tells its users apart.

    Raises:
        UsageError: [feed] url is no address.
    """
    try:
        parts = urlsplit(feed.url)
    except ValueError as error:
        raise UsageError(f"[feed] url {feed.url!r} is no address: {error}") from None
    query = parse_qsl(parts.query, keep_blank_values=True)
    if "client" not in dict(query):
        query.append(("client", feed.client))
    return parts._replace(query=urlencode(query)).geturl()


def is_loopback(url: str) -> bool:
    """Whether the service runs on this machine, where no proxy leads."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Request(Struct, frozen=True):
    """A subscription as the messages that begin and end it."""

    subscribe: bytes
    unsubscribe: bytes


def requests(feed: Feed, hosts: Iterable[str] | None = None) -> tuple[Request, ...]:
    """What to ask for, in order: each subscription, once for each of `hosts` where given."""
    each_host = (None,) if hosts is None else sorted(hosts)
    asked = [
        _request(wanted if host is None else replace(wanted, host=host), feed)
        for host in each_host
        for wanted in feed.subscription
    ]
    return tuple(dict.fromkeys(asked))


def _request(wanted: Subscription, feed: Feed) -> Request:
    asked = _filter(wanted)
    options = {"includeRaw": feed.include_raw, "acknowledge": True}
    return Request(
        msgspec.json.encode({"type": "ris_subscribe", "data": {**asked, "socketOptions": options}}),
        msgspec.json.encode({"type": "ris_unsubscribe", "data": asked}),
    )


def broad_hosts(feed: Feed) -> frozenset[str | None]:
    """Collectors of which all routes are asked for; None among them: of every one.

    Their silence is a fault. A subscription for one prefix may rightly bring nothing for hours.
    """
    return frozenset(
        None if wanted.host is None else short_host(wanted.host)
        for wanted in feed.subscription
        if wanted.prefix is None
        and wanted.path is None
        and wanted.peer is None
        and wanted.type in (None, "UPDATE", "KEEPALIVE")
    )


def unasked(feed: Feed) -> Callable[[BgpMessage], bool] | None:
    """Tells messages that no subscription asks for, by collector, peer and type; None where
    any message may be asked for."""
    asked = frozenset(_origin(wanted) for wanted in feed.subscription)
    if (None, None, None) in asked:
        return None

    def is_unasked(message: BgpMessage) -> bool:
        collector, address = message.peer.collector, message.peer.address
        return not any(
            host in (None, collector) and peer in (None, address) and kind in (None, message.type)
            for host, peer, kind in asked
        )

    return is_unasked


def _origin(wanted: Subscription) -> tuple[str | None, str | None, MessageType | None]:
    kind = wanted.type
    return (
        None if wanted.host is None else short_host(wanted.host),
        None if wanted.peer is None else ip_address(wanted.peer).compressed,
        None if kind is None else _TYPES.get(kind) or MessageType(kind),
    )


def _filter(wanted: Subscription) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "host": wanted.host,
        "type": wanted.type,
        "peer": wanted.peer,
        "path": wanted.path,
        "prefix": wanted.prefix,
    }
    if wanted.prefix is not None:
        asked["moreSpecific"] = wanted.more_specific
        asked["lessSpecific"] = wanted.less_specific
    return {key: value for key, value in asked.items() if value is not None}
