import pytest
from msgspec.structs import replace

from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType
from bgptui.domain.rpki import (
    NOT_FOUND,
    UNAVAILABLE,
    InvalidReason,
    OriginValidation,
    RpkiState,
    Vrp,
)
from bgptui.routemon.rules import decide
from bgptui.routemon.watchlist import Rule

RULE = Rule(1, "203.0.113.0/24", (64500, 64501), 25)
ROA = (Vrp("203.0.113.0/24", 24, 64500, "apnic"),)
VALID = OriginValidation(RpkiState.VALID, None, ROA)


def invalid(reason: InvalidReason) -> OriginValidation:
    return OriginValidation(RpkiState.INVALID, reason, ROA)


HIJACK = EventType.HIJACK_SUSPECTED
INVALID = EventType.RPKI_INVALID
NEW = EventType.NEW_PREFIX
CRITICAL, MEDIUM, LOW = Severity.CRITICAL, Severity.MEDIUM, Severity.LOW


@pytest.mark.parametrize("validation", [VALID, NOT_FOUND, UNAVAILABLE])
@pytest.mark.parametrize(
    ("prefix", "origin"),
    [
        ("203.0.113.0/24", 64500),
        ("203.0.113.0/24", 64501),
        ("203.0.113.128/25", 64500),
        ("203.0.113.0/24", (64500,)),
        ("203.0.113.0/24", (64501, 64500)),
    ],
)
def test_expected_routes_are_quiet(
    prefix: str, origin: int | tuple[int, ...], validation: OriginValidation
) -> None:
    assert decide(prefix, origin, rules=(RULE,), validation=validation) is None


@pytest.mark.parametrize(
    ("prefix", "origin", "validation", "expected"),
    [
        # Somebody else's origin: exact and more specific.
        ("203.0.113.0/24", 64666, NOT_FOUND, (HIJACK, "origin", CRITICAL, "E|0")),
        ("203.0.113.0/24", 64666, UNAVAILABLE, (HIJACK, "origin", CRITICAL, "E|0")),
        (
            "203.0.113.0/24",
            64666,
            invalid(InvalidReason.ASN),
            (HIJACK, "origin", CRITICAL, "E|0"),
        ),
        (
            "203.0.113.128/25",
            64666,
            invalid(InvalidReason.ASN),
            (HIJACK, "subprefix", CRITICAL, "S|0"),
        ),
        ("203.0.113.5/32", 64666, NOT_FOUND, (HIJACK, "subprefix", CRITICAL, "S|0")),
        # A ROA that allows it lowers it.
        ("203.0.113.0/24", 64666, VALID, (HIJACK, "origin", LOW, "E|0")),
        ("203.0.113.128/25", 64666, VALID, (HIJACK, "subprefix", LOW, "S|0")),
        # An AS_SET with a stranger in it.
        ("203.0.113.0/24", (64500, 64666), NOT_FOUND, (HIJACK, "origin", CRITICAL, "E|0")),
        ("203.0.113.0/24", (), NOT_FOUND, (HIJACK, "origin", CRITICAL, "E|0")),
        # Our own origin.
        (
            "203.0.113.128/25",
            64500,
            invalid(InvalidReason.LENGTH),
            (INVALID, "length", MEDIUM, "S|-"),
        ),
        (
            "203.0.113.0/24",
            64501,
            invalid(InvalidReason.ASN),
            (INVALID, "asn", CRITICAL, "E|-"),
        ),
        (
            "203.0.113.0/24",
            64501,
            invalid(InvalidReason.AS0),
            (INVALID, "as0", CRITICAL, "E|-"),
        ),
        (
            "203.0.113.0/24",
            (64500, 64501),
            invalid(InvalidReason.AS_SET),
            (INVALID, "as_set", MEDIUM, "E|-"),
        ),
        # Our own origin, longer than the watchlist expects.
        ("203.0.113.0/26", 64500, NOT_FOUND, (NEW, "max_length", LOW, "S|-")),
        ("203.0.113.0/26", 64500, VALID, (NEW, "max_length", LOW, "S|-")),
        ("203.0.113.0/26", 64500, UNAVAILABLE, (NEW, "max_length", LOW, "S|-")),
        (
            "203.0.113.0/26",
            64500,
            invalid(InvalidReason.LENGTH),
            (INVALID, "length", MEDIUM, "S|-"),
        ),
    ],
)
def test_a_watched_route_is_judged_as_the_noise_policy_says(
    prefix: str,
    origin: int | tuple[int, ...],
    validation: OriginValidation,
    expected: tuple[EventType, str, Severity, str],
) -> None:
    finding = decide(prefix, origin, rules=(RULE,), validation=validation)
    assert finding is not None
    told = (finding.event_type, finding.reason, finding.severity, finding.hijack_class)
    assert told == expected
    assert finding.opens_alert


