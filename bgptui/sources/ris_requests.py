"""What the RIS Live client asks for: its address and its subscriptions."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from bgptui.config.schema import Feed, Subscription
from bgptui.errors import UsageError

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


def subscribe_requests(feed: Feed) -> list[bytes]:
    """One ris_subscribe message for each subscription."""
    options = {"includeRaw": feed.include_raw, "acknowledge": True}
    return [
        msgspec.json.encode(
            {"type": "ris_subscribe", "data": {**_filter(wanted), "socketOptions": options}}
        )
        for wanted in feed.subscription
    ]


def is_broad(feed: Feed) -> bool:
    """Whether silence is a fault: some subscription asks for all routes of some collector.

    A subscription for one prefix may rightly bring nothing for hours.
    """
    return any(
        wanted.prefix is None
        and wanted.path is None
        and wanted.peer is None
        and wanted.type in (None, "UPDATE", "KEEPALIVE")
        for wanted in feed.subscription
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
