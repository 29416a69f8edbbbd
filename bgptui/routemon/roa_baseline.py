"""What the watched VRPs are believed to be: a difference counts once it has lasted."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from bgptui.domain.roa import Expiry, RoaReading
from bgptui.domain.rpki import Vrp

# A cache that went stale takes along what only it still had: others may be right, or behind.
SOURCE_GONE_SETTLE_S = 1_800.0
# The VRPs of a source that joins or leaves come and go before it is said that it did: a million
# take seconds.
SAID_AFTER_S = 60.0

VrpMap = Mapping[Vrp, tuple[str, ...]]  # VRPs without trust anchor, to those that vouch for them


class Difference(Struct, frozen=True):
    """VRPs that came and went for good.

    Attributes:
        before, after: all of them.
        since: when the first of the differences was first seen.
    """

    before: VrpMap
    after: VrpMap
    added: tuple[Vrp, ...]
    removed: tuple[Vrp, ...]
    since: float


class _Pending(Struct):
    """A VRP that differs since `since`, and is believed from `due` on.

    Attributes:
        newer_than: only data newer than this proves it: the VRP expired, and a source that died
            renews nothing.
    """

    since: float
    due: float
    newer_than: float | None = None


class RoaBaseline:
    """Compares readings with what is believed.

    What a source brings along that was not in force before is no news: it knew it all the time.
    What goes with a source that is not in force any more has to stay away for
    SOURCE_GONE_SETTLE_S.

    Args:
        settle_s: for so long a difference has to last.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._pending: dict[Vrp, _Pending] = {}
        self._reading: RoaReading | None = None
        self._expires: dict[Vrp, Expiry] = {}
        self.vrps: VrpMap = {}
        self.sources: frozenset[str] | None = None  # None before the first reading

    def remember(self, vrps: VrpMap, sources: Iterable[str]) -> None:
        """Go on from what an earlier run believed."""
        self.vrps, self.sources = vrps, frozenset(sources)

    def take_in(self, is_new: Callable[[Vrp], bool], reading: RoaReading) -> None:
        """Believe at once what nobody asked for before."""
        new = {vrp: said for vrp, said in reading.vrps.items() if is_new(vrp)}
        self.vrps = {**self.vrps, **new}

    def keep(self, is_wanted: Callable[[Vrp], bool]) -> None:
        """Forget what nobody asks for any more."""
        self.vrps = {vrp: said for vrp, said in self.vrps.items() if is_wanted(vrp)}
        self._pending = {vrp: each for vrp, each in self._pending.items() if is_wanted(vrp)}

    def observe(self, reading: RoaReading, now: float) -> Difference | None:
        """What differs for good as of now; the first reading ever is believed as it is."""
        sources = frozenset(source.name for source in reading.sources)
        known, self.sources = self.sources, sources
        if known is None:
            self.vrps = dict(reading.vrps)
            self._remember_expiry(reading)
            return None
        self._note(reading, now, joined=sources - known, left=known - sources)
        self._remember_expiry(reading)
        return self._settle(reading, now)

    def _note(
        self, reading: RoaReading, now: float, *, joined: frozenset[str], left: frozenset[str]
    ) -> None:
        """Take down what began to differ, and drop what differs no more."""
        if reading.vrps == self.vrps:
            self._pending.clear()
            return
        added = [vrp for vrp in reading.vrps if vrp not in self.vrps]
        removed = [vrp for vrp in self.vrps if vrp not in reading.vrps]
        before, self._pending = self._pending, {}
        brought: dict[Vrp, tuple[str, ...]] = {}
        for vrp in added:
            pending = before.get(vrp) or _Pending(now, now + self._settle_s)
            if joined and pending.since >= now - SAID_AFTER_S:
                brought[vrp] = reading.vrps[vrp]
            else:
                self._pending[vrp] = pending
        self.vrps = {**self.vrps, **brought}
        for vrp in removed:
            known = before.get(vrp)
            if known is None:
                known = _Pending(now, now + self._settle_s, self._expired_at(vrp, now))
            if left and known.since >= now - SAID_AFTER_S:
                known.due = max(known.due, known.since + SOURCE_GONE_SETTLE_S)
            self._pending[vrp] = known

    def _expired_at(self, vrp: Vrp, now: float) -> float | None:
        """Of a VRP that expired, how old the data was that had it; None for others."""
        expiry = self._expires.get(vrp)
        return expiry.as_of if expiry is not None and expiry.at <= now else None

    def _remember_expiry(self, reading: RoaReading) -> None:
        """As said last, also of VRPs that are away and may come back."""
        if self._reading is not None and reading.expires == self._reading.expires:
            self._reading = reading
            return
        self._reading = reading
        kept = {vrp: each for vrp, each in self._expires.items() if vrp in self._pending}
        self._expires = {**kept, **reading.expires}

    def _settle(self, reading: RoaReading, now: float) -> Difference | None:
        as_of = reading.as_of
        settled = {
            vrp: pending
            for vrp, pending in self._pending.items()
            if now >= pending.due
            and (pending.newer_than is None or as_of is None or as_of > pending.newer_than)
        }
        if not settled:
            return None
        before = self.vrps
        added = tuple(sorted(vrp for vrp in settled if vrp not in before))
        removed = tuple(sorted(vrp for vrp in settled if vrp in before))
        self.vrps = {vrp: said for vrp, said in before.items() if vrp not in settled} | {
            vrp: reading.vrps[vrp] for vrp in added
        }
        for vrp in settled:
            del self._pending[vrp]
        since = min(pending.since for pending in settled.values())
        return Difference(before, self.vrps, added, removed, since)
