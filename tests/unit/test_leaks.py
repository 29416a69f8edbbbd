import bz2
import gzip
from pathlib import Path

import pytest

from bgptui.domain.alert import Severity
from bgptui.domain.aspa import Hop, OtcLeak, PathState, PathVerification
from bgptui.domain.event import EventType
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer
from bgptui.errors import UsageError
from bgptui.routemon.leaks import NO_EXPORT, aspa_leak, inferred_leak, no_export_leak, otc_finding
from bgptui.routemon.relationships import Relationships, load_relationships
from bgptui.routemon.watchlist import Check, Rule

PEER = Peer("rrc00", "192.0.2.1", 64496)
PREFIX = "203.0.113.0/24"
RULE = Rule(1, PREFIX, (64500,), 24)
INVALID = PathVerification(
    PathState.INVALID,
    "not_provider",
    failing_hops=(Hop(64501, 64502), Hop(64496, 64503)),
    aspas_used=((64501, (64510, 64511)), (64496, (64520,))),
)


def update(path: AsPath, *, no_export: bool = False) -> BgpMessage:
    return BgpMessage(
        1.0,
        PEER,
        MessageType.UPDATE,
        (PREFIX,),
        as_path=path,
        communities=(NO_EXPORT,) if no_export else (),
    )


def test_a_path_that_an_aspa_forbids_is_a_leak_at_its_first_failing_hop() -> None:
    finding = aspa_leak(INVALID)
    assert finding is not None
    assert (finding.event_type, finding.severity) == (EventType.LEAK_SUSPECTED, Severity.HIGH)
    assert finding.reason == "aspa:64501>64502"
    assert "none of the providers in its ASPA (AS64501: AS64510, AS64511)" in finding.why


def test_the_as_between_two_that_do_not_buy_from_it_is_named_as_the_one_that_leaked() -> None:
    verification = PathVerification(
        PathState.INVALID,
        "not_provider",
        failing_hops=(Hop(64501, 64502), Hop(64503, 64502)),
        aspas_used=((64501, (64510,)), (64503, (0,))),
    )
    finding = aspa_leak(verification)
    assert finding is not None
    assert finding.why == (
        "AS64502 passed routes of AS64501 on to AS64503, and is a provider of neither by their"
        " ASPAs (AS64501: AS64510; AS64503: none)"
    )


@pytest.mark.parametrize(
    "verification",
    [
        None,
        PathVerification(PathState.VALID),
        PathVerification(PathState.UNKNOWN),
        PathVerification(PathState.INVALID, "as_set"),
        PathVerification(PathState.INVALID, "empty_path"),
    ],
)
def test_what_is_not_forbidden_by_an_aspa_is_no_leak(
    verification: PathVerification | None,
) -> None:
    assert aspa_leak(verification) is None


@pytest.mark.parametrize(
    ("leak", "reason", "why"),
    [
        (OtcLeak("otc", Hop(64499, 64496)), "otc:64499>*", "AS64496 sent a route"),
        (OtcLeak("otc+aspa", Hop(1, 2)), "otc+aspa:1>2", "AS1 passed it up to its provider AS2"),
    ],
)
def test_a_leak_that_otc_proves_names_who_leaked_to_whom(
    leak: OtcLeak, reason: str, why: str
) -> None:
    finding = otc_finding(leak, 64499)
    assert (finding.reason, finding.severity) == (reason, Severity.HIGH)
    assert why in finding.why


@pytest.mark.parametrize(
    ("rule", "no_export", "told"),
    [
        (RULE, True, True),
        (RULE, False, False),
        (Rule(1, PREFIX, (64500,), 24, checks=frozenset({Check.ORIGIN})), True, False),
        (Rule(1, PREFIX, (64500,), 24, ignore=True), True, False),
    ],
)
def test_no_export_that_was_not_heeded_is_told_of_watched_routes(
    rule: Rule, no_export: bool, told: bool
) -> None:
    finding = no_export_leak(update((64496, 64500), no_export=no_export), PREFIX, (rule,))
    assert (finding is not None) is told


# 1 and 2 are peers at the top; 3 buys from both, 4 from 3, 5 from 2.
KNOWN = Relationships("20260101.as-rel.txt", [(1, 3), (2, 3), (3, 4), (2, 5)], [(1, 2)])


@pytest.mark.parametrize(
    ("hops", "valley"),
    [
        ((1, 3, 4), None),
        ((3, 1, 2, 5), None),
        ((2, 3, 1), (3, 2)),  # from one provider to the other
        ((5, 2, 3, 1), (3, 2)),
        ((2, 1, 2), (1, 2)),  # from a peer to a peer
        ((9, 3, 1), None),
        ((2, 3, 9, 3, 1), None),  # an unknown hop forgets what was
        ((2, (3, 4), 1), None),
    ],
)
def test_a_valley_is_found_by_known_relationships(
    hops: tuple[int | tuple[int, ...], ...], valley: tuple[int, int] | None
) -> None:
    assert KNOWN.valley(hops) == valley


def test_an_inferred_leak_only_informs() -> None:
    finding = inferred_leak((2, 3, 1), PREFIX, (RULE,), KNOWN)
    assert finding is not None
    assert (finding.reason, finding.severity) == ("inferred:3>2", Severity.LOW)
    assert inferred_leak((2, 3, 1), PREFIX, (), KNOWN) is None


LINES = "# source: topology\n1|3|-1\n2|3|-1|bgp\n1|2|0\n"


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
def test_a_file_of_relationships_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"as-rel.txt{suffix}"
    raw = LINES.encode()
    path.write_bytes({"": raw, ".gz": gzip.compress(raw), ".bz2": bz2.compress(raw)}[suffix])
    known = load_relationships(path)
    assert len(known) == 3
    assert known.valley((2, 3, 1)) == (3, 2)
    assert known.source == path.name


@pytest.mark.parametrize("line", ["1|2", "1|2|5", "x|2|-1", "1|2|-1|a|b"])
def test_a_line_that_is_no_relationship_is_told_with_its_place(tmp_path: Path, line: str) -> None:
    path = tmp_path / "as-rel.txt"
    path.write_text(f"{LINES}{line}\n")
    with pytest.raises(UsageError, match=r"as-rel\.txt:5: .* is not AS\|AS\|-1 or AS\|AS\|0"):
        load_relationships(path)


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_relationships(tmp_path / "none")
