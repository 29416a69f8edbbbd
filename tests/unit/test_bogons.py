import pytest

from bgptui.domain.routing import AsPath
from bgptui.routemon.bogons import bogon_asn, bogon_prefix, is_odd_length


@pytest.mark.parametrize(
    ("prefix", "block"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.255.0.0/16", "10.0.0.0/8"),
        ("192.168.1.0/24", "192.168.0.0/16"),
        ("100.64.0.0/10", "100.64.0.0/10"),
        ("100.128.0.0/10", None),
        ("240.0.0.0/4", "224.0.0.0/3"),
        ("8.0.0.0/7", None),
        ("8.8.8.0/24", None),
        ("0.0.0.0/0", None),
        ("::/0", None),
        ("::1/128", "::/8"),
        ("2001:db8:1::/48", "2001:db8::/32"),
        ("2001:db9::/32", None),
        ("2a00::/12", None),
        ("fd00::/8", "fc00::/7"),
    ],
)
def test_special_purpose_blocks_are_known(prefix: str, block: str | None) -> None:
    assert bogon_prefix(prefix) == block


@pytest.mark.parametrize(
    ("prefix", "odd"),
    [
        ("8.8.8.0/24", False),
        ("8.8.8.0/25", True),
        ("8.0.0.0/7", True),
        ("0.0.0.0/0", False),
        ("2a00::/12", True),
        ("2a00:1::/48", False),
        ("2a00:1::/49", True),
    ],
)
def test_lengths_that_networks_do_not_accept_are_odd(prefix: str, odd: bool) -> None:
    assert is_odd_length(prefix) is odd


@pytest.mark.parametrize(
    ("path", "asn"),
    [
        ((3333, 1299, 2914), None),
        ((3333, 64512, 2914), 64512),
        ((3333, (1299, 0)), 0),
        ((23456,), 23456),
        ((4199999999, 4200000000), 4200000000),
        ((131072, 64495), None),
        ((), None),
    ],
)
def test_reserved_and_private_as_numbers_are_known(path: AsPath, asn: int | None) -> None:
    assert bogon_asn(path) == asn
