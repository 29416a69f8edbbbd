"""Looks at the VRPs in force for the ROA monitor, in the thread that correlates."""

from collections.abc import Iterable
from math import inf

from msgspec import Struct

from bgptui.config.schema import Watch
from bgptui.domain.alert import Alert
from bgptui.domain.roa import RoaChange
from bgptui.routemon.roa_monitor import RoaMonitor
from bgptui.routemon.watchlist import Watchlist
from bgptui.rpki.concerned import ConcernedVrps
from bgptui.rpki.validator import Validator

LOOK_EVERY_S = 1.0
REMEMBER_EVERY_S = 600.0  # where only the sizes of trust anchors changed


class RoaNews(Struct, frozen=True):
    """What a look brought.

    Attributes:
        memory: for the next start, to be written with what became of the changes; None where it
            need not be written.
    """

    changes: tuple[RoaChange, ...] = ()
    memory: bytes | None = None


_NOTHING = RoaNews()


class RoaWatch:
    """The monitor and its eyes. One thread takes up and looks; any may exchange the watchlist."""

    def __init__(self, validator: Validator, watchlist: Watchlist, settings: Watch) -> None:
        self._validator = validator
        self._settings = settings
        self._watchlist = watchlist
        self.take_up((), None)

    def take_up(self, open_alerts: Iterable[Alert], memory: bytes | None) -> None:
        """Begin, with what an earlier run left."""
        settings, self._followed = self._settings, self._watchlist
        self._monitor = RoaMonitor(
            self._followed,
            warn_s=settings.roa_expiry_h * 3_600,
            settle_s=settings.roa_settle_s,
            anchor_loss=settings.roa_anchor_loss,
        )
        self._monitor.restore(memory, open_alerts)
        self._concerned = ConcernedVrps(self._validator, self._monitor.interest)
        self._looked_at = self._remembered_at = -inf
        self._memory = memory

    def set_watchlist(self, watchlist: Watchlist) -> None:
        """Exchange the watchlist; the next look follows it."""
        self._watchlist = watchlist

    def look(self, now: float) -> RoaNews:
        """What began, changed and ended, where it is time to look; `now` never goes back."""
        if now <= 0 or now < self._looked_at + LOOK_EVERY_S:
            return _NOTHING  # 0: nobody knows yet what time it is in the data
        self._looked_at = now
        if self._watchlist is not self._followed:
            self._followed = self._watchlist
            self._monitor.set_watchlist(self._followed)
            self._concerned = ConcernedVrps(self._validator, self._monitor.interest)
        reading = self._concerned.read()
        if reading is None:
            return _NOTHING
        changes = tuple(self._monitor.observe(reading, now))
        return RoaNews(changes, self._to_remember(now, has_changes=bool(changes)))

    def _to_remember(self, now: float, *, has_changes: bool) -> bytes | None:
        if not has_changes and now < self._remembered_at + REMEMBER_EVERY_S:
            return None
        memory, self._remembered_at = self._monitor.memory(), now
        if memory == self._memory:
            return None
        self._memory = memory
        return memory
