"""VRPs that came and went, apart from what an expected origin lost by it."""

from collections.abc import Iterable

from bgptui.domain.alert import Severity
from bgptui.domain.prefix import covers, parse_prefix
from bgptui.domain.roa import RoaEvent, RoaKind, RoaReading
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.routemon.roa_baseline import Difference, VrpMap
from bgptui.routemon.roa_book import RoaBook
from bgptui.routemon.roa_expected import Expected, VrpIndex, rules_about
from bgptui.routemon.roa_facts import (
    change_fact,
    change_text,
    named,
    rule_fact,
    source_fact,
)
from bgptui.routemon.watchlist import AsRule, Rule, Watchlist

FOREIGN = f"roa|{RoaKind.FOREIGN}|"
CHANGED = f"roa|{RoaKind.CHANGED}|"


class RoaDifferences:
    """Strangers that may originate a watched prefix now, until they may not; and notices of all
    else."""

    def __init__(self, book: RoaBook) -> None:
        self._book = book
        self._foreign: dict[str, tuple[str, int]] = {}  # prefix and AS by key

    def restore(self, key: str, prefix: str, asn: int) -> None:
        """Go on with a stranger's VRP that an earlier run told of."""
        self._foreign[key] = prefix, asn
        self._book.take_over(key)

    def find(self, watchlist: Watchlist, difference: Difference, reading: RoaReading) -> set[Vrp]:
        """Tell of strangers' new VRPs; which they are."""
        found = set()
        for vrp in difference.added:
            rules = rules_about(watchlist, vrp)
            severity = _severity(vrp, rules, watchlist)
            if severity is None:
                continue
            found.add(vrp)
            key = f"{FOREIGN}{vrp.prefix}|AS{vrp.asn}"
            self._foreign[key] = vrp.prefix, vrp.asn
            self._tell_foreign(
                key,
                vrp,
                rule=rules[0],
                severity=severity,
                difference=difference,
                reading=reading,
            )
        return found

    def review(self, watchlist: Watchlist, vrps: VrpMap) -> set[tuple[str, int]]:
        """End what is not there, or not strange, any more; prefix and AS of what is gone."""
        gone = set()
        there = {(vrp.prefix, vrp.asn): vrp for vrp in vrps}
        for key, prefix_and_asn in list(self._foreign.items()):
            vrp = there.get(prefix_and_asn)
            if vrp is None:
                gone.add(prefix_and_asn)
                self._end(key, "the ROA is gone")
            elif _severity(vrp, rules_about(watchlist, vrp), watchlist) is None:
                self._end(key, "the watchlist expects it, or does not look at it")
        return gone

    def notice(
        self,
        watchlist: Watchlist,
        difference: Difference,
        reading: RoaReading,
        *,
        told: Iterable[Vrp],
    ) -> None:
        """Tell of what is not told otherwise, a notice for each watched prefix or AS."""
        told = frozenset(told)
        groups: dict[str, tuple[Rule | AsRule, list[Vrp], list[Vrp]]] = {}
        for vrp in (*difference.added, *difference.removed):
            rules = () if vrp in told else rules_about(watchlist, vrp)
            if not rules:
                continue
            rule = rules[0]
            about = rule.prefix if isinstance(rule, Rule) else f"AS{rule.asn}"
            _, added, removed = groups.setdefault(f"{CHANGED}{about}", (rule, [], []))
            (added if vrp in difference.after else removed).append(vrp)
        for key, (rule, came, went) in groups.items():
            self._tell_changed(key, came, went, rule=rule, difference=difference, reading=reading)

    def _end(self, key: str, resolution: str) -> None:
        del self._foreign[key]
        self._book.clear(key, resolution)

    def _tell_foreign(
        self,
        key: str,
        vrp: Vrp,
        *,
        rule: Rule | AsRule,
        severity: Severity,
        difference: Difference,
        reading: RoaReading,
    ) -> None:
        own = rule.prefix if isinstance(rule, Rule) else vrp.prefix
        about = f"your {own}" if own == vrp.prefix else f"{vrp.prefix}, which concerns your {own},"
        expected = rule.origins if isinstance(rule, Rule) else ()
        index = VrpIndex(difference.after)
        states = {index.state(Expected(own, origin)) for origin in expected}
        is_invalid = RpkiState.INVALID in states
        self._book.tell(
            RoaEvent(
                timestamp=self._book.now,
                since=difference.since,
                key=key,
                kind=RoaKind.FOREIGN,
                severity=severity,
                description=f"A new ROA allows AS{vrp.asn} to announce {about} up to"
                f" /{vrp.max_length}; the watchlist does not expect AS{vrp.asn}."
                + (" By it your own route is RPKI invalid." if is_invalid else ""),
                prefixes=(vrp.prefix,),
                origin_asn=vrp.asn,
                watched_prefix=own,
                expected_origins=expected,
                rpki_status=RpkiState.INVALID.value if is_invalid else None,
                evidence=(
                    rule_fact(rule),
                    change_fact(named([vrp], difference.after), ()),
                    source_fact(reading),
                ),
            ),
            rule,
        )

    def _tell_changed(
        self,
        key: str,
        added: list[Vrp],
        removed: list[Vrp],
        *,
        rule: Rule | AsRule,
        difference: Difference,
        reading: RoaReading,
    ) -> None:
        watched = rule.prefix if isinstance(rule, Rule) else None
        prefixes = [vrp.prefix for vrp in (*added, *removed)]
        came, went = named(added, difference.after), named(removed, difference.before)
        self._book.tell(
            RoaEvent(
                timestamp=self._book.now,
                since=difference.since,
                key=key,
                kind=RoaKind.CHANGED,
                severity=Severity.LOW,
                description=change_text(came, went),
                prefixes=tuple(dict.fromkeys((*([watched] if watched else ()), *prefixes))),
                origin_asn=(added or removed)[0].asn,
                watched_prefix=watched,
                expected_origins=rule.origins if isinstance(rule, Rule) else (rule.asn,),
                is_notice=True,
                evidence=(rule_fact(rule), change_fact(came, went), source_fact(reading)),
            ),
            rule,
        )


def overlap(one: str, other: str) -> bool:
    """Whether one prefix covers the other."""
    first, second = parse_prefix(one), parse_prefix(other)
    return covers(first, second) or covers(second, first)


def _severity(vrp: Vrp, rules: tuple[Rule | AsRule, ...], watchlist: Watchlist) -> Severity | None:
    """Of a VRP that allows a stranger to announce what is watched; None where it does not.

    AS 0 allows nobody anything. A holder of more than we have may hold a ROA for it that lets
    its AS announce ours as well, which is odd, and often meant so.
    """
    by_prefix = [rule for rule in rules if isinstance(rule, Rule)]
    origins = {origin for rule in by_prefix for origin in rule.origins}
    is_own = vrp.asn in origins or vrp.asn in watchlist.as_rules
    if not by_prefix or vrp.asn == 0 or is_own or watchlist.are_siblings(vrp.asn, origins):
        return None
    length = parse_prefix(vrp.prefix)[2]
    watched = [parse_prefix(rule.prefix)[2] for rule in by_prefix]
    if length >= min(watched):
        return Severity.HIGH
    return Severity.MEDIUM if vrp.max_length >= min(watched) else None
