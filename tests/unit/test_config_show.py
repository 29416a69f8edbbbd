"""bgptui.toml at the root, `config show`, and what is masked."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from bgptui.config.load import Origin, load
from bgptui.config.mask import mask
from bgptui.config.schema import Config, Subscription
from bgptui.config.setting import settings
from bgptui.config.show import example_file, rows, table

SETTING = re.compile(r"^#(?=[a-z_]+ = )", re.MULTILINE)


def test_the_example_file_as_it_stands_sets_nothing(tmp_path: Path) -> None:
    result = load({}, {}, cwd=tmp_path, config_file=example_file())
    assert result.config == Config()
    assert set(result.origins.values()) == {Origin.DEFAULT}


def test_the_example_file_uncommented_is_every_setting_at_its_default(tmp_path: Path) -> None:
    uncommented = tmp_path / "all.toml"
    uncommented.write_text(SETTING.sub("", example_file().read_text()))
    result = load({}, {}, cwd=tmp_path, config_file=uncommented)
    assert result.config == Config()
    assert set(result.origins.values()) == {Origin.FILE}


def test_the_example_file_keeps_the_order_of_the_schema_and_explains_each_setting() -> None:
    lines = example_file().read_text().splitlines()
    keys = []
    for before, line in pairwise(lines):
        if SETTING.match(line):
            keys.append(line[1:].partition(" ")[0])
            assert before.startswith("# "), f"{line} is not explained"
    assert keys == [name.rpartition(".")[2] for name in settings()]


def test_the_example_file_names_every_key_of_a_subscription() -> None:
    text = example_file().read_text()
    for field in msgspec.structs.fields(Subscription):
        assert re.search(rf"^#.*\b{field.name}\b", text, re.MULTILINE)


def test_no_two_settings_share_a_variable() -> None:
    variables = [setting.environment for setting in settings().values()]
    assert len(set(variables)) == len(variables)


def test_config_show_lists_every_setting_with_its_origin_and_without_passwords(
    tmp_path: Path,
) -> None:
    file = tmp_path / "bgptui.toml"
    file.write_text('[[feed.subscription]]\nhost = "rrc00"\n')
    shown = rows(
        load(
            {"watch.min_peers": 2},
            {"BGPTUI_STORE_DSN": "postgresql://noc:hunter2@db/bgp"},
            cwd=tmp_path,
        )
    )
    assert [row.setting for row in shown] == list(settings())
    by_name = {row.setting: row for row in shown}
    assert by_name["store.dsn"].value == "postgresql://noc:***@db/bgp"
    assert by_name["store.dsn"].source == "BGPTUI_STORE_DSN"
    assert by_name["feed.subscription"].value == [
        {"host": "rrc00", "more_specific": True, "less_specific": False}
    ]
    assert (by_name["feed.subscription"].origin, by_name["feed.subscription"].source) == (
        Origin.FILE,
        str(file),
    )
    assert (by_name["watch.min_peers"].value, by_name["watch.min_peers"].origin) == (2, "flag")
    text = table(shown)
    assert "hunter2" not in text
    assert len(text.splitlines()) == len(settings())
    assert re.search(r'^store\.raw_rows +"all" +default$', text, re.MULTILINE)
    assert "hunter2" not in msgspec.json.encode(shown).decode()


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("postgresql://noc:hunter2@db/bgp", "postgresql://noc:***@db/bgp"),
        ("postgresql://noc:hun@ter2@db/bgp", "postgresql://noc:***@db/bgp"),
        ("postgresql://noc:hun ter2@db", "postgresql://noc:***@db"),
        ("postgresql://:hunter2@db", "postgresql://:***@db"),
        ("postgresql://noc:hunter2@a,b:5433/bgp", "postgresql://noc:***@a,b:5433/bgp"),
        ("postgresql://db/bgp?user=noc&password=hunter2&a=b", "postgresql://db/bgp?user=noc&password=***&a=b"),
        ("host=db password=hunter2 user=noc", "host=db password=*** user=noc"),
        (r"host=db password = 'hun\'t er2' user=noc", "host=db password = *** user=noc"),
        ("host=db password='hunter2", "host=db password=***"),
        ("sslpassword=hunter2", "sslpassword=***"),
        ("https://rpki.example.net/vrps.json?token=hunter2", "https://rpki.example.net/vrps.json?token=***"),
        ("postgresql://noc@db:5432/bgp", "postgresql://noc@db:5432/bgp"),
        ("postgresql://noc@[2001:db8::1]:5432/bgp", "postgresql://noc@[2001:db8::1]:5432/bgp"),
        ("wss://ris-live.ripe.net/v1/ws/", "wss://ris-live.ripe.net/v1/ws/"),
        ("", ""),
    ],
)  # fmt: skip
def test_passwords_are_masked_and_nothing_else(secret: str, shown: str) -> None:
    assert mask(secret) == shown


def test_the_example_file_is_toml_with_every_section() -> None:
    assert set(tomllib.loads(example_file().read_text())) == {
        field.name for field in msgspec.structs.fields(Config)
    }
