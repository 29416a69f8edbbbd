"""The columns of the alert list, fitted to a width."""

from collections.abc import Callable
from typing import NamedTuple

from bgptui.domain.alert import AlertType, Severity, Status
from bgptui.store.readers import AlertRow
from bgptui.tui.lines import Line, Span, Tone, clean, fit, fit_right
from bgptui.tui.present.bar import SEVERITY_TONE
from bgptui.tui.present.figures import clock_or_day, fraction

SEVERITY_MARK = {
    Severity.CRITICAL: "C!!",
    Severity.HIGH: "H! ",
    Severity.MEDIUM: "M- ",
    Severity.LOW: "L. ",
}
TYPE_LABEL = {
    AlertType.HIJACK: "HIJACK",
    AlertType.LEAK: "LEAK",
    AlertType.RPKI_INVALID: "RPKI",
    AlertType.PATH_ANOMALY: "PATH",
    AlertType.NEW_PREFIX: "NEW-PFX",
    AlertType.VISIBILITY_LOSS: "VISLOSS",
    AlertType.ML_ANOMALY: "ANOMALY",
    AlertType.SESSION: "SESSION",
    AlertType.FEED_GAP: "GAP",
    AlertType.ROA: "ROA",
}
STATUS_LABEL = {
    Status.OPEN: "OPEN",
    Status.ACKNOWLEDGED: "ACK",
    Status.RESOLVED: "RSLVD",
    Status.FALSE_POSITIVE: "FALSE",
}
_STATUS_TONE = {Status.OPEN: Tone.STRONG}
_RPKI_LABEL = {"valid": "val", "invalid": "INV", "not_found": "nf", "unavailable": "na"}


class Column(NamedTuple):
    """A column: `width` 0 takes what is left; rank decides what goes first when it is narrow."""

    name: str
    width: int
    rank: int
    cell: Callable[[AlertRow, float | None], Span]


def subject(row: AlertRow) -> str:
    """What an alert is about: its prefix, else its peer, else the whole network.

    The title of a gap names the collector that it is about; the list has no column for it. A
    trust anchor is nobody's prefix.
    """
    is_of_anchor = row.alert_type is AlertType.ROA and row.prefix is None
    if row.alert_type is AlertType.FEED_GAP or is_of_anchor:
        return row.title
    return row.prefix or row.peer_addr or "whole network"


def _origin(row: AlertRow) -> str:
    if row.origin_asn is not None:
        # Ten digits with the letters would not fit.
        return f"AS{row.origin_asn}" if row.origin_asn < 10**8 else str(row.origin_asn)
    if row.prefix is None and row.peer_asn is not None:
        return f"AS{row.peer_asn}"
    return "-"


def fit_prefix(prefix: str, width: int) -> str:
    """A prefix in `width` cells; what is cut is inside, the length stays."""
    prefix = clean(prefix)
    head, slash, length = prefix.rpartition("/")
    if len(prefix) <= width or not slash:
        return fit(prefix, width)
    kept = width - len(length) - 2
    return f"{head[:kept]}…/{length}" if kept > 0 else fit(prefix, width)


COLUMNS = (
    Column(
        "SEV",
        3,
        0,
        lambda row, _now: Span(SEVERITY_MARK[row.severity], SEVERITY_TONE[row.severity]),
    ),
    Column("ID", 6, 1, lambda row, _now: Span(fit(str(row.alert_id), 6))),
    Column("LAST", 8, 2, lambda row, now: Span(clock_or_day(row.last_seen, now))),
    Column("TYPE", 7, 1, lambda row, _now: Span(fit(TYPE_LABEL[row.alert_type], 7))),
    Column("PREFIX", 0, 0, lambda row, _now: Span(subject(row))),
    Column("ORIGIN", 10, 3, lambda row, _now: Span(fit(_origin(row), 10))),
    Column(
        "RPKI", 4, 5, lambda row, _now: Span(fit(_RPKI_LABEL.get(row.rpki_status or "", "-"), 4))
    ),
    Column("CONF", 4, 4, lambda row, _now: Span(fit_right(fraction(row.confidence), 4))),
    Column("  N", 3, 6, lambda row, _now: Span(fit_right(_peers(row.peers_seen), 3))),
    Column(
        "STATE",
        5,
        0,
        lambda row, _now: Span(
            fit(STATUS_LABEL[row.status], 5), _STATUS_TONE.get(row.status, Tone.FAINT)
        ),
    ),
)
_LEAST_FLEXIBLE = 18
_MARGIN = 3


def _peers(number: int) -> str:
    return str(number) if number < 1_000 else "1k+"


class Grid:
    """The columns that fit a width, and their lines."""

    def __init__(self, width: int) -> None:
        columns = list(COLUMNS)
        while self._left(columns, width) < _LEAST_FLEXIBLE and any(c.rank for c in columns):
            columns.remove(max(columns, key=lambda column: column.rank))
        self._columns = columns
        self._flexible = max(self._left(columns, width), 0)

    @staticmethod
    def _left(columns: list[Column], width: int) -> int:
        return width - _MARGIN - sum(column.width for column in columns) - len(columns) + 1

    def header(self) -> Line:
        names = [fit(c.name, c.width or self._flexible) for c in self._columns]
        return (Span(" " * _MARGIN + " ".join(names), Tone.HEADING),)

    def row(self, row: AlertRow, *, cursor: bool, pending: bool, now: float | None) -> Line:
        """One alert; `>` marks the cursor and `…` an act that the database has not answered."""
        spans = [Span((">" if cursor else " ") + ("…" if pending else " ") + " ")]
        for at, column in enumerate(self._columns):
            if at:
                spans.append(Span(" "))
            if column.width:
                spans.append(column.cell(row, now))
            else:
                spans.append(Span(self._subject(row)))
        return tuple(spans)

    def _subject(self, row: AlertRow) -> str:
        """The prefix; where there is room, the title beside it."""
        room = self._flexible
        if room < 40 or subject(row) == row.title:
            return fit(fit_prefix(subject(row), room), room)
        return f"{fit(fit_prefix(subject(row), 24), 24)} {fit(row.title, room - 25)}"
