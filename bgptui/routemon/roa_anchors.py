"""How many VRPs each trust anchor of each source usually has."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from bgptui.domain.roa import RoaReading

HOUR_S = 3_600
REMEMBERED_H = 24  # a level that was not reached for a day is none any more
# Of a few VRPs (a test's trust anchor) a tenth says nothing.
LEAST_LOST = 10


class Anchor(NamedTuple):
    """A trust anchor as one source has it; `name` is empty where the source names none."""

    source: str
    name: str


class Shrunk(Struct, frozen=True):
    """A trust anchor that has fewer VRPs than it had within a day; `since` it was first seen."""

    anchor: Anchor
    before: int
    now: int
    since: float


class AnchorLevels:
    """The largest number of VRPs that each trust anchor had within a day.

    Args:
        loss: share of them, 0 ... 1, whose loss counts.
        settle_s: for so long it has to last.
    """

    def __init__(self, loss: float, settle_s: float) -> None:
        self._loss = loss
        self._settle_s = settle_s
        self._most: dict[Anchor, dict[int, int]] = {}  # by hour
        self._shrunk: dict[Anchor, Shrunk] = {}
        self._recovering: dict[Anchor, float] = {}  # since when
        self._before: dict[Anchor, int] = {}

    def remember(self, levels: Mapping[Anchor, int]) -> None:
        """Go on from levels of before; they count from the first reading on for a day."""
        self._before.update(levels)

    def shrank(self, anchor: Anchor, level: int, since: float) -> None:
        """Go on with a trust anchor that is known to have shrunk from a level."""
        self._before[anchor] = level
        self._shrunk[anchor] = Shrunk(anchor, level, level, since)

    def levels(self) -> dict[Anchor, int]:
        return {anchor: max(hours.values()) for anchor, hours in self._most.items()} | self._before

    def observe(self, reading: RoaReading, now: float) -> list[Shrunk]:
        """The trust anchors that are much smaller than they were, for long enough."""
        counts = dict(_counts(reading))
        for anchor, level in self._before.items():
            self._most[anchor] = {int(now // HOUR_S): level}
        self._before.clear()
        in_force = {source.name for source in reading.sources}
        for anchor in {*self._most, *counts}:
            if anchor.source in in_force:
                self._note(anchor, counts.get(anchor, 0), now)
            elif max(self._most[anchor]) <= now // HOUR_S - REMEMBERED_H:
                del self._most[anchor]  # of a source that is not asked any more
                self._shrunk.pop(anchor, None)
        return sorted(
            (each for each in self._shrunk.values() if now >= each.since + self._settle_s),
            key=lambda each: each.anchor,
        )

    def _note(self, anchor: Anchor, count: int, now: float) -> None:
        hour = int(now // HOUR_S)
        hours = self._most.setdefault(anchor, {})
        hours[hour] = max(count, hours.get(hour, 0))
        for old in [each for each in hours if each <= hour - REMEMBERED_H]:
            del hours[old]
        level = max(hours.values())
        lost = level - count
        known = self._shrunk.get(anchor)
        if lost >= LEAST_LOST and lost > level * self._loss:
            since = now if known is None else known.since
            self._shrunk[anchor] = Shrunk(anchor, level, count, since)
            self._recovering.pop(anchor, None)
            return
        if known is not None and self._is_recovering(known, now):
            return
        self._shrunk.pop(anchor, None)
        if not level:
            del self._most[anchor]

    def _is_recovering(self, shrunk: Shrunk, now: float) -> bool:
        """It is as usual, but not for long enough: what was lost with it settles meanwhile."""
        if now < shrunk.since + self._settle_s and shrunk.anchor not in self._recovering:
            return False  # it did not last
        since = self._recovering.setdefault(shrunk.anchor, now)
        if now < since + self._settle_s:
            return True
        del self._recovering[shrunk.anchor]
        return False


def _counts(reading: RoaReading) -> Iterator[tuple[Anchor, int]]:
    for source in reading.sources:
        for name, count in source.anchors.items():
            yield Anchor(source.name, name), count
