"""Expected origins that are valid by VRPs which end soon."""

from bgptui.domain.alert import Severity
from bgptui.domain.alert_json import iso_utc
from bgptui.domain.roa import Expiry, RoaEvent, RoaKind, RoaReading
from bgptui.domain.rpki import RpkiState
from bgptui.routemon.roa_baseline import VrpMap
from bgptui.routemon.roa_book import RoaBook
from bgptui.routemon.roa_expected import Expected, VrpIndex, expectations, rule_of
from bgptui.routemon.roa_facts import VRPS_SHOWN, named, rule_fact, source_fact, vrp_facts
from bgptui.routemon.watchlist import Rule, Watchlist

PREFIX = f"roa|{RoaKind.EXPIRING}|"


class RoaExpiry:
    """One matter for each origin: what ends mostly does so together, with a manifest or a
    certificate. A prefix of which one VRP ends is all right while another one allows the origin.

    Args:
        warn_s: what ends within this time of the newest data is told. Of the data's time, not the
            clock's: a source that died renews nothing, and all that it says would end.
    """

    def __init__(self, book: RoaBook, warn_s: float) -> None:
        self._book = book
        self._warn_s = warn_s

    def restore(self, key: str) -> None:
        """Go on with a matter that an earlier run told of."""
        self._book.take_over(key)

    def review(self, watchlist: Watchlist, vrps: VrpMap, reading: RoaReading) -> None:
        """Tell of what ends soon, and end what does not any more."""
        index = VrpIndex(vrps)
        groups: dict[str, list[tuple[Expiry, Expected]]] = {}
        for expected in expectations(watchlist, vrps):
            ends = _end(index, expected, reading)
            if ends is not None and ends.left_s < self._warn_s:
                rule = rule_of(watchlist, expected)
                mute = rule is not None and rule.is_muted(self._book.now)
                key = f"{PREFIX}AS{expected.origin}" + ("|muted" if mute else "")
                groups.setdefault(key, []).append((ends, expected))
        for key in self._book.keys(PREFIX):
            if key not in groups:
                self._book.clear(key, "renewed, or gone")
        for key, members in groups.items():
            self._tell(key, sorted(members, key=_soonest), watchlist, vrps, reading)

    def _tell(
        self,
        key: str,
        members: list[tuple[Expiry, Expected]],
        watchlist: Watchlist,
        vrps: VrpMap,
        reading: RoaReading,
    ) -> None:
        index = VrpIndex(vrps)
        ends, first = members[0]
        rule = rule_of(watchlist, first)
        more = f" and {len(members) - 1} more of your prefixes" if len(members) > 1 else ""
        hours = self._warn_s / 3_600
        self._book.tell(
            RoaEvent(
                timestamp=self._book.now,
                since=self._book.now,
                key=key,
                kind=RoaKind.EXPIRING,
                severity=Severity.MEDIUM,
                description=f"What allows AS{first.origin} to announce {first.prefix}{more} ends at"
                f" {iso_utc(ends.at)}, less than {hours:g} h after the data that says so: a ROA,"
                " a certificate above it, or a manifest or CRL that was not renewed.",
                prefixes=tuple(expected.prefix for _, expected in members),
                origin_asn=first.origin,
                watched_prefix=rule.prefix if isinstance(rule, Rule) else None,
                expected_origins=(first.origin,),
                rpki_status=RpkiState.VALID.value,
                evidence=(
                    *(() if rule is None else (rule_fact(rule),)),
                    *(
                        {
                            "kind": "roa",
                            "prefix": expected.prefix,
                            "origin": expected.origin,
                            "expires": iso_utc(expiry.at),
                            "now": vrp_facts(named(index.allowing(expected), vrps)),
                        }
                        for expiry, expected in members[:VRPS_SHOWN]
                    ),
                    source_fact(reading, RpkiState.VALID),
                ),
            ),
            rule,
        )


def _end(index: VrpIndex, expected: Expected, reading: RoaReading) -> Expiry | None:
    """When the last VRP that makes it valid ends; None where one is not known to."""
    ends = [reading.expires.get(vrp) for vrp in index.allowing(expected)]
    known = [each for each in ends if each is not None]
    if not known or len(known) < len(ends):
        return None
    return max(known, key=lambda each: each.at)


def _soonest(member: tuple[Expiry, Expected]) -> tuple[float, Expected]:
    return member[0].at, member[1]
