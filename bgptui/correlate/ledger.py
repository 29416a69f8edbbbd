"""The open alerts: gives them identity and confidence, and says what is worth a line."""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from bgptui.correlate.agenda import Agenda, Errand
from bgptui.correlate.confidence import Terms, terms_of, weigh
from bgptui.correlate.feedback import FalsePositives
from bgptui.correlate.gap_book import GapBook, with_gaps
from bgptui.domain.alert import Alert, AlertChange, Change, Status, alert_uuid

UPDATE_EVERY_S = 5.0  # growth in small steps makes at most one update in this time
VISIBLE_CONFIDENCE = 0.01

NO_UUID = UUID(int=0)


class Standing(Enum):
    """How a matter stands in the ledger."""

    NONE = auto()  # no alert
    OPEN = auto()  # open or acknowledged
    MUTED = auto()  # a person closed it while it went on


class Draft(Struct, frozen=True, kw_only=True):
    """What a room has to say about a matter; the ledger makes it an alert.

    Attributes:
        alert: with alert_id 0, NO_UUID, first_seen and confidence still to be given.
        terms: what its confidence is made of.
        collectors: whose gaps concern it; None: every gap does.
        note: a word for what else a person would see change, e.g. how many sessions are
            back; a new one is worth an update.
    """

    alert: Alert
    terms: Terms
    collectors: frozenset[str] | None = None
    note: str = ""


class Entry(Struct, kw_only=True):
    """An alert in the ledger.

    Attributes:
        alert: as it was last told.
        draft: as it stands now.
        told_at: event time of the last line about it.
    """

    alert: Alert
    draft: Draft
    told_at: float
    note: str = ""
    muted: bool = False


