"""Reads a TOML file and remembers on which line each key stands."""

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from bgptui.errors import UsageError

# A hundred thousand rules; /dev/zero has no end.
MOST_BYTES = 2**24

_HEADER = re.compile(r"^\s*(\[\[?)([^\[\]]+)\]")
_KEY = re.compile(r"""^\s*([A-Za-z0-9_\-."' ]+?)\s*=""")
_WHERE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


class TomlFile(Struct, frozen=True):
    """A file as read.

    Attributes:
        tables: its content, as tomllib gives it.
        lines: line of each key and table by its dotted name, a table of an array with its
            index: `store.dsn`, `feed.subscription[0].host`. Best effort: a key that stands
            inside an inline table has none.
    """

    path: Path
    tables: dict[str, Any]
    lines: dict[str, int]

    def place(self, name: str) -> str:
        """`file:line` of a key, or of the nearest table around it whose line is known."""
        while name:
            if name in self.lines:
                return f"{self.path}:{self.lines[name]}"
            name = name[:-1].rpartition("[")[0] if name.endswith("]") else name.rpartition(".")[0]
        return str(self.path)


def read_toml(path: Path) -> TomlFile | None:
    """The file, or None where there is none.

    Raises:
        UsageError: it cannot be read, is no UTF-8 text or no TOML; names file and line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UsageError(f"{path}: is larger than {MOST_BYTES // 2**20} MiB")
        text = content.decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is no UTF-8 text") from None
    text = text.replace("\r\n", "\n")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
        where = _WHERE.search(problem)
        line = int(where[1]) if where and where[1] else len(text.rstrip().splitlines())
        # The parser's word is enough; the line's text is not shown, it may hold a password.
        raise UsageError(f"{path}:{line}: no valid TOML: {_WHERE.sub('', problem)}") from None
    except RecursionError:
        raise UsageError(f"{path}: no valid TOML: nested too deeply") from None
    return TomlFile(path, tables, _lines(text))


def _lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    inside = ""  # the quotes of a multi-line string that is open
    for number, line in enumerate(text.splitlines(), start=1):
        if inside:
            inside = "" if line.count(inside) % 2 else inside
            continue
        if header := _HEADER.match(line):
            table = _indexed(_dotted(header[2]), counts)
            if header[1] == "[[":
                index = counts.get(table, 0)
                counts[table] = index + 1
                lines.setdefault(table, number)
                table = f"{table}[{index}]"
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            name = _dotted(key[1])
            lines.setdefault(f"{table}.{name}" if table else name, number)
        inside = next((q for q in ('"""', "'''") if line.count(q) % 2), "")
    return lines


def _indexed(name: str, counts: dict[str, int]) -> str:
    """`prefix.path` as `prefix[2].path` where it stands inside the third [[prefix]]."""
    parent, dot, last = name.rpartition(".")
    if not dot:
        return name
    parent = _indexed(parent, counts)
    inside = f"{parent}[{counts[parent] - 1}]" if parent in counts else parent
    return f"{inside}.{last}"


def _dotted(key: str) -> str:
    return ".".join(part.strip(" \"'\t") for part in key.split("."))
