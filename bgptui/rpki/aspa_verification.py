"""Verification of an AS path by ASPAs (draft-ietf-sidrops-aspa-verification).

The path is compressed (prepends are one hop) and read from its origin: AS(1) ... AS(N). An up-ramp
goes from customer to provider from the origin on; a down-ramp likewise from the neighbour AS(N)
towards the origin. A route that no leak has touched is an up-ramp, at most one lateral hop, and a
down-ramp.
"""

import itertools
from collections.abc import Mapping
from enum import StrEnum

from bgptui.domain.aspa import Hop, PathState, PathVerification
from bgptui.domain.routing import AsPath
from bgptui.rpki.aspa_table import Providers


class Direction(StrEnum):
    """How the route came: UPSTREAM from a customer, lateral peer, or a route server's client;
    DOWNSTREAM from a provider. A collector that is neither takes the milder one, DOWNSTREAM."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


class Attestation(StrEnum):
    """What the ASPA of a customer says of an AS (section 5)."""

    PROVIDER = "provider"
    NOT_PROVIDER = "not-provider"
    NONE = "no-attestation"


def attestation(aspas: Mapping[int, Providers], customer: int, provider: int) -> Attestation:
    """What is attested of a pair of neighbours."""
    providers = aspas.get(customer)
    if providers is None:
        return Attestation.NONE
    return Attestation.PROVIDER if provider in providers else Attestation.NOT_PROVIDER


def verify(aspas: Mapping[int, Providers], path: AsPath, direction: Direction) -> PathVerification:
    """Verify a path.

    Args:
        aspas: providers by customer.
        path: neighbour first, origin last.
    """
    if not path:
        return PathVerification(PathState.INVALID, "empty_path")
    compressed = _compressed(path)
    if compressed is None:
        return PathVerification(PathState.INVALID, "as_set")
    size = len(compressed)
    up = [attestation(aspas, *pair) for pair in itertools.pairwise(compressed)]
    max_up = _ramp(up, stops=(Attestation.NOT_PROVIDER,))
    min_up = _ramp(up, stops=(Attestation.NOT_PROVIDER, Attestation.NONE))
    used = tuple((asn, said) for asn in compressed if (said := aspas.get(asn)) is not None)
    hops = _hops(compressed, max_up)
    if direction is Direction.UPSTREAM:
        state = _state(max_up >= size, min_up >= size)
        return PathVerification(
            state,
            "not_provider" if state is PathState.INVALID else "",
            max_up,
            min_up,
            failing_hops=hops if state is PathState.INVALID else (),
            aspas_used=used,
        )
    backwards = compressed[::-1]
    down = [attestation(aspas, *pair) for pair in itertools.pairwise(backwards)]
    max_down = _ramp(down, stops=(Attestation.NOT_PROVIDER,))
    min_down = _ramp(down, stops=(Attestation.NOT_PROVIDER, Attestation.NONE))
    # Section 6.3: the ramps must meet or be neighbours at their tops.
    state = _state(max_up + max_down >= size, min_up + min_down >= size)
    invalid = state is PathState.INVALID
    return PathVerification(
        state,
        "not_provider" if invalid else "",
        max_up,
        min_up,
        max_down,
        min_down,
        failing_hops=(*hops, *_hops(backwards, max_down)) if invalid else (),
        aspas_used=used,
    )


def _compressed(path: AsPath) -> list[int] | None:
    """Origin first, each AS once where it stands several times in a row; None with an AS_SET."""
    hops: list[int] = []
    for asn in reversed(path):
        if not isinstance(asn, int):
            return None
        if not hops or hops[-1] != asn:
            hops.append(asn)
    return hops


def _ramp(hops: list[Attestation], *, stops: tuple[Attestation, ...]) -> int:
    """ASes up to the first hop that stops, or all of them."""
    for index, said in enumerate(hops):
        if said in stops:
            return index + 1
    return len(hops) + 1


def _hops(ases: list[int], ramp: int) -> tuple[Hop, ...]:
    return (Hop(ases[ramp - 1], ases[ramp]),) if ramp < len(ases) else ()


def _state(possible: bool, attested: bool) -> PathState:
    if not possible:
        return PathState.INVALID
    return PathState.VALID if attested else PathState.UNKNOWN
