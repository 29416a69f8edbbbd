"""The made-up internet of the scenarios: routers, their routes, and who may originate them.

It is the same in every run; what happens in it depends on the scenario's seed.
"""

from collections.abc import Callable, Sequence
from functools import cache
from ipaddress import IPv6Network, ip_network
from random import Random

from msgspec import Struct

WATCHED_ASN = 64500
WATCHED_PREFIXES = ("203.0.113.0/24", "2001:db8:500::/48")

_TRANSIT_ASNS = (64501, 64502, 64503, 64504, 65538, 65539)
_ORIGIN_ASNS = (*range(64505, 64512), *range(65540, 65552))
_ROUTES_PER_PAIR = 4
_ROUTE_SERVERS_SEED = 64496  # any number: it only fixes who connects to whom


class Router(Struct, frozen=True):
    """A peer of a RIS collector.

    Attributes:
        host: the collector, as RIS Live names it.
        next_hops: of its IPv4 and of its IPv6 routes, as the wire shows them. RIS Live gives
            a global and a link-local address either comma-joined or as two entries.
    """

    index: int
    host: str
    address: str
    asn: int
    next_hops: tuple[tuple[str, ...], tuple[str, ...]]


class Group(Struct, frozen=True):
    """Prefixes that share origin and address family, so that one UPDATE may carry several.

    Attributes:
        family: 0 for IPv4, 1 for IPv6; the index into Router.next_hops.
        withdrawn: the same prefixes as RIS Live writes them in withdrawals, where IPv6 comes
            with its zeros.
        steady: never withdrawn while its session is up; the watched prefixes.
        has_roa: the origin has ROAs for them.
        paths: by router index, the AS paths that the router may choose, best first.
    """

    origin_asn: int
    family: int
    prefixes: tuple[str, ...]
    withdrawn: tuple[str, ...]
    steady: bool
    has_roa: bool
    paths: tuple[tuple[tuple[int, ...], ...], ...]


class Internet(Struct, frozen=True):
    """Everything that exists. `providers`: by router index, the transit ASes it buys from."""

    routers: tuple[Router, ...]
    groups: tuple[Group, ...]
    providers: tuple[tuple[int, ...], ...]


Holdings = Sequence[tuple[int, Sequence[str]]]  # origin AS and its prefixes


@cache
def internet() -> Internet:
    """That of six routers, in which one network is watched."""
    return connected(
        tuple(_routers()),
        [(WATCHED_ASN, WATCHED_PREFIXES), *ordinary_holdings()],
        transit_asns=_TRANSIT_ASNS,
        steady_asn=WATCHED_ASN,
        # About half of the routes of today's internet have one.
        has_roa=lambda asn: asn == WATCHED_ASN or asn % 2 == 0,
    )


def connected(
    routers: tuple[Router, ...],
    holdings: Holdings,
    *,
    transit_asns: Sequence[int],
    steady_asn: int,
    has_roa: Callable[[int], bool],
) -> Internet:
    """Routers that buy from three transit ASes each, and origins that buy from two.

    Args:
        steady_asn: the AS whose prefixes are never withdrawn.
        has_roa: whether an origin AS has ROAs.
    """
    rng = Random(_ROUTE_SERVERS_SEED)
    providers = tuple(tuple(rng.sample(transit_asns, 3)) for _ in routers)
    groups = []
    for origin_asn, prefixes in holdings:
        upstreams = rng.sample(transit_asns, 2)
        paths = tuple(
            _paths(router.asn, providers[router.index], upstreams, origin_asn) for router in routers
        )
        for family in (0, 1):
            of_family = tuple(prefix for prefix in prefixes if (":" in prefix) == bool(family))
            groups.append(
                Group(
                    origin_asn=origin_asn,
                    family=family,
                    prefixes=of_family,
                    withdrawn=tuple(map(zero_expanded, of_family)),
                    steady=origin_asn == steady_asn,
                    has_roa=has_roa(origin_asn),
                    paths=paths,
                )
            )
    return Internet(routers, tuple(groups), providers)


def zero_expanded(prefix: str) -> str:
    """An IPv6 prefix as RIS Live writes it in a withdrawal: 2001:db8:1:0:0:0:0:0/48."""
    if ":" not in prefix:
        return prefix
    network = IPv6Network(prefix)
    words = network.network_address.exploded.split(":")
    return ":".join(f"{int(word, 16):x}" for word in words) + f"/{network.prefixlen}"


def _routers() -> list[Router]:
    """Six sessions in six ASes at two collectors, on IPv4 and on IPv6."""
    table = (
        ("rrc00.ripe.net", "192.0.2.1", 64496, "192.0.2.1", ("2001:db8::1",)),
        ("rrc00.ripe.net", "192.0.2.2", 64497, "192.0.2.2", ("2001:db8::2,fe80::2",)),
        ("rrc00.ripe.net", "2001:db8::3", 64498, "192.0.2.3", ("2001:db8::3", "fe80::3")),
        ("rrc01.ripe.net", "192.0.2.65", 64499, "192.0.2.65", ("2001:db8:0:1::65",)),
        ("rrc01.ripe.net", "192.0.2.66", 65536, "192.0.2.66", ("2001:db8:0:1::66,fe80::66",)),
        ("rrc01.ripe.net", "2001:db8:0:1::67", 65537, "192.0.2.67", ("2001:db8:0:1::67",)),
    )
    return [
        Router(index, host, address, asn, ((ipv4,), ipv6))
        for index, (host, address, asn, ipv4, ipv6) in enumerate(table)
    ]


def ordinary_holdings() -> list[tuple[int, list[str]]]:
    """Of networks that nobody watches, in the blocks for documentation. No two overlap, so that
    nobody hijacks anybody by itself."""
    ipv4 = [
        *ip_network("198.51.100.0/25").subnets(new_prefix=30),
        *ip_network("198.51.100.128/26").subnets(new_prefix=28),
        *ip_network("198.51.100.192/26").subnets(new_prefix=31),
        *ip_network("192.0.2.128/25").subnets(new_prefix=29),
    ]
    ipv6_blocks = IPv6Network("2001:db8:1000::/36").subnets(new_prefix=43)
    holdings = []
    for index, (origin_asn, block) in enumerate(zip(_ORIGIN_ASNS, ipv6_blocks, strict=False)):
        own = [*ipv4[index :: len(_ORIGIN_ASNS)], *block.subnets(new_prefix=48)]
        holdings.append((origin_asn, [str(network) for network in own]))
    return holdings


def _paths(
    router_asn: int, providers: tuple[int, ...], upstreams: list[int], origin_asn: int
) -> tuple[tuple[int, ...], ...]:
    """Paths from a router to an origin over its providers, the shortest first."""
    found = []
    for provider in providers:
        for upstream in upstreams:
            middle = (provider,) if provider == upstream else (provider, upstream)
            found.append((router_asn, *middle, origin_asn))
    found = sorted(dict.fromkeys(found), key=len)[: _ROUTES_PER_PAIR - 1]
    # The origin's back-up link, made unattractive by prepending.
    return (*found, (*found[-1], origin_asn, origin_asn))
