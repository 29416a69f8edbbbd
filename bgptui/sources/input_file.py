"""What a recorded input is, told by its content: RIS Live frames, MRT messages or an MRT table."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from itertools import chain
from pathlib import Path

from bgptui.errors import BadInput, UsageError
from bgptui.sources.first_lines import has_frame
from bgptui.sources.mrt import RIB_TYPES
from bgptui.sources.mrt_records import HEADER_BYTES, record_kind, record_time
from bgptui.sources.packed_file import STDIN, read_chunks

log = logging.getLogger(__name__)

DEFAULT_COLLECTOR = "mrt"

# Of a folder's files that are no recording.
_LEFT_OUT_SHOWN = 10

_TIMESTAMP = re.compile(rb'"timestamp"\s*:\s*(\d{1,10}(?:\.\d{1,9})?)')
# RIS and RouteViews name their collectors so, in their archives' folders and in file names.
_COLLECTOR = re.compile(
    r"(?<![a-z0-9])(rrc\d\d|route-views\d*(?:\.(?!updates|rib|bview|bz2|gz|zst|mrt)[a-z]+\d*)?)"
    r"(?![a-z0-9])",
    re.IGNORECASE,
)


class InputKind(Enum):
    """FRAMES: text, one RIS Live message a line. MRT: messages. RIB: a routing table in MRT.
    OTHER: binary, and not MRT."""

    FRAMES = auto()
    MRT = auto()
    RIB = auto()
    OTHER = auto()


def size_of(name: str) -> int | None:
    """Bytes of the file as it lies on disk; None for standard input and pipes."""
    if name == STDIN or not Path(name).is_file():
        return None
    return Path(name).stat().st_size


def open_messages(
    name: str, *, on_read: Callable[[int], None]
) -> tuple[InputKind, Iterator[bytes]]:
    """(FRAMES or MRT, content) of an input.

    The content raises BadInput `torn_file` where it is torn, after everything before the tear.

    Args:
        on_read: told how many bytes were read from disk.
    Raises:
        UsageError: it cannot be read, is a routing table, or no recording at all.
    """
    kind, _head, content = _open(name, on_read)
    if kind is InputKind.RIB:
        raise UsageError(
            f"{name}: is a routing table, not messages; replay takes it as --rib {name}"
        )
    if kind is InputKind.OTHER:
        raise UsageError(
            f"{name}: is binary, not a RIS Live recording (JSON lines, one message a line) and "
            "not MRT"
        )
    return kind, content


def open_rib(name: str, *, on_read: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The content of an MRT routing table, as `open_messages` gives it.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    kind, _head, content = _open(name, on_read or _ignore)
    if kind is not InputKind.RIB:
        raise UsageError(f"{name}: not a routing table (MRT TABLE_DUMP or TABLE_DUMP_V2)")
    return content


def expand(names: Sequence[str]) -> list[str]:
    """Files as they are, and the recordings in each folder and those below it.

    In a folder routing tables and files that are no recording are left out, with a warning.

    Raises:
        UsageError: as `open_messages`, or a folder holds no recording.
    """
    files: list[str] = []
    for name in names:
        path = Path(name)
        if name != STDIN and path.is_dir():
            files += _recordings_in(path)
            continue
        if name != STDIN and not path.exists():
            raise UsageError(f"{name}: there is no such file")
        if path.is_file():
            open_messages(name, on_read=_ignore)
        files.append(name)
    return files


def begin_of(name: str) -> float:
    """Event time of the first message of an input, or of a routing table; -inf where that takes
    more than a look."""
    if not Path(name).is_file():
        return float("-inf")
    kind, head, _content = _open(name, _ignore)
    if kind in (InputKind.MRT, InputKind.RIB):
        return record_time(head)
    match = _TIMESTAMP.search(head)
    return float("-inf") if match is None else float(match.group(1))


def collector_of(name: str, default: str) -> str:
    """The collector that the path of an MRT file names: the file's name, then its folders from
    the innermost."""
    path = Path(name).absolute()
    for part in (path.name, *(folder.name for folder in path.parents)):
        match = _COLLECTOR.search(part)
        if match is not None:
            return match.group(1).lower()
    return default


def _recordings_in(folder: Path) -> list[str]:
    found: list[str] = []
    left_out: list[str] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        kind, _head, content = _open(str(path), _ignore)
        if kind is InputKind.MRT or (kind is InputKind.FRAMES and has_frame(content)):
            found.append(str(path))
        elif kind is InputKind.RIB:
            left_out.append(f"{path} is left out: it is a routing table (--rib takes it)")
        else:
            left_out.append(f"{path} is left out: neither RIS Live frames nor MRT")
    for text in left_out[:_LEFT_OUT_SHOWN]:
        log.warning("%s", text)
    if len(left_out) > _LEFT_OUT_SHOWN:
        log.warning("%s: %d more are left out", folder, len(left_out) - _LEFT_OUT_SHOWN)
    if not found:
        raise UsageError(f"{folder}: no file in it is a recording (RIS Live JSON lines or MRT)")
    return found


def _open(name: str, on_read: Callable[[int], None]) -> tuple[InputKind, bytes, Iterator[bytes]]:
    """(kind, first bytes, whole content)."""
    chunks = read_chunks(name, on_read=on_read)
    head = b""
    try:
        while len(head) < HEADER_BYTES:
            head += next(chunks)
    except StopIteration:
        pass
    except BadInput as torn:
        return _kind(head), head, _with_tear(head, torn)
    return _kind(head), head, chain((head,), chunks)


def _kind(head: bytes) -> InputKind:
    mrt = record_kind(head)
    if mrt is not None:
        return InputKind.RIB if mrt[0] in RIB_TYPES else InputKind.MRT
    # JSON text holds no NUL byte.
    return InputKind.OTHER if b"\0" in head else InputKind.FRAMES


def _with_tear(head: bytes, torn: BadInput) -> Iterator[bytes]:
    yield head
    raise torn


def _ignore(_size_bytes: int) -> None:
    pass
