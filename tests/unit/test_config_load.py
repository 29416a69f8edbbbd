"""Precedence, paths and the errors of a configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bgptui.config.load import Loaded, Origin, load
from bgptui.config.schema import Config, Keep, Subscription
from bgptui.errors import UsageError


def write(folder: Path, text: str, *, name: str = "bgptui.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def loaded(
    cwd: Path,
    *,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    config_file: Path | None = None,
) -> Loaded:
    """As a user without any settings of their own would get it."""
    home = {"HOME": str(cwd / "home")}
    return load(flags or {}, home | dict(environ or {}), cwd=cwd, config_file=config_file)


def complaint(cwd: Path, text: str, **more: Any) -> str:
    write(cwd, text)
    with pytest.raises(UsageError) as error:
        loaded(cwd, **more)
    assert error.value.exit_code == 2
    return str(error.value).replace(f"{cwd}/", "")


@pytest.mark.skipif(Path("/etc/bgptui/bgptui.toml").exists(), reason="this machine has settings")
def test_without_file_and_environment_everything_has_its_default(tmp_path: Path) -> None:
    result = loaded(tmp_path)
    assert result.config == Config()
    assert set(result.origins.values()) == {Origin.DEFAULT}
    assert result.file is None


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(
    tmp_path: Path,
) -> None:
    write(tmp_path, '[store]\nraw_rows = "none"\n[watch]\nmin_peers = 5\n[detect]\nhigh = 0.65\n')
    result = loaded(
        tmp_path,
        flags={"store.raw_rows": "all", "console.operator": None},
        environ={"BGPTUI_STORE_RAW_ROWS": "watched", "BGPTUI_WATCH_MIN_PEERS": "7"},
    )
    assert result.config.store.raw_rows is Keep.ALL
    assert result.config.watch.min_peers == 7
    assert result.config.detect.high == 0.65
    assert [
        result.origins[name]
        for name in ("store.raw_rows", "watch.min_peers", "detect.high", "console.operator")
    ] == [Origin.FLAG, Origin.ENVIRONMENT, Origin.FILE, Origin.DEFAULT]


def test_the_first_file_that_exists_wins_and_the_others_are_not_read(tmp_path: Path) -> None:
    here, xdg = tmp_path / "here", tmp_path / "xdg"
    here.mkdir()
    home = write(tmp_path / "home/.config/bgptui", "[watch]\nmin_peers = 2\n")
    environ = {"HOME": str(tmp_path / "home")}
    assert load({}, environ, cwd=here).file == home

    write(xdg / "bgptui", "[watch]\nmin_peers = 3\n")
    environ["XDG_CONFIG_HOME"] = str(xdg)
    assert load({}, environ, cwd=here).config.watch.min_peers == 3

    write(here, "[console]\nbell = false\n")
    result = load({}, environ, cwd=here)
    assert result.file == here / "bgptui.toml"
    assert result.config.watch.min_peers == Config().watch.min_peers


def test_a_relative_xdg_config_home_is_ignored(tmp_path: Path) -> None:
    write(tmp_path / "xdg/bgptui", "[watch]\nmin_peers = 9\n")
    home = write(tmp_path / "home/.config/bgptui", "[watch]\nmin_peers = 2\n")
    assert loaded(tmp_path, environ={"XDG_CONFIG_HOME": "xdg"}).file == home


def test_config_names_the_file_and_nothing_else_is_searched(tmp_path: Path) -> None:
    write(tmp_path, "this is not TOML")
    other = write(tmp_path / "other", "[watch]\nmin_peers = 4\n", name="mine.toml")
    result = loaded(tmp_path, config_file=Path("other/mine.toml"))
    assert result.config.watch.min_peers == 4
    assert result.file == other


def test_config_of_a_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml: there is no such settings file"):
        loaded(tmp_path, config_file=Path("nowhere.toml"))


def test_relative_paths_start_where_they_were_set(tmp_path: Path) -> None:
    cwd, xdg = tmp_path / "cwd", tmp_path / "xdg"
    cwd.mkdir()
    write(
        xdg / "bgptui",
        '[watch]\nfile = "watch.toml"\n[feed]\nwarm_up = "/srv/day.jsonl"\n'
        '[store]\ndata_dir = "~/bgp"\n[rpki]\nvrps = "https://rpki.example.net/vrps.json"\n',
    )
    environ = {"XDG_CONFIG_HOME": str(xdg), "HOME": str(tmp_path / "home")}
    config = load({}, environ, cwd=cwd).config
    assert config.watch.file == str(xdg / "bgptui/watch.toml")
    assert config.feed.warm_up == "/srv/day.jsonl"
    assert config.store.data_dir == str(tmp_path / "home/bgp")
    assert config.rpki.vrps == "https://rpki.example.net/vrps.json"

    config = load(
        {"rpki.vrps": "a.json"}, environ | {"BGPTUI_WATCH_FILE": "b.toml"}, cwd=cwd
    ).config
    assert config.rpki.vrps == str(cwd / "a.json")
    assert config.watch.file == str(cwd / "b.toml")


def test_subscriptions_come_from_tables_or_from_the_environment(tmp_path: Path) -> None:
    write(
        tmp_path,
        '[[feed.subscription]]\nhost = "rrc00"\n'
        '[[feed.subscription]]\nprefix = "192.0.2.0/24"\ntype = "UPDATE"\n',
    )
    first, second = loaded(tmp_path).config.feed.subscription
    assert first == Subscription(host="rrc00")
    assert (second.prefix, second.type, second.more_specific) == ("192.0.2.0/24", "UPDATE", True)

    environ = {"BGPTUI_FEED_SUBSCRIPTION": '[{path = "64500$"}]'}
    assert loaded(tmp_path, environ=environ).config.feed.subscription == (
        Subscription(path="64500$"),
    )


def test_an_empty_variable_empties_a_text(tmp_path: Path) -> None:
    write(tmp_path, '[store]\ndsn = "host=db"\n')
    assert loaded(tmp_path, environ={"BGPTUI_STORE_DSN": ""}).config.store.dsn == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '[store]\n\nraw_jsn = "all"\n',
            'bgptui.toml:3: unknown setting store.raw_jsn = "all"; did you mean store.raw_json?',
            id="misspelt key",
        ),
        pytest.param(
            "[alerts]\nmin_peers = 4\n",
            "bgptui.toml:2: unknown setting alerts.min_peers = 4; did you mean watch.min_peers?",
            id="key of another section",
        ),
        pytest.param(
            '[stroe]\ndsn = "x"\n',
            "bgptui.toml:1: unknown setting stroe; did you mean store?",
            id="misspelt section",
        ),
        pytest.param(
            "colour = 1\n",
            "bgptui.toml:1: unknown setting colour = 1; `bgptui config show` lists them all",
            id="nothing near",
        ),
        pytest.param(
            "store = 5\n",
            "bgptui.toml:1: store = 5: must be a table [store] with the keys dsn, data_dir, "
            "connect_timeout_s, raw_rows, raw_json, raw_max_gib, spool_dir, spool_max_mib, "
            "compress_after_days, retention",
            id="value for a section",
        ),
        pytest.param(
            '[store]\nraw_rows = "some"\n',
            'bgptui.toml:2: store.raw_rows = "some": must be one of "all", "watched", "none"',
            id="not one of the words",
        ),
        pytest.param(
            "[store.retention]\nalerts = 0\n",
            "bgptui.toml:2: store.retention.alerts = 0: must be a whole number of days, "
            "at least 1 and at most 3660",
            id="below the bound",
        ),
        pytest.param(
            "store.retention.alerts = 1.5\n",
            "bgptui.toml:1: store.retention.alerts = 1.5: must be a whole number of days, "
            "at least 1 and at most 3660",
            id="dotted key",
        ),
        pytest.param(
            "[feed]\nopen_timeout_s = nan\n",
            "bgptui.toml:2: feed.open_timeout_s = NaN: must be a number of seconds, above 0 and "
            "at most 31536000",
            id="not a number",
        ),
        pytest.param(
            "[console]\nbell = 1\n",
            "bgptui.toml:2: console.bell = 1: must be true or false",
            id="number for a truth value",
        ),
        pytest.param(
            '[feed]\nurl = "https://ris-live.ripe.net/"\n',
            'bgptui.toml:2: feed.url = "https://ris-live.ripe.net/": must be an address with '
            "ws:// or wss://",
            id="not a WebSocket address",
        ),
        pytest.param(
            '[feed]\n[[feed.subscription]]\n[[feed.subscription]]\nhots = "rrc00"\n',
            'bgptui.toml:4: feed.subscription[1].hots = "rrc00": must be one of the keys host, '
            "prefix, more_specific, less_specific, path, type, peer",
            id="misspelt key of a subscription",
        ),
        pytest.param(
            '[[feed.subscription]]\nprefix = "192.0.2.1/24"\n',
            'bgptui.toml:2: feed.subscription[0].prefix = "192.0.2.1/24": must be an IPv4 or IPv6 '
            "prefix without host bits, e.g. 192.0.2.0/24",
            id="host bits in a subscription",
        ),
        pytest.param(
            "[feed]\nsubscription = []\n",
            "bgptui.toml:2: feed.subscription = []: must be at least one table; "
            "[{}] asks for everything",
            id="no subscription",
        ),
        pytest.param(
            "[detect]\nmedium = 0.7\n",
            "bgptui.toml:2: detect.high = 0.6: must be at least detect.medium (0.7)",
            id="contradicts a default",
        ),
        pytest.param(
            '[feed]\ncollectors = ["rrc00", "RRC 1"]\n',
            'bgptui.toml:2: feed.collectors[1] = "RRC 1": must be the short name of a RIS host, '
            'as "rrc00"',
            id="an item of a list",
        ),
        pytest.param(
            '[feed]\ncollectors = ["rrc00"]\nwarm_up = "/day"\n',
            'bgptui.toml:3: feed.warm_up = "/day": must be ""',
            id="a setting that does not go with sharing",
        ),
        pytest.param(
            '[store]\ndsn = ["postgresql://noc:hunter2@db/bgp"]\n',
            'bgptui.toml:2: store.dsn = "***": must be text',
            id="a password is not shown",
        ),
        pytest.param(
            '[store]\ndsn = "postgresql://noc:hunter2@db\n',
            "bgptui.toml:2: no valid TOML: Illegal character '\\n'",
            id="no TOML, no password shown",
        ),
        pytest.param(
            "[store]\nraw_rows =",
            "bgptui.toml:2: no valid TOML: Invalid value",
            id="no TOML at the end",
        ),
    ],
)
def test_a_wrong_file_names_line_key_value_and_remedy(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert complaint(tmp_path, text) == expected


def test_every_error_is_reported_a_line_each(tmp_path: Path) -> None:
    lines = complaint(
        tmp_path,
        "[watch]\nmin_peers = 0\n[console]\nbel = true\n",
        flags={"watch.min_peer": 3},
        environ={"BGPTUI_DETECT_HIGH": "tall"},
    ).splitlines()
    assert lines == [
        "flag: watch.min_peer is no setting; did you mean watch.min_peers?",
        'environment BGPTUI_DETECT_HIGH: detect.high = "tall": must be a number, at least 0 and '
        "at most 1",
        "bgptui.toml:2: watch.min_peers = 0: must be a whole number of peers, at least 1 and "
        "at most 10000",
        "bgptui.toml:4: unknown setting console.bel = true; did you mean console.bell?",
    ]


def test_a_variable_that_names_no_setting_is_an_error_without_its_value(tmp_path: Path) -> None:
    message = complaint(tmp_path, "", environ={"BGPTUI_STOR_DSN": "postgresql://noc:hunter2@db"})
    assert message == (
        "environment: BGPTUI_STOR_DSN names no setting; did you mean BGPTUI_STORE_DSN?"
    )


def test_the_variables_of_the_test_suite_are_no_settings(tmp_path: Path) -> None:
    environ = {"BGPTUI_REQUIRE_SHARED": "1", "BGPTUI_TEST_ANYTHING": "1"}
    assert loaded(tmp_path, environ=environ).config == Config()


def test_a_file_that_is_a_folder_or_no_text_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / "bgptui.toml").mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        loaded(folder)
    (tmp_path / "bgptui.toml").write_bytes(b"[store]\n\xff")
    with pytest.raises(UsageError, match="byte 8 is no UTF-8 text"):
        loaded(tmp_path)


def test_line_numbers_survive_multi_line_strings_and_windows_line_ends(tmp_path: Path) -> None:
    quoted = '[console]\noperator = """\n[watch]\nmin_peers = 0\n"""\n'
    text = f"{quoted}[watch]\nmin_peers = 0\n".replace("\n", "\r\n")
    (tmp_path / "bgptui.toml").write_bytes(text.encode())
    with pytest.raises(UsageError, match=r"bgptui\.toml:7: watch\.min_peers = 0"):
        loaded(tmp_path)
