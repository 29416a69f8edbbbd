"""A more-specific of the watched /24 from another AS, and then a withdrawal storm."""

import math
from functools import partial

from bgptui.demo.internet import WATCHED_ASN, WATCHED_PREFIXES, Router, internet
from bgptui.demo.scenario import Recorded, Scenario
from bgptui.demo.traffic import Traffic

_RECORDED_START = 1_767_787_200.0  # Wednesday, 7 January 2026, 12:00 UTC

HIJACKER_ASN = 64666  # private use (RFC 6996)
HIJACKED_PREFIX = "203.0.113.128/25"

# Seconds after the start at which each router takes the route. The last one validates origins
# and never does.
SEEN_AFTER_S = (8.0, 13.0, 18.5, 25.0, 32.0)
_SECOND_LOOK_AFTER_S = 29.0  # the first router finds another way to the hijacker
WITHDRAWN_AFTER_S = 44.0
_WITHDRAWN_EVERY_S = 0.7

STORM_S = 240.0
_STORM_AFTER_S = 40.0
_STORM_LEAD_S = 3.0
# Withdrawals that a router sends a second, each of up to so many prefixes; about as many
# announcements bring them back.
_STORM_RATE_PER_S = 4.0
_STORM_MOST = 6
_STAYS_AWAY_SHARE = 0.1

RESET_ROUTER = 3
RESET_AFTER_S = 30.0  # into the storm
RESET_S = 20.0
_TRANSFER_S = 10.0


def storm_start(start: float) -> float:
    """3 s before the first minute that begins more than 40 s after `start`.

    A storm that fills whole minutes is in the features at once; one that began in the middle
    of a minute would take up to a minute longer to show.
    """
    minute = (math.floor((start + _STORM_AFTER_S) / 60) + 1) * 60
    return minute - _STORM_LEAD_S


def _incident(traffic: Traffic, start: float) -> None:
    _hijack(traffic, start)
    storm = storm_start(start)
    traffic.at(storm, partial(_storm_second, traffic, storm + STORM_S))
    down_at = storm + RESET_AFTER_S
    traffic.reset(
        traffic.world.routers[RESET_ROUTER],
        down_at=down_at,
        up_at=down_at + RESET_S,
        transfer_s=_TRANSFER_S,
    )


def _hijack(traffic: Traffic, start: float) -> None:
    for order, (router, after_s) in enumerate(
        zip(traffic.world.routers, SEEN_AFTER_S, strict=False)
    ):
        near, far = traffic.world.providers[router.index][:2]
        traffic.announce(
            router, HIJACKED_PREFIX, (router.asn, near, HIJACKER_ASN), when=start + after_s
        )
        if order == 0:
            path = (router.asn, far, near, HIJACKER_ASN)
            traffic.announce(router, HIJACKED_PREFIX, path, when=start + _SECOND_LOOK_AFTER_S)
        gone = start + WITHDRAWN_AFTER_S + order * _WITHDRAWN_EVERY_S
        traffic.withdraw(router, HIJACKED_PREFIX, when=gone)


def _storm_second(traffic: Traffic, end: float, now: float) -> list[bytes]:
    """Put one second of the storm and the next second's act into the heap."""
    rng = traffic.rng
    for router in traffic.world.routers:
        for _ in range(max(1, round(rng.gauss(_STORM_RATE_PER_S, 1)))):
            _lose(traffic, router, when=now + rng.random(), end=end)
    if now + 1 < end:
        traffic.at(now + 1, partial(_storm_second, traffic, end))
    return []


def _lose(traffic: Traffic, router: Router, *, when: float, end: float) -> None:
    rng = traffic.rng
    if rng.random() < _STAYS_AWAY_SHARE:
        back = end + rng.uniform(5, 60)
    else:
        back = when + 3 + rng.expovariate(1 / 12)
    traffic.lose(router, when=when, most=rng.randint(1, _STORM_MOST), back_at=back)


_WATCH = "\n".join(
    f'[[prefix]]\nprefix = "{prefix}"\norigins = [{WATCHED_ASN}]\n'
    f"max_length = {prefix.rpartition('/')[2]}\n"
    f'description = "Our own network (demo)"\n'
    for prefix in WATCHED_PREFIXES
)

SUBPREFIX_HIJACK = Scenario(
    name="subprefix-hijack",
    description="AS64666 announces half of your /24; then a withdrawal storm with a session reset",
    world=internet,
    watch=_WATCH,
    incident=_incident,
    recorded=Recorded(
        start=_RECORDED_START, before_s=2 * 3_600.0, after_s=15 * 60.0, incident=_incident
    ),
)
