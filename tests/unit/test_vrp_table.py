import pytest

from bgptui.domain.prefix import parse_prefix
from bgptui.domain.rpki import Vrp
from bgptui.errors import BadInput
from bgptui.rpki.vrp_table import VrpTableBuilder, table_of


def test_the_same_vrp_twice_counts_once() -> None:
    vrp = Vrp("10.0.0.0/8", 8, 64496, "arin")
    assert len(table_of([vrp, vrp])) == 1


def test_the_same_payload_of_two_trust_anchors_is_kept_twice() -> None:
    vrps = (Vrp("10.0.0.0/8", 8, 64496, "apnic"), Vrp("10.0.0.0/8", 8, 64496, "arin"))
    table = table_of(vrps)
    assert len(table) == 2
    assert table.covering(*parse_prefix("10.0.0.0/8")) == vrps


def test_the_order_of_a_file_does_not_show() -> None:
    vrps = [Vrp("10.0.0.0/8", n, 64496 + n % 3, "arin") for n in range(8, 20)]
    first, second = table_of(vrps), table_of(reversed(vrps))
    asked = parse_prefix("10.9.0.0/16")
    assert first.covering(*asked) == second.covering(*asked)


def test_a_missing_max_length_is_the_prefix_length() -> None:
    builder = VrpTableBuilder()
    builder.add("10.0.0.0/8", max_length=None, asn=64496)
    assert builder.build().covering(*parse_prefix("10.0.0.0/8")) == (Vrp("10.0.0.0/8", 8, 64496),)


def test_default_routes_cover_everything_of_their_family_only() -> None:
    table = table_of([Vrp("0.0.0.0/0", 0, 64496), Vrp("::/0", 0, 64497)])
    assert [v.asn for v in table.covering(*parse_prefix("255.255.255.255/32"))] == [64496]
    assert [v.asn for v in table.covering(*parse_prefix("2001:db8::/32"))] == [64497]


def test_an_empty_table_covers_nothing() -> None:
    table = table_of([])
    assert len(table) == 0
    assert table.covering(*parse_prefix("10.0.0.0/8")) == ()


@pytest.mark.parametrize(
    ("prefix", "max_length", "asn", "reason"),
    [
        ("10.0.0.1/8", 8, 1, "bad_prefix"),
        ("10.0.0.0/8", 7, 1, "bad_max_length"),
        ("10.0.0.0/8", 33, 1, "bad_max_length"),
        ("2001:db8::/32", 129, 1, "bad_max_length"),
        ("10.0.0.0/8", 8, -1, "bad_asn"),
        ("10.0.0.0/8", 8, 2**32, "bad_asn"),
    ],
)
def test_a_malformed_vrp_is_refused_with_its_reason(
    prefix: str, max_length: int, asn: int, reason: str
) -> None:
    with pytest.raises(BadInput) as caught:
        VrpTableBuilder().add(prefix, max_length=max_length, asn=asn)
    assert caught.value.reason == reason
