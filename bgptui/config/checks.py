"""Settings that are right one by one and wrong together, or wrong in a way no type says."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from msgspec import Struct

from bgptui.config.schema import Config, Feed, Subscription
from bgptui.config.setting import Wrong


class Contradiction(Struct, frozen=True):
    """What should change, and the setting `beside` which it does not fit (empty for none)."""

    wrong: Wrong
    beside: str = ""


def contradictions(config: Config) -> Iterator[Contradiction]:
    """Everything in the configuration that cannot be meant so."""
    detect, feed, rpki = config.detect, config.feed, config.rpki
    if detect.high < detect.medium:
        remedy = f"at least detect.medium ({detect.medium})"
        yield Contradiction(Wrong("detect.high", detect.high, remedy), "detect.medium")
    if detect.critical < detect.high:
        remedy = f"at least detect.high ({detect.high})"
        yield Contradiction(Wrong("detect.critical", detect.critical, remedy), "detect.high")
    if feed.backoff_most_s < feed.backoff_first_s:
        remedy = f"at least feed.backoff_first_s ({feed.backoff_first_s})"
        wrong = Wrong("feed.backoff_most_s", feed.backoff_most_s, remedy)
        yield Contradiction(wrong, "feed.backoff_first_s")
    if rpki.stale_after_s <= rpki.refresh_s:
        # Otherwise good VRPs would be called stale before each refresh.
        remedy = f"more than rpki.refresh_s ({rpki.refresh_s})"
        wrong = Wrong("rpki.stale_after_s", rpki.stale_after_s, remedy)
        yield Contradiction(wrong, "rpki.refresh_s")
    if not feed.subscription:
        remedy = "at least one table; [{}] asks for everything"
        yield Contradiction(Wrong("feed.subscription", [], remedy))
    yield from _sharing(feed)
    for index, subscription in enumerate(feed.subscription):
        for wrong in _subscription(f"feed.subscription[{index}]", subscription):
            yield Contradiction(wrong)


def _sharing(feed: Feed) -> Iterator[Contradiction]:
    if not feed.collectors:
        return
    if len(set(feed.collectors)) < len(feed.collectors):
        yield Contradiction(Wrong("feed.collectors", feed.collectors, "each RIS host once"))
    for index, subscription in enumerate(feed.subscription):
        if subscription.host is not None:
            wrong = Wrong(f"feed.subscription[{index}].host", subscription.host, "left out")
            yield Contradiction(wrong, "feed.collectors")
    if feed.warm_up:
        # Every process would write the recording's windows.
        yield Contradiction(Wrong("feed.warm_up", feed.warm_up, '""'), "feed.collectors")


def _subscription(name: str, subscription: Subscription) -> Iterator[Wrong]:
    if subscription.prefix is not None:
        try:
            ip_network(subscription.prefix)
        except ValueError:
            remedy = "an IPv4 or IPv6 prefix without host bits, e.g. 192.0.2.0/24"
            yield Wrong(f"{name}.prefix", subscription.prefix, remedy)
    if subscription.peer is not None:
        try:
            ip_address(subscription.peer)
        except ValueError:
            yield Wrong(f"{name}.peer", subscription.peer, "the IP address of a RIS peer")
