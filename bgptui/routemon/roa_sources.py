"""Sources that say much less than before: of one trust anchor, or so much that it is held back."""

from collections.abc import Iterable, Mapping
from typing import Any

from bgptui.domain.alert import Severity
from bgptui.domain.roa import RoaEvent, RoaKind, RoaReading, SourceReading
from bgptui.domain.rpki import RpkiState
from bgptui.routemon.roa_anchors import Anchor, AnchorLevels, Shrunk
from bgptui.routemon.roa_book import RoaBook
from bgptui.routemon.roa_facts import LOSSES_SHOWN, Fact, Loss, loss_fact, source_fact

ANCHOR = f"roa|{RoaKind.ANCHOR}|"
HELD = f"roa|{RoaKind.HELD}|"


class RoaSources:
    """A matter for each trust anchor of each source, and for each source that is held back."""

    def __init__(self, book: RoaBook, levels: AnchorLevels) -> None:
        self._book = book
        self._levels = levels

    def restore(
        self, key: str, evidence: Iterable[Mapping[str, Any]], since: float
    ) -> Anchor | None:
        """Go on with a matter that an earlier run told of, by the level that it names; the trust
        anchor that shrank."""
        self._book.take_over(key)
        for fact in evidence:
            if key.startswith(ANCHOR) and fact.keys() >= {"source", "trust_anchor", "before"}:
                anchor = Anchor(str(fact["source"]), str(fact["trust_anchor"]))
                self._levels.shrank(anchor, int(fact["before"]), since)
                return anchor
        return None

    def look_at_held(self, reading: RoaReading) -> None:
        """Tell of loads that are held back, and end what is taken now."""
        held = {f"{HELD}{source.name}": source for source in reading.sources if source.held}
        for key in self._book.keys(HELD):
            if key not in held:
                self._book.clear(key, "a further look has decided")
        for key, source in held.items():
            self._tell_held(key, source, reading)

    def tell(self, shrunk: list[Shrunk], losses: Mapping[Anchor, list[Loss]]) -> None:
        """Tell of trust anchors that shrank, with what was lost by it, and end the others."""
        keys = {f"{ANCHOR}{each.anchor.source}|{each.anchor.name}": each for each in shrunk}
        for key in self._book.keys(ANCHOR):
            if key not in keys:
                self._book.clear(key, "as many VRPs as usual, or for a day now")
        for key, each in keys.items():
            self._tell_shrunk(key, each, losses.get(each.anchor, []))

    def _tell_shrunk(self, key: str, shrunk: Shrunk, losses: list[Loss]) -> None:
        source, name = shrunk.anchor
        lost = shrunk.before - shrunk.now
        who = f"Trust anchor {name}" if name else "All that the source says"
        concerned = len({loss.expected.prefix for loss in losses})
        invalid = any(loss.state is RpkiState.INVALID for loss in losses)
        self._book.tell(
            RoaEvent(
                timestamp=self._book.now,
                since=shrunk.since,
                key=key,
                kind=RoaKind.ANCHOR,
                severity=Severity.HIGH if invalid else Severity.MEDIUM,
                description=f"{who} has {shrunk.now} VRPs instead of {shrunk.before}"
                f" ({lost / shrunk.before:.0%} less) by {source};"
                f" {concerned or 'no'} watched {'prefix' if concerned == 1 else 'prefixes'}"
                " lost what made them valid.",
                prefixes=tuple(dict.fromkeys(loss.expected.prefix for loss in losses)),
                evidence=(
                    _count_fact(source, name, shrunk.before, shrunk.now, prefixes=concerned),
                    *(loss_fact(loss) for loss in losses[:LOSSES_SHOWN]),
                ),
            ),
            None,
        )

    def _tell_held(self, key: str, source: SourceReading, reading: RoaReading) -> None:
        held = source.held or {}
        before, now = sum(source.anchors.values()), sum(held.values())
        smaller = [
            (name, source.anchors.get(name, 0), held.get(name, 0))
            for name in sorted({*source.anchors, *held})
            if held.get(name, 0) < source.anchors.get(name, 0)
        ]
        anchors = ", ".join(f"{name} {was} to {is_now}" for name, was, is_now in smaller if name)
        by_anchor = f" (by trust anchor: {anchors})" if anchors else ""
        self._book.tell(
            RoaEvent(
                timestamp=self._book.now,
                since=self._book.now,
                key=key,
                kind=RoaKind.HELD,
                severity=Severity.MEDIUM,
                description=f"{source.name} has {now} VRPs instead of {before}{by_anchor}: what it"
                " said before stays in force until a further look confirms it.",
                evidence=(
                    *(_count_fact(source.name, *each) for each in smaller),
                    source_fact(reading),
                ),
            ),
            None,
        )


def _count_fact(
    source: str, anchor: str, before: int, now: int, *, prefixes: int | None = None
) -> Fact:
    fact: Fact = {
        "kind": "trust_anchor",
        "source": source,
        "trust_anchor": anchor,
        "before": before,
        "now": now,
    }
    return fact if prefixes is None else fact | {"watched_prefixes": prefixes}
