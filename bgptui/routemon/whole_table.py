"""Prefixes that nobody watches: who originates them, and origins that are new and invalid.

Most invalid routes stand for months and are mistakes (NDSS 2026: 96.9 %). What is worth a look
is one that appears while its holder announces a valid route.
"""

from msgspec import Struct

from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType
from bgptui.domain.prefix import format_prefix, parse_prefix
from bgptui.domain.routing import AsPath
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState, Vrp
from bgptui.routemon.path_rules import distinct_hops
from bgptui.routemon.rules import Finding
from bgptui.routemon.watchlist import Watchlist

PREFIXES_MOST = 1_500_000  # about 200 bytes each
NEWCOMERS_MOST = 100_000
LASTING_S = 120.0
STANDS_AFTER_S = 86_400.0
_FOREIGN = frozenset({InvalidReason.ASN, InvalidReason.AS0})


class _Newcomer(Struct, frozen=True):
    """An origin that came after the baseline."""

    first_seen: float
    holders: frozenset[int]
    hijack_class: str


class WholeTable:
    """The baseline of (prefix, origin), learned from a routing table or the first minutes.

    Args:
        learn_s: seconds of event time in which everything that is announced stands already.
        prefixes_most: further prefixes are not learned, and counted.
    """

    def __init__(self, *, learn_s: float, prefixes_most: int = PREFIXES_MOST) -> None:
        self._learn_s = learn_s
        self._learn_until: float | None = None
        self._prefixes_most = prefixes_most
        self._origins: dict[str, int | tuple[int, ...]] = {}
        self._asns: dict[int, int] = {}
        self._newcomers: dict[tuple[str, int], _Newcomer] = {}
        self.left_out = 0  # prefixes beyond the bound, at each look
        self.newcomers_left_out = 0  # new origins beyond theirs

    def __len__(self) -> int:
        return len(self._origins)

    def seed(self, prefix: str, origin: int) -> None:
        """A route of a routing table: with one there is nothing more to learn."""
        self._learn(prefix, origin)
        self._learn_until = 0.0

    def origins_of(self, prefix: str) -> tuple[int, ...]:
        """The origins of the baseline, the latest learned last."""
        known = self._origins.get(prefix, ())
        return (known,) if isinstance(known, int) else known

    def accept(self, prefix: str, origin: int) -> None:
        """The route stood before: it is none to be told as new."""
        self._learn(prefix, origin)

    def judge(
        self, prefix: str, origin: int, validation: OriginValidation, at: float
    ) -> Finding | None:
        """Judge the first sight of a route (of a while), and learn it.

        Args:
            origin: a single AS; an AS_SET is nobody's origin.
            at: event time.
        """
        if self._learn_until is None:
            self._learn_until = at + self._learn_s
        known = self._origins.get(prefix)
        if known is not None and (known == origin or _has(known, origin)):
            return None
        is_foreign = validation.state is RpkiState.INVALID and validation.reason in _FOREIGN
        if at < self._learn_until or not is_foreign:
            self._learn(prefix, origin)
            return None
        newcomer = self._newcomers.get((prefix, origin))
        if newcomer is None:
            newcomer = self._meet(prefix, origin, validation, at)
        if newcomer is None:
            self._learn(prefix, origin)
            return None
        return _finding(prefix, origin, newcomer)

    def weighed(
        self,
        finding: Finding,
        prefix: str,
        origin: int,
        *,
        path: AsPath,
        at: float,
        watchlist: Watchlist,
    ) -> Finding:
        """The finding as a sighting tells it: low where the origin is the holder's own kin,
        stands next to the holder, or has been there for a day."""
        newcomer = self._newcomers.get((prefix, origin))
        if newcomer is None:
            return finding
        because = _kinship(newcomer, origin, path, watchlist)
        if because is None and at - newcomer.first_seen > STANDS_AFTER_S:
            because = "it was seen first more than a day ago"
        if because is None:
            return finding
        return Finding(
            finding.event_type,
            finding.reason,
            Severity.LOW,
            finding.hijack_class,
            f"{finding.why}; low, because {because}",
            lasting_s=finding.lasting_s,
        )

    def _meet(
        self, prefix: str, origin: int, validation: OriginValidation, at: float
    ) -> _Newcomer | None:
        holders = self._holders_present(prefix, validation.covering[:])
        if not holders:
            return None
        if len(self._newcomers) >= NEWCOMERS_MOST:
            self.newcomers_left_out += 1
            return None
        hijack_class = "E|0" if prefix in self._origins else "S|0"
        newcomer = _Newcomer(at, frozenset(holders), hijack_class)
        self._newcomers[prefix, origin] = newcomer
        return newcomer

    def _holders_present(self, prefix: str, covering: tuple[Vrp, ...]) -> set[int]:
        """Holders that announce a valid route to the prefix or to one that covers it."""
        width, address, length = parse_prefix(prefix)
        holders: set[int] = set()
        for its_length in range(
            min((_length(vrp) for vrp in covering), default=length), length + 1
        ):
            below = width - its_length
            known = self._origins.get(format_prefix(width, address >> below << below, its_length))
            for vrp in covering if known is not None else ():
                if _length(vrp) <= its_length <= vrp.max_length and _has(known, vrp.asn):
                    holders.add(vrp.asn)
        return holders

    def _learn(self, prefix: str, origin: int) -> None:
        origin = self._asns.setdefault(origin, origin)  # one object for each AS
        known = self._origins.get(prefix)
        if known is None:
            if len(self._origins) >= self._prefixes_most:
                self.left_out += 1
                return
            self._origins[prefix] = origin
        elif not _has(known, origin):
            before = (known,) if isinstance(known, int) else known
            self._origins[prefix] = (*before[-7:], origin)


def _has(known: int | tuple[int, ...] | None, origin: int) -> bool:
    return known == origin if not isinstance(known, tuple) else origin in known


def _length(vrp: Vrp) -> int:
    return int(vrp.prefix.rpartition("/")[2])


def _finding(prefix: str, origin: int, newcomer: _Newcomer) -> Finding:
    holders = ", ".join(f"AS{asn}" for asn in sorted(newcomer.holders))
    return Finding(
        EventType.HIJACK_SUSPECTED,
        "new_origin",
        Severity.MEDIUM,
        newcomer.hijack_class,
        f"AS{origin} is a new, RPKI invalid origin of {prefix}, while {holders} announces a valid"
        " route to it",
        lasting_s=LASTING_S,
    )


def _kinship(newcomer: _Newcomer, origin: int, path: AsPath, watchlist: Watchlist) -> str | None:
    if watchlist.are_siblings(origin, newcomer.holders):
        return "it is a sibling of the holder"
    hops = distinct_hops(path)
    neighbour = hops[-2] if len(hops) > 1 else None
    if neighbour in newcomer.holders:
        return "it stands behind the holder in the path"
    return None
