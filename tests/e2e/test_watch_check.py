import json
from pathlib import Path

import pytest

from bgptui.cli import main
from support.routing_tables import by_all, write_table

OURS = '[[prefix]]\nprefix = "203.0.113.0/24"\norigins = [64500]\n'
ASN = "[[asn]]\nasn = 64500\n"
SEEN = ("203.0.113.0/24", by_all(64601, 64500))

Roa = tuple[str, int, int]


def check(
    folder: Path,
    watchlist: str,
    *arguments: str,
    roas: tuple[Roa, ...] = (),
    routes: tuple[tuple[str, list[tuple[int, ...]]], ...] = (),
) -> int:
    watch = folder / "watch.toml"
    watch.write_text(watchlist)
    more: list[str] = []
    if roas:
        listed = [{"prefix": prefix, "maxLength": most, "asn": asn} for prefix, most, asn in roas]
        (folder / "vrps.json").write_text(json.dumps({"roas": listed}))
        more += ["--vrps", str(folder / "vrps.json")]
    if routes:
        more += ["--rib", str(write_table(folder, *routes))]
    return main(["watch", "check", "--watch", str(watch), *more, *arguments])


def warnings(text: str) -> list[tuple[int, str]]:
    """(line, warning) of each line of JSON."""
    return [(one["line"], one["warning"]) for one in map(json.loads, text.splitlines())]


def test_a_watchlist_that_fits_has_no_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roas, routes = (("203.0.113.0/24", 24, 64500),), (SEEN,)
    text = OURS + ASN + "upstreams = [64601]\n"
    assert check(tmp_path, text, roas=roas, routes=routes) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "2 rules checked against itself, ROAs, routing tables: 0 warnings\n"


def test_a_warning_names_file_line_rule_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, "\n" + OURS, roas=(("192.0.2.0/24", 24, 64500),)) == 1
    said = capsys.readouterr()
    assert said.out == (
        f"{tmp_path}/watch.toml:2: 203.0.113.0/24: no ROA covers it: nobody can tell a wrong"
        " origin from yours; publish a ROA for AS64500, 203.0.113.0/24 up to /24 [no_roa]\n"
    )
    assert "1 warnings; not against a routing table (--rib)" in said.err


@pytest.mark.parametrize(
    ("rules", "roas", "expected"),
    [
        (OURS, [("203.0.0.0/16", 24, 64500)], []),
        (OURS, [("192.0.2.0/24", 24, 64500)], [(1, "no_roa")]),
        (OURS, [("203.0.113.0/24", 24, 64999)], [(1, "roa_contradicts")]),
        (OURS, [("203.0.113.0/24", 24, 0)], [(1, "roa_contradicts")]),
        # It is too short for the /24, and lets others forge anything down to a /23.
        (OURS, [("203.0.0.0/16", 23, 64500)], [(1, "roa_contradicts"), (1, "roa_too_loose")]),
        (OURS, [("203.0.113.0/24", 28, 64500)], [(1, "roa_too_loose")]),
        # Of another origin it is none of our business.
        (OURS, [("203.0.113.0/24", 24, 64500), ("203.0.113.0/24", 28, 64999)], []),
        (OURS + "max_length = 28\n", [("203.0.113.0/24", 28, 64500)], []),
        (OURS + "max_length = 28\n", [("203.0.113.0/24", 24, 64500)], [(1, "roa_too_tight")]),
        (OURS.replace("64500", "64500, 64501"), [("192.0.2.0/24", 24, 1)], [(1, "no_roa")]),
        # The rule for the /26 is what the ROA's length is for.
        (
            OURS + OURS.replace("0/24", "64/26"),
            [("203.0.113.0/24", 26, 64500)],
            [],
        ),
        (OURS.replace("[64500]", "[]"), [("203.0.113.0/24", 32, 0)], []),
        (OURS.replace("[64500]", "[]"), [("192.0.2.0/24", 24, 64500)], [(1, "no_roa")]),
        (OURS.replace("[64500]", "[]"), [("203.0.113.0/24", 24, 1)], [(1, "roa_contradicts")]),
        ('[[prefix]]\nprefix = "203.0.113.0/24"\nignore = true', [("192.0.2.0/24", 24, 1)], []),
    ],
)
def test_roas_that_do_not_fit_are_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rules: str,
    roas: list[Roa],
    expected: list[tuple[int, str]],
) -> None:
    assert check(tmp_path, rules, "--json", roas=tuple(roas)) == bool(expected)
    assert warnings(capsys.readouterr().out) == expected


