import json
from pathlib import Path

import pytest

from bgptui.domain.aspa import Hop, PathState
from bgptui.domain.routing import AsPath
from bgptui.errors import BadInput
from bgptui.rpki.aspa_table import Providers, check_aspa, united
from bgptui.rpki.aspa_verification import Direction, attestation, verify

# With the number of paths and of hops in each.
VECTORS = (("aspa_sriram_official.json", 25, 0), ("aspa_openbgpd.json", 84, 49))
UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM


def as_path(path: list[int | dict[str, list[int]] | list[int]]) -> AsPath:
    """A vector's path; an AS_SET is a nested list or {"set": [...]}."""
    return tuple(
        hop if isinstance(hop, int) else tuple(hop["set"] if isinstance(hop, dict) else hop)
        for hop in path
    )


def providers_of(vectors: dict[str, dict[str, list[int]]]) -> dict[int, Providers]:
    return {int(customer): tuple(named) for customer, named in vectors["aspas"].items()}


@pytest.mark.parametrize(("name", "paths", "hops"), VECTORS)
def test_every_vector_has_its_state_and_ramps(
    shared: Path, name: str, paths: int, hops: int
) -> None:
    vectors = json.loads((shared / "conformance" / name).read_text())
    aspas = providers_of(vectors)
    assert (len(vectors["path_cases"]), len(vectors.get("hop_cases", ()))) == (paths, hops)
    for case in vectors["path_cases"]:
        got = verify(aspas, as_path(case["as_path"]), Direction(case["direction"]))
        assert got.state == case["expected"], case
        ramps = {"max_up_ramp": got.max_up, "min_up_ramp": got.min_up}
        ramps |= {"max_down_ramp": got.max_down, "min_down_ramp": got.min_down}
        for ramp, length in ramps.items():
            assert case.get(ramp, length) == length, case
        assert bool(got.failing_hops) == (got.reason == "not_provider"), case
    for case in vectors.get("hop_cases", ()):
        assert attestation(aspas, case["customer"], case["provider"]) == case["expected"], case


# 1 and 2 are tier-1s, 10 their customer, 20 and 21 customers of 10; 30 has no ASPA.
ASPAS: dict[int, Providers] = {1: (0,), 2: (0,), 10: (1, 2), 20: (10,), 21: (10,)}


@pytest.mark.parametrize(
    ("path", "direction", "state", "failing"),
    [
        ((1, 10, 20), UP, PathState.VALID, ()),
        ((1, 10, 10, 10, 20, 20), UP, PathState.VALID, ()),
        ((30, 10, 20), UP, PathState.INVALID, (Hop(10, 30),)),
        ((30, 30), UP, PathState.VALID, ()),
        # A customer of two tier-1s hands the route of one to the other.
        ((1, 10, 2, 99), DOWN, PathState.INVALID, (Hop(2, 10), Hop(1, 10))),
        ((21, 10, 20), DOWN, PathState.VALID, ()),
        ((10, 30, 20), DOWN, PathState.INVALID, (Hop(20, 30), Hop(10, 30))),
        ((), DOWN, PathState.INVALID, ()),
        ((1, (10, 11)), DOWN, PathState.INVALID, ()),
    ],
)
def test_a_path_gets_its_state_and_an_invalid_one_its_failing_hops(
    path: AsPath, direction: Direction, state: PathState, failing: tuple[Hop, ...]
) -> None:
    got = verify(ASPAS, path, direction)
    assert (got.state, got.failing_hops) == (state, failing)


def test_the_aspas_looked_at_are_kept_as_evidence() -> None:
    assert verify(ASPAS, (30, 10, 20), UP).aspas_used == ((20, (10,)), (10, (1, 2)))


@pytest.mark.parametrize("providers", [(), (64496,), (0, 64497)])
def test_what_no_aspa_can_be_is_refused(providers: Providers) -> None:
    with pytest.raises(BadInput, match="64496"):
        check_aspa(64496, providers)


def test_as0_stands_for_none_and_goes_when_a_provider_is_named() -> None:
    assert united((0,), (0,)) == (0,)
    assert united((0,), (3, 2)) == (2, 3)
    assert united((), (3, 2, 3)) == (2, 3)
