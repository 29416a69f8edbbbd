"""The router's side of RTR against a cache written as a list of PDUs."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    SerialNotify,
    SerialQuery,
    encode,
)
from bgptui.rpki.rtr_session import RtrSession, State, Step
from bgptui.rpki.vrp_set import VrpSet

NOW = 1_753_000_000.0
A = PrefixPdu(True, 32, 0xC00002, 24, 24, 64496)
B = PrefixPdu(True, 32, 0xC63364, 24, 24, 64497)
GONE = PrefixPdu(False, 32, 0xC00002, 24, 24, 64496)


def asked(content: bytes) -> list[Pdu]:
    return [pdu for _, pdu in Decoder().feed(content)]


def say(session: RtrSession, *pdus: Pdu, version: int = 2) -> list[Step]:
    return list(session.receive(b"".join(encode(version, pdu) for pdu in pdus)))


def take(session: RtrSession, step: Step, now: float = NOW) -> Step:
    """Commit an update as its owner would."""
    update = step.update
    assert update is not None
    vrps = update.vrps
    if vrps is None:
        vrps = (session.vrps or VrpSet()).changed(update.delta)
    return session.commit(vrps, now)


def synchronised(*pdus: Pdu, session_id: int = 7, serial: int = 1) -> RtrSession:
    session = RtrSession()
    assert asked(session.connected()) == [ResetQuery()]
    end = EndOfData(session_id, serial, 60, 30, 600)
    (step,) = say(session, CacheResponse(session_id), *pdus, end)
    take(session, step)
    return session


def vrps(session: RtrSession) -> set[Vrp]:
    return set() if session.vrps is None else {entry.vrp() for entry in session.vrps}


def test_nothing_counts_before_end_of_data() -> None:
    session = RtrSession()
    session.connected()
    assert say(session, CacheResponse(7), A) == []
    assert (session.vrps, session.has_expired(NOW)) == (None, True)
    (step,) = say(session, B, EndOfData(7, 1, 60, 30, 600))
    assert session.vrps is None
    take(session, step)
    assert vrps(session) == {
        Vrp("192.0.2.0/24", 24, 64496),
        Vrp("198.51.100.0/24", 24, 64497),
    }
    assert (session.state, session.has_expired(NOW)) == (State.ESTABLISHED, False)


def test_a_notice_is_answered_with_a_serial_query_and_the_delta_is_taken() -> None:
    session = synchronised(A)
    (step,) = say(session, SerialNotify(7, 2))
    assert asked(step.send) == [SerialQuery(7, 1)]
    (step,) = say(session, CacheResponse(7), B, GONE, EndOfData(7, 2, 60, 30, 600))
    assert step.update is not None
    assert step.update.size == 1
    take(session, step)
    assert vrps(session) == {Vrp("198.51.100.0/24", 24, 64497)}
    assert session.serial == 2


@pytest.mark.parametrize("serial", [1, 0, 2**31 + 2])
def test_a_notice_of_nothing_newer_is_not_answered(serial: int) -> None:
    session = synchronised(A)
    assert say(session, SerialNotify(7, serial)) == []


def test_serials_go_round() -> None:
    session = synchronised(A, serial=2**32 - 1)
    (step,) = say(session, SerialNotify(7, 0))
    assert asked(step.send) == [SerialQuery(7, 2**32 - 1)]


def test_a_notice_while_an_answer_is_under_way_is_answered_after_it() -> None:
    session = RtrSession()
    session.connected()
    assert say(session, CacheResponse(7), A, SerialNotify(7, 2)) == []
    (step,) = say(session, EndOfData(7, 1, 60, 30, 600))
    assert asked(take(session, step).send) == [SerialQuery(7, 1)]


def test_a_notice_of_what_the_answer_under_way_brings_is_not_answered() -> None:
    session = RtrSession()
    session.connected()
    (step,) = say(session, CacheResponse(7), SerialNotify(7, 2), EndOfData(7, 2, 60, 30, 600))
    assert take(session, step).send == b""


def test_a_notice_during_negotiation_is_ignored() -> None:
    session = RtrSession()
    session.connected()
    assert say(session, SerialNotify(9, 9), version=0) == []
    assert session.version == 2


def test_an_update_that_is_held_is_asked_for_again() -> None:
    session = synchronised(A, B)
    session.query()
    say(session, CacheResponse(7), GONE, EndOfData(7, 2, 60, 30, 600))
    session.hold()
    assert len(vrps(session)) == 2
    assert asked(session.query()) == [SerialQuery(7, 1)]


def test_a_cache_reset_is_followed_by_a_reset_query() -> None:
    session = synchronised(A)
    session.query()
    (step,) = say(session, CacheReset())
    assert asked(step.send) == [ResetQuery()]
    (step,) = say(session, CacheResponse(8), B, EndOfData(8, 5, 60, 30, 600))
    take(session, step)
    assert (session.session, session.serial, len(vrps(session))) == (8, 5, 1)


def test_a_connection_that_ends_during_a_serial_query_is_followed_by_a_reset_query() -> None:
    session = synchronised(A)
    session.disconnected()
    assert asked(session.connected()) == [SerialQuery(7, 1)]
    session.disconnected()
    assert asked(session.connected()) == [ResetQuery()]
    assert len(vrps(session)) == 1


def test_versions_are_tried_from_the_best_down() -> None:
    session = RtrSession()
    for version in (2, 1):
        assert session.connected()[0] == version
        # stayrtr says so with a header of version 0.
        (step,) = say(session, ErrorReport(4, b"", "Bad protocol version"), version=0)
        assert step.hang_up
        assert not step.send
        session.disconnected()
    assert session.connected()[0] == 0
    (step,) = say(session, CacheResponse(7), A, EndOfData(7, 1), version=0)
    take(session, step)
    assert (session.version, session.refresh_s, session.expire_s) == (0, 3_600, 7_200)


def test_a_cache_may_answer_in_a_lower_version_and_must_stay_with_it() -> None:
    session = RtrSession()
    session.connected()
    say(session, CacheResponse(7), version=1)
    assert session.version == 1
    (step,) = say(session, A, version=2)
    assert asked(step.send)[0].code == 8  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("end", "timers"),
    [
        (EndOfData(7, 1, 0, 0, 0), (1, 1, 600)),
        (EndOfData(7, 1, 2**32 - 1, 2**32 - 1, 2**32 - 1), (86_400, 7_200, 172_800)),
        (EndOfData(7, 1, 86_400, 600, 600), (86_400, 600, 86_401)),
        (EndOfData(7, 1, 60, 7_200, 600), (60, 7_200, 7_201)),
    ],
)
def test_timers_are_clamped(end: EndOfData, timers: tuple[int, int, int]) -> None:
    session = RtrSession()
    session.connected()
    (step,) = say(session, CacheResponse(7), A, end)
    take(session, step)
    assert (session.refresh_s, session.retry_s, session.expire_s) == timers
    assert not session.has_expired(NOW + timers[2])
    assert session.has_expired(NOW + timers[2] + 1)


@pytest.mark.parametrize("code", [0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 13])
def test_a_fatal_error_flushes_and_is_never_answered(code: int) -> None:
    session = synchronised(A)
    session.query()
    (step,) = say(session, ErrorReport(code, b"", "so"))
    assert (step.send, session.vrps) == (b"", None)
    assert step.hang_up == f"error {code}: so"
    assert asked(session.connected()) == [ResetQuery()]


@pytest.mark.parametrize("code", [2, 12, 99])
def test_another_error_keeps_what_is_there_until_it_expires(code: int) -> None:
    session = synchronised(A)
    session.query()
    (step,) = say(session, ErrorReport(code))
    assert step.hang_up
    assert len(vrps(session)) == 1
    assert not session.has_expired(NOW + 600)


@pytest.mark.parametrize(
    ("pdus", "code"),
    [
        ((A,), 0),
        ((CacheResponse(8),), 0),
        ((CacheResponse(7), A), 7),
        ((CacheResponse(7), B, B), 7),
        ((CacheResponse(7), GONE, GONE), 6),
        ((CacheResponse(7), Aspa(False, 1)), 6),
        ((CacheResponse(7), EndOfData(8, 2, 1, 1, 600)), 0),
        ((EndOfData(7, 2, 1, 1, 600),), 0),
        ((ResetQuery(),), 3),
    ],
)
def test_a_cache_that_breaks_the_rules_is_told_so_and_left(
    pdus: tuple[Pdu, ...], code: int
) -> None:
    session = synchronised(A)
    session.query()
    (step,) = say(session, *pdus)
    (report,) = asked(step.send)
    assert isinstance(report, ErrorReport)
    assert report.code == code
    assert step.hang_up
    assert session.vrps is None


def test_an_aspa_replaces_its_customers_and_a_withdrawal_ends_it() -> None:
    session = synchronised(Aspa(True, 1, (2, 3)), Aspa(True, 4, (5,)))
    session.query()
    (step,) = say(
        session,
        CacheResponse(7),
        Aspa(True, 1, (6,)),
        Aspa(False, 4),
        EndOfData(7, 2, 60, 30, 600),
    )
    assert step.update is not None
    assert step.update.aspa_changes == {1: (6,), 4: None}
    take(session, step)
    assert session.aspas == {1: (6,)}


def test_the_captured_caches_are_followed_from_full_to_delta(shared: Path) -> None:
    found = json.loads((shared / "conformance" / "rtr_captures.json").read_text())["captures"]
    answers = {capture["name"]: bytes.fromhex(capture["response_hex"]) for capture in found}
    session = RtrSession()
    session.connected()
    (step,) = session.receive(answers["demo_full_v2"])
    take(session, step)
    aspas: dict[int, Providers] = {64495: (0,), 64494: (1, 2, 3)}
    assert session.aspas == aspas
    assert len(vrps(session)) == 2
    session.query()
    (step,) = session.receive(answers["demo_delta_v2"])
    take(session, step)
    assert session.aspas == {64494: (1, 5)}
    assert len(vrps(session)) == 1


def test_an_outdated_layout_of_aspas_ends_version_2_with_this_cache(shared: Path) -> None:
    found = json.loads((shared / "conformance" / "rtr_captures.json").read_text())["captures"]
    answers = {capture["name"]: bytes.fromhex(capture["response_hex"]) for capture in found}
    session = RtrSession()
    session.connected()
    (step,) = session.receive(answers["0.5.1_full_v2"])
    assert "outdated draft" in step.hang_up
    assert session.connected()[0] == 1
    (step,) = session.receive(answers["0.5.1_full_v1"])
    take(session, step)
    assert len(vrps(session)) == 3


payloads = st.builds(
    lambda network, more, asn: (network, 24 + more, asn),
    st.integers(0, 3),
    st.integers(0, 1),
    st.integers(0, 1),
)


@given(st.lists(st.frozensets(payloads), min_size=1, max_size=5), st.data())
def test_after_any_deltas_we_have_what_the_cache_has(
    serials: list[frozenset[tuple[int, int, int]]], data: st.DataObject
) -> None:
    session, before = RtrSession(), frozenset[tuple[int, int, int]]()
    session.connected()
    for serial, after in enumerate(serials):
        changes = [(True, payload) for payload in sorted(after - before)]
        changes += [(False, payload) for payload in sorted(before - after)]
        pdus = [
            PrefixPdu(announce, 32, network, 24, max_length, asn)
            for announce, (network, max_length, asn) in data.draw(st.permutations(changes))
        ]
        end = EndOfData(7, serial, 60, 30, 600)
        (step,) = say(session, CacheResponse(7), *pdus, end)
        assert step.update is not None
        assert step.update.size == len(after)
        take(session, step)
        session.query()
        before = after
    assert {(e.network, e.payload.max_length, e.payload.asn) for e in session.vrps or ()} == before


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_whatever_comes_the_session_goes_on_or_hangs_up(received: list[bytes]) -> None:
    session = synchronised(A)
    for content in received:
        steps = list(session.receive(content))
        if any(step.hang_up for step in steps):
            session.disconnected()
            assert asked(session.connected())


def test_each_connection_begins_with_the_best_version_and_a_session_is_of_its_version() -> None:
    session = synchronised(A)
    session.disconnected()
    session.connected()
    say(session, ErrorReport(4), version=1)
    session.disconnected()
    # Session 7 was of version 2: that of version 1 is another one, whatever its number.
    query = session.connected()
    assert (query[0], asked(query)) == (1, [ResetQuery()])
    (step,) = say(session, CacheResponse(7), A, EndOfData(7, 5, 60, 30, 600), version=1)
    take(session, step)
    session.disconnected()
    query = session.connected()
    assert (query[0], asked(query)) == (2, [ResetQuery()])
    say(session, ErrorReport(4), version=1)
    session.disconnected()
    query = session.connected()
    assert (query[0], asked(query)) == (1, [SerialQuery(7, 5)])
    assert len(vrps(session)) == 1


def test_a_delta_of_another_version_is_an_answer_from_another_session() -> None:
    session = synchronised(A)
    session.disconnected()
    session.connected()
    (step,) = say(session, CacheResponse(7), version=1)
    assert "another session" in step.hang_up
    assert session.vrps is None


def test_a_notice_from_another_session_ends_this_one() -> None:
    session = synchronised(A)
    (step,) = say(session, SerialNotify(8, 2))
    (report,) = asked(step.send)
    assert isinstance(report, ErrorReport)
    assert (report.code, session.vrps) == (0, None)


def test_without_data_at_the_cache_everything_is_asked_for_next_and_ours_is_kept() -> None:
    session = synchronised(A)
    session.query()
    (step,) = say(session, ErrorReport(2))
    assert step.hang_up
    session.disconnected()
    assert asked(session.connected()) == [ResetQuery()]
    assert len(vrps(session)) == 1


@pytest.mark.parametrize("when", ["established", "full", "answering"])
def test_a_cache_reset_that_nobody_asked_for_is_no_way_to_go_round_for_ever(when: str) -> None:
    session = synchronised(A) if when != "full" else RtrSession()
    before: tuple[Pdu, ...] = ()
    if when == "full":
        session.connected()
    if when == "answering":
        session.query()
        before = (CacheResponse(7),)
    (step,) = say(session, *before, CacheReset())
    assert "nobody asked for" in step.hang_up


def test_a_malformed_error_report_ends_the_connection_without_an_answer() -> None:
    session = synchronised(A)
    (step,) = session.receive(bytes.fromhex("020a000000000010" + "0000000900000000"))
    assert (step.send, len(vrps(session))) == (b"", 1)
    assert step.hang_up


def test_what_has_expired_is_not_renewed_by_a_delta() -> None:
    session = synchronised(A)
    session.expire(NOW + 600)
    assert len(vrps(session)) == 1
    session.query()
    session.expire(NOW + 601)  # an answer about it is under way
    assert len(vrps(session)) == 1
    session.disconnected()
    session.expire(NOW + 601)
    assert (session.vrps, asked(session.connected())) == (None, [ResetQuery()])


def test_an_update_is_taken_before_what_follows_it_in_the_same_bytes() -> None:
    session = RtrSession()
    session.connected()
    end = EndOfData(7, 1, 60, 30, 600)
    content = b"".join(encode(2, pdu) for pdu in (CacheResponse(7), A, end, A))
    steps = session.receive(content)
    take(session, next(steps))
    assert len(vrps(session)) == 1
    # The second announcement stands outside of an answer: a fatal error, which flushes.
    assert next(steps).hang_up
    assert session.vrps is None


def test_an_error_report_about_a_pdu_that_is_too_long_is_not_too_long_itself() -> None:
    session = RtrSession()
    session.connected()
    providers = tuple(range(16_380))
    content = encode(2, Aspa(True, 1, providers))
    assert len(content) == 65_532
    steps = list(session.receive(encode(2, CacheResponse(7)) + content))
    (report,) = asked(steps[-1].send)
    assert isinstance(report, ErrorReport)
    assert report.code == 9
    assert len(steps[-1].send) <= 65_535


def test_what_is_no_rtr_cache_is_said_to_be_none() -> None:
    session = RtrSession()
    session.connected()
    (step,) = session.receive(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    assert "is this an RTR cache?" in step.hang_up
