"""Every setting, its value and where it came from, with secrets masked."""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bgptui.config.load import FILE_NAME, Loaded, Origin
from bgptui.config.mask import mask
from bgptui.config.setting import Setting, settings


class Row(Struct, frozen=True):
    """One line of `bgptui config show`.

    Attributes:
        value: ready for JSON.
        source: the variable or the file where `origin` has one, else empty.
    """

    setting: str
    value: Any
    origin: Origin
    source: str


def rows(loaded: Loaded) -> list[Row]:
    """Every setting in the order of the schema."""
    return [_row(loaded, setting) for setting in settings().values()]


def table(shown: Sequence[Row]) -> str:
    """The rows as aligned text, a line each."""
    cells = [(row.setting, _text(row.value), f"{row.origin} {row.source}".strip()) for row in shown]
    name_width, value_width = (max(len(cell[i]) for cell in cells) for i in (0, 1))
    # One very long value must not push every origin off the screen.
    value_width = min(value_width, 40)
    return "\n".join(
        f"{name:<{name_width}}  {value:<{value_width}}  {origin}" for name, value, origin in cells
    )


def example_file() -> Path:
    """The file that explains every setting: in a wheel beside this module, in a checkout at
    its root."""
    shipped = Path(__file__).parent / FILE_NAME
    return shipped if shipped.is_file() else Path(__file__).parents[2] / FILE_NAME


def _row(loaded: Loaded, setting: Setting) -> Row:
    value = msgspec.to_builtins(
        reduce(getattr, setting.name.split("."), loaded.config), enc_hook=str
    )
    origin = loaded.origins[setting.name]
    source = {
        Origin.ENVIRONMENT: setting.environment,
        Origin.FILE: str(loaded.file),
    }.get(origin, "")
    return Row(setting.name, _masked(value), origin, source)


def _masked(value: Any) -> Any:
    """The value without passwords and without the keys that are not set."""
    match value:
        case str():
            return mask(value)
        case list() | tuple():
            return [_masked(item) for item in value]
        case dict():
            return {key: _masked(item) for key, item in value.items() if item is not None}
    return value


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
