"""RIS Live frames as domain values."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session, communities_of
from bgptui.errors import BadInput
from bgptui.sources.ris_messages import (
    Control,
    ControlKind,
    FrameDecoder,
    KeepReceived,
    message_id,
)


def frame(**data: Any) -> bytes:
    """A ris_message; keywords replace fields of an UPDATE, None removes one."""
    fields: dict[str, Any] = {
        "timestamp": 1789019601.67,
        "peer": "192.0.2.1",
        "peer_asn": "64500",
        "id": "192.0.2.1-01",
        "host": "rrc01.ripe.net",
        "type": "UPDATE",
    }
    fields.update(data)
    fields = {key: value for key, value in fields.items() if value is not None}
    return json.dumps({"type": "ris_message", "data": fields}).encode()


def decoded(**data: Any) -> BgpMessage:
    message = FrameDecoder().decode(frame(**data))
    assert isinstance(message, BgpMessage)
    return message


def reason_of(wrong: bytes) -> str:
    with pytest.raises(BadInput) as caught:
        FrameDecoder().decode(wrong)
    return caught.value.reason


def announcing(*prefixes: str, next_hop: str = "192.0.2.1") -> list[dict[str, Any]]:
    return [{"next_hop": next_hop, "prefixes": list(prefixes)}]


def test_an_update_is_read_whole() -> None:
    message = decoded(
        path=[64500, 64501, [64502, 64503]],
        community=[[64500, 100], [65535, 666]],
        origin="IGP",
        announcements=announcing("198.51.100.0/24", "203.0.113.0/24"),
        withdrawals=["192.0.2.0/24"],
    )
    assert message == BgpMessage(
        timestamp=1789019601.67,
        peer=Peer("rrc01", "192.0.2.1", 64500),
        type=MessageType.UPDATE,
        announced=("198.51.100.0/24", "203.0.113.0/24"),
        withdrawn=("192.0.2.0/24",),
        as_path=(64500, 64501, (64502, 64503)),
        announced_listed=2,
        withdrawn_listed=1,
        next_hops=("192.0.2.1",),
        communities=b"[[64500, 100], [65535, 666]]",
    )
    assert communities_of(message) == ((64500, 100), (65535, 666))


def test_a_prefix_listed_under_two_next_hops_is_announced_once() -> None:
    message = decoded(
        announcements=[
            {"next_hop": "2001:db8::1", "prefixes": ["2001:db8:a::/48", "2001:db8:b::/48"]},
            {"next_hop": "fe80::1", "prefixes": ["2001:db8:a::/48", "2001:db8:b::/48"]},
        ]
    )
    assert message.announced == ("2001:db8:a::/48", "2001:db8:b::/48")
    assert message.announced_listed == 4
    assert message.next_hops == ("2001:db8::1", "fe80::1")


def test_comma_joined_next_hops_lose_no_route() -> None:
    message = decoded(announcements=announcing("2001:db8::/32", next_hop="2001:db8::1,fe80::1"))
    assert message.announced == ("2001:db8::/32",)
    assert message.next_hops == ("2001:db8::1", "fe80::1")


def test_zero_expanded_withdrawals_are_the_prefixes_that_were_announced() -> None:
    decoder = FrameDecoder()
    announced = decoder.decode(frame(announcements=announcing("2a12:ca42::/32")))
    withdrawn = decoder.decode(
        frame(withdrawals=["2a12:ca42:0:0:0:0:0:0/32", "2A12:CA42::/32", "0:0:0:0:0:0:0:0/0"])
    )
    assert isinstance(announced, BgpMessage)
    assert isinstance(withdrawn, BgpMessage)
    assert announced.announced == ("2a12:ca42::/32",)
    assert withdrawn.withdrawn == ("2a12:ca42::/32", "::/0")
    assert withdrawn.withdrawn_listed == 3


@pytest.mark.parametrize("host", ["rrc19", "rrc19.ripe.net", "RRC19.ripe.net"])
def test_old_and_new_host_names_are_the_same_collector(host: str) -> None:
    assert decoded(host=host).peer.collector == "rrc19"


@pytest.mark.parametrize("asn", ["64500", 64500])
def test_a_peer_asn_is_read_as_text_and_as_number(asn: object) -> None:
    assert decoded(peer_asn=asn).peer.asn == 64500


@pytest.mark.parametrize("kind", ["STATE", "RIS_PEER_STATE"])
@pytest.mark.parametrize(
    ("state", "session"),
    [
        ("connected", Session.DOWN),
        ("up", Session.UP),
        ("Established", Session.UP),
        ("down", Session.DOWN),
        ("idle", Session.DOWN),
    ],
)
def test_both_forms_of_a_session_state_are_read(kind: str, state: str, session: Session) -> None:
    message = decoded(type=kind, state=state)
    assert (message.type, message.session) == (MessageType.STATE, session)


@pytest.mark.parametrize("kind", ["OPEN", "NOTIFICATION", "KEEPALIVE"])
def test_messages_without_routes_keep_their_type(kind: str) -> None:
    message = decoded(type=kind, notification={"code": 6, "subcode": 5, "data": "\x06\x05"})
    assert message.type == MessageType(kind)
    assert not message.announced
    assert message.session is None


def test_empty_lists_and_nulls_are_as_good_as_absent_keys() -> None:
    message = decoded(announcements=[], withdrawals=[], path=[])
    assert message == decoded()
    nulls = b'"announcements":null,"withdrawals":null,"path":null,"id"'
    assert FrameDecoder().decode(frame().replace(b'"id"', nulls)) == message


@pytest.mark.parametrize("nothing", [{}, {"community": []}, {"community": Raw(b"null")}])
def test_a_message_without_communities_has_none(nothing: dict[str, Any]) -> None:
    fields = {"timestamp": 1e9, "peer": "192.0.2.1", "peer_asn": 1, "host": "rrc00"}
    data = msgspec.json.encode({"type": "UPDATE", **fields, **nothing})
    message = FrameDecoder().decode(data)
    assert isinstance(message, BgpMessage)
    assert communities_of(message) == ()


@pytest.mark.parametrize("wrong", [[[1, 2, 3]], [[1]], [[1, -1]], [[1, 2**32]], "none", {}])
def test_a_route_is_not_lost_for_communities_that_cannot_be_read(wrong: Any) -> None:
    message = decoded(community=wrong, announcements=announcing("198.51.100.0/24"))
    assert message.announced == ("198.51.100.0/24",)
    with pytest.raises(BadInput, match="communities") as caught:
        communities_of(message)
    assert caught.value.reason == "bad_community"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"[]", "malformed"),
        (b"null", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"type":"ris_message"}', "malformed"),
        (b'{"type":"ris_message","data":7}', "malformed"),
        (b'{"type":"ris_gossip","data":{}}', "unknown_type"),
        (b'{"type":17,"data":{}}', "malformed"),
        (frame(type="ROUTE_REFRESH"), "unknown_type"),
        (frame(type=None), "malformed"),
        (frame(timestamp="today"), "bad_timestamp"),
        (frame(timestamp=0), "bad_timestamp"),
        (frame(timestamp=-1e300), "bad_timestamp"),
        (frame(timestamp=4_102_444_801), "bad_timestamp"),
        (frame().replace(b"1789019601.67", b"NaN"), "malformed"),
        (b'{"type":"\x80ris_message","data":null}', "malformed"),
        (frame(peer="192.0.2"), "bad_peer"),
        (frame(peer="fe80::1%eth0"), "bad_peer"),
        (frame(peer=7), "bad_peer"),
        (frame(peer_asn=2**32), "bad_asn"),
        (frame(peer_asn=-1), "bad_asn"),
        (frame(peer_asn="1.10"), "bad_asn"),
        (frame(peer_asn="99999999999"), "bad_asn"),
        (frame(peer_asn="٣"), "bad_asn"),
        (frame(peer_asn=True), "bad_asn"),
        (frame(path=[64500, 2**32]), "bad_asn"),
        (frame(path=[64500, "64501"]), "bad_asn"),
        (frame(path=[64500, [-1]]), "bad_asn"),
        (frame(path=[64500, 10**400]), "bad_asn"),
        (frame(host="rrc 01"), "bad_collector"),
        (frame(host="rrc01\x00"), "bad_collector"),
        (frame(withdrawals=["10.0.0.1/8"]), "bad_prefix"),
        (frame(withdrawals=["10.0.0.0/33"]), "bad_prefix"),
        (frame(withdrawals=["10.0.0.0/08"]), "bad_prefix"),
        (frame(withdrawals=["10.0.0.0"]), "bad_prefix"),
        (frame(withdrawals=["10.0.0.0/255.0.0.0"]), "bad_prefix"),
        (frame(withdrawals=["2001:db8::1/64"]), "bad_prefix"),
        (frame(withdrawals=["2001:db8::/129"]), "bad_prefix"),
        (frame(withdrawals=["fe80::%1/64"]), "bad_prefix"),
        (frame(withdrawals=["9" * 1_000_000]), "bad_prefix"),
        (frame(withdrawals=[7]), "bad_prefix"),
        (frame(announcements=[{"prefixes": ["x"], "next_hop": "192.0.2.1"}]), "bad_prefix"),
        (frame(announcements=announcing("10.0.0.0/8", next_hop="here")), "bad_next_hop"),
        (frame(type="STATE", state="confused"), "unknown_state"),
        (frame(type="STATE"), "unknown_state"),
    ],
)
def test_bad_input_is_refused_with_its_reason(wrong: bytes, reason: str) -> None:
    assert reason_of(wrong) == reason


def test_an_error_names_the_bad_prefix_and_stays_short() -> None:
    with pytest.raises(BadInput, match=r"10\.0\.0\.1/8"):
        FrameDecoder().decode(frame(withdrawals=["10.0.0.1/8"]))
    with pytest.raises(BadInput) as caught:
        FrameDecoder().decode(frame(withdrawals=["9" * 1_000_000]))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b'{"type":"pong"}', ControlKind.PONG),
        (b'{"type":"pong","data":null}', ControlKind.PONG),
        (b'{"type":"ris_subscribe_ok","data":{"subscription":{}}}', ControlKind.SUBSCRIBED),
        (b'{"type":"ris_rrc_list","data":["rrc00"]}', ControlKind.RRC_LIST),
    ],
)
def test_control_frames_are_no_messages(text: bytes, kind: ControlKind) -> None:
    assert FrameDecoder().decode(text) == Control(kind)


def test_the_text_of_a_ris_error_is_short_and_printable() -> None:
    text = "\x1b[2J" + "x" * 1_000
    control = FrameDecoder().decode(
        msgspec.json.encode({"type": "ris_error", "data": {"message": text}})
    )
    assert isinstance(control, Control)
    assert control.kind is ControlKind.ERROR
    assert control.message.startswith("?[2J")
    assert len(control.message) == 200
    assert FrameDecoder().decode(b'{"type":"ris_error","data":[]}') == Control(ControlKind.ERROR)


def test_a_bare_data_object_is_a_message() -> None:
    bare = msgspec.json.encode(json.loads(frame(withdrawals=["192.0.2.0/24"]))["data"])
    assert FrameDecoder().decode(bare) == decoded(withdrawals=["192.0.2.0/24"])
    assert reason_of(bare.replace(b"/24", b"/99")) == "bad_prefix"


def test_the_frame_is_kept_only_when_asked_for() -> None:
    one = frame()
    kept = FrameDecoder(KeepReceived.YES).decode(one)
    dropped = FrameDecoder(KeepReceived.NO).decode(one)
    assert isinstance(kept, BgpMessage)
    assert isinstance(dropped, BgpMessage)
    assert (kept.received, dropped.received) == (one, b"")


def test_a_kept_frame_is_utf_8_even_where_no_field_is_read() -> None:
    wrong = frame(origin="IGP").replace(b"IGP", b"I\xffP")
    with pytest.raises(BadInput) as caught:
        FrameDecoder(KeepReceived.YES).decode(wrong)
    assert caught.value.reason in ("not_utf8", "malformed")


def test_a_message_id_is_read_without_the_rest() -> None:
    assert message_id(frame()) == "192.0.2.1-01"
    assert message_id(b'{"type":"pong"}') == ""
    assert message_id(b"\xff") == ""


def test_caches_stay_within_their_bounds_and_change_no_result() -> None:
    small = FrameDecoder(prefixes=2, peers=1, next_hops=1)
    for round_ in range(3):
        for third in range(8):
            prefix = f"10.0.{third}.0/24"
            one = frame(
                peer=f"192.0.2.{third}",
                announcements=announcing(prefix, next_hop=f"192.0.2.{third}"),
            )
            message = small.decode(one)
            assert isinstance(message, BgpMessage)
            assert message.announced == (prefix,), round_
            assert message.peer.address == f"192.0.2.{third}"


def test_a_recorded_second_of_the_feed_is_read_whole(shared: Path) -> None:
    decoder = FrameDecoder()
    lines = (shared / "data/rislive/ris-live-1000-frames-20190523.jsonl").read_bytes().splitlines()
    messages = [
        message for line in lines if isinstance(message := decoder.decode(line), BgpMessage)
    ]
    assert Counter(message.type for message in messages) == {
        MessageType.UPDATE: 994,
        MessageType.KEEPALIVE: 6,
    }
    assert sum(message.announced_listed for message in messages) == 871
    assert sum(len(message.announced) for message in messages) == 787
    assert sum(len(message.withdrawn) for message in messages) == 2_394
    assert len({message.peer for message in messages}) == 66
    assert len({message.peer.collector for message in messages}) == 14


def test_an_as_set_is_a_nested_tuple(shared: Path) -> None:
    line = (shared / "data/rislive/as-set-frame.jsonl").read_bytes().strip()
    message = FrameDecoder().decode(line)
    assert isinstance(message, BgpMessage)
    assert message.as_path == (2497, 6453, 18705, 26281, (13340,))
    assert message.announced == ("2607:ffc0:1000::/36",)
    assert message.announced_listed == 2


def test_a_lot_holds_its_messages_in_order_and_tells_the_place_of_all_else() -> None:
    frames = [
        b"{",
        frame(peer="192.0.2.1"),
        b'{"type":"pong","data":{}}',
        frame(withdrawals=["10.0.0.1/8"]),
        frame(peer="192.0.2.2"),
    ]
    messages, others = FrameDecoder().decode_lot(frames)
    assert [message.peer.address for message in messages] == ["192.0.2.1", "192.0.2.2"]
    assert [
        (place, other.reason if isinstance(other, BadInput) else other) for place, other in others
    ] == [(0, "malformed"), (2, Control(ControlKind.PONG)), (3, "bad_prefix")]
