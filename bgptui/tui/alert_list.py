"""The alert list without a screen: filter, order, and a cursor bound to an alert's id."""

from collections.abc import Callable
from enum import Enum

from bgptui.store.readers import AlertRow
from bgptui.tui import filters
from bgptui.tui.filters import Term

DEFAULT_FILTER = "state:active"


class Sort(Enum):
    """Orders of the list; the value is how the screen names them. Ties go by newest id."""

    SEVERITY = "sev, -last"
    LAST = "-last"
    ID = "-id"
    CONFIDENCE = "-conf"
    PREFIX = "prefix"

    def next(self) -> "Sort":
        orders = list(Sort)
        return orders[(orders.index(self) + 1) % len(orders)]


_KEYS: dict[Sort, Callable[[AlertRow], tuple[object, ...]]] = {
    Sort.SEVERITY: lambda row: (row.severity.rank, -row.last_seen, -row.alert_id),
    Sort.LAST: lambda row: (-row.last_seen, -row.alert_id),
    Sort.ID: lambda row: (-row.alert_id,),
    Sort.CONFIDENCE: lambda row: (-row.confidence, -row.alert_id),
    Sort.PREFIX: lambda row: (row.prefix or "~", -row.alert_id),
}


class Step(Enum):
    """Directions of a search."""

    NEXT = 1
    PREVIOUS = -1


class AlertList:
    """Rows as shown. The cursor stays on its alert through arrivals, re-sorts and removals.

    An alert that no longer passes the filter stays in sight while the cursor is on it: what an
    operator has just acted on does not vanish under the hand.
    """

    def __init__(self) -> None:
        self.shown: list[AlertRow] = []
        self.cursor_id: int | None = None
        self.filter_text = DEFAULT_FILTER
        self.sort = Sort.SEVERITY
        self.reversed = False
        self.find_text = ""
        self._terms: tuple[Term, ...] = filters.parse(DEFAULT_FILTER)
        self._rows: tuple[AlertRow, ...] = ()

    @property
    def total(self) -> int:
        return len(self._rows)

    @property
    def cursor(self) -> int:
        """Index of the cursor in `shown`; 0 in an empty list."""
        for index, row in enumerate(self.shown):
            if row.alert_id == self.cursor_id:
                return index
        return 0

    @property
    def cursor_row(self) -> AlertRow | None:
        return self.shown[self.cursor] if self.shown else None

    def update(self, rows: tuple[AlertRow, ...]) -> AlertRow | None:
        """Take the rows of a new snapshot.

        Returns:
            the row that was under the cursor where its alert is no longer among the rows; the
            cursor has moved to another one then, and the operator must be told.
        """
        before, index = self.cursor_row, self.cursor
        self._rows = rows
        self._arrange()
        if before is None or any(row.alert_id == before.alert_id for row in self.shown):
            return None
        self._place(index)
        return before

    def set_filter(self, text: str) -> None:
        """Raises: BadInput, and nothing has changed then."""
        terms = filters.parse(text)
        self._terms, self.filter_text = terms, " ".join(text.split())
        index = self.cursor
        row = self.cursor_row
        if row is not None and not filters.matches(terms, row):
            self.cursor_id = None
        self._arrange()
        if self.cursor_id is None:
            self._place(index)

    def set_sort(self, sort: Sort) -> None:
        self.sort, self.reversed = sort, False
        self._arrange()

    def reverse(self) -> None:
        self.reversed = not self.reversed
        self._arrange()

    def move(self, steps: int) -> None:
        """Move the cursor; it stops at both ends."""
        if self.shown:
            self.move_to(self.cursor + steps)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row of the list as it is shown, -1 for the last."""
        if not self.shown:
            return
        index = len(self.shown) - 1 if index == -1 and self.cursor_id is None else index
        target = self.shown[min(max(index, 0), len(self.shown) - 1)].alert_id
        self.cursor_id = target
        self._arrange()

    def find(self, step: Step, *, text: str | None = None) -> tuple[int, int]:
        """Move the cursor to the next match, around the end.

        Args:
            text: None for the last one. A new text may match where the cursor stands.
        Returns:
            (number of the match, matches), (0, 0) without any.
        """
        start = self.cursor + (step.value if text is None else 0)
        if text is not None:
            self.find_text = text.lower()
        if not self.find_text:
            return 0, 0
        hits = [i for i, row in enumerate(self.shown) if self.find_text in filters.haystack(row)]
        if not hits:
            return 0, 0
        if step is Step.NEXT:
            hit = next((i for i in hits if i >= start), hits[0])
        else:
            hit = next((i for i in reversed(hits) if i <= start), hits[-1])
        number = hits.index(hit) + 1
        self.move_to(hit)
        return number, len(hits)

    def _place(self, index: int) -> None:
        self.cursor_id = (
            self.shown[min(index, len(self.shown) - 1)].alert_id if self.shown else None
        )

    def _arrange(self) -> None:
        shown = [
            row
            for row in self._rows
            if row.alert_id == self.cursor_id or filters.matches(self._terms, row)
        ]
        shown.sort(key=_KEYS[self.sort], reverse=self.reversed)
        self.shown = shown
        if self.cursor_id is None:
            self._place(0)
