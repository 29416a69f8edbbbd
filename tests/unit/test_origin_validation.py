import json
from pathlib import Path

import pytest

from bgptui.domain.rpki import InvalidReason, RpkiState, Vrp
from bgptui.errors import BadInput
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_table import table_of


def test_every_conformance_vector_has_the_state_that_the_rfc_gives(shared: Path) -> None:
    vectors = json.loads((shared / "conformance" / "rov_vectors.json").read_text())
    cases = 0
    for group in vectors["groups"]:
        table = table_of([Vrp(v["prefix"], v["max_length"], v["asn"]) for v in group["vrps"]])
        for case in group["cases"]:
            got = validate(table, case["prefix"], case["origin"]).state
            assert got.replace("_", "-") == case["expected"], (group["source"], case)
            cases += 1
    assert cases == 170  # every one of them


TABLE = table_of(
    [
        Vrp("10.0.0.0/8", 8, 64496, "arin"),
        Vrp("10.1.0.0/16", 20, 64497, "arin"),
        Vrp("10.1.0.0/16", 16, 64498, "arin"),
        Vrp("192.0.2.0/24", 32, 0, "apnic"),
        Vrp("198.51.100.0/24", 24, 0, "apnic"),
        Vrp("198.51.100.0/24", 24, 64500, "apnic"),
        Vrp("2001:db8::/32", 48, 64501, "ripe"),
    ],
    source="vrps.json",
    as_of=1_753_000_000.0,
)


@pytest.mark.parametrize(
    ("prefix", "origin", "state", "reason"),
    [
        ("10.0.0.0/8", 64496, RpkiState.VALID, None),
        ("10.1.0.0/20", 64497, RpkiState.VALID, None),
        ("2001:db8:1::/48", 64501, RpkiState.VALID, None),
        ("10.0.0.0/7", 64496, RpkiState.NOT_FOUND, None),
        ("2001:db9::/32", 64501, RpkiState.NOT_FOUND, None),
        ("11.0.0.0/8", None, RpkiState.NOT_FOUND, None),
        ("10.1.0.0/24", 64497, RpkiState.INVALID, InvalidReason.LENGTH),
        ("10.2.0.0/16", 64496, RpkiState.INVALID, InvalidReason.LENGTH),
        ("10.1.0.0/16", 64499, RpkiState.INVALID, InvalidReason.ASN),
        # The AS has a covering VRP that is too short: length, however many others forbid it.
        ("10.1.0.0/17", 64498, RpkiState.INVALID, InvalidReason.LENGTH),
        ("192.0.2.0/24", 64500, RpkiState.INVALID, InvalidReason.AS0),
        # A route with AS 0 (RFC 7607 forbids it) does not match a VRP for AS 0.
        ("192.0.2.0/24", 0, RpkiState.INVALID, InvalidReason.AS0),
        ("198.51.100.0/24", 64501, RpkiState.INVALID, InvalidReason.ASN),
        ("198.51.100.0/24", 64500, RpkiState.VALID, None),
        ("10.1.0.0/16", None, RpkiState.INVALID, InvalidReason.AS_SET),
    ],
)
def test_a_route_gets_its_state_with_the_reason(
    prefix: str, origin: int | None, state: RpkiState, reason: InvalidReason | None
) -> None:
    result = validate(TABLE, prefix, origin)
    assert (result.state, result.reason) == (state, reason)


def test_the_evidence_names_every_covering_vrp_longest_first_and_their_source() -> None:
    result = validate(TABLE, "10.1.2.0/24", 64499)
    assert result.covering == (
        Vrp("10.1.0.0/16", 16, 64498, "arin"),
        Vrp("10.1.0.0/16", 20, 64497, "arin"),
        Vrp("10.0.0.0/8", 8, 64496, "arin"),
    )
    assert (result.source, result.as_of) == ("vrps.json", 1_753_000_000.0)


def test_a_route_that_nothing_covers_still_says_where_was_looked() -> None:
    result = validate(TABLE, "11.0.0.0/8", 64499)
    assert (result.covering, result.source) == ((), "vrps.json")


def test_a_malformed_prefix_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"10\.0\.0\.1/8"):
        validate(TABLE, "10.0.0.1/8", 64496)
