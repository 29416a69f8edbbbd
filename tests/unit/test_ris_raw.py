"""Large communities and OTC from the raw message in a frame; the JSON stays what counts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bgptui.domain.routing import BgpMessage
from bgptui.sources.ris_messages import FrameDecoder
from bgptui.sources.ris_raw import RawFrameDecoder

# ORIGIN, a large community (64500:1:2, RFC 8092) and OTC 64500 (RFC 9234).
LARGE = "c0200c" + "0000fbf4" + "00000001" + "00000002"
OTC = "c02304" + "0000fbf4"
KEEPALIVE = "ff" * 16 + "001304"


def update(attributes: str) -> str:
    """An UPDATE of 10.0.0.0/24 with these attributes behind ORIGIN, in hexadecimal."""
    attributes = "40010100" + attributes
    body = f"0000{len(attributes) // 2:04x}{attributes}180a0000"
    return "ff" * 16 + f"{19 + len(body) // 2:04x}02{body}"


def frame(raw: Any, **data: Any) -> bytes:
    fields = {
        "timestamp": 1_789_019_600.0,
        "peer": "192.0.2.1",
        "peer_asn": "64500",
        "host": "rrc01.ripe.net",
        "type": "UPDATE",
        "path": [64500],
        "announcements": [{"next_hop": "192.0.2.1", "prefixes": ["10.0.0.0/24"]}],
        "raw": raw,
        **data,
    }
    return json.dumps({"type": "ris_message", "data": fields}).encode()


@pytest.fixture
def losses() -> Counter[str]:
    return Counter()


@pytest.fixture
def decoder(losses: Counter[str]) -> RawFrameDecoder:
    return RawFrameDecoder(on_loss=lambda reason: losses.update([reason]))


def decoded(decoder: FrameDecoder, of: bytes) -> BgpMessage:
    message = decoder.decode(of)
    assert isinstance(message, BgpMessage)
    return message


@pytest.mark.parametrize(
    ("attributes", "large", "otc"),
    [
        ("", (), None),
        (LARGE, ((64500, 1, 2),), None),
        (OTC, (), 64500),
        (LARGE + OTC, ((64500, 1, 2),), 64500),
    ],
    ids=["neither", "large", "otc", "both"],
)
def test_what_the_json_leaves_out_is_read_from_raw(
    attributes: str,
    large: Any,
    otc: int | None,
    decoder: RawFrameDecoder,
    losses: Counter[str],
) -> None:
    for raw in (update(attributes), update(attributes).upper()):
        message = decoded(decoder, frame(raw))
        assert (message.large_communities, message.otc) == (large, otc)
        assert message.announced == ("10.0.0.0/24",)
    assert not losses


def test_a_bare_data_object_is_read_as_well(decoder: RawFrameDecoder) -> None:
    bare = json.dumps(json.loads(frame(update(OTC)))["data"]).encode()
    assert decoded(decoder, bare).otc == 64500


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (KEEPALIVE, "raw_contradicts"),
        ("zz", "raw_malformed"),
        ("f", "raw_malformed"),
        ("00", "raw_bad_header"),
        (update(OTC)[:-2], "raw_bad_length"),
        (7, "raw_malformed"),
        ("f" * 200_000, "raw_too_long"),
        (update("c02303" + "00fbf4"), "raw_bad_otc"),
    ],
    ids=["keepalive", "letters", "odd", "short", "cut", "number", "long", "otc of three octets"],
)
def test_a_raw_that_cannot_be_used_is_counted_and_the_json_stays(
    raw: Any, reason: str, decoder: RawFrameDecoder, losses: Counter[str]
) -> None:
    assert decoded(decoder, frame(raw)) == decoded(FrameDecoder(), frame(raw))
    assert losses == {reason: 1}


@pytest.mark.parametrize("kind", ["KEEPALIVE", "OPEN"])
def test_only_updates_are_looked_into(
    kind: str, decoder: RawFrameDecoder, losses: Counter[str]
) -> None:
    decoded(decoder, frame("zz", type=kind))
    assert not losses


def test_real_frames_have_a_raw_that_agrees(
    shared: Path, decoder: RawFrameDecoder, losses: Counter[str]
) -> None:
    recording = shared / "data/rislive/ris-live-1000-frames-20190523.jsonl"
    plain, large = FrameDecoder(), 0
    for line in recording.read_bytes().splitlines():
        with_raw, without = decoded(decoder, line), decoded(plain, line)
        assert with_raw.announced == without.announced
        large += bool(with_raw.large_communities)
    assert not losses
    assert large > 0
