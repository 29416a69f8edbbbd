"""The times in which we were blind, as far as alerts still care."""

from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Any

from bgptui.domain.alert_json import iso_utc
from bgptui.domain.gap import Gap

GAPS_MOST = 1_000
SHOWN_MOST = 5


class GapBook:
    """Known gaps in order of their start; the newest GAPS_MOST are kept.

    Args:
        drops: counts what had to be forgotten.
    """

    def __init__(self, drops: Counter[str]) -> None:
        self._gaps: dict[tuple[str, float], Gap] = {}
        self._drops = drops

    def note(self, gap: Gap) -> None:
        """A gap began, went on or ended."""
        self._gaps[gap.collector or "", gap.start] = gap
        if len(self._gaps) > GAPS_MOST:
            oldest = min(self._gaps, key=lambda known: (known[1], known[0]))
            del self._gaps[oldest]
            self._drops["gaps_forgotten"] += 1

    def touching(
        self, start: float, end: float, collectors: AbstractSet[str] | None
    ) -> tuple[Gap, ...]:
        """Gaps that overlap start ... end and concern one of `collectors` (None: any)."""
        found = [
            gap
            for gap in self._gaps.values()
            if gap.start < end
            and (gap.end is None or gap.end > start)
            and (collectors is None or gap.collector is None or gap.collector in collectors)
        ]
        return tuple(sorted(found, key=lambda gap: (gap.start, gap.collector or "")))

    def quiet_until(
        self, since: float, hold_s: float, collectors: AbstractSet[str] | None
    ) -> float | None:
        """When `hold_s` of seen quiet will have passed since `since`.

        Missing data is no quiet: a hold-down that meets a gap begins anew at its end.

        Returns:
            event time; None while a gap that stops the count lasts.
        """
        for gap in self.touching(since, float("inf"), collectors):
            if gap.start >= since + hold_s:
                break
            if gap.end is None:
                return None
            since = max(since, gap.end)
        return since + hold_s


def with_gaps(
    evidence: tuple[dict[str, Any], ...], gaps: tuple[Gap, ...]
) -> tuple[dict[str, Any], ...]:
    """`evidence` and the last SHOWN_MOST gaps as facts of kind `gap`, each gap once."""
    facts = [
        {
            "kind": "gap",
            "collector": gap.collector,
            "reason": gap.reason,
            "start": iso_utc(gap.start),
            "end": None if gap.end is None else iso_utc(gap.end),
        }
        for gap in gaps[-SHOWN_MOST:]
    ]
    shown = {(fact["collector"], fact["start"]) for fact in facts}
    kept = [
        fact
        for fact in evidence
        if fact.get("kind") != "gap" or (fact.get("collector"), fact.get("start")) not in shown
    ]
    return (*kept, *facts)
