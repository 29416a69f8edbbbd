"""The configuration in force: flag, before environment, before file, before default."""

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bgptui.config.checks import Contradiction, contradictions
from bgptui.config.mask import MASK, mask
from bgptui.config.schema import Config, Section
from bgptui.config.setting import (
    BadValue,
    Setting,
    Wrong,
    read,
    read_text,
    section_type,
    settings,
)
from bgptui.config.toml_file import TomlFile, read_toml
from bgptui.errors import UsageError

FILE_NAME = "bgptui.toml"
# Variables of the test suite, which are no settings.
NOT_SETTINGS = ("BGPTUI_REQUIRE_SHARED", "BGPTUI_TEST_")

_SECTIONS = tuple(field.name for field in msgspec.structs.fields(Config))
_SECRET = re.compile(r"(?i)dsn|passw|secret|token")


class Origin(StrEnum):
    """Where a setting's value came from, strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


class Loaded(Struct, frozen=True):
    """The configuration in force and where it came from.

    Attributes:
        origins: of every setting, by `section.key`.
        file: the file that was read, None where there was none.
    """

    config: Config
    origins: dict[str, Origin]
    file: Path | None


class _Layer(Struct):
    """One source of settings.

    Attributes:
        base: where its relative paths start.
        place: where a key stands, for error messages.
        problems: what is wrong in it, a line each.
    """

    origin: Origin
    base: Path
    place: Callable[[str], str]
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    problems: list[str] = msgspec.field(default_factory=list)


def load(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    cwd: Path,
    config_file: Path | None = None,
) -> Loaded:
    """The configuration in force.

    Args:
        flags: `section.key` to value. Text is read like an environment variable's; None
            stands for a flag that was not given.
        cwd: where relative paths of flags and environment start, and ./bgptui.toml.
        config_file: read instead of searching; it must exist.
    Raises:
        UsageError: everything that is wrong, a line each: place, key, value and remedy.
    """
    file = _find_file(environ, cwd=cwd, config_file=config_file)
    home = environ.get("HOME", "")
    layers = (
        _flag_layer(flags, base=cwd, home=home),
        _environment_layer(environ, base=cwd, home=home),
        _file_layer(file, home=home),
    )
    if problems := [problem for layer in layers for problem in layer.problems]:
        raise UsageError("\n".join(problems))
    values = {name: setting.default for name, setting in settings().items()}
    winners: dict[str, _Layer] = {}
    for layer in reversed(layers):
        values.update(layer.values)
        winners.update(dict.fromkeys(layer.values, layer))
    config = _build(Config, "", values)
    if wrong := list(contradictions(config)):
        raise UsageError("\n".join(_contradicted(part, winners) for part in wrong))
    origins = {name: winners[name].origin if name in winners else Origin.DEFAULT for name in values}
    return Loaded(config, origins, file.path if file else None)


def _find_file(
    environ: Mapping[str, str], *, cwd: Path, config_file: Path | None
) -> TomlFile | None:
    if config_file is not None:
        file = read_toml(cwd / config_file)
        if file is None:
            raise UsageError(f"{config_file}: there is no such settings file (--config)")
        return file
    for candidate in _search_path(environ, cwd=cwd):
        if file := read_toml(candidate):
            return file
    return None


def _search_path(environ: Mapping[str, str], *, cwd: Path) -> Iterator[Path]:
    yield cwd / FILE_NAME
    # XDG Base Directory Specification: a relative path is invalid and ignored.
    folder = Path(environ.get("XDG_CONFIG_HOME", ""))
    if folder.is_absolute():
        yield folder / "bgptui" / FILE_NAME
    elif home := environ.get("HOME"):
        yield Path(home) / ".config" / "bgptui" / FILE_NAME
    yield Path("/etc/bgptui") / FILE_NAME


def _flag_layer(flags: Mapping[str, Any], *, base: Path, home: str) -> _Layer:
    layer = _Layer(Origin.FLAG, base, lambda _: "flag")
    for name, value in flags.items():
        if value is None:
            continue
        if setting := settings().get(name):
            _take(layer, setting, value, home)
        else:
            layer.problems.append(f"flag: {name} is no setting{_nearest(name, settings())}")
    return layer


def _environment_layer(environ: Mapping[str, str], *, base: Path, home: str) -> _Layer:
    variables = {setting.environment: setting for setting in settings().values()}
    layer = _Layer(
        Origin.ENVIRONMENT, base, lambda name: f"environment {_setting_of(name).environment}"
    )
    for variable, text in sorted(environ.items()):
        if not variable.startswith("BGPTUI_") or variable.startswith(NOT_SETTINGS):
            continue
        if setting := variables.get(variable):
            _take(layer, setting, text, home)
        else:
            near = _nearest(variable, variables)
            layer.problems.append(f"environment: {variable} names no setting{near}")
    return layer


def _file_layer(file: TomlFile | None, *, home: str) -> _Layer:
    if file is None:
        return _Layer(Origin.FILE, Path(), lambda _: "file")
    layer = _Layer(Origin.FILE, file.path.parent, file.place)
    for name, value in _flatten(file.tables, Config, "", layer):
        _take(layer, settings()[name], value, home)
    return layer


def _flatten(
    table: dict[str, Any], section: type[Section], prefix: str, layer: _Layer
) -> Iterator[tuple[str, Any]]:
    """(name, value) of every setting in a table; unknown keys go to the layer's problems."""
    for key, value in table.items():
        name = f"{prefix}{key}"
        nested = section_type(section, key)
        if name in settings():
            yield name, value
        elif nested is not None and isinstance(value, dict):
            yield from _flatten(value, nested, f"{name}.", layer)
        elif nested is not None:
            keys = ", ".join(field.name for field in msgspec.structs.fields(nested))
            remedy = f"a table [{name}] with the keys {keys}"
            layer.problems.append(_complaint(layer.place(name), Wrong(name, value, remedy)))
        else:
            shown = f" = {_shown(name, value)}" if not isinstance(value, dict) else ""
            near = _nearest(name, [*settings(), *_SECTIONS])
            layer.problems.append(f"{layer.place(name)}: unknown setting {name}{shown}{near}")


