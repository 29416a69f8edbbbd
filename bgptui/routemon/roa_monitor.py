"""The operator's own ROAs: lost, a stranger's beside them, changed, expiring; and trust anchors
that shrink.

It is shown the VRPs in force that concern the watchlist, again and again, and compares. While no
source is fresh it is shown nothing, and says nothing.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from bgptui.domain.alert import Alert, AlertType
from bgptui.domain.roa import Interest, RoaChange, RoaReading
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.routemon.roa_anchors import Anchor, AnchorLevels
from bgptui.routemon.roa_baseline import Difference, RoaBaseline
from bgptui.routemon.roa_book import RoaBook
from bgptui.routemon.roa_differences import CHANGED, FOREIGN, RoaDifferences, overlap
from bgptui.routemon.roa_expected import Expected, interest_of
from bgptui.routemon.roa_expiry import PREFIX as EXPIRING
from bgptui.routemon.roa_expiry import RoaExpiry
from bgptui.routemon.roa_facts import losses_in
from bgptui.routemon.roa_losses import PREFIX as LOST
from bgptui.routemon.roa_losses import Losses, RoaLosses
from bgptui.routemon.roa_sources import RoaSources
from bgptui.routemon.watchlist import Watchlist


class RoaMemory(Struct, frozen=True):
    """What a restart needs to know, to tell what happened meanwhile and nothing else.

    Attributes:
        prefixes, asns: what was watched.
        vrps: what was believed of it, with the trust anchors.
        levels: VRPs that the trust anchors of each source usually have.
    """

    sources: tuple[str, ...]
    prefixes: tuple[str, ...]
    asns: tuple[int, ...]
    vrps: tuple[tuple[Vrp, tuple[str, ...]], ...]
    levels: tuple[tuple[str, str, int], ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RoaMemory).decode


class RoaMonitor:
    """Not thread-safe: it belongs to the thread that correlates.

    Args:
        warn_s: what ends within this time of the data that says so is told.
        settle_s: for so long a difference has to last before it is told.
        anchor_loss: share of a trust anchor's VRPs, 0 ... 1, whose loss is told.
    """

    def __init__(
        self, watchlist: Watchlist, *, warn_s: float, settle_s: float, anchor_loss: float
    ) -> None:
        self._watchlist = watchlist
        self._asked = interest_of(watchlist)
        self._known = self._asked  # what the baseline has been made for
        self._book = RoaBook()
        self._baseline = RoaBaseline(settle_s)
        self._levels = AnchorLevels(anchor_loss, settle_s)
        self._losses = RoaLosses(self._book)
        self._differences = RoaDifferences(self._book)
        self._expiry = RoaExpiry(self._book, warn_s)
        self._sources = RoaSources(self._book, self._levels)
        self._seen: RoaReading | None = None
        self._shrunk: list[Anchor] = []
        self._must_review = True

    @property
    def interest(self) -> Interest:
        """What is to be read for it."""
        return self._asked

    def restore(self, memory: bytes | None, open_alerts: Iterable[Alert]) -> None:
        """Go on from an earlier run, before anything is observed.

        Args:
            memory: what `memory` gave; None, or what cannot be read: the first reading is believed
                as it is.
        """
        self._remember(memory)
        for alert in open_alerts:
            if alert.alert_type is not AlertType.ROA:
                continue
            key, losses = alert.key, losses_in(alert.evidence)
            if key.startswith(LOST):
                self._losses.restore(key, losses)
            elif key.startswith(FOREIGN) and alert.prefix and alert.origin_asn is not None:
                self._differences.restore(key, alert.prefix, alert.origin_asn)
            elif key.startswith(EXPIRING):
                self._expiry.restore(key)
            elif not key.startswith(CHANGED):
                anchor = self._sources.restore(key, alert.evidence, alert.first_seen)
                if anchor is not None:
                    self._losses.restore_with(anchor, losses)

    def memory(self) -> bytes | None:
        """For `restore`; None before the first reading."""
        baseline = self._baseline
        if baseline.sources is None:
            return None
        return _encode(
            RoaMemory(
                sources=tuple(sorted(baseline.sources)),
                prefixes=self._known.prefixes,
                asns=tuple(sorted(self._known.asns)),
                vrps=tuple(sorted(baseline.vrps.items())),
                levels=tuple(
                    (anchor.source, anchor.name, level)
                    for anchor, level in sorted(self._levels.levels().items())
                ),
            )
        )

    def set_watchlist(self, watchlist: Watchlist) -> None:
        """Exchange the watchlist: what is watched from now on is believed as the next reading has
        it, and what is not any more ends."""
        self._watchlist = watchlist
        self._asked = interest_of(watchlist)
        self._must_review = True

    def observe(self, reading: RoaReading, now: float) -> list[RoaChange]:
        """What began, changed and ended, of the VRPs in force at `now`."""
        self._book.now = now
        self._follow_watchlist(reading)
        self._sources.look_at_held(reading)
        shrunk = self._levels.observe(reading, now)
        difference = self._baseline.observe(reading, now)
        anchors = [each.anchor for each in shrunk]
        if difference is not None or self._must_review or anchors != self._shrunk:
            self._shrunk = anchors
            self._review(difference, reading)
        if self._must_review or difference is not None or self._has_news(reading):
            self._expiry.review(self._watchlist, self._baseline.vrps, reading)
        self._sources.tell(
            shrunk, {anchor: list(self._losses.with_anchor(anchor)) for anchor in anchors}
        )
        self._seen, self._must_review = reading, False
        return self._book.take()

    def _remember(self, memory: bytes | None) -> None:
        if memory is None:
            return
        try:
            known = _decode(memory)
        except msgspec.MsgspecError:
            return  # of another release
        self._baseline.remember(dict(known.vrps), known.sources)
        self._known = Interest(known.prefixes, known.asns)
        self._levels.remember({Anchor(source, name): level for source, name, level in known.levels})

    def _follow_watchlist(self, reading: RoaReading) -> None:
        """What nobody asked for before was there before, as far as anybody knows."""
        if self._known is self._asked:
            return
        known, self._known = self._known, self._asked
        if self._baseline.sources is not None:
            self._baseline.take_in(lambda vrp: not known.concerns(vrp), reading)
            self._baseline.keep(self._asked.concerns)

    def _has_news(self, reading: RoaReading) -> bool:
        """Of when VRPs end."""
        return self._seen is None or reading.expires is not self._seen.expires

    def _review(self, difference: Difference | None, reading: RoaReading) -> None:
        watchlist, vrps, losses = self._watchlist, self._baseline.vrps, self._losses
        gone = self._differences.review(watchlist, vrps)
        touched = losses.review(watchlist, vrps)
        found: Losses = {}
        foreign: set[Vrp] = set()
        if difference is not None:
            foreign = self._differences.find(watchlist, difference, reading)
            found = _apart_from(foreign, losses.begin(watchlist, difference))
        losses.sort(found, self._shrunk, watchlist)
        losses.tell(
            watchlist, reading, since=self._book.now if difference is None else difference.since
        )
        if difference is not None:
            told = foreign | _told_by(difference, touched | found.keys())
            told |= {vrp for vrp in difference.removed if (vrp.prefix, vrp.asn) in gone}
            self._differences.notice(watchlist, difference, reading, told=told)


def _apart_from(foreign: set[Vrp], found: Losses) -> Losses:
    """What was lost otherwise than by a stranger's VRP for what no ROA covered: the alert of that
    VRP says it all."""
    strangers = {(vrp.prefix, vrp.asn) for vrp in foreign}
    return {
        expected: loss
        for expected, loss in found.items()
        if loss.was is RpkiState.VALID
        or not any((vrp.prefix, vrp.asn) in strangers for vrp in loss.now)
    }


def _told_by(difference: Difference, touched: Iterable[Expected]) -> set[Vrp]:
    """The VRPs by which an expected origin was lost, or is back."""
    return {
        vrp
        for expected in touched
        for vrp in (*difference.added, *difference.removed)
        if overlap(vrp.prefix, expected.prefix)
    }
