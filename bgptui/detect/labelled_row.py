"""One row of a CSV file of labelled minutes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bgptui.domain.routing import Peer
from bgptui.domain.window import FEATURES, WINDOW_S, FeatureWindow
from bgptui.errors import BadInput

PEER_COLUMNS = ("collector", "peer_addr", "peer_asn")

_TRUE = ("1", "1.0", "t", "true")
_FALSE = ("0", "0.0", "f", "false")


@dataclass(frozen=True)
class LabelledRow:
    """A minute as a file has it.

    Attributes:
        line: number in the file; time: as it stands there.
        empty: features whose cell is empty.
        says_gaps: the file has a column `gap`.
    """

    line: int
    time: str
    window: FeatureWindow
    label: bool
    empty: tuple[str, ...]
    says_gaps: bool


def parse_row(cells: Mapping[str, str], *, where: str, line: int) -> LabelledRow:
    """Read one row.

    Args:
        cells: by column, stripped; all of the nine features, and a time.
        where: file and line, for errors.
    Raises:
        BadInput: names the column and the value.
    """
    announcements = _count(cells, "announcements", where)
    withdrawals = _count(cells, "withdrawals", where)
    path_length = _number(cells, "path_length", where)
    window = FeatureWindow(
        start=_minute(cells, where),
        peer=_peer(cells, where),
        announcements=announcements,
        withdrawals=withdrawals,
        flap_count=_count(cells, "flap_count", where),
        # Files that have no NULL write 0 for a minute without announcements.
        path_length=path_length if announcements and path_length else None,
        unique_peers=_count(cells, "unique_peers", where),
        message_rate=_number(cells, "message_rate", where),
        session_resets=_count(cells, "session_resets", where),
        gap=_truth(cells, "gap", where),
    )
    for name in ("announcements", "withdrawals"):
        if not cells[name]:
            raise BadInput(f"{where}: {name} is empty")
    total_updates = _count(cells, "total_updates", where)
    if cells["total_updates"] and total_updates != window.total_updates:
        raise BadInput(
            f"{where}: total_updates {total_updates} is not announcements + withdrawals "
            f"({announcements} + {withdrawals})"
        )
    _number(cells, "withdrawal_ratio", where)
    return LabelledRow(
        line=line,
        time=cells.get("epoch") or cells["timestamp"],
        window=window,
        label=_truth(cells, "label", where),
        empty=tuple(name for name in FEATURES if not cells[name]),
        says_gaps="gap" in cells,
    )


def _minute(cells: Mapping[str, str], where: str) -> int:
    """Start of the minute, seconds since 1970."""
    if "epoch" in cells:
        seconds = _number(cells, "epoch", where)
        name = "epoch"
    else:
        name = "timestamp"
        try:
            moment = datetime.fromisoformat(cells[name])
        except ValueError:
            raise BadInput(f"{where}: timestamp {cells[name]!r} is not ISO 8601") from None
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        seconds = aware.timestamp()
    if not cells[name] or seconds % WINDOW_S:
        raise BadInput(f"{where}: {name} {cells[name]!r} is not the start of a minute")
    return int(seconds)


def _peer(cells: Mapping[str, str], where: str) -> Peer | None:
    """The peer; None where the file has no peers, and in the network's rows."""
    if not cells.get("peer_addr"):
        return None
    return Peer(cells["collector"], cells["peer_addr"], _count(cells, "peer_asn", where))


def _number(cells: Mapping[str, str], name: str, where: str) -> float:
    """0 where the cell is empty."""
    try:
        value = float(cells[name] or 0)
    except ValueError:
        raise BadInput(f"{where}: {name} {cells[name]!r} is not a number") from None
    if not math.isfinite(value) or value < 0:
        raise BadInput(f"{where}: {name} {cells[name]!r} is not a number from 0 up")
    return value


def _count(cells: Mapping[str, str], name: str, where: str) -> int:
    value = _number(cells, name, where)
    if value != int(value):
        raise BadInput(f"{where}: {name} {cells[name]!r} is not a whole number")
    return int(value)


def _truth(cells: Mapping[str, str], name: str, where: str) -> bool:
    """False where there is no such column, or its cell is empty."""
    text = cells.get(name, "").lower()
    if text in _TRUE:
        return True
    if text and text not in _FALSE:
        raise BadInput(f"{where}: {name} {cells[name]!r} is neither 0 nor 1")
    return False
