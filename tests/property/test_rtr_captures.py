"""What real caches sent, cut anywhere: nothing counts before its last byte."""

import json
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from bgptui.domain.rpki import Vrp
from bgptui.rpki.aspa_table import Providers
from bgptui.rpki.rtr_protocol import (
    Aspa,
    CacheReset,
    CacheResponse,
    Decoder,
    EndOfData,
    ErrorReport,
    Pdu,
    PrefixPdu,
    ResetQuery,
    RouterKey,
    SerialNotify,
    encode,
)
from bgptui.rpki.rtr_session import RtrSession, State
from bgptui.rpki.vrp_set import VrpSet

NOW = 1_753_000_000.0


class Capture(Struct, frozen=True):
    name: str
    query: bytes
    answer: bytes

    @property
    def version(self) -> int:
        return self.query[0]


def captures(shared: Path) -> list[Capture]:
    found = json.loads((shared / "conformance" / "rtr_captures.json").read_text())["captures"]
    assert len(found) == 22
    return [
        Capture(one["name"], bytes.fromhex(one["query_hex"]), bytes.fromhex(one["response_hex"]))
        for one in found
    ]


def follow(session: RtrSession, pieces: Sequence[bytes]) -> list[str]:
    """Do what a session says, as its owner would; what was done, in words."""
    done = []
    for piece in pieces:
        for step in session.receive(piece):
            if step.send:
                done.append(f"send {step.send.hex()}")
            if step.update is not None:
                vrps = step.update.vrps
                if vrps is None:
                    vrps = (session.vrps or VrpSet()).changed(step.update.delta)
                after = session.commit(vrps, NOW)
                done.append(f"take {step.update.size}, send {after.send.hex()}")
            if step.hang_up:
                session.disconnected()
                return [*done, f"hang up: {step.hang_up}"]
    return done


def held(session: RtrSession) -> tuple[set[Vrp], dict[int, Providers], int]:
    vrps = set() if session.vrps is None else {entry.vrp() for entry in session.vrps}
    return vrps, dict(session.aspas), session.serial


def at_version(version: int) -> RtrSession:
    """Has stepped down to a version."""
    session = RtrSession()
    session.connected()
    while session.version > version:
        follow(session, [encode(0, ErrorReport(4))])
        session.connected()
    return session


def in_sync(capture: Capture, everything: Sequence[Capture]) -> RtrSession:
    """Just asked what the query of this capture asks, having what its cache said before."""
    session = at_version(min(capture.version, 2))
    if capture.query[1] == 2:  # Reset Query
        return session
    server = capture.name.split("_")[0]
    wanted = f"{server}_full_v{capture.version}"
    (before,) = (one.answer for one in everything if one.name == wanted)
    follow(session, [before])
    session.query()
    return session


def test_every_capture_leads_where_it_should(shared: Path) -> None:
    everything = captures(shared)
    for capture in everything:
        session = in_sync(capture, everything)
        done = follow(session, [capture.answer])
        name = capture.name
        if "_v3" in name:  # what we never ask; a cache of version 2 refuses or speaks its own
            assert done, name
        elif name in ("0.5.1_full_v2", "0.6.4_full_v2"):
            assert "hang up" in done[-1], name
            assert session.connected()[0] == 1, name
        elif "wrong_session" in name:
            assert done == [f"hang up: {done[-1].removeprefix('hang up: ')}"], name
            assert (session.vrps, session.connected()[1]) == (None, 2), name
        elif "no_data" in name:
            assert session.connected()[1] == 2, name
        elif "future_serial" in name:
            assert done == [f"send {encode(1, ResetQuery()).hex()}"], name
        else:
            assert [what.split()[0] for what in done] == ["take"], name
            assert session.state is State.ESTABLISHED, name
            assert session.version == capture.version, name


def test_an_answer_that_is_cut_anywhere_changes_nothing_and_is_asked_for_again(
    shared: Path,
) -> None:
    everything = captures(shared)
    cuts = 0
    for capture in everything:
        whole = follow(in_sync(capture, everything), [capture.answer])
        if not whole or not whole[-1].startswith("take"):
            continue
        for cut in range(len(capture.answer)):
            session = in_sync(capture, everything)
            before = held(session)
            assert follow(session, [capture.answer[:cut]]) == [], (capture.name, cut)
            assert held(session) == before, (capture.name, cut)
            session.disconnected()
            query = session.connected()
            # Everything, since a delta was tried in vain.
            assert query[1] == 2, (capture.name, cut)
            cuts += 1
    assert cuts == 900


pdus: st.SearchStrategy[Pdu] = st.sampled_from(
    [
        CacheResponse(7),
        CacheResponse(8),
        EndOfData(7, 1, 60, 30, 600),
        EndOfData(7, 2, 60, 30, 600),
        SerialNotify(7, 2),
        SerialNotify(8, 9),
        CacheReset(),
        PrefixPdu(True, 32, 0xC00002, 24, 24, 64496),
        PrefixPdu(False, 32, 0xC00002, 24, 24, 64496),
        Aspa(True, 64496, (64497,)),
        Aspa(False, 64496),
        ErrorReport(2, b"", "no data"),
        ErrorReport(4, b"", "version"),
        ErrorReport(0),
        ResetQuery(),
    ]
)
noise = st.sampled_from([b"\x01\x0a\x00\x00\x00\x00\x00\x10" + b"\xff" * 8, b"SSH-2.0-OpenSSH\r\n"])
# Mostly well begun, so that there is something to lose.
streams = st.tuples(
    st.sampled_from([b"", encode(2, CacheResponse(7)), encode(1, CacheResponse(7))]),
    st.lists(
        st.tuples(st.sampled_from([2, 2, 2, 1]), pdus).map(lambda said: encode(said[0], said[1]))
        | noise,
        max_size=8,
    ),
).map(lambda parts: parts[0] + b"".join(parts[1]))


@given(streams, st.data())
def test_how_bytes_are_cut_makes_no_difference(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    at_once, in_pieces = RtrSession(), RtrSession()
    at_once.connected()
    in_pieces.connected()
    assert follow(at_once, [stream]) == follow(in_pieces, pieces)
    assert held(at_once) == held(in_pieces)
    assert at_once.connected() == in_pieces.connected()


@given(streams)
def test_an_error_report_is_never_answered_with_another(stream: bytes) -> None:
    session = RtrSession()
    session.connected()
    for done in follow(session, [stream]):
        if done.startswith("send "):
            for _, pdu in Decoder().feed(bytes.fromhex(done.removeprefix("send "))):
                assert not isinstance(pdu, ErrorReport) or pdu.pdu[1:2] != b"\x0a"


def test_a_router_key_is_skipped_in_an_answer_and_refused_outside_of_one() -> None:
    key: Pdu = RouterKey()
    raw = bytes.fromhex("0209010000000024" + "00" * 28)
    assert [pdu for _, pdu in Decoder().feed(raw)] == [key]
    session = RtrSession()
    session.connected()
    end = encode(2, EndOfData(7, 1, 60, 30, 600))
    done = follow(session, [encode(2, CacheResponse(7)), raw, end])
    assert done == ["take 0, send "]
    assert "outside of an answer" in follow(session, [raw])[-1]
