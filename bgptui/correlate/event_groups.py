"""Route events as rows: one for each matter (type, prefix, origin, reason) while it is on."""

from collections import OrderedDict
from collections.abc import Iterable

from msgspec.structs import replace

from bgptui.correlate.agenda import LATENESS_S, Agenda, Errand
from bgptui.correlate.event_group import MOST_UPDATE_S, ROW_MOST_S, EventGroup
from bgptui.domain.event import RouteCleared, RouteEvent, RouteKey
from bgptui.domain.event_row import EventRow, RowChanges, RowEnd
from bgptui.runtime.metrics import Metrics

GROUPS_MOST = 50_000
PEERS_MOST = 500_000  # of all groups together; with as many groups as may be, 70 MiB
_SWEEP_EVERY_S = 600.0  # between two looks for rows that are too old

_Item = RouteEvent | RouteCleared


class EventGroups:
    """Every matter that some peer sees, whether or not it makes an alert. Has no clock.

    The first sighting of a matter is a row at once; what follows is told now and then, and at the
    end. What time brings about happens at its own time, before anything later is looked at: the
    same items in the same order give the same rows and updates, however often `advance` is called.

    Args:
        hold_down_s: a route that is back within so long is the same matter.
        groups_most, peers_most: beyond them the matter that was sighted longest ago is forgotten.
    """

    def __init__(
        self,
        *,
        hold_down_s: float,
        metrics: Metrics,
        groups_most: int = GROUPS_MOST,
        peers_most: int = PEERS_MOST,
    ) -> None:
        self._hold_down_s = hold_down_s
        self._metrics = metrics
        self._groups_most = groups_most
        self._peers_most = peers_most
        self._groups: OrderedDict[str, EventGroup] = OrderedDict()  # the newest sighting last
        self._peers = 0
        self._agenda = Agenda()
        self._changed: dict[str, None] = {}  # and not told yet
        self._begun: list[RouteEvent] = []
        self._grown: list[EventRow] = []
        self._now = float("-inf")
        self._sweep_at = float("inf")  # while no group has a row

    def __len__(self) -> int:
        return len(self._groups)

    def observe(self, items: Iterable[_Item], now: float) -> tuple[_Item, ...]:
        """Rules that fired and routes that are gone, in order; events come back with their row."""
        self.advance(now)
        return tuple(
            [
                self._fire(item) if isinstance(item, RouteEvent) else self._clear(item)
                for item in items
            ]
        )

    def advance(self, now: float) -> None:
        """Do what is due by `now`."""
        while self._sweep_at <= now:
            self._run_errands(self._sweep_at)
            self._sweep(self._sweep_at)
        self._run_errands(now)

    def flush(self) -> None:
        """Tell of every row as it stands."""
        for name in list(self._changed):
            self._show(self._groups[name])

    def take(self) -> RowChanges:
        """What is to be written since the last call, in order."""
        changes = RowChanges(tuple(self._begun), tuple(self._grown))
        self._begun, self._grown = [], []
        return changes

    def restore(self, rows: Iterable[EventRow]) -> None:
        """Go on with rows of before a restart, before anything else is called."""
        for row in rows:
            group = EventGroup.of_row(_name(row.key), row)
            if group.name in self._groups:
                self._end(self._groups[group.name])  # of two rows the older one is over
            self._groups[group.name] = group
            self._peers += len(group.peers)
            self._sweep_at = min(self._sweep_at, row.row.timestamp + ROW_MOST_S)
            if not group.having:
                self._count_down(group)

    def _run_errands(self, until: float) -> None:
        while (due := self._agenda.pop(until)) is not None:
            at, name, errand = due
            self._now = max(self._now, at)
            group = self._groups.get(name)
            if group is None:
                continue
            if errand is Errand.SHOW:
                self._show(group)
            else:
                self._look(group, at)
        self._now = max(self._now, until)

    def _sweep(self, at: float) -> None:
        """End the rows that are a day old."""
        for group in self._groups.values():
            if group.is_old(at):
                self._close(group, RowEnd.AGED)
        is_idle = all(group.row is None for group in self._groups.values())
        self._sweep_at = float("inf") if is_idle else at + _SWEEP_EVERY_S

    def _fire(self, event: RouteEvent) -> RouteEvent:
        name = _name(event.key)
        group = self._groups.get(name)
        if group is not None and self._is_over(group, event.timestamp):
            self._end(group)
            group = None
        if group is None:
            group = self._groups[name] = EventGroup(name, event.key)
        elif group.is_old(event.timestamp):
            self._close(group, RowEnd.AGED)
        self._groups.move_to_end(name)
        self._peers += group.gain(event.peer)
        self._make_room()
        if group.row is None:
            self._begin_row(group, event)
            return event
        is_worse = group.sight(event)
        self._note(group, within_s=group.wait_s)
        if is_worse:
            self._show(group)
        return replace(event, row=group.row)

    def _begin_row(self, group: EventGroup, event: RouteEvent) -> None:
        self._peers -= group.begin_row(event)
        self._begun.append(event)
        self._sweep_at = min(self._sweep_at, self._now + _SWEEP_EVERY_S)
        if len(group.peers) > 1:
            self._note(group, within_s=group.wait_s)

    def _clear(self, item: RouteCleared) -> RouteCleared:
        group = self._groups.get(_name(item.key))
        if group is not None and group.lose(item.peer, item.timestamp):
            if not group.having:
                self._count_down(group)
            self._note(group, within_s=MOST_UPDATE_S)
        return item

    def _make_room(self) -> None:
        """Forget the matters that were sighted longest ago, never the one at hand."""
        while len(self._groups) > 1 and (
            len(self._groups) > self._groups_most or self._peers > self._peers_most
        ):
            group = next(iter(self._groups.values()))
            if group.row is not None:
                self._metrics.drop("correlate", "event_rows")
                self._close(group, RowEnd.EVICTED)
            self._forget(group)

    def _look(self, group: EventGroup, at: float) -> None:
        """End a matter that nobody has seen for the hold-down."""
        if group.having:
            return
        if at >= self._deadline(group):
            self._end(group)
        else:
            self._count_down(group)

    def _count_down(self, group: EventGroup) -> None:
        self._agenda.put(self._deadline(group), group.name, Errand.LOOK)

    def _deadline(self, group: EventGroup) -> float:
        return group.gone_at + self._hold_down_s + LATENESS_S

    def _is_over(self, group: EventGroup, at: float) -> bool:
        hold_s = max(self._hold_down_s, LATENESS_S)
        return not group.having and at > group.gone_at + hold_s

    def _end(self, group: EventGroup) -> None:
        self._close(group, RowEnd.GONE)
        self._forget(group)

    def _forget(self, group: EventGroup) -> None:
        del self._groups[group.name]
        self._peers -= len(group.peers)

    def _close(self, group: EventGroup, reason: RowEnd) -> None:
        """The row's last update, if there is a row."""
        self._changed.pop(group.name, None)
        if group.row is not None:
            self._grown.append(group.ended(group.row, reason, self._now))
            group.row = None

    def _note(self, group: EventGroup, *, within_s: float) -> None:
        """The row stands differently: to be told when it is time."""
        if group.row is not None:
            self._changed[group.name] = None
            self._agenda.put(self._now + within_s, group.name, Errand.SHOW)

    def _show(self, group: EventGroup) -> None:
        if group.row is not None and group.name in self._changed:
            del self._changed[group.name]
            group.wait_s = min(2 * group.wait_s, MOST_UPDATE_S)
            self._grown.append(group.stands(group.row))


def _name(key: RouteKey) -> str:
    return f"{key.event_type.value}|{key.prefix}|{key.origin_asn}|{key.reason}"