def test_a_length_that_is_announced_is_no_loose_roa(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = (SEEN, ("203.0.113.0/26", by_all(64601, 64500)))
    rules = OURS + "ignore_more_specifics = true\n"
    assert check(tmp_path, rules, roas=(("203.0.113.0/24", 26, 64500),), routes=routes) == 0


UPSTREAMS = "upstreams = [64601]\ndownstreams = []\n"


@pytest.mark.parametrize(
    ("rules", "routes", "expected"),
    [
        (OURS, [SEEN], []),
        (OURS, [("192.0.2.0/24", by_all(64601, 64500))], [(1, "prefix_unseen")]),
        (OURS.replace("64500", "64500, 64501"), [SEEN], [(1, "origin_unseen")]),
        (
            OURS,
            [("203.0.113.0/24", by_all(64601, 64500, peers=2) + by_all(64601, 64666)[2:])],
            [(1, "origin_unexpected")],
        ),
        # Two peers of five are not believed.
        (OURS, [SEEN, ("203.0.113.0/26", by_all(64601, 64666, peers=2))], []),
        (
            OURS,
            [SEEN, ("203.0.113.0/26", by_all(64601, 64666, peers=3))],
            [(1, "origin_unexpected")],
        ),
        (
            OURS,
            [SEEN, ("203.0.113.0/26", by_all(64601, 64500))],
            [(1, "more_specific_unexpected")],
        ),
        (OURS + "max_length = 26\n", [SEEN, ("203.0.113.0/26", by_all(64601, 64500))], []),
        (
            OURS + "ignore_more_specifics = true\n",
            [SEEN, ("203.0.113.0/26", by_all(64601, 64666))],
            [],
        ),
        (OURS + "upstreams = [64601, 64609]\n", [SEEN], [(1, "upstream_unseen")]),
        (OURS + ASN + UPSTREAMS, [SEEN], []),
        (
            OURS + ASN + UPSTREAMS,
            [("203.0.113.0/24", by_all(64602, 64500, 64500))],
            [(4, "upstream_unseen"), (4, "upstream_unexpected")],
        ),
        (
            OURS + ASN + UPSTREAMS,
            [("192.0.2.0/24", by_all(64601, 64500, 64520)), SEEN],
            [(4, "downstream_unexpected")],
        ),
        (OURS + ASN, [SEEN, ("192.0.2.0/24", by_all(64601, 64500))], [(4, "prefix_unlisted")]),
        (
            OURS + ASN + "new_prefixes = false\n",
            [SEEN, ("192.0.2.0/24", by_all(64601, 64500))],
            [],
        ),
        (OURS + ASN.replace("00", "77"), [SEEN], [(4, "as_unseen")]),
    ],
)
def test_what_a_routing_table_has_otherwise_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rules: str,
    routes: list[tuple[str, list[tuple[int, ...]]]],
    expected: list[tuple[int, str]],
) -> None:
    assert check(tmp_path, rules, "--json", routes=tuple(routes)) == bool(expected)
    assert warnings(capsys.readouterr().out) == expected


PATTERN = "[[prefix.path]]\nmatch = ',64666,'\n"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (OURS, []),
        (OURS + "ignore = true\nupstreams = [1]\n", [(1, "no_effect")]),
        (OURS + "checks = []\n", [(1, "no_effect")]),
        (OURS + 'checks_except = ["upstream"]\nupstreams = [1]\n', [(1, "no_effect")]),
        (OURS + 'checks = ["origin"]\n' + PATTERN, [(1, "no_effect")]),
        (OURS + "max_length = 25\nignore_more_specifics = true\n", [(1, "no_effect")]),
        (OURS + "mute_until = 2020-01-01T00:00:00Z\n", [(1, "mute_expired")]),
        (OURS + "mute_until = 2099-01-01T00:00:00Z\n", []),
        ("[[group]]\nname = 'noc'\n" + OURS, [(1, "group_unused")]),
        ("[[group]]\nname = 'noc'\n" + OURS + "group = 'noc'\n", []),
        (
            "[[group]]\nname = 'noc'\n" + OURS + "group = 'nok'\n",
            [(1, "group_unused"), (3, "group_unknown")],
        ),
        (
            "[[group]]\nname = 'noc'\nmute_until = 2020-01-01T00:00:00Z\n" + OURS + "group='noc'",
            [(1, "mute_expired")],
        ),
        (OURS + OURS.replace("[64500]", "[64501]\nignore = true"), [(1, "shadowed")]),
        (OURS + OURS + "upstreams = [1]\n", [(4, "shadowed")]),
        (OURS + OURS.replace("[64500]", "[]"), [(4, "shadowed")]),
        (OURS + OURS.replace("64500", "64501") + "upstreams = [1]\n", []),
    ],
)
def test_what_in_a_watchlist_can_never_matter_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rules: str,
    expected: list[tuple[int, str]],
) -> None:
    assert check(tmp_path, rules, "--json") == bool(expected)
    assert warnings(capsys.readouterr().out) == expected


def test_a_configured_source_of_vrps_that_is_away_is_an_unreachable_service(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--set", f"rpki.vrps={tmp_path}/nowhere.json", "--set", "rpki.fetch_timeout_s=1")
    assert check(tmp_path, OURS, *flags) == 3
    assert "VRPs: " in capsys.readouterr().err


def test_old_vrps_of_a_configured_source_give_no_warnings_but_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vrps = tmp_path / "old.json"
    roa = {"prefix": "203.0.113.0/24", "maxLength": 24, "asn": 64500}
    vrps.write_text(json.dumps({"metadata": {"buildtime": "2020-01-01T00:00:00Z"}, "roas": [roa]}))
    assert check(tmp_path, OURS, "--set", f"rpki.vrps={vrps}") == 3
    assert "too old for a verdict" in capsys.readouterr().err


def test_without_a_watchlist_the_check_says_how_to_name_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["watch", "check"]) == 2
    assert "name one with --watch FILE, or watch.file" in capsys.readouterr().err