class Ledger:
    """Alerts by key and by UUID.

    An update is told when a person would see the difference: at once for type, severity and
    anomaly types; in steps of UPDATE_EVERY_S for the number of peers or prefixes, a confidence
    that moved by VISIBLE_CONFIDENCE, a gap, a route that is gone or back, and a new note.

    Args:
        next_alert_id: called at each opening.
    """

    def __init__(
        self,
        *,
        next_alert_id: Callable[[], int],
        agenda: Agenda,
        gaps: GapBook,
        false_positives: FalsePositives,
    ) -> None:
        self._next_alert_id = next_alert_id
        self._agenda = agenda
        self._gaps = gaps
        self._false_positives = false_positives
        self.open_count = 0  # open and acknowledged; read from other threads
        self._entries: dict[str, Entry] = {}
        self._key_of: dict[UUID, str] = {}

    def standing(self, key: str) -> Standing:
        entry = self._entries.get(key)
        if entry is None:
            return Standing.NONE
        return Standing.MUTED if entry.muted else Standing.OPEN

    def alert(self, key: str) -> Alert | None:
        """The alert of `key` as last told, open or muted."""
        entry = self._entries.get(key)
        return None if entry is None else entry.alert

    def draft(self, key: str) -> Draft:
        """What was last said about `key`."""
        return self._entries[key].draft

    def open_keys(self) -> Iterator[str]:
        """Keys of the alerts that are open or acknowledged, in order of opening."""
        return (key for key, entry in self._entries.items() if not entry.muted)

    def open(self, draft: Draft, *, first_seen: float) -> AlertChange:
        """A new alert."""
        key = draft.alert.key
        identity = replace(
            draft.alert,
            alert_id=self._next_alert_id(),
            alert_uuid=alert_uuid(draft.alert.alert_type, key, first_seen),
            first_seen=first_seen,
        )
        alert = self._sign(draft, identity, until=draft.alert.last_seen)
        self._entries[key] = Entry(
            alert=alert, draft=draft, told_at=draft.alert.last_seen, note=draft.note
        )
        self._key_of[alert.alert_uuid] = key
        self.open_count += 1
        return AlertChange(Change.OPEN, alert)

    def update(self, draft: Draft, *, at: float) -> tuple[AlertChange, ...]:
        """An alert as it stands now, told now, later or not at all.

        A muted one is told of only when it has grown worse than what the person closed: then
        it opens as a new alert.
        """
        entry = self._entries[draft.alert.key]
        entry.draft = draft
        if entry.muted:
            if draft.alert.severity.rank >= entry.alert.severity.rank:
                return ()
            self.forget(draft.alert.key)
            return (self.open(draft, first_seen=at),)
        alert = self._sign(draft, entry.alert, until=max(at, entry.told_at))
        if _differs_much(alert, entry.alert):
            return (self._tell(entry, alert, at),)
        if not _differs(alert, entry.alert) and draft.note == entry.note:
            return ()
        if self.hold_back(alert.key, at):
            return ()
        return (self._tell(entry, alert, at),)

    def hold_back(self, key: str, at: float) -> bool:
        """It was told a moment ago: let a small change wait for its turn on the agenda."""
        due = self._entries[key].told_at + UPDATE_EVERY_S
        if at >= due:
            return False
        self._agenda.put(due, key, Errand.SHOW)
        return True

    def show(self, key: str, at: float) -> tuple[AlertChange, ...]:
        """Tell an update that was held back, unless it has been told meanwhile."""
        entry = self._entries.get(key)
        return () if entry is None else self.update(entry.draft, at=at)

    def show_gap(self, at: float) -> tuple[AlertChange, ...]:
        """A gap began or ended: every open alert that it touches says so."""
        changes: list[AlertChange] = []
        for key in list(self.open_keys()):
            changes += self.update(self._entries[key].draft, at=at)
        return tuple(changes)

    def resolve(
        self, key: str, *, at: float, resolution: str, draft: Draft | None = None
    ) -> tuple[AlertChange, ...]:
        """The matter has ended; a muted one is forgotten without a word.

        Args:
            at: event time of its end.
            draft: as it stood at the end; None: as it stood when last heard of.
        """
        entry = self._entries[key]
        self.forget(key)
        if entry.muted:
            return ()
        alert = self._sign(draft or entry.draft, entry.alert, until=at)
        ended = replace(alert, status=Status.RESOLVED, resolved_at=at, resolution=resolution)
        return (AlertChange(Change.RESOLVE, ended),)

    def forget(self, key: str) -> None:
        """Drop the alert of `key`; its matter may open another one."""
        entry = self._entries.pop(key)
        del self._key_of[entry.alert.alert_uuid]
        self.open_count -= not entry.muted

    def adopt(self, alert: Alert, *, note: str = "") -> None:
        """Take over an alert that was open before a restart, with the note it was told with."""
        known = tuple(fact for fact in alert.evidence if fact.get("kind") != "confidence")
        draft = Draft(alert=replace(alert, evidence=known), terms=terms_of(alert))
        self._entries[alert.key] = Entry(
            alert=alert, draft=draft, told_at=alert.last_seen, note=note
        )
        self._key_of[alert.alert_uuid] = alert.key
        self.open_count += 1

    def person_set(self, uuid: UUID, status: Status) -> str | None:
        """A person changed a status.

        Returns:
            the alert's key; None when it is not, or no longer, in the ledger.
        """
        key = self._key_of.get(uuid)
        if key is None:
            return None
        entry = self._entries[key]
        if entry.alert.status is status:
            return key
        if entry.alert.status is Status.FALSE_POSITIVE:
            self._false_positives.take_back(entry.alert)
        if status is Status.FALSE_POSITIVE:
            self._false_positives.add(entry.alert)
        entry.alert = replace(entry.alert, status=status)
        was_muted = entry.muted
        entry.muted = status in {Status.RESOLVED, Status.FALSE_POSITIVE}
        self.open_count += was_muted - entry.muted
        return key

    def _tell(self, entry: Entry, alert: Alert, at: float) -> AlertChange:
        entry.alert = alert
        entry.told_at = max(at, entry.told_at)
        entry.note = entry.draft.note
        return AlertChange(Change.UPDATE, alert)

    def _sign(self, draft: Draft, identity: Alert, *, until: float) -> Alert:
        """`draft` with the identity of the alert it belongs to, its confidence and its gaps."""
        weighed = weigh(draft.terms, history=self._false_positives.history(draft.alert))
        gaps = self._gaps.touching(identity.first_seen, until, draft.collectors)
        facts = with_gaps(draft.alert.evidence, gaps)
        return replace(
            draft.alert,
            alert_id=identity.alert_id,
            alert_uuid=identity.alert_uuid,
            first_seen=identity.first_seen,
            last_seen=max(draft.alert.last_seen, identity.last_seen),
            status=identity.status,
            confidence=weighed.confidence,
            final_score=weighed.final_score,
            evidence=(*facts, weighed.evidence),
        )


def _differs_much(new: Alert, old: Alert) -> bool:
    return (
        new.severity is not old.severity
        or new.alert_type is not old.alert_type
        or new.anomaly_types != old.anomaly_types
    )


def _differs(new: Alert, old: Alert) -> bool:
    return (
        new.peers_seen != old.peers_seen
        or new.affected_prefixes != old.affected_prefixes
        or abs(new.confidence - old.confidence) >= VISIBLE_CONFIDENCE
        or _marks_of(new) != _marks_of(old)
    )


def _marks_of(alert: Alert) -> list[object]:
    return [fact for fact in alert.evidence if fact.get("kind") in {"gap", "withdrawn"}]
