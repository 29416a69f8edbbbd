"""The matters of ROAs that go on: what was told of each, and what is to be told now."""

from collections.abc import Iterator

from msgspec.structs import replace

from bgptui.domain.roa import RoaChange, RoaCleared, RoaEvent
from bgptui.routemon.watchlist import AsRule, Rule


class RoaBook:
    """Events by the key of their matter. What is told again as it was makes no event."""

    def __init__(self) -> None:
        self.now = 0.0
        self._told: dict[str, RoaEvent | None] = {}  # None: by an earlier run
        self._rules: dict[str, Rule | AsRule | None] = {}
        self._changes: list[RoaChange] = []

    def __contains__(self, key: str) -> bool:
        return key in self._told

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys of the matters that begin so."""
        return iter([key for key in self._told if key.startswith(prefix)])

    def take_over(self, key: str) -> None:
        """An earlier run told of this matter: it goes on."""
        self._told[key] = None

    def tell(self, event: RoaEvent, rule: Rule | AsRule | None) -> None:
        """A matter began or changed; `since` is that of its beginning, whatever the event says.
        While the rule is muted no alert opens."""
        key, known = event.key, self._told.get(event.key)
        event = replace(
            event,
            since=event.since if known is None else known.since,
            opens_alert=rule is None or not rule.is_muted(self.now),
        )
        if known is not None and _matter_of(known) == _matter_of(event):
            return
        self._changes.append(event)
        if not event.is_notice:
            self._told[key], self._rules[key] = event, rule

    def clear(self, key: str, resolution: str) -> None:
        """A matter is over."""
        if key in self._told:
            del self._told[key]
            self._rules.pop(key, None)
            self._changes.append(RoaCleared(self.now, key, resolution))

    def take(self) -> list[RoaChange]:
        """What is to be told since the last call, with the matters whose rules are not muted any
        more."""
        for key, event in list(self._told.items()):
            if event is not None and not event.opens_alert:
                self.tell(replace(event, timestamp=self.now), self._rules[key])
        changes, self._changes = self._changes, []
        return changes


def _matter_of(event: RoaEvent) -> RoaEvent:
    """An event without what every reading changes: its time, and the age of the data."""
    facts = tuple(fact for fact in event.evidence if fact.get("kind") != "rpki")
    return replace(event, timestamp=0.0, evidence=facts)
