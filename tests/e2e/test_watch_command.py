from pathlib import Path

import pytest

from bgptui.cli import main

PREFIXES = """
203.0.113.7/24:
  asn: [64500, 64501]
  description: web
  ignoreMorespecifics: false
  group: noc
options:
  monitorASns:
    64500: {upstreams: [64502]}
"""


def test_an_imported_watchlist_can_be_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefixes, watch = tmp_path / "prefixes.yml", tmp_path / "watch.toml"
    prefixes.write_text(PREFIXES)
    assert main(["watch", "import", "bgpalerter", str(prefixes)]) == 0
    imported = capsys.readouterr()
    assert imported.err == f"{prefixes}: 203.0.113.7/24 was read as 203.0.113.0/24\n"
    watch.write_text(imported.out)
    assert main(["watch", "list", "--watch", str(watch)]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in listed] == [
        "203.0.113.0/24 from AS64500, AS64501 [noc] web",
        "AS64500 its new prefixes upstreams AS64502",
    ]


RULES = """
[[prefix]]
prefix = "208.65.152.0/22"
origins = [36561]
max_length = 24
path = [{longer_than = 9}]

[[prefix]]
prefix = "208.65.153.0/24"
ignore = true
"""


def test_a_long_prefix_keeps_its_distance_and_an_ignored_one_expects_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = tmp_path / "watch.toml"
    watch.write_text(RULES)
    assert main(["watch", "list", "--watch", str(watch)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "208.65.152.0/22 up to /24 from AS36561  1 path pattern",
        "208.65.153.0/24       ignored",
    ]


def test_a_prefixes_yml_that_is_wrong_names_file_and_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefixes = tmp_path / "prefixes.yml"
    prefixes.write_text(PREFIXES.replace("64501", "AS0"))
    assert main(["watch", "import", "bgpalerter", str(prefixes)]) == 2
    assert f"{prefixes}: 203.0.113.7/24.asn: 'AS0' is not an AS number" in capsys.readouterr().err


def test_without_a_watchlist_the_command_says_how_to_name_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["watch", "list"]) == 2
    assert "name one with --watch FILE, or watch.file" in capsys.readouterr().err
