import json
from pathlib import Path
from typing import Any

import pytest

from bgptui.domain.prefix import parse_prefix
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.errors import BadInput
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.slurm import combined, read_slurm
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_set import set_of


def document(
    *,
    version: int = 1,
    filters: list[dict[str, Any]] | None = None,
    assertions: list[dict[str, Any]] | None = None,
    **members: Any,
) -> bytes:
    document: dict[str, Any] = {
        "slurmVersion": version,
        "validationOutputFilters": {"prefixFilters": filters or [], "bgpsecFilters": []},
        "locallyAddedAssertions": {"prefixAssertions": assertions or [], "bgpsecAssertions": []},
    }
    return json.dumps(document | members).encode()


def test_every_conformance_case_filters_and_asserts_what_it_should(shared: Path) -> None:
    vectors = json.loads((shared / "conformance" / "slurm.json").read_text())
    filtering, asserting = vectors["cases"]
    slurm = read_slurm(document(filters=filtering["prefix_filters"]), name="f")
    kept: list[int] = []
    removed: list[int] = []
    for vrp in filtering["vrps"]:
        prefix = parse_prefix(vrp["prefix"])
        matched = any(rule.matches(prefix, vrp["asn"]) for rule in slurm.filters)
        (removed if matched else kept).append(vrp["asn"])
    assert kept == filtering["expected_kept_asns"]
    assert removed == filtering["expected_removed_asns"]
    asserted = read_slurm(document(assertions=asserting["prefix_assertions"]), name="f").vrps
    assert [(vrp.prefix, vrp.max_length, vrp.asn) for vrp in asserted] == [
        (vrp["prefix"], vrp["max_length"], vrp["asn"]) for vrp in asserting["expected_vrps"]
    ]


def test_every_conformance_file_is_read_and_its_prefixes_made_canonical(shared: Path) -> None:
    vectors = json.loads((shared / "conformance" / "slurm.json").read_text())
    for name, file in vectors["files"].items():
        slurm = read_slurm(json.dumps(file).encode(), name=name)
        assert len(slurm.filters) == 3
        assert slurm.vrps[1] == Vrp("2001:db8::/32", 48, 64496, "slurm")
        with_aspas = "full_v2" in name
        assert slurm.filtered_customers == (frozenset({64496}) if with_aspas else frozenset())
        assert slurm.aspas == ({64496: (64497, 64498)} if with_aspas else {})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[]", "object"),
        (b"\xff", "is no SLURM file"),
        (document(version=3), "slurmVersion 3"),
        (document(extra=1), "extra"),
        (document(filters=[{"comment": "all"}]), "neither prefix nor asn"),
        (document(filters=[{"prefix": "10.0.0.1/8"}]), "beyond its length"),
        (document(filters=[{"asn": 2**32}]), "not an AS number"),
        (document(filters=[{"asn": 1, "oops": 1}]), "oops"),
        (document(assertions=[{"prefix": "10.0.0.0/8"}]), "asn"),
        (document(assertions=[{"prefix": "10.0.0.0/8", "asn": 1, "maxPrefixLength": 7}]), "7"),
    ],
)
def test_a_file_with_one_thing_wrong_is_refused_whole(content: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_slurm(content, name="exceptions.json")


def test_aspas_take_version_2(shared: Path) -> None:
    vectors = json.loads((shared / "conformance" / "slurm.json").read_text())
    file = vectors["files"]["rpki-rs test-data/slurm/full_v2.json"] | {"slurmVersion": 1}
    with pytest.raises(BadInput, match="slurmVersion 2"):
        read_slurm(json.dumps(file).encode(), name="f")


def test_files_that_speak_of_the_same_addresses_cannot_be_used_together() -> None:
    first = read_slurm(document(filters=[{"prefix": "10.0.0.0/8"}]), name="a")
    second = read_slurm(document(assertions=[{"prefix": "10.1.0.0/16", "asn": 1}]), name="b")
    other = read_slurm(document(filters=[{"prefix": "11.0.0.0/8"}]), name="c")
    with pytest.raises(BadInput, match=r"a and b both have exceptions for 10\.1\.0\.0/16"):
        combined([("a", first), ("b", second)])
    assert len(combined([("a", first), ("c", other)]).filters) == 2


def test_exceptions_hold_after_the_union_and_an_assertion_is_never_filtered() -> None:
    slurm = read_slurm(
        document(
            filters=[{"asn": 64500}], assertions=[{"prefix": "198.51.100.0/24", "asn": 64500}]
        ),
        name="f",
    )
    union = Union(slurm)
    for source, asn in (("a", 64500), ("b", 64501)):
        union.put(source, set_of([Vrp("192.0.2.0/24", 24, asn)]), {})
    assert validate(union.table, "192.0.2.0/24", 64500).state is RpkiState.INVALID
    assert validate(union.table, "192.0.2.0/24", 64501).state is RpkiState.VALID
    assert validate(union.table, "198.51.100.0/24", 64500).state is RpkiState.VALID


def test_an_aspa_filter_takes_a_customers_out_of_every_source_and_an_assertion_puts_it_in(
    shared: Path,
) -> None:
    vectors = json.loads((shared / "conformance" / "slurm.json").read_text())
    file = vectors["files"]["rpki-rs test-data/slurm/full_v2.json"]
    union = Union(read_slurm(json.dumps(file).encode(), name="f"))
    for source, provider in (("a", 1), ("b", 2)):
        union.put(source, set_of([]), {64496: (provider,), 64511: (provider,)})
    # 64496 is filtered, and asserted with other providers.
    assert union.aspas == {64496: (64497, 64498), 64511: (1, 2)}
