import bz2
import gzip
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bgptui.domain.rpki import Vrp
from bgptui.errors import BadInput
from bgptui.rpki import vrp_json
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_json import VrpFile, as_number, inflate, read_vrps

BUILT = 1_753_003_893.0  # 2025-07-20T09:31:33Z

RPKI_CLIENT = {
    "metadata": {"buildmachine": "a", "buildtime": "2025-07-20T09:31:33Z", "vrps": 1},
    "roas": [{"asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 25, "ta": "ripe", "expires": 1}],
    "bgpsec_keys": [],
    "aspas": [],
}
ROUTINATOR = {
    "metadata": {"generated": 1753003893, "generatedTime": "2025-07-20T09:31:33Z"},
    "roas": [{"asn": "AS64496", "prefix": "192.0.2.0/24", "maxLength": 25, "ta": "ripencc"}],
    "aspas": [{"customer": "AS1", "providers": ["AS2"], "ta": "ripe"}],
}
ROUTINATOR_JSONEXT = {
    "metadata": {"generated": 1753003893},
    "roas": [
        {
            "asn": "AS64496",
            "prefix": "192.0.2.0/24",
            "maxLength": 25,
            "source": [{"type": "roa", "tal": "ripe"}],
            "ta": "RIPE",
        }
    ],
}
STAYRTR: dict[str, object] = {
    "metadata": {"counts": 1, "buildtime": "2025-07-20T09:31:33Z"},
    "roas": [
        {"prefix": "192.0.2.0/24", "maxLength": 25, "asn": "64496", "ta": "ripe", "expires": 99}
    ],
    "bgpsec_keys": None,
    "provider_authorizations": {"ipv4": [], "ipv6": []},
}


def read(document: object, *, expired_at: float | None = None) -> VrpFile:
    return read_vrps(json.dumps(document).encode(), name="f.json", expired_at=expired_at)


def covering(file: VrpFile, prefix: str) -> tuple[Vrp, ...]:
    return tuple(validate(file.table(), prefix, 1).covering)


@pytest.mark.parametrize("document", [RPKI_CLIENT, ROUTINATOR, ROUTINATOR_JSONEXT, STAYRTR])
def test_each_producers_shape_is_read_alike(document: object) -> None:
    file = read(document)
    assert covering(file, "192.0.2.0/24") == (Vrp("192.0.2.0/24", 25, 64496, "ripe"),)
    assert (file.as_of, file.source, file.refused) == (BUILT, "f.json", {})


@pytest.mark.parametrize(
    "member",
    [
        {"aspas": [{"customer_asid": 64496, "expires": 2_000, "providers": [64498, 64497]}]},
        {"aspas": [{"customer": "AS64496", "providers": ["AS64497", "AS64498"], "ta": "ripe"}]},
        {"aspas": [{"customer_asid": "64496", "providers": ["64497", 64498, 64497]}]},
        {
            "provider_authorizations": {
                "ipv4": [{"customer_asid": 64496, "expires": 2_000, "providers": [64497]}],
                "ipv6": [{"customer_asid": 64496, "expires": 2_000, "providers": [64498]}],
            }
        },
        # Two attestations of one customer count together; one that has expired does not.
        {
            "aspas": [
                {"customer_asid": 64496, "providers": [64497]},
                {"customer_asid": 64496, "providers": [64498]},
                {"customer_asid": 64496, "providers": [64499], "expires": 1_000},
            ]
        },
    ],
    ids=["rpki-client", "routinator", "text", "legacy", "several"],
)
def test_each_producers_aspas_are_read_alike(member: dict[str, object]) -> None:
    assert read({"roas": [], **member}, expired_at=1_000.0).aspas == {64496: (64497, 64498)}


@pytest.mark.parametrize("anchor", ["ripe", "ripencc", "RIPE", "ripe-ncc"])
def test_a_trust_anchor_has_one_name_whoever_names_it(anchor: str) -> None:
    file = read({"roas": [{"asn": 1, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": anchor}]})
    assert covering(file, "192.0.2.0/24")[0].trust_anchor == "ripe"


def test_malformed_entries_are_counted_by_reason_and_the_others_taken() -> None:
    good = {"asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe"}
    file = read(
        {
            "roas": [
                good | {"prefix": "192.0.2.1/24"},
                good | {"prefix": None},
                good | {"asn": "AS-SET"},
                good | {"asn": 2**32},
                good | {"asn": True},
                good | {"maxLength": 23},
                good | {"maxLength": 2**70},
                "no object",
                {"asn": 1},
                good,
            ]
        }
    )
    assert len(file.vrps) == 1
    assert file.refused == {
        "bad_prefix": 1,
        "bad_entry": 4,
        "bad_asn": 2,
        "bad_max_length": 2,
    }
    assert "192.0.2.1/24" in file.first_refused


@pytest.mark.parametrize("piece_bytes", [1, 40, 100, 150, 10_000])
@pytest.mark.parametrize("indent", [None, 2, 40])
def test_where_a_long_list_is_cut_does_not_show(
    piece_bytes: int, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {"asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe"}
    roas: list[object] = [good | {"asn": asn, "more": {"in": [{}]}} for asn in range(20)]
    roas[5:5] = [good | {"ta": "},{", "asn": 100}, "},", good | {"asn": "x"}, {}, []]
    content = json.dumps({"roas": roas}, indent=indent).encode()
    whole = read_vrps(content, name="f.json", expired_at=None)
    assert (len(whole.vrps), whole.refused) == (21, {"bad_entry": 3, "bad_asn": 1})
    monkeypatch.setattr(vrp_json, "_PIECE_BYTES", piece_bytes)
    assert read_vrps(content, name="f.json", expired_at=None) == whole


def test_a_missing_max_length_and_trust_anchor_are_no_fault() -> None:
    file = read({"roas": [{"asn": 64496, "prefix": "192.0.2.0/24"}]})
    assert covering(file, "192.0.2.0/24") == (Vrp("192.0.2.0/24", 24, 64496, ""),)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"roas": {}}',
        b'{"roas": null}',
        b'{"roas": [{"asn": 1, "prefix": "10.0',
        b"\xff\xfe{",
        b'{"vrps": []}',
    ],
)
def test_a_file_that_holds_no_vrps_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"f\.json holds no VRPs.*roas") as caught:
        read_vrps(content, name="f.json", expired_at=None)
    assert caught.value.reason == "not_vrps"


def test_expired_entries_go_only_where_the_clock_is_asked() -> None:
    roas = [
        {"asn": asn, "prefix": "192.0.2.0/24", "maxLength": 24, "expires": expires}
        for asn, expires in ((1, 1000), (2, 2000), (3, 3000))
    ] + [{"asn": 4, "prefix": "192.0.2.0/24", "maxLength": 24}]
    as_it_stands = read({"roas": roas})
    assert (len(as_it_stands.vrps), as_it_stands.next_expiry) == (4, None)
    by_clock = read({"roas": roas}, expired_at=1000.0)
    assert [vrp.asn for vrp in covering(by_clock, "192.0.2.0/24")] == [2, 3, 4]
    assert (by_clock.expired, by_clock.next_expiry) == (1, 2000.0)


@pytest.mark.parametrize(
    ("metadata", "as_of"),
    [
        ({"buildtime": "2025-07-20T11:31:33+02:00"}, BUILT),
        ({"buildtime": "2025-07-20T09:31:33"}, BUILT),
        ({"generated": 1753003893}, BUILT),
        ({"buildtime": "yesterday"}, 5.0),
        ({"buildtime": 12}, 5.0),
        ({"generated": 0}, 5.0),
        ("none", 5.0),
        ({}, 5.0),
    ],
)
def test_the_build_time_is_the_documents_or_else_the_files(metadata: object, as_of: float) -> None:
    content = json.dumps({"metadata": metadata, "roas": []}).encode()
    file = read_vrps(content, name="f.json", expired_at=None, built_at=5.0)
    assert file.as_of == as_of


@pytest.mark.parametrize(
    ("text", "number"), [("AS64496", 64496), ("as1", 1), ("0", 0), ("4294967295", 2**32 - 1)]
)
def test_as_numbers_come_with_and_without_as(text: str, number: int) -> None:
    assert as_number(text) == number


@pytest.mark.parametrize("text", ["", "AS", "ASAS1", "1.10", "-1", "1_0", "٣", "1" * 11, " 1"])
def test_what_is_no_as_number_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        as_number(text)
    assert caught.value.reason == "bad_asn"


COMPRESSED = [gzip.compress, bz2.compress, zstandard.ZstdCompressor().compress, bytes]


@pytest.mark.parametrize("compress", COMPRESSED)
def test_compression_is_told_by_the_content(compress) -> None:  # type: ignore[no-untyped-def]
    text = b'{"roas": []}' * 1000
    assert inflate(compress(text), name="f", max_bytes=10**6) == text
    assert inflate(compress(text) + compress(text), name="f", max_bytes=10**6) == text * 2


@pytest.mark.parametrize("compress", COMPRESSED[:3])
def test_a_torn_file_is_refused(compress) -> None:  # type: ignore[no-untyped-def]
    whole = compress(bytes(range(256)) * 1000)
    with pytest.raises(BadInput) as caught:
        inflate(whole[: len(whole) // 2], name="f", max_bytes=10**6)
    assert caught.value.reason == "torn_file"


@pytest.mark.parametrize("compress", COMPRESSED[:3])
def test_a_file_that_inflates_beyond_the_bound_is_refused(compress) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadInput) as caught:
        inflate(compress(b"\0" * 10**7), name="f", max_bytes=10**6)
    assert caught.value.reason == "too_large"


@given(st.binary(max_size=64) | st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_hostile_content_is_bad_input_and_nothing_else(content: object) -> None:
    raw = content if isinstance(content, bytes) else json.dumps({"roas": [content]}).encode()
    try:
        read_vrps(inflate(raw, name="f", max_bytes=1000), name="f", expired_at=0.0)
    except BadInput:
        return


def test_a_real_file_of_2016_is_read_but_for_its_bare_addresses(shared: Path) -> None:
    content = (shared / "data" / "rpki" / "vrps-2016-tabi.json.gz").read_bytes()
    file = read_vrps(
        inflate(content, name="tabi", max_bytes=10**8), name="tabi", expired_at=None, built_at=1.0
    )
    assert file.refused == {"bad_prefix": 20}
    assert "'176.100.33.19'" in file.first_refused
    assert len(file.vrps) == 15_937


def test_a_real_cut_of_2025_is_read_whole(shared: Path) -> None:
    content = (shared / "data" / "rpki" / "vrps-15k.json").read_bytes()
    file = read_vrps(content, name="15k", expired_at=None)
    assert (len(file.vrps), file.refused, file.as_of) == (15_000, {}, BUILT)
