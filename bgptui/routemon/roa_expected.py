"""Which origins are expected to be valid, and what VRPs say of them (RFC 6811)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bgptui.domain.prefix import covers, parse_prefix
from bgptui.domain.roa import Interest
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.routemon.watchlist import AsRule, Check, Rule, Watchlist


class Expected(NamedTuple):
    """An origin that a prefix is expected to have."""

    prefix: str
    origin: int


class VrpIndex:
    """A few VRPs by prefix: what says something of an origin."""

    def __init__(self, vrps: Iterable[Vrp]) -> None:
        self._at: dict[tuple[int, int, int], list[Vrp]] = {}
        for vrp in vrps:
            self._at.setdefault(parse_prefix(vrp.prefix), []).append(vrp)
        self._lengths = {
            width: sorted({length for family, _, length in self._at if family == width})
            for width in {width for width, _, _ in self._at}
        }

    def covering(self, prefix: str) -> list[Vrp]:
        """The VRPs that cover a prefix, shortest first."""
        width, address, length = parse_prefix(prefix)
        found: list[Vrp] = []
        for its_length in self._lengths.get(width, ()):
            if its_length > length:
                break
            below = width - its_length
            found += self._at.get((width, address >> below << below, its_length), ())
        return found

    def allowing(self, expected: Expected) -> list[Vrp]:
        """Those by which the origin is valid. RFC 6811 section 2: AS 0 never matches."""
        length = parse_prefix(expected.prefix)[2]
        return [
            vrp
            for vrp in self.covering(expected.prefix)
            if vrp.asn == expected.origin != 0 and vrp.max_length >= length
        ]

    def state(self, expected: Expected) -> RpkiState:
        if self.allowing(expected):
            return RpkiState.VALID
        return RpkiState.INVALID if self.covering(expected.prefix) else RpkiState.NOT_FOUND


def interest_of(watchlist: Watchlist) -> Interest:
    """The VRPs that concern a watchlist."""
    rules = list(watched_rules(watchlist))
    return Interest(
        prefixes=(rule.prefix for rule in rules),
        asns=watchlist.as_rules,
        origins=(origin for rule in rules for origin in rule.origins),
    )


def watched_rules(watchlist: Watchlist) -> Iterator[Rule]:
    """The rules whose prefixes' ROAs are looked at."""
    return (rule for rule in watchlist.rules if Check.ROA in rule.checks and not rule.ignore)


def expectations(watchlist: Watchlist, vrps: Iterable[Vrp]) -> dict[Expected, Rule | AsRule]:
    """Each origin that is expected, with the rule that says so: those of watched prefixes, and
    what the VRPs of watched ASes are for."""
    found: dict[Expected, Rule | AsRule] = {}
    for rule in watched_rules(watchlist):
        for origin in rule.origins:
            found.setdefault(Expected(rule.prefix, origin), rule)
    for vrp in vrps:
        as_rule = watchlist.as_rules.get(vrp.asn)
        if as_rule is not None and not _is_let_be(watchlist.covering(vrp.prefix), vrp.prefix):
            found.setdefault(Expected(vrp.prefix, vrp.asn), as_rule)
    return found


def rule_of(watchlist: Watchlist, expected: Expected) -> Rule | AsRule | None:
    """The rule that expects this; None where none does (any more)."""
    for rule in deciding(watchlist, expected.prefix):
        if rule.prefix == expected.prefix and expected.origin in rule.origins:
            return rule
    if _is_let_be(watchlist.covering(expected.prefix), expected.prefix):
        return None
    return watchlist.as_rules.get(expected.origin)


def deciding(watchlist: Watchlist, prefix: str) -> tuple[Rule, ...]:
    """The watched rules that decide on the ROAs of a prefix; none where anything goes."""
    rules = watchlist.covering(prefix)
    if _is_let_be(rules, prefix):
        return ()
    return tuple(rule for rule in rules if Check.ROA in rule.checks)


def rules_about(watchlist: Watchlist, vrp: Vrp) -> tuple[Rule | AsRule, ...]:
    """The rules that a VRP concerns: of the prefix that it is in, else of those that are in it,
    else of its AS."""
    above = watchlist.covering(vrp.prefix)
    if _is_let_be(above, vrp.prefix):
        return ()
    its = parse_prefix(vrp.prefix)
    rules = [] if above else watched_rules(watchlist)
    inside = [rule for rule in rules if covers(its, parse_prefix(rule.prefix))]
    by_prefix = deciding(watchlist, vrp.prefix) or tuple(inside)
    as_rule = watchlist.as_rules.get(vrp.asn)
    return by_prefix or (() if as_rule is None else (as_rule,))


def _is_let_be(rules: tuple[Rule, ...], prefix: str) -> bool:
    """Whether a rule expects everything of the prefix, or has its ROAs not looked at."""
    return bool(rules) and (
        any(rule.ignore or (rule.ignore_more_specifics and rule.prefix != prefix) for rule in rules)
        or not any(Check.ROA in rule.checks for rule in rules)
    )
