"""What is watched of the operator's ROAs: the VRPs that concern a watchlist, and their changes."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from bgptui.domain.alert import Severity
from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, parse_prefix
from bgptui.domain.rpki import Vrp


class RoaKind(StrEnum):
    """What happened to ROAs; stands in the key and the anomaly types of the alert.

    LOST: an expected origin was valid and is not any more, or became invalid. FOREIGN: an AS that
    is not expected may now originate a watched prefix. CHANGED: any other difference. EXPIRING:
    what makes an expected origin valid ends soon. ANCHOR: a trust anchor has many fewer VRPs than
    before. HELD: a source says so much less that it is not believed yet.
    """

    LOST = "roa_lost"
    FOREIGN = "roa_foreign"
    CHANGED = "roa_changed"
    EXPIRING = "roa_expiring"
    ANCHOR = "trust_anchor_shrank"
    HELD = "vrps_held_back"


class Interest:
    """Which VRPs concern a watchlist: those that overlap its prefixes, or are for its ASes.

    Args:
        prefixes: canonical.
        asns: of which every VRP is of interest.
        origins: of which it is of interest when their VRPs expire.
    """

    def __init__(
        self,
        prefixes: Iterable[str] = (),
        asns: Iterable[int] = (),
        origins: Iterable[int] = (),
    ) -> None:
        self.prefixes = tuple(sorted(set(prefixes)))
        self.asns = frozenset(asns)
        self.origins = frozenset(origins) | self.asns
        parsed = [parse_prefix(prefix) for prefix in self.prefixes]
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        for family in (IPV4_BITS, IPV6_BITS):
            spans = _merged(_span(*each) for each in parsed if each[0] == family)
            self._starts[family] = [start for start, _ in spans]
            self._ends[family] = [end for _, end in spans]

    def overlaps(self, width: int, address: int, length: int) -> bool:
        """Whether a prefix (as of parse_prefix) covers a watched one, or is covered by one."""
        start, end = _span(width, address, length)
        before = bisect_right(self._starts[width], end) - 1
        return before >= 0 and self._ends[width][before] >= start

    def concerns(self, vrp: Vrp) -> bool:
        return vrp.asn in self.asns or self.overlaps(*parse_prefix(vrp.prefix))


def _span(width: int, address: int, length: int) -> tuple[int, int]:
    """First and last address."""
    return address, address | ((1 << (width - length)) - 1)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same addresses as disjoint spans; prefixes overlap by one being inside the other."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not merged or start > merged[-1][1]:
            merged.append((start, end))
    return merged


class Expiry(Struct, frozen=True):
    """When a VRP ends unless it is renewed (`at`), as said by data of `as_of`; both seconds since
    1970 UTC."""

    at: float
    as_of: float

    @property
    def left_s(self) -> float:
        """What it had left when that was said: a source that died renews nothing, either."""
        return self.at - self.as_of


class SourceReading(Struct, frozen=True):
    """One fresh source.

    Attributes:
        anchors: VRPs by trust anchor; RTR names none, so that all are under "".
        held: the same of what it says now and is not believed yet; None where nothing is held.
    """

    name: str
    as_of: float | None
    anchors: Mapping[str, int]
    held: Mapping[str, int] | None = None


class RoaReading(Struct, frozen=True, eq=False):
    """The VRPs in force that concern a watchlist.

    Attributes:
        sources: those in force.
        vrps: without trust anchor, to the trust anchors that vouch for them where these are named:
            the same VRP from JSON and from RTR is one.
        expires: of some of them; a source that says nothing of expiry (RTR) has no part in it.
    """

    sources: tuple[SourceReading, ...]
    vrps: Mapping[Vrp, tuple[str, ...]]
    expires: Mapping[Vrp, Expiry] = {}

    @property
    def as_of(self) -> float | None:
        """Of the newest data."""
        return max((s.as_of for s in self.sources if s.as_of is not None), default=None)


class RoaEvent(Struct, frozen=True):
    """A matter of ROAs began, or changed.

    Attributes:
        timestamp: when it was found; `since` when it was first seen. Event time.
        key: the matter; the same until it is cleared.
        prefixes: concerned, the first of them named in front.
        opens_alert: False while the rule is muted.
        is_notice: nothing is amiss that could be put right: its alert ends by itself.
        evidence: JSON-ready facts, each with a `kind`.
    """

    timestamp: float
    since: float
    key: str
    kind: RoaKind
    severity: Severity
    description: str
    prefixes: tuple[str, ...] = ()
    origin_asn: int | None = None
    watched_prefix: str | None = None
    expected_origins: tuple[int, ...] = ()
    rpki_status: str | None = None
    opens_alert: bool = True
    is_notice: bool = False
    evidence: tuple[dict[str, Any], ...] = ()


class RoaCleared(Struct, frozen=True):
    """A matter of ROAs is over, for the reason that `resolution` says."""

    timestamp: float
    key: str
    resolution: str


RoaChange = RoaEvent | RoaCleared
