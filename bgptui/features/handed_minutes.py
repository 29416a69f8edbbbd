"""The network's row where several processes count: what each hands on, and its sum."""

from collections.abc import Collection, Iterable, Mapping
from math import inf

from msgspec import Struct

from bgptui.domain.gap import Gap
from bgptui.domain.window import WINDOW_S, FeatureWindow
from bgptui.features.gaps import Gaps
from bgptui.features.network import NetworkMinutes
from bgptui.features.open_window import OpenWindow


class MinuteTotals(Struct, frozen=True, array_like=True):
    """One collector's minute as sums and counts, so that any number of them can be added up.

    Attributes:
        start: of the minute, seconds since 1970 UTC.
        active: peers that sent an UPDATE.
        hops, hops_squared: over announced prefixes that came with a path.
        per_second: total_updates of each second; empty where there were none.
    """

    start: int
    active: int
    messages: int
    updates: int
    announcements: int
    withdrawals: int
    flap_count: int
    session_resets: int
    hops: int
    hops_squared: int
    prefixes_with_path: int
    late_messages: int
    per_second: tuple[int, ...] = ()

    def opened(self) -> OpenWindow:
        """The same as counters that can be added to others."""
        window = OpenWindow()
        for name in _COUNTERS:
            setattr(window, name, getattr(self, name))
        if self.per_second:
            window.per_second = list(self.per_second)
        return window


_COUNTERS = tuple(
    name for name in MinuteTotals.__struct_fields__ if name not in ("start", "active", "per_second")
)


class HandedMinutes(NetworkMinutes):
    """Takes the place of NetworkMinutes where another process writes the network's rows."""

    def __init__(self) -> None:
        super().__init__()
        self._handed: list[MinuteTotals] = []

    def add(self, start: int, windows: Iterable[OpenWindow], active: int) -> None:
        """Add up the rows of one collector; `next_start` stays None: nothing is closed here."""
        sums = OpenWindow()
        for window in windows:
            if window.messages or window.late_messages:
                sums.add(window)
        counted = {name: getattr(sums, name) for name in _COUNTERS}
        per_second = tuple(sums.per_second) if any(sums.per_second) else ()
        self._handed.append(
            MinuteTotals(start=start, active=active, per_second=per_second, **counted)
        )

    def take(self) -> tuple[MinuteTotals, ...]:
        """What was added since the last call."""
        handed, self._handed = tuple(self._handed), []
        return handed


class SharedNetwork:
    """Sums the minutes of all processes up to the network's rows.

    Args:
        closed_until: end of the newest row; what is older comes too late, and is counted.
        passed: up to where each collector that is known had closed its windows.
    Attributes:
        late_minutes: a collector's minutes that came after the network's row of theirs.
    """

    def __init__(self, closed_until: float = -inf, passed: Mapping[str, float] | None = None):
        self._minutes = NetworkMinutes(closed_until)
        self._passed = dict(passed or {})
        self._gaps = Gaps()
        self.late_minutes = 0

    @property
    def closed_until(self) -> float:
        return self._minutes.closed_until

    @property
    def known(self) -> frozenset[str]:
        """Collectors of which it is known how far they are."""
        return frozenset(self._passed)

    def add(self, totals: MinuteTotals) -> None:
        """Take one collector's minute."""
        if totals.start < self.closed_until:
            self.late_minutes += 1
        else:
            self._minutes.add(totals.start, (totals.opened(),), totals.active)

    def expect(self, collector: str) -> None:
        """A collector will say how far it is: it is waited for from now on."""
        self._passed.setdefault(collector, self.closed_until)

    def passes(self, collector: str, until: float) -> None:
        """A collector has closed its windows up to here."""
        self._passed[collector] = until

    def leaves(self, collector: str) -> None:
        """A collector is not waited for before its next process says how far it is."""
        self._passed.pop(collector, None)

    def mark_gap(self, gap: Gap) -> None:
        """Mark the rows that a gap touches; call again with its `end` once it is over."""
        self._gaps.mark(gap)

    def close(self, collected: Collection[str]) -> list[FeatureWindow]:
        """Write the rows that no collector can add to any more.

        Args:
            collected: collectors that some process collects now; one in a gap is not waited for.
        """
        rows: list[FeatureWindow] = []
        waited = [each for each in collected if not self._gaps.is_blind(each)]
        passed = min((self._passed.get(each, -inf) for each in waited), default=inf)
        while (start := self._minutes.next_start) is not None and passed >= start + WINDOW_S:
            if self._minutes.has_minute(start):
                gap = self._gaps.touch(start, start + WINDOW_S, None)
                rows.append(self._minutes.close(start, gap=gap))
            else:
                self._minutes.skip()
        if rows:
            self._gaps.forget_before(self.closed_until)
        return rows
