"""The schema as a flat list of settings, and the reading of one value."""

import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct, inspect

from bgptui.config.schema import Config, Section
from bgptui.errors import UsageError


class Setting(Struct, frozen=True):
    """One key of the configuration.

    Attributes:
        name: `section.key`, e.g. `store.retention.alerts`.
        type: its annotation in schema.py.
        default: its value where nothing sets it.
    """

    name: str
    type: Any
    default: Any

    @property
    def environment(self) -> str:
        """Its environment variable, e.g. BGPTUI_STORE_RETENTION_ALERTS."""
        return "BGPTUI_" + self.name.upper().replace(".", "_")

    @property
    def is_path(self) -> bool:
        """Whether a relative value is taken relative to where it was set."""
        return bool(_extra(_item(self.type) or self.type).get("path"))


class Wrong(Struct, frozen=True):
    """What is wrong with one value: `name` of the (sub-)key, `value`, and what is allowed."""

    name: str
    value: Any
    remedy: str


@cache
def settings() -> dict[str, Setting]:
    """Every setting by its name, in the order of schema.py."""
    return {setting.name: setting for setting in _walk(Config, "")}


def section_type(section: type[Section], key: str) -> type[Section] | None:
    """The section nested in `section` under `key`; None where there is none."""
    for field in msgspec.structs.fields(section):
        if field.name == key and _is_section(field.type):
            found: type[Section] = field.type
            return found
    return None


def read(setting: Setting, value: Any) -> Any:
    """The value of a TOML file, or of a caller, as the setting's type.

    Raises:
        BadValue: names each part that is wrong.
    """
    wrong = list(_check(setting.name, value, setting.type))
    if wrong:
        raise BadValue(wrong)
    return msgspec.convert(value, setting.type)


def read_text(setting: Setting, text: str) -> Any:
    """The value of an environment variable or a flag as the setting's type.

    Text stands for itself; numbers and true or false are read; a list is written as in TOML.

    Raises:
        BadValue: it cannot be read so.
    """
    if get_origin(setting.type) is tuple:
        try:
            return read(setting, tomllib.loads(f"value = {text}")["value"])
        except tomllib.TOMLDecodeError:
            raise BadValue([Wrong(setting.name, text, allowed(setting.type))]) from None
    try:
        return msgspec.convert(text, setting.type, strict=False)
    except msgspec.ValidationError:
        raise BadValue([Wrong(setting.name, text, allowed(setting.type))]) from None


class BadValue(UsageError):
    """A value is not of its setting's type or out of its bounds; `wrong` says where."""

    def __init__(self, wrong: list[Wrong]) -> None:
        super().__init__("; ".join(f"{part.name}: must be {part.remedy}" for part in wrong))
        self.wrong = wrong


def allowed(annotation: Any) -> str:
    """What a value may be, for a person: `a whole number of days from 1 to 3660`."""
    info = inspect.type_info(annotation)
    extra = _extra(annotation)
    if isinstance(info, inspect.Metadata):
        info = info.type
    if "kind" in extra:
        return str(extra["kind"])
    match info:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return _number("a whole number", info, extra)
        case inspect.FloatType():
            return _number("a number", info, extra)
        case inspect.EnumType():
            return "one of " + ", ".join(f'"{member.value}"' for member in info.cls)
        case inspect.StrType(min_length=least, max_length=most) if most is not None:
            return f"text of {least or 0} to {most} characters"
        case inspect.StrType():
            return "text"
        case inspect.UnionType(types=(first, *_)):
            return allowed(first.cls) if isinstance(first, inspect.EnumType) else "text"
        case inspect.VarTupleType(item_type=inspect.StructType(cls=item)):
            keys = ", ".join(field.name for field in msgspec.structs.fields(item))
            return f"a list of tables with the keys {keys}"
        case inspect.VarTupleType():
            return f"a list, each item {allowed(_item(annotation))}"
    raise TypeError(f"schema.py uses {annotation}, for which setting.py has no words")


def _number(noun: str, info: inspect.IntType | inspect.FloatType, extra: dict[str, Any]) -> str:
    unit = f" of {extra['unit']}" if "unit" in extra else ""
    least = f"above {info.gt:g}" if info.gt is not None else f"at least {info.ge}"
    return f"{noun}{unit}, {least} and at most {info.le}"


def _walk(section: type[Section], prefix: str) -> Iterator[Setting]:
    for field in msgspec.structs.fields(section):
        if _is_section(field.type):
            yield from _walk(field.type, f"{prefix}{field.name}.")
        else:
            yield Setting(f"{prefix}{field.name}", field.type, field.default)


def _check(name: str, value: Any, annotation: Any) -> Iterator[Wrong]:
    """What is wrong with a value, down to the elements of a list and the keys of its tables."""
    if get_origin(annotation) is tuple:
        item = get_args(annotation)[0]
        if not isinstance(value, list | tuple):
            yield Wrong(name, value, allowed(annotation))
            return
        for index, each in enumerate(value):
            check = _check_table if _is_section(item) else _check
            yield from check(f"{name}[{index}]", each, item)
        return
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        yield Wrong(name, value, allowed(annotation))


def _check_table(name: str, table: Any, section: type[Section]) -> Iterator[Wrong]:
    if isinstance(table, section):
        return
    fields = {field.name: field.type for field in msgspec.structs.fields(section)}
    if not isinstance(table, dict):
        yield Wrong(name, table, f"a table with the keys {', '.join(fields)}")
        return
    for key, value in table.items():
        if key in fields:
            yield from _check(f"{name}.{key}", value, fields[key])
        else:
            yield Wrong(f"{name}.{key}", value, f"one of the keys {', '.join(fields)}")


def _item(annotation: Any) -> Any:
    """What a list is of; None for what is no list."""
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _extra(annotation: Any) -> dict[str, Any]:
    info = inspect.type_info(annotation)
    return (info.extra or {}) if isinstance(info, inspect.Metadata) else {}
