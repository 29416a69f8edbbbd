import pytest

from bgptui.domain.rpki import Vrp
from bgptui.errors import BadInput
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_set import Delta, Entry, VrpSetBuilder, set_of
from bgptui.rpki.vrp_table import VrpTable, table_of


def covering(table: VrpTable, prefix: str) -> tuple[Vrp, ...]:
    return tuple(validate(table, prefix, 1).covering)


def delta(*, announced: list[Vrp], withdrawn: list[Vrp]) -> Delta:
    return Delta(announced=entries(announced), withdrawn=entries(withdrawn))


def entries(vrps: list[Vrp]) -> tuple[Entry, ...]:
    return tuple(entry for vrp in vrps for entry in set_of([vrp]))


def test_the_same_vrp_twice_counts_once() -> None:
    vrp = Vrp("10.0.0.0/8", 8, 64496, "arin")
    assert len(table_of([vrp, vrp])) == 1


def test_the_same_payload_of_two_trust_anchors_is_kept_twice() -> None:
    vrps = (Vrp("10.0.0.0/8", 8, 64496, "apnic"), Vrp("10.0.0.0/8", 8, 64496, "arin"))
    table = table_of(vrps)
    assert len(table) == 2
    assert covering(table, "10.0.0.0/8") == vrps


def test_the_order_of_a_file_does_not_show() -> None:
    vrps = [Vrp("10.0.0.0/8", n, 64496 + n % 3, "arin") for n in range(8, 20)]
    first, second = table_of(vrps), table_of(reversed(vrps))
    assert covering(first, "10.9.0.0/16") == covering(second, "10.9.0.0/16")


def test_a_missing_max_length_is_the_prefix_length() -> None:
    vrps, table = VrpSetBuilder(), VrpTable()
    vrps.add("10.0.0.0/8", None, 64496)
    table.adopt(vrps.built())
    assert covering(table, "10.0.0.0/8") == (Vrp("10.0.0.0/8", 8, 64496),)


def test_default_routes_cover_everything_of_their_family_only() -> None:
    table = table_of([Vrp("0.0.0.0/0", 0, 64496), Vrp("::/0", 0, 64497)])
    assert [v.asn for v in covering(table, "255.255.255.255/32")] == [64496]
    assert [v.asn for v in covering(table, "2001:db8::/32")] == [64497]


def test_an_empty_table_covers_nothing() -> None:
    table = table_of([])
    assert len(table) == 0
    assert covering(table, "10.0.0.0/8") == ()


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
        VrpSetBuilder().add(prefix, max_length, asn)
    assert caught.value.reason == reason


def test_a_max_length_that_fits_ipv6_only_is_refused_for_ipv4_though_the_payload_is_known() -> None:
    vrps = VrpSetBuilder()
    vrps.add("2001::/16", 48, 1)
    with pytest.raises(BadInput, match="max length 48"):
        vrps.add("10.0.0.0/16", 48, 1)


def test_a_short_vrp_that_comes_or_goes_reaches_every_prefix_below() -> None:
    below = [Vrp(f"10.{n}.0.0/16", 16, 64496) for n in range(40)]
    table = table_of([*below, Vrp("10.9.9.0/24", 24, 64497)])
    short = Vrp("10.0.0.0/8", 8, 64500)
    change = delta(announced=[short], withdrawn=[])
    assert table.apply(change) == change
    assert covering(table, "10.9.9.0/24") == (Vrp("10.9.9.0/24", 24, 64497), below[9], short)
    assert covering(table, "10.200.0.0/16") == (short,)
    table.apply(delta(announced=[], withdrawn=[short]))
    assert covering(table, "10.9.9.0/24") == (Vrp("10.9.9.0/24", 24, 64497), below[9])
    assert covering(table, "10.200.0.0/16") == ()
    assert len(table) == 41


def test_what_makes_no_difference_is_no_part_of_the_delta() -> None:
    here, there = Vrp("10.0.0.0/8", 8, 1), Vrp("11.0.0.0/8", 8, 1)
    table = table_of([here])
    assert not table.apply(delta(announced=[here], withdrawn=[there]))
    assert len(table) == 1
