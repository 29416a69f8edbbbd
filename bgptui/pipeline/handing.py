"""What a process hands, through the database, to the one that correlates."""

import time
from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.event import RouteCleared, RouteEvent
from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage
from bgptui.domain.score import WindowScore
from bgptui.features.handed_minutes import MinuteTotals
from bgptui.pipeline.correlation import gaps_of
from bgptui.pipeline.moment import Moment, Moments
from bgptui.runtime.channel import Channel
from bgptui.store.batch import WriteBatch
from bgptui.store.shards import HostProgress
from bgptui.store.spool_record import packed

# So often a process says that it is there, and what time it is for it.
HEARTBEAT_S = 1.0


class HandedRoute(Struct, frozen=True, omit_defaults=True):
    """One of the two: a rule that fired, or a route that is gone."""

    event: RouteEvent | None = None
    cleared: RouteCleared | None = None


class HandedMoment(Struct, frozen=True, omit_defaults=True, tag="moment"):
    """What the correlator wants of a Moment; without any of it, only what time it is.

    Attributes:
        now: the process's time, which never goes back.
        peers: distinct peers of each collector that the process hears.
    """

    now: float
    peers: dict[str, int]
    route: tuple[HandedRoute, ...] = ()
    session: BgpMessage | None = None
    gap: Gap | None = None
    scores: tuple[WindowScore, ...] = ()

    def moment(self) -> Moment:
        route = [item.event or item.cleared for item in self.route]
        return Moment(
            self.now,
            route=tuple(item for item in route if item is not None),
            session=self.session,
            gap=self.gap,
            scores=self.scores,
        )


class HandedTotals(Struct, frozen=True, tag="totals"):
    """Minutes for the network's rows. Apart from moments: they are kept until those are written."""

    now: float
    totals: tuple[MinuteTotals, ...] = ()
    progress: tuple[HostProgress, ...] = ()


Handed = HandedMoment | HandedTotals

_encode = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Handed).decode


class HandingStage:
    """In the place of correlation: writes gaps, and hands everything on.

    Args:
        monotonic: seconds.
    """

    def __init__(
        self,
        *,
        writes: Channel[WriteBatch],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writes = writes
        self._monotonic = monotonic
        self._peers: dict[str, int] = {}
        self._beat_at = float("-inf")

    def process(self, batch: Moments, now: float) -> None:
        handed = [payload for moment in batch.items for payload in self._handed(moment)]
        if not handed and self._monotonic() - self._beat_at >= HEARTBEAT_S:
            handed.append(_encode(HandedMoment(now, self._peers)))
        if handed:
            self._beat_at = self._monotonic()
            progress = tuple(each for moment in batch.items for each in moment.progress)
            self._writes.put(
                WriteBatch(now=now, gaps=gaps_of(batch), handed=tuple(handed), progress=progress)
            )

    def _handed(self, moment: Moment) -> Iterator[bytes]:
        if moment.peers is not None:
            self._peers = dict(moment.peers)
        if moment.route or moment.scores or moment.session or moment.gap:
            yield packed(handed_moment(moment, self._peers), _encode)
        if moment.totals or moment.progress:
            yield _encode(HandedTotals(moment.now, moment.totals, moment.progress))

    def tick(self, now: float) -> None:
        """Time comes with the moments, as it does for the correlator."""

    def flush(self) -> None:
        """Nothing is held back."""


def handed_moment(moment: Moment, peers: dict[str, int]) -> HandedMoment:
    """A moment as it is handed on."""
    return HandedMoment(
        moment.now,
        peers,
        route=tuple(
            HandedRoute(event=item) if isinstance(item, RouteEvent) else HandedRoute(cleared=item)
            for item in moment.route
        ),
        session=None if moment.session is None else replace(moment.session, received=b""),
        gap=moment.gap,
        scores=moment.scores,
    )