def _take(layer: _Layer, setting: Setting, value: Any, home: str) -> None:
    as_text = isinstance(value, str) and layer.origin is not Origin.FILE
    try:
        known = read_text(setting, value) if as_text else read(setting, value)
    except BadValue as error:
        layer.problems += [_complaint(layer.place(part.name), part) for part in error.wrong]
        return
    if setting.is_path and isinstance(known, tuple):
        known = tuple(_absolute(path, layer.base, home) for path in known)
    elif setting.is_path:
        known = _absolute(known, layer.base, home)
    layer.values[setting.name] = known


def _absolute(path: str, base: Path, home: str) -> str:
    """A path relative to where it was set; a URL and the empty text stay as they are."""
    if not path or "://" in path:
        return path
    if path.startswith("~/") and home:
        return str(Path(home) / path[2:])
    return str(base / path)


def _build(section: type[Section], prefix: str, values: Mapping[str, Any]) -> Any:
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(section):
        name = f"{prefix}{field.name}"
        nested = section_type(section, field.name)
        fields[field.name] = _build(nested, f"{name}.", values) if nested else values[name]
    return section(**fields)


def _contradicted(part: Contradiction, winners: Mapping[str, _Layer]) -> str:
    """The complaint, placed where the user set one of the two."""
    for name in (part.wrong.name, part.beside):
        if layer := winners.get(name.partition("[")[0]):
            return _complaint(layer.place(name), part.wrong)
    return _complaint("default", part.wrong)


def _complaint(place: str, wrong: Wrong) -> str:
    return f"{place}: {wrong.name} = {_shown(wrong.name, wrong.value)}: must be {wrong.remedy}"


def _shown(name: str, value: Any) -> str:
    """The value on one line, short, without its passwords."""
    if _SECRET.search(name):
        return f'"{MASK}"'
    text = mask(json.dumps(value, default=str, ensure_ascii=False))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _setting_of(name: str) -> Setting:
    """The setting that a key belongs to: `feed.subscription` for `feed.subscription[0].peer`."""
    return settings()[name.partition("[")[0]]


def _nearest(name: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    if not near:
        # The right key in the wrong section.
        key = name.rpartition(".")[2]
        near = [known for known in names if known.rpartition(".")[2] == key]
    return f"; did you mean {near[0]}?" if near else "; `bgptui config show` lists them all"
