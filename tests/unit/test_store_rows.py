"""Rows of binary COPY, without a server."""

import msgspec
import pytest

from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer
from bgptui.errors import BadInput
from bgptui.store import copy_binary as field
from bgptui.store import rows
from bgptui.store.times import utc

PEER = Peer("rrc00", "192.0.2.1", 64496)


@pytest.mark.parametrize(
    ("as_path", "text"),
    [
        ((), ""),
        ((64496,), "64496"),
        ((64496, 64496, 4_294_967_295), "64496 64496 4294967295"),
        ((64496, (64500, 64501)), "64496 {64500,64501}"),
        (((64500,), 64496), "{64500} 64496"),
        (((),), "{}"),
    ],
)
def test_an_as_path_is_written_as_text_and_read_back_whole(as_path: AsPath, text: str) -> None:
    assert rows.path_text(as_path) == text
    assert rows.parse_path(text) == as_path


def test_no_stored_path_is_an_empty_one() -> None:
    assert rows.parse_path(None) == ()


@pytest.mark.parametrize("seconds", [-0.001, float("nan"), float("inf"), 253_402_300_800.0])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(BadInput, match="not a time") as caught:
        field.micros(seconds)
    assert caught.value.reason == "bad_timestamp"


def test_a_time_is_exact_to_the_microsecond() -> None:
    for micro in (0, 1, 499_999, 999_999):
        seconds = 1_767_780_015 + micro / 1e6
        assert utc(seconds).microsecond == micro
        since_2000 = 1_767_780_015 - 946_684_800
        assert field.micros(seconds) == since_2000 * 10**6 + micro


@pytest.mark.parametrize("prefix", ["192.0.2.1/24", "192.0.2.0", "", "2001:db8::/129", "x/8"])
def test_a_bad_prefix_is_refused_before_it_spoils_a_copy(prefix: str) -> None:
    message = BgpMessage(1.0, PEER, MessageType.UPDATE, announced=(prefix,))
    with pytest.raises(BadInput) as caught:
        rows.raw_row(MessageRecord(message, late=False, window_start=0), field.NULL)
    assert caught.value.reason == "bad_prefix"


def test_a_bad_peer_address_is_refused() -> None:
    with pytest.raises(BadInput, match="'nonsense' is not an IP address"):
        field.inet("nonsense")


@pytest.mark.parametrize(
    ("received", "stored"),
    [
        (b'{"a":1}', b'{"a":1}'),
        (b'{"a":"x\\u0000y"}', '{"a":"x\ufffdy"}'.encode()),
        (b'{"k\\u0000":[{"b":"\\u0000"}]}', '{"k\ufffd":[{"b":"\ufffd"}]}'.encode()),
        ('{"a":"é"}'.encode(), '{"a":"é"}'.encode()),
        (b'{"a":"\\ud83d\\ude00"}', '{"a":"\U0001f600"}'.encode()),
    ],
)
def test_a_frame_becomes_json_that_postgresql_takes(received: bytes, stored: bytes) -> None:
    message = BgpMessage(1.0, PEER, MessageType.UPDATE, received=received)
    assert rows.received_field(message) == field.jsonb(stored)


@pytest.mark.parametrize(
    "received",
    [b'{"a":"\\ud800"}', b'{"a":"\xff"}', b'{"a":\xc3', b'"\\u12"'],
)
def test_a_frame_that_is_no_storable_json_is_refused_alone(received: bytes) -> None:
    message = BgpMessage(1.0, PEER, MessageType.UPDATE, received=received)
    with pytest.raises(BadInput) as caught:
        rows.received_field(message)
    assert caught.value.reason == "json_refused"


@pytest.mark.parametrize("received", [b'{"n":1e999999}', b"[" * 5_000 + b"]" * 5_000])
def test_what_only_the_server_would_refuse_is_found_when_looked_at_closely(received: bytes) -> None:
    message = BgpMessage(1.0, PEER, MessageType.UPDATE, received=received)
    with pytest.raises(BadInput):
        rows.careful_received_field(message)


def test_a_text_cannot_hold_nul_and_says_so() -> None:
    assert field.text("a\0b") == field.text("a\ufffdb")


def test_json_of_our_own_loses_nul_only() -> None:
    assert msgspec.json.decode(rows.storable_json({"a\0": ["\0", "\x01", 1.5]})) == {
        "a\ufffd": ["\ufffd", "\x01", 1.5]
    }
