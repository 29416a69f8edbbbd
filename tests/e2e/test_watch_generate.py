import json
from pathlib import Path

import pytest

from bgptui.cli import main
from bgptui.routemon.watchlist import AsRule, Rule
from bgptui.routemon.watchlist_file import load_watchlist
from support.routing_tables import by_all, table, write_table

TABLE = (
    ("198.51.100.0/24", by_all(64601, 64500)),
    ("198.51.100.0/25", by_all(64602, 64500)),  # of the same origin
    ("198.51.100.128/26", by_all(64602, 64510)),  # of somebody else
    ("203.0.113.0/24", by_all(64601, 64500, peers=3) + by_all(64603, 64666)[3:]),  # two see 64666
    ("203.0.114.0/24", [*by_all(64601, 64500, peers=4), (64705, 64500, 64500)]),
    ("203.0.115.0/24", by_all(64604, 64500, peers=1)),  # what one peer makes up
    ("203.0.116.0/24", by_all(64601, 64666, peers=3) + by_all(64602, 64500, peers=5)[3:]),
    ("100.64.0.0/24", by_all(64601, 64500, 64520)),
)
BOTH = ("203.0.117.0/24", by_all(64601, 64500) + by_all(64603, 64666))


def generate(*arguments: object) -> int:
    return main(["watch", "generate", *map(str, arguments)])


def vrps(folder: Path, *roas: tuple[str, int, int]) -> Path:
    path = folder / "vrps.json"
    listed = [{"prefix": prefix, "maxLength": most, "asn": asn} for prefix, most, asn in roas]
    metadata = {"buildtime": "2026-01-07T09:00:00Z"}
    path.write_text(json.dumps({"metadata": metadata, "roas": listed}))
    return path


def read_back(folder: Path, text: str) -> tuple[list[Rule], list[AsRule]]:
    path = folder / "generated.toml"
    path.write_text(text)
    watchlist = load_watchlist(path)
    return list(watchlist.rules), list(watchlist.as_rules.values())


def test_what_enough_peers_see_becomes_rules_that_are_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rib = write_table(tmp_path, *sorted(TABLE))
    assert generate("--asn", 64500, "--rib", rib) == 0
    said = capsys.readouterr()
    rules, as_rules = read_back(tmp_path, said.out)
    assert rules == [
        Rule(1, "198.51.100.0/24", (64500,), 24),
        Rule(2, "198.51.100.0/25", (64500,), 25),
        Rule(3, "203.0.113.0/24", (64500,), 24),
        Rule(4, "203.0.114.0/24", (64500,), 24),
    ]
    assert as_rules == [AsRule(1, 64500, (64601, 64602, 64705), (64520,))]
    lines = said.out.splitlines()
    assert lines[:3] == [
        "# Prefixes of AS64500, by bgptui watch generate. Read it before you rely on it.",
        "# Routing table: rib.mrt of 2026-01-07T10:00:00Z",
        "# 5 peer ASes, with the whole table 5 of IPv4 and 0 of IPv6; what fewer than 3, or than"
        " these, see is left out.",
    ]
    assert "# left out: AS64666: seen by 2 peers, too few" in lines
    assert "# upstreams left out, with the few peers that see them: AS64604 (1)" in lines
    assert lines[-5:] == [
        "# Left out, more-specifics that others announce: an alert each, until a rule for it"
        " expects its origin:",
        "#   198.51.100.128/26 AS64510",
        "# Left out, seen, but not to be relied on:",
        "#   203.0.115.0/24 AS64500: seen by 1 peer, too few",
        "#   203.0.116.0/24 AS64500: seen by 2 peers, too few",
    ]
    assert said.err.splitlines()[0] == "4 rules for prefixes, 1 for ASes"


def test_the_same_table_gives_the_same_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rib = write_table(tmp_path, *sorted(TABLE))
    texts = set()
    for asns in (("64500", "AS64510"), ("64510", "64500")):
        assert generate("--asn", asns[0], "--asn", asns[1], "--rib", rib) == 0
        texts.add(capsys.readouterr().out)
    assert len(texts) == 1


def test_of_two_origins_both_are_expected_unless_the_rpki_forbids_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rib = write_table(tmp_path, BOTH)
    assert generate("--asn", 64500, "--rib", rib) == 0
    rules, _ = read_back(tmp_path, said := capsys.readouterr().out)
    assert rules == [Rule(1, "203.0.117.0/24", (64500, 64666), 24)]
    assert "# AS64666: seen by 5 peers, not one of those asked for: is it right?" in said
    roas = vrps(tmp_path, ("203.0.117.0/24", 24, 64500), ("203.0.118.0/23", 24, 64500))
    assert generate("--asn", 64500, "--rib", rib, "--vrps", roas) == 0
    rules, _ = read_back(tmp_path, said := capsys.readouterr().out)
    assert rules == [Rule(1, "203.0.117.0/24", (64500,), 24)]
    assert "# left out: AS64666: seen by 5 peers; RPKI invalid (asn)" in said
    assert "# VRPs: vrps.json, built 2026-01-07T09:00:00Z" in said
    assert said.splitlines()[-2:] == [
        "# Left out, allowed by a ROA, but not announced:",
        "#   203.0.118.0/23 up to /24, AS64500",
    ]


