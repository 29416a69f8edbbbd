"""24 February 2008: Pakistan Telecom's AS17557 announces a /24 of YouTube's to the world.

On record are who announced what through whom, and when (UTC):

    before    AS36561 (YouTube) announces 208.65.152.0/22
    18:47     AS17557 announces 208.65.153.0/24, and AS3491 (PCCW Global) passes it on
    20:07     AS36561 announces 208.65.153.0/24 itself; AS17557 keeps a part of the traffic
    20:18     AS36561 announces 208.65.153.0/25 and 208.65.153.128/25, which do not get everywhere
    20:51     the hijacked route appears prepended: 3491 17557 17557
    21:01     AS3491 withdraws it

Sources: RIPE NCC, "YouTube Hijacking: A RIPE NCC RIS case study", March 2008, on the times, the
prefixes and the prepending; the NANOG list of 24 February 2008 (S. Lockhart) and of 29 February, on
the paths seen and on the /25s and the /24, which filters kept from going everywhere; Renesys,
"Pakistan hijacks YouTube", 24 February 2008, on the first sightings just before 18:48.

Made up is the rest: which of RIS's peers of that time saw what at which second, their addresses,
the transit ASes in the paths, and the traffic around it, which keeps to prefixes for
documentation. There were no ROAs yet.
"""

from enum import Enum, auto
from functools import cache, partial

from msgspec import Struct

from bgptui.demo.internet import Internet, Router, connected, ordinary_holdings
from bgptui.demo.scenario import Incident, Recorded, Scenario
from bgptui.demo.traffic import Traffic

YOUTUBE, PAKISTAN_TELECOM, PCCW = 36561, 17557, 3491
COVERING, HIJACKED = "208.65.152.0/22", "208.65.153.0/24"
HALVES = ("208.65.153.0/25", "208.65.153.128/25")

HIJACK_AT = 1_203_878_820.0  # 24 February 2008, 18:47 UTC
_MINUTE_S = 60.0

# ASes that fed RIS at the time, at three of its collectors.
_PEERS = (
    ("rrc00.ripe.net", 3333),
    ("rrc00.ripe.net", 4608),
    ("rrc00.ripe.net", 16150),
    ("rrc01.ripe.net", 3257),
    ("rrc01.ripe.net", 13237),
    ("rrc03.ripe.net", 286),
    ("rrc03.ripe.net", 1103),
    ("rrc03.ripe.net", 13030),
)
_TRANSIT_ASNS = (174, 1299, 2914, 3356, 3549, 6453)

# By peer: seconds after 18:47 at which it has the hijacked route.
SEEN_AFTER_S = (53.0, 45.0, 66.0, 58.0, 72.0, 81.0, 95.0, 110.0)


class Act(Enum):
    """What followed the hijack, in this order."""

    OWN = auto()
    HALVES = auto()
    PREPENDED = auto()
    WITHDRAWN = auto()


# By peer, the act that makes it leave the hijacked route, and how many seconds after it.
_LEAVES = (
    (Act.OWN, 25.0),
    (Act.WITHDRAWN, 4.0),
    (Act.OWN, 40.0),
    (Act.PREPENDED, 9.0),
    (Act.OWN, 31.0),
    (Act.PREPENDED, 14.0),
    (Act.WITHDRAWN, 12.0),
    (Act.OWN, 58.0),
)
_HAVE_HALVES = (0, 2, 4, 7)  # peers, by index


class Times(Struct, frozen=True):
    """Seconds after 18:47 at which the scenario starts, and at which each act follows."""

    begun: float
    at: dict[Act, float]


ON_RECORD = Times(
    0.0,
    {
        Act.OWN: 80 * _MINUTE_S,
        Act.HALVES: 91 * _MINUTE_S,
        Act.PREPENDED: 124 * _MINUTE_S,
        Act.WITHDRAWN: 134 * _MINUTE_S,
    },
)
# Each act takes as long as it took; of the waits between, which showed nothing new, hardly more
# than a minute is left.
CONDENSED = Times(
    40.0, {Act.OWN: 180.0, Act.HALVES: 270.0, Act.PREPENDED: 330.0, Act.WITHDRAWN: 390.0}
)

_WATCH = f"""\
[[prefix]]
prefix = "{COVERING}"
origins = [{YOUTUBE}]
max_length = 25                # what we would announce against a hijack of a part of it
description = "YouTube, as of February 2008"
"""


@cache
def _world() -> Internet:
    routers = tuple(
        Router(
            index,
            host,
            f"192.0.2.{index + 1}",
            asn,
            ((f"192.0.2.{index + 1}",), (f"2001:db8::{index + 1}",)),
        )
        for index, (host, asn) in enumerate(_PEERS)
    )
    return connected(
        routers,
        [(YOUTUBE, [COVERING]), *ordinary_holdings()],
        transit_asns=_TRANSIT_ASNS,
        steady_asn=YOUTUBE,
        has_roa=lambda _asn: False,
    )


def _incident(times: Times) -> Incident:
    return partial(_happen, times)


def _happen(times: Times, traffic: Traffic, start: float) -> None:
    start -= times.begun
    for router in traffic.world.routers:
        transit = traffic.world.providers[router.index][0]
        hijack = (router.asn, transit, PCCW, PAKISTAN_TELECOM)
        own = (router.asn, transit, YOUTUBE)
        # What stands; the traffic repeats it now and then.
        traffic.announce(router, COVERING, own, when=start - _MINUTE_S + router.index)
        traffic.announce(router, HIJACKED, hijack, when=start + SEEN_AFTER_S[router.index])
        cause, after_s = _LEAVES[router.index]
        left = start + times.at[cause] + after_s
        if cause is not Act.OWN:
            prepended = (*hijack, PAKISTAN_TELECOM)
            traffic.announce(router, HIJACKED, prepended, when=start + times.at[Act.PREPENDED] + 2)
        if cause is Act.WITHDRAWN:
            traffic.withdraw(router, HIJACKED, when=left)
            left += 3.0
        traffic.announce(router, HIJACKED, own, when=left)
        if router.index in _HAVE_HALVES:
            for half in HALVES:
                traffic.announce(router, half, own, when=start + times.at[Act.HALVES] + after_s)


YOUTUBE_2008 = Scenario(
    name="youtube-2008",
    description="24 February 2008: AS17557 takes YouTube's 208.65.153.0/24; 134 minutes in 7",
    world=_world,
    watch=_WATCH,
    incident=_incident(CONDENSED),
    recorded=Recorded(
        start=HIJACK_AT,
        before_s=30 * _MINUTE_S,
        after_s=145 * _MINUTE_S,
        incident=_incident(ON_RECORD),
    ),
)
