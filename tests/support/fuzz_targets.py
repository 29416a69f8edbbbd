"""Everything that reads what others wrote, as functions of bytes that must never raise.

A target is added as a function and a line in TARGETS; its seeds may come from shared/.
"""

import bz2
import gzip
import json
import os
import threading
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, cast

import msgspec
import zstandard
from msgspec import Raw, Struct

from bgptui.domain.gap import Gap
from bgptui.domain.prefix import parse_prefix
from bgptui.domain.routing import BgpMessage
from bgptui.errors import BadInput, UsageError
from bgptui.routemon.watchlist_file import load_watchlist
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_json import inflate, read_vrps
from bgptui.runtime.clock import EventClock
from bgptui.runtime.metrics import Metrics
from bgptui.sources.quarantine import Quarantine
from bgptui.sources.recorded_gap import begin_line, gap_line, parse_gap
from bgptui.sources.recording import Recording
from bgptui.sources.ris_filters import Subject, parse_filter
from bgptui.sources.ris_messages import UNREADABLE, FrameDecoder, KeepReceived
from bgptui.sources.ris_subscriber import Subscriber
from support.fuzz_mrt import decode_message, message_seeds, mrt_seeds, read_rib, rib_seeds
from support.possible import EARLIEST, LATEST, assert_possible

_MAX_FRAME_BYTES = 65_536
_MAX_VRP_BYTES = 2**20

_FRAMES: list[dict[str, Any]] = [
    {
        "timestamp": 1789019601.67,
        "peer": "2001:db8::1",
        "peer_asn": "64500",
        "id": "2001:db8::1-0001",
        "host": "rrc01.ripe.net",
        "type": "UPDATE",
        "path": [64500, 64501, [64502, 64503]],
        "community": [[64500, 1], [64501, 65535]],
        "origin": "igp",
        "announcements": [
            {"next_hop": "2001:db8::1,fe80::1", "prefixes": ["2001:db8::/32"]},
            {"next_hop": "192.0.2.1", "prefixes": ["203.0.113.0/24", "198.51.100.0/24"]},
        ],
        "withdrawals": ["2a12:ca42:0:0:0:0:0:0/32", "192.0.2.0/24"],
    },
    {
        "timestamp": 1789019602,
        "peer": "192.0.2.1",
        "peer_asn": 64500,
        "host": "rrc19",
        "type": "RIS_PEER_STATE",
        "state": "down",
    },
]
_SUBSCRIPTIONS: list[dict[str, Any]] = [
    {"host": "rrc21", "type": "UPDATE", "require": "withdrawals", "peer": "192.0.2.1"},
    {"path": "!^64500,[64502,64503]$", "prefix": ["203.0.113.0/24", "2001:db8::/32"]},
    {"prefix": "0.0.0.0/0", "moreSpecific": True, "lessSpecific": False},
    {"path": 64501, "socketOptions": {"includeRaw": True, "acknowledge": True}},
]
_FILTERS = [
    parse_filter({key: value for key, value in body.items() if key != "socketOptions"})
    for body in _SUBSCRIPTIONS
]
_WATCHLIST = """[[prefix]]
prefix = "2001:DB8::/32"
origins = [64500, 4294967295]
max_length = 48
description = "web"
group = 'noc'
min_peers = 2
"""
_VRPS = {
    "metadata": {"buildtime": "2026-01-07T10:00:00Z", "generated": 1767780000},
    "roas": [
        {"asn": "AS64500", "prefix": "203.0.113.0/24", "maxLength": 25, "ta": "ripe"},
        {"asn": 64501, "prefix": "2001:db8::/32", "maxLength": 48, "ta": "", "expires": 1789019601},
    ],
}


class Target(Struct, frozen=True):
    """Code under test.

    Attributes:
        run: takes any bytes; what it raises is a bug.
        seeds: what the code is made for; given the folder shared/, or None where it is missing.
        is_json: seeds are JSON, to be changed value by value as well as byte by byte.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[Path | None], list[bytes]]
    is_json: bool = False


def decode_frame(octets: bytes) -> None:
    with suppress(BadInput):
        message = _DECODER.decode(octets)
        if isinstance(message, BgpMessage):
            assert_possible(message)
            assert message.received == octets.strip()


def play_recording(octets: bytes) -> None:
    """A file from its compression to the sink: JSON lines, gaps, tears."""
    metrics = Metrics()
    with _file(octets) as path, suppress(UsageError):
        Recording(
            [path],
            decoder=FrameDecoder(KeepReceived.YES, prefixes=50, peers=5, next_hops=5),
            clock=EventClock(),
            metrics=metrics,
            quarantine=Quarantine(None, max_bytes=0, metrics=metrics),
            max_frame_bytes=_MAX_FRAME_BYTES,
        ).run(_PossibleSink(), threading.Event())


def read_gap(octets: bytes) -> None:
    with suppress(BadInput):
        gap = parse_gap(octets)
        assert EARLIEST <= gap.timestamp <= LATEST


def answer_request(octets: bytes) -> None:
    """A client's message to the server, then a frame looked at with what it asked for."""
    subscriber = Subscriber(cast(Any, None), collectors=frozenset())
    subscriber.answer(octets)
    for data in _FRAMES:
        subscriber.wants(Subject({key: Raw(json.dumps(value)) for key, value in data.items()}))


