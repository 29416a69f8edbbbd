import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgptui.rpki.rtr_protocol import (
    Aspa,
    CacheReset,
    CacheResponse,
    Decoder,
    EndOfData,
    ErrorCode,
    ErrorReport,
    LegacyAspa,
    Pdu,
    PrefixPdu,
    ProtocolError,
    ResetQuery,
    SerialNotify,
    SerialQuery,
    encode,
)

VRPS_0_5_1 = [
    PrefixPdu(True, 128, 0x20010DB8, 32, 48, 64497),
    PrefixPdu(True, 32, 0xC63364, 24, 32, 0),
    PrefixPdu(True, 32, 0xC00002, 24, 25, 64496),
]


def captures(shared: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((shared / "conformance" / "rtr_captures.json").read_text())["captures"]
    return {capture["name"]: capture for capture in found}


def response(shared: Path, name: str) -> list[tuple[int, Pdu]]:
    return list(Decoder().feed(bytes.fromhex(captures(shared)[name]["response_hex"])))


def test_every_capture_is_read_to_its_last_byte_and_its_query_is_what_we_would_send(
    shared: Path,
) -> None:
    for name, capture in captures(shared).items():
        query = bytes.fromhex(capture["query_hex"])
        ((version, asked),) = Decoder().feed(query)
        assert encode(version, asked) == query
        answer = bytes.fromhex(capture["response_hex"])
        if name == "0.5.1_full_v2":
            with pytest.raises(LegacyAspa):
                list(Decoder().feed(answer))
            continue
        pdus = list(Decoder().feed(answer))
        if any(isinstance(pdu, ErrorReport) and pdu.text for _, pdu in pdus):
            continue  # stayrtr's texts end with a NUL, ours do not
        assert b"".join(encode(version, pdu) for version, pdu in pdus) == answer, name


@pytest.mark.parametrize("server", ["0.5.1", "0.6.4"])
@pytest.mark.parametrize("version", [0, 1])
def test_a_full_answer_of_stayrtr(shared: Path, server: str, version: int) -> None:
    pdus = response(shared, f"{server}_full_v{version}")
    assert {of for of, _ in pdus} == {version}
    begin, *vrps, end = [pdu for _, pdu in pdus]
    assert isinstance(begin, CacheResponse)
    assert vrps == VRPS_0_5_1
    timers = (None, None, None) if version == 0 else (60, 30, 600)
    assert end == EndOfData(begin.session, 0, *timers)


def test_a_delta_of_version_2_replaces_and_withdraws_aspas(shared: Path) -> None:
    pdus = [pdu for _, pdu in response(shared, "demo_delta_v2")]
    assert pdus[1:4] == [
        Aspa(False, 64495),
        Aspa(True, 64494, (1, 5)),
        PrefixPdu(False, 32, 0xC00002, 24, 24, 64496),
    ]


def test_errors_and_a_cache_reset_are_told(shared: Path) -> None:
    assert response(shared, "0.6.4_full_v2") == [(0, ErrorReport(4, b"", "Bad protocol version"))]
    assert response(shared, "0.5.1_future_serial_v1") == [(1, CacheReset())]


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("0104000000000015" + "0118180000c0000200" * 1 + "0000fbf000", ErrorCode.CORRUPT_DATA),
        ("0104000000000014" + "01201800" + "c0000200" + "0000fbf0", ErrorCode.CORRUPT_DATA),
        ("0104000000000014" + "01182100" + "c0000200" + "0000fbf0", ErrorCode.CORRUPT_DATA),
        ("0104000000000014" + "01181800" + "c0000201" + "0000fbf0", ErrorCode.CORRUPT_DATA),
        ("0107000000000007", ErrorCode.CORRUPT_DATA),
        ("0107000000010000", ErrorCode.CORRUPT_DATA),
        ("010700000000000c00000001", ErrorCode.CORRUPT_DATA),
        ("010a000000000010" + "0000000900000000", ErrorCode.CORRUPT_DATA),
        ("0105000000000008", ErrorCode.UNSUPPORTED_PDU),
        ("010b01000000000c00000001", ErrorCode.UNSUPPORTED_PDU),
        ("0009010000000020" + "00" * 24, ErrorCode.UNSUPPORTED_PDU),
        ("020b01000000000c00000001", ErrorCode.ASPA_PROVIDER_LIST),
        ("020b010000000014000000010000000000000002", ErrorCode.ASPA_PROVIDER_LIST),
        ("020b01000000000d0000000100", ErrorCode.CORRUPT_DATA),
    ],
)
def test_a_malformed_pdu_is_refused_with_its_code(pdu: str, code: ErrorCode) -> None:
    with pytest.raises(ProtocolError) as caught:
        list(Decoder().feed(bytes.fromhex(pdu)))
    assert caught.value.code == code


def test_a_withdrawal_of_an_aspa_that_names_providers_is_tolerated() -> None:
    ((_, pdu),) = Decoder().feed(bytes.fromhex("020b000000000010" + "0000fbef" + "00000001"))
    assert pdu == Aspa(False, 64495)


numbers = st.integers(0, 2**32 - 1)
sessions = st.integers(0, 2**16 - 1)


@st.composite
def prefix_pdus(draw: st.DrawFn) -> PrefixPdu:
    width = draw(st.sampled_from([32, 128]))
    length = draw(st.integers(0, width))
    network = draw(st.integers(0, 2**length - 1))
    return PrefixPdu(
        draw(st.booleans()), width, network, length, draw(st.integers(length, width)), draw(numbers)
    )


providers = st.frozensets(st.integers(1, 2**32 - 1), min_size=1, max_size=6).map(
    lambda named: tuple(sorted(named))
)
pdus = st.one_of(
    prefix_pdus(),
    st.builds(SerialNotify, sessions, numbers),
    st.builds(SerialQuery, sessions, numbers),
    st.just(ResetQuery()),
    st.builds(CacheResponse, sessions),
    st.builds(EndOfData, sessions, numbers, numbers, numbers, numbers),
    st.just(CacheReset()),
    st.builds(ErrorReport, sessions, st.binary(max_size=20), st.text("aé ", max_size=9)),
    st.builds(Aspa, st.just(True), numbers, providers),
    st.builds(Aspa, st.just(False), numbers),
)


@given(st.lists(pdus, max_size=8), st.data())
def test_what_is_sent_is_read_back_however_the_bytes_are_cut(
    sent: list[Pdu], data: st.DataObject
) -> None:
    content = b"".join(encode(2, pdu) for pdu in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=4)))
    decoder = Decoder()
    got: list[tuple[int, Pdu]] = []
    for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        got += decoder.feed(content[begin:end])
    assert got == [(2, pdu) for pdu in sent]


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        list(Decoder().feed(content))
    except ProtocolError:
        return


@given(pdus, st.integers(0, 2**32 - 1), st.integers(0, 7))
def test_a_flipped_header_is_read_or_refused(pdu: Pdu, value: int, at: int) -> None:
    content = bytearray(encode(2, pdu))
    content[at] = value & 0xFF
    try:
        list(Decoder().feed(bytes(content)))
    except ProtocolError:
        return