@pytest.mark.parametrize(
    ("prefix", "reason", "hijack_class"),
    [
        ("203.0.113.0/24", InvalidReason.ASN, "E|0"),
        ("203.0.113.0/25", InvalidReason.ASN, "S|0"),
        ("203.0.113.0/24", InvalidReason.AS0, "E|0"),
        ("203.0.113.0/25", InvalidReason.LENGTH, "S|-"),
        ("203.0.113.0/24", InvalidReason.AS_SET, "E|-"),
    ],
)
def test_an_invalid_route_that_nobody_watches_opens_no_alert(
    prefix: str, reason: InvalidReason, hijack_class: str
) -> None:
    finding = decide(prefix, 64666, rules=(), validation=invalid(reason))
    assert finding is not None
    assert (finding.event_type, finding.reason) == (INVALID, reason.value)
    assert (finding.severity, finding.hijack_class) == (LOW, hijack_class)
    assert not finding.opens_alert


@pytest.mark.parametrize("validation", [VALID, NOT_FOUND, UNAVAILABLE])
def test_other_routes_that_nobody_watches_are_quiet(validation: OriginValidation) -> None:
    assert decide("203.0.113.0/24", 64666, rules=(), validation=validation) is None


def test_a_sibling_of_an_expected_origin_is_low_and_says_why() -> None:
    other = replace(RULE, number=2, origins=(64510,))
    family = frozenset({64501, 64520})
    found = decide(
        "203.0.113.0/24", 64520, rules=(other, RULE), siblings=family, validation=NOT_FOUND
    )
    assert found is not None
    assert (found.event_type, found.severity, found.hijack_class) == (HIJACK, LOW, "E|0")
    assert "; low, because it is a sibling of an expected origin" in found.why


def test_nobody_is_a_sibling_where_nobody_may_announce() -> None:
    squatted = replace(RULE, origins=())
    found = decide(
        "203.0.113.0/24",
        64520,
        rules=(squatted,),
        siblings=frozenset({64500, 64520}),
        validation=NOT_FOUND,
    )
    assert found is not None
    assert (found.severity, found.hijack_class) == (CRITICAL, "Q|0")


def test_an_origin_that_one_of_two_rules_expects_is_no_hijack() -> None:
    other = replace(RULE, number=2, origins=(64510,))
    found = decide(
        "203.0.113.0/25",
        64500,
        rules=(other, RULE),
        validation=invalid(InvalidReason.LENGTH),
    )
    assert found is not None
    assert (found.event_type, found.severity) == (INVALID, MEDIUM)
    assert found.rule is RULE


def test_why_names_the_route_the_expectation_and_the_remedy() -> None:
    hijack = decide("203.0.113.128/25", 64666, rules=(RULE,), validation=VALID)
    assert hijack is not None
    assert hijack.why == (
        "AS64666 announces 203.0.113.128/25; the watchlist expects AS64500, AS64501 for"
        " 203.0.113.0/24; low, because a ROA allows this origin: add it to the watchlist if it is"
        " right"
    )
    length = decide(
        "203.0.113.0/25", 64500, rules=(RULE,), validation=invalid(InvalidReason.LENGTH)
    )
    assert length is not None
    assert length.why == (
        "AS64500, an expected origin, announces 203.0.113.0/25; ROAs allow 203.0.113.0/24 up to"
        " /24 for AS64500: fix your ROA, or stop announcing 203.0.113.0/25"
    )
