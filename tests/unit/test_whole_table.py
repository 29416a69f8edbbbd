import pytest

from bgptui.domain.alert import Severity
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState, Vrp
from bgptui.routemon.watchlist import Watchlist
from bgptui.routemon.whole_table import LASTING_S, WholeTable

PREFIX, SUB = "203.0.113.0/24", "203.0.113.0/25"
HOLDER, STRANGER = 64500, 64666
ROA = (Vrp("203.0.112.0/22", 24, HOLDER, "apnic"),)
VALID = OriginValidation(RpkiState.VALID, None, ROA)
INVALID = OriginValidation(RpkiState.INVALID, InvalidReason.ASN, ROA)
TOO_LONG = OriginValidation(RpkiState.INVALID, InvalidReason.LENGTH, ROA)
UNKNOWN = OriginValidation(RpkiState.NOT_FOUND)


def learned() -> WholeTable:
    table = WholeTable(learn_s=600.0)
    assert table.judge(PREFIX, HOLDER, VALID, 0.0) is None
    return table


@pytest.mark.parametrize(
    ("prefix", "hijack_class"), [(PREFIX, "E|0"), (SUB, "S|0"), ("203.0.113.128/25", "S|0")]
)
def test_a_new_invalid_origin_beside_a_valid_route_is_told(prefix: str, hijack_class: str) -> None:
    finding = learned().judge(prefix, STRANGER, INVALID, 700.0)
    assert finding is not None
    assert (finding.reason, finding.hijack_class) == ("new_origin", hijack_class)
    assert (finding.severity, finding.lasting_s) == (Severity.MEDIUM, LASTING_S)
    assert "AS64500 announces a valid route" in finding.why


@pytest.mark.parametrize(
    ("prefix", "origin", "validation", "at"),
    [
        (PREFIX, STRANGER, INVALID, 599.0),  # it stood when we began
        (PREFIX, STRANGER, UNKNOWN, 700.0),
        (PREFIX, HOLDER, TOO_LONG, 700.0),
        (SUB, HOLDER, TOO_LONG, 700.0),
        ("203.0.115.0/24", STRANGER, INVALID, 700.0),  # its holder announces no route to it
    ],
)
def test_what_is_not_a_new_invalid_origin_is_quiet(
    prefix: str, origin: int, validation: OriginValidation, at: float
) -> None:
    table = learned()
    assert table.judge(prefix, origin, validation, at) is None
    assert table.judge(prefix, origin, validation, at + 1.0) is None


def test_a_prefix_with_several_origins_is_no_more_specific() -> None:
    table = learned()
    assert table.judge(PREFIX, HOLDER + 1, UNKNOWN, 1.0) is None
    finding = table.judge(PREFIX, STRANGER, INVALID, 700.0)
    assert finding is not None
    assert finding.hijack_class == "E|0"


def test_a_routing_table_leaves_nothing_to_learn() -> None:
    table = WholeTable(learn_s=600.0)
    table.seed(PREFIX, HOLDER)
    assert table.judge(PREFIX, STRANGER, INVALID, 1.0) is not None


@pytest.mark.parametrize(
    ("at", "severity"), [(80_000.0, Severity.MEDIUM), (90_000.0, Severity.LOW)]
)
def test_a_new_origin_is_low_after_a_day(at: float, severity: Severity) -> None:
    table = learned()
    assert table.judge(PREFIX, STRANGER, INVALID, 700.0) is not None
    finding = table.judge(PREFIX, STRANGER, INVALID, at)
    assert finding is not None
    weighed = table.weighed(
        finding, PREFIX, STRANGER, path=(1, STRANGER), at=at, watchlist=Watchlist()
    )
    assert weighed.severity is severity
    assert ("more than a day ago" in weighed.why) is (severity is Severity.LOW)


@pytest.mark.parametrize(
    ("path", "because"),
    [
        ((1, 2, STRANGER), None),
        ((1, HOLDER, STRANGER), "it stands behind the holder in the path"),
        ((1, HOLDER, STRANGER, STRANGER), "it stands behind the holder in the path"),
    ],
)
def test_an_origin_behind_the_holder_is_low(path: tuple[int, ...], because: str | None) -> None:
    table = learned()
    finding = table.judge(PREFIX, STRANGER, INVALID, 700.0)
    assert finding is not None
    weighed = table.weighed(finding, PREFIX, STRANGER, path=path, at=700.0, watchlist=Watchlist())
    assert weighed.severity is (Severity.MEDIUM if because is None else Severity.LOW)
    assert because is None or weighed.why.endswith(f"low, because {because}")


def test_a_sibling_of_the_holder_is_low() -> None:
    table = learned()
    finding = table.judge(PREFIX, STRANGER, INVALID, 700.0)
    assert finding is not None
    family = Watchlist(siblings=[frozenset({HOLDER, STRANGER})])
    weighed = table.weighed(
        finding, PREFIX, STRANGER, path=(1, STRANGER), at=700.0, watchlist=family
    )
    assert weighed.severity is Severity.LOW


def test_prefixes_beyond_the_bound_are_counted() -> None:
    table = WholeTable(learn_s=600.0, prefixes_most=1)
    table.seed(PREFIX, HOLDER)
    table.seed(SUB, HOLDER)
    assert (len(table), table.left_out) == (1, 1)
