"""Labelled minutes from CSV files: what the detector is trained on and judged by.

A header line, then a row a minute: `epoch` (seconds since 1970) or `timestamp` (ISO 8601, UTC
where it names no zone), the nine features in any order, and where they are known `label` (1 in
an anomaly), `gap` (1 where we were blind), and `collector`, `peer_addr`, `peer_asn` (rows of
many peers in one file). Other columns are ignored. Files may be compressed with gzip.

An empty cell is a feature that was not observed. Only path_length may be empty in some rows
and not in others.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TextIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from bgptui.detect.labelled_row import PEER_COLUMNS, LabelledRow, parse_row
from bgptui.domain.routing import Peer
from bgptui.domain.window import FEATURES, FeatureWindow
from bgptui.errors import BadInput, UsageError

_GZIP_MAGIC = b"\x1f\x8b"
_SUFFIXES = (".csv", ".csv.gz")

# A stream that usually has ten updates a minute is never silent for five minutes while it is
# observed (the labelled incidents have no such run outside of missing files); fewer minutes or
# updates, and it may be.
MISSING_FROM_MIN = 5
MISSING_FROM_UPDATES = 10


@dataclass(frozen=True)
class LabelledStream:
    """One stream's minutes.

    Attributes:
        name: of the file, with the peer where the file has several.
        event: the incident it is about; streams of one event are trained on, or judged,
            together.
        windows: in order of time; minutes without a row are missing here, too. Where nothing
            was seen `gap` is set.
        labels: bool [windows], True in an anomaly.
        unobserved: features that are empty or zero in every row, so nothing can be learned
            of them. Their z-score is 0.
    """

    name: str
    event: str
    windows: tuple[FeatureWindow, ...]
    labels: NDArray[np.bool_]
    unobserved: tuple[str, ...]


def read_labelled(paths: Sequence[Path]) -> tuple[LabelledStream, ...]:
    """The streams of CSV files and of folders of CSV files (not of folders in these).

    Streams of the same days are of one event, whatever their files are called: collectors see
    the same storm, so a model must not be trained on one and judged by another.

    Raises:
        BadInput: names file, line and value.
        UsageError: a file cannot be read, or a folder has none.
    """
    return same_days_same_event(
        [stream for path in _csv_files(paths) for stream in read_labelled_file(path)]
    )


def read_labelled_file(path: Path) -> tuple[LabelledStream, ...]:
    """The streams of one file, in order of their peers; mostly one.

    Raises:
        BadInput, UsageError: as of `read_labelled`.
    """
    rows: dict[Peer | None, list[LabelledRow]] = {}
    try:
        with _open(path) as lines:
            for row in _rows(path, lines):
                of_peer = rows.setdefault(row.window.peer, [])
                if of_peer and row.window.start <= of_peer[-1].window.start:
                    raise BadInput(
                        f"{path}:{row.line}: {row.time} does not come after the row before it"
                    )
                of_peer.append(row)
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is not text in UTF-8") from None
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise BadInput(f"{path}: compressed data is torn ({error})") from None
    except csv.Error as error:
        raise BadInput(f"{path}: is not CSV ({error})") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not rows:
        raise BadInput(f"{path}: there are no rows under the header")
    peers = sorted(rows, key=lambda peer: (peer is not None, peer))
    return tuple(_stream(path, rows[peer], is_alone=len(peers) == 1) for peer in peers)


def same_days_same_event(streams: Sequence[LabelledStream]) -> tuple[LabelledStream, ...]:
    """The streams, those that overlap in time with the shortest of their events' names."""
    named = list(streams)
    together: list[int] = []
    last_end = 0
    for place in sorted(range(len(streams)), key=lambda place: streams[place].windows[0].start):
        windows = streams[place].windows
        together = [*together, place] if windows[0].start < last_end else [place]
        last_end = max(last_end, windows[-1].end)
        events = (streams[each].event for each in together)
        event = min(events, key=lambda name: (len(name), name))
        for each in together:
            named[each] = replace(named[each], event=event)
    return tuple(named)


def mark_missing_minutes(windows: Sequence[FeatureWindow]) -> tuple[FeatureWindow, ...]:
    """Set `gap` where a run of rows without any update is missing data, not silence.

    In a file without a `gap` column the two look alike. A stream that usually has ten updates
    a minute or more (median) is taken to be unobserved when it has none for five minutes.
    """
    if np.median([window.total_updates for window in windows]) < MISSING_FROM_UPDATES:
        return tuple(windows)
    marked: list[FeatureWindow] = []
    for is_empty, run in groupby(windows, key=_has_nothing):
        rows = list(run)
        missing = is_empty and len(rows) >= MISSING_FROM_MIN
        marked += [msgspec.structs.replace(row, gap=True) for row in rows] if missing else rows
    return tuple(marked)


def event_of(name: str) -> str:
    """The event that a file is about: `ufam_code-red_rrc04_AS513` is of `code-red`."""
    words = re.sub(r"^(ufam|sfu)_|_rrc\d+(_AS\d+)?$", "", name)
    return words.replace("_", "-").lower()


def _csv_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        files = sorted(file for file in path.iterdir() if file.name.endswith(_SUFFIXES))
        if not files:
            raise UsageError(f"{path}: there are no .csv or .csv.gz files in this folder")
        yield from files


def _open(path: Path) -> TextIO:
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    if is_gzip:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(path: Path, lines: TextIO) -> Iterator[LabelledRow]:
    reader = csv.reader(lines)
    header = [name.strip() for name in next(reader, [])]
    _check_header(path, header)
    for cells in reader:
        if not cells:
            continue
        where = f"{path}:{reader.line_num}"
        if len(cells) != len(header):
            raise BadInput(f"{where}: {len(cells)} values under {len(header)} columns")
        named = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        yield parse_row(named, where=where, line=reader.line_num)


def _check_header(path: Path, header: list[str]) -> None:
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise BadInput(f"{path}:1: column {repeated[0]} stands twice in the header")
    missing = [name for name in FEATURES if name not in header]
    if "epoch" not in header and "timestamp" not in header:
        missing.insert(0, "epoch (or timestamp)")
    if missing:
        raise BadInput(f"{path}:1: the header has no column {', '.join(missing)}")
    of_peer = [name for name in PEER_COLUMNS if name in header]
    if of_peer and len(of_peer) < len(PEER_COLUMNS):
        raise BadInput(f"{path}:1: {', '.join(PEER_COLUMNS)} come together or not at all")


def _stream(path: Path, rows: list[LabelledRow], *, is_alone: bool) -> LabelledStream:
    for name in sorted({name for row in rows for name in row.empty} - {"path_length"}):
        seen = next((row for row in rows if name not in row.empty), None)
        if seen is not None:
            blank = next(row for row in rows if name in row.empty)
            raise BadInput(
                f"{path}:{blank.line}: {name} is empty, but line {seen.line} has a value"
            )
    windows: tuple[FeatureWindow, ...] = tuple(row.window for row in rows)
    if not rows[0].says_gaps:
        windows = mark_missing_minutes(windows)
    peer = rows[0].window.peer
    file_name = re.sub(r"\.csv(\.gz)?$", "", path.name)
    name = file_name if is_alone else f"{file_name} {peer.address if peer else 'network'}"
    return LabelledStream(
        name=name,
        event=event_of(file_name),
        windows=windows,
        labels=np.array([row.label for row in rows], dtype=np.bool_),
        unobserved=tuple(
            feature for feature in FEATURES if not any(getattr(row, feature) for row in windows)
        ),
    )


def _has_nothing(window: FeatureWindow) -> bool:
    return not (window.total_updates or window.message_rate)