@pytest.mark.parametrize(
    ("roa", "verdict"),
    [
        (("192.0.2.0/24", 24, 64500), "; no ROA covers it"),
        (("203.0.0.0/16", 23, 64500), "; RPKI invalid (length)"),
        (("203.0.0.0/16", 24, 64999), "; RPKI invalid (asn)"),
        (("203.0.0.0/16", 24, 64500), ""),
    ],
)
def test_a_rule_says_what_the_rpki_has_against_its_origin(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    roa: tuple[str, int, int],
    verdict: str,
) -> None:
    rib = write_table(tmp_path, ("203.0.114.0/24", by_all(64601, 64500)))
    assert generate("--asn", 64500, "--rib", rib, "--vrps", vrps(tmp_path, roa)) == 0
    assert f"# AS64500: seen by 5 peers{verdict}\n" in capsys.readouterr().out


def test_roas_alone_give_rules_with_their_origins_and_lengths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roas = vrps(
        tmp_path,
        ("203.0.113.0/24", 25, 64500),
        ("203.0.113.0/24", 24, 64500),
        ("203.0.113.0/24", 24, 64510),
        ("203.0.113.0/24", 24, 0),
        ("198.51.100.0/22", 24, 64500),
        ("2001:db8::/32", 48, 64500),
        ("192.0.2.0/24", 24, 64510),
    )
    assert generate("--asn", 64500, "--vrps", roas) == 0
    rules, as_rules = read_back(tmp_path, said := capsys.readouterr().out)
    assert rules == [
        Rule(1, "198.51.100.0/22", (64500,), 24),
        Rule(2, "203.0.113.0/24", (64510,), 24),
        Rule(3, "203.0.113.0/24", (64500,), 25),
        Rule(4, "2001:db8::/32", (64500,), 48),
    ]
    assert as_rules == [AsRule(1, 64500)]
    assert "# a ROA allows it to AS64510, too" in said


def test_a_table_of_one_peer_is_taken_at_its_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rib = write_table(tmp_path, ("203.0.114.0/24", by_all(64601, 64500, peers=1)))
    assert generate("--asn", 64500, "--rib", rib) == 0
    assert len(read_back(tmp_path, capsys.readouterr().out)[0]) == 1


def test_a_torn_table_gives_no_watchlist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rib = tmp_path / "rib.mrt"
    rib.write_bytes(table(*sorted(TABLE))[:-5])
    output = tmp_path / "watch.toml"
    assert generate("--asn", 64500, "--rib", rib, "-o", output) == 1
    assert f"{rib}: is torn; a watchlist takes a whole routing table" in capsys.readouterr().err
    assert not output.exists()


def test_a_watchlist_that_is_there_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rib, output = write_table(tmp_path, *sorted(TABLE)), tmp_path / "watch.toml"
    output.write_text("# mine\n")
    assert generate("--asn", 64500, "--rib", rib, "-o", output) == 2
    assert "is there already; --force writes over it" in capsys.readouterr().err
    assert output.read_text() == "# mine\n"
    assert generate("--asn", 64500, "--rib", rib, "-o", output, "--force") == 0
    assert len(load_watchlist(output).rules) == 4
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--asn", "64500"), "name a routing table (--rib), VRPs (--vrps, --rtr) or both"),
        (("--asn", "64500", "--rib", "nowhere"), "nowhere: cannot be read: No such file"),
        (("--asn", "64500", "--rib", "x", "-o", "nowhere/w.toml"), "there is no such folder"),
        (("--asn", "64500", "--vrps", "nowhere"), "nowhere: there is no such file of VRPs"),
    ],
)
def test_wrong_usage_is_told(
    arguments: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(*arguments) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asn", "problem"),
    [
        ("1.10", "asdot notation: write 65546"),
        ("0", "not an AS number"),
        ("4294967296", "not an AS number"),
        ("ASX", "not an AS number"),
    ],
)
def test_what_is_no_as_number_is_told(
    asn: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        generate("--asn", asn, "--rib", "x")
    assert caught.value.code == 2
    assert problem in capsys.readouterr().err


def test_an_as_that_announces_nothing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rib = write_table(tmp_path, *sorted(TABLE))
    assert generate("--asn", 64999, "--rib", rib) == 1
    assert "nothing of AS64999 was found" in capsys.readouterr().err