def filter_frame(octets: bytes) -> None:
    """A recorded frame looked at with every kind of filter."""
    with suppress(BadInput, *UNREADABLE):
        subject = Subject(msgspec.json.decode(octets, type=_Envelope).data)
        for wanted in _FILTERS:
            wanted.matches(subject)


def read_watchlist(octets: bytes) -> None:
    with _file(octets) as path, suppress(UsageError):
        for rule in load_watchlist(Path(path)).rules:
            width, _, length = parse_prefix(rule.prefix)
            assert length <= rule.max_length <= width
            assert rule.origins
            assert all(0 < origin < 2**32 for origin in rule.origins)


def read_vrp_file(octets: bytes) -> None:
    with suppress(BadInput):
        content = inflate(octets, name="vrps", max_bytes=_MAX_VRP_BYTES)
        assert len(content) <= max(_MAX_VRP_BYTES, len(octets))
        file = read_vrps(content, name="vrps", expired_at=1_000.0)
        assert all(count > 0 for count in file.refused.values())
        assert bool(file.first_refused) == bool(file.refused)
        table = file.table()
        validate(table, "203.0.113.0/25", 64500)
        validate(table, "2001:db8::/48", 64501)


def read_table(octets: bytes) -> None:
    with _file(octets) as path:
        read_rib(path)


class _Envelope(Struct):
    data: dict[str, Raw]


class _PossibleSink:
    """Takes only what can be."""

    def process(self, messages: list[BgpMessage], now: float) -> None:
        for message in messages:
            assert_possible(message)

    def tick(self, now: float) -> None: ...

    def gap(self, gap: Gap) -> None:
        assert EARLIEST <= gap.start <= (gap.end or LATEST) <= LATEST

    def hold(self, collectors: Set[str] | None) -> None: ...


_DECODER = FrameDecoder(KeepReceived.YES, prefixes=50, peers=5, next_hops=5)


@contextmanager
def _file(octets: bytes) -> Iterator[str]:
    """The path of a file in memory."""
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, octets)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _frames(shared: Path | None) -> list[bytes]:
    made = [json.dumps({"type": "ris_message", "data": data}).encode() for data in _FRAMES]
    made += [json.dumps(data).encode() for data in _FRAMES]
    made += [b'{"type":"ris_error","data":{"message":"too slow"}}', b'{"type":"pong"}']
    if shared is not None:
        for path in sorted(shared.glob("data/rislive/*.jsonl")):
            with path.open("rb") as lines:
                made += [line.strip() for line in islice(lines, 20)]
    return made


def _gap_lines() -> list[bytes]:
    return [
        gap_line(Gap(1789019602.0, None, None, "closed", 1)),
        gap_line(Gap(1789019602.0, 1789019603.0, "rrc00", "silence", 2)),
        begin_line(1789019600.0),
    ]


def _recordings(shared: Path | None) -> list[bytes]:
    return _compressed(b"\n".join([*_gap_lines(), *_frames(shared)[:10], *_gap_lines()]))


def _compressed(content: bytes) -> list[bytes]:
    return [
        content,
        gzip.compress(content, mtime=0),
        bz2.compress(content),
        zstandard.compress(content),
    ]


def _requests() -> list[bytes]:
    requests: list[dict[str, Any]] = [
        {"type": kind, "data": body}
        for kind in ("ris_subscribe", "ris_unsubscribe")
        for body in _SUBSCRIPTIONS
    ]
    requests += [{"type": "ping"}, {"type": "request_rrc_list", "data": None}]
    return [json.dumps(request).encode() for request in requests]


TARGETS = {
    "message": Target(decode_message, message_seeds),
    "mrt": Target(play_recording, mrt_seeds),
    "rib": Target(read_table, rib_seeds),
    "frame": Target(decode_frame, _frames, is_json=True),
    "recording": Target(play_recording, _recordings),
    "gap": Target(read_gap, lambda _: [line.rstrip() for line in _gap_lines()], is_json=True),
    "subscription": Target(answer_request, lambda _: _requests(), is_json=True),
    "filter": Target(filter_frame, _frames, is_json=True),
    "watchlist": Target(read_watchlist, lambda _: [_WATCHLIST.encode()]),
    "vrps": Target(read_vrp_file, lambda _: _compressed(json.dumps(_VRPS).encode())),
    "vrps-json": Target(read_vrp_file, lambda _: [json.dumps(_VRPS).encode()], is_json=True),
}
