"""What ROAs say of a watchlist: routes that nobody vouches for, and room for forged origins.

Source: RFC 9319 (max length), RFC 6811 section 2, RFC 6483 section 4 (AS 0).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

from bgptui.domain.prefix import parse_prefix
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState, Vrp
from bgptui.routemon.concern import Concern, of_rule
from bgptui.routemon.rules import all_named
from bgptui.routemon.watchlist import Rule

Validate = Callable[[str, int | None], OriginValidation]


def roa_concerns(
    rules: Iterable[Rule],
    validate: Validate,
    announced: Iterable[tuple[int, str]] = (),
) -> Iterator[Concern]:
    """Each expected route against the ROAs.

    Args:
        validate: origin validation, with fresh VRPs.
        announced: (origin, prefix) of what is seen, as far as anybody knows.
    """
    looked_at = [rule for rule in rules if not rule.ignore]
    used = _UsedLengths(looked_at, announced)
    told: set[Vrp] = set()
    for rule in looked_at:
        if not rule.origins:
            yield from _nobody(rule, validate)
        elif validate(rule.prefix, rule.origins[0]).state is RpkiState.NOT_FOUND:
            yield _not_found(rule)
        for origin in rule.origins:
            got = validate(rule.prefix, origin)
            yield from _route(rule, origin, got)
            for vrp in got.covering:
                if vrp.asn == origin and vrp not in told:
                    told.add(vrp)
                    yield from _too_loose(rule, vrp, used.longest_in(vrp))


def _not_found(rule: Rule) -> Concern:
    origins = " and one for ".join(f"AS{origin}" for origin in rule.origins)
    return of_rule(
        rule,
        "no_roa",
        "no ROA covers it: nobody can tell a wrong origin from yours",
        f"publish a ROA for {origins}, {rule.prefix} up to /{rule.max_length}",
    )


def _route(rule: Rule, origin: int, got: OriginValidation) -> Iterator[Concern]:
    if got.state is RpkiState.INVALID:
        allowed = ", ".join(
            f"AS{vrp.asn} {vrp.prefix} up to /{vrp.max_length}" for vrp in got.covering[:5]
        )
        if got.reason is InvalidReason.LENGTH:
            said = f"AS{origin}'s ROA ends at a shorter length ({allowed})"
        else:
            said = f"AS{origin} is not allowed to announce it; ROAs allow {allowed}"
        yield of_rule(
            rule,
            "roa_contradicts",
            f"{said}: networks that validate drop the route",
            f"publish a ROA for AS{origin}, {rule.prefix} up to /{rule.max_length}, or take"
            f" AS{origin} out of origins",
        )
    elif got.state is RpkiState.VALID:
        longest = max(vrp.max_length for vrp in got.covering if vrp.asn == origin)
        if longest < rule.max_length:
            yield of_rule(
                rule,
                "roa_too_tight",
                f"more-specifics are expected up to /{rule.max_length}, and AS{origin}'s ROA ends"
                f" at /{longest}: what is longer would be invalid",
                f"set max_length = {longest}, or publish ROAs for the more-specifics",
            )


class _UsedLengths:
    """Which prefix lengths each AS expects to use, and uses, within a VRP."""

    def __init__(self, rules: Iterable[Rule], announced: Iterable[tuple[int, str]]) -> None:
        # By AS and width: (address, length, longest length), in order of addresses.
        self._used: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for rule in rules:
            for origin in rule.origins:
                self._add(origin, rule.prefix, rule.max_length)
        for origin, prefix in announced:
            self._add(origin, prefix, 0)
        for listed in self._used.values():
            listed.sort()

    def _add(self, origin: int, prefix: str, longest: int) -> None:
        width, address, length = parse_prefix(prefix)
        self._used.setdefault((origin, width), []).append((address, length, max(length, longest)))

    def longest_in(self, vrp: Vrp) -> int:
        """The longest that its AS uses of the lengths that a VRP allows, its own at least."""
        width, address, length = parse_prefix(vrp.prefix)
        used = self._used.get((vrp.asn, width), [])
        begin = bisect_left(used, (address,))
        end = bisect_left(used, (address + (1 << (width - length)),))
        return max(
            (
                min(longest, vrp.max_length)
                for _, its_length, longest in used[begin:end]
                if length <= its_length <= vrp.max_length
            ),
            default=length,
        )


def _too_loose(rule: Rule, vrp: Vrp, longest: int) -> Iterator[Concern]:
    """A ROA for lengths that nobody expects vouches for whoever forges its AS as the origin of a
    longer prefix, which wins everywhere."""
    if vrp.max_length > longest:
        yield of_rule(
            rule,
            "roa_too_loose",
            f"AS{vrp.asn}'s ROA {vrp.prefix} goes up to /{vrp.max_length}, and nothing longer than"
            f" /{longest} is expected: a forged AS{vrp.asn} as origin of a longer one is valid",
            f"publish it up to /{longest} (RFC 9319)",
        )


def _nobody(rule: Rule, validate: Validate) -> Iterator[Concern]:
    got = validate(rule.prefix, 0)
    others = sorted({vrp.asn for vrp in got.covering if vrp.asn})
    if others:
        yield of_rule(
            rule,
            "roa_contradicts",
            f"nobody may announce it, and ROAs allow it to {all_named(others)}",
            "withdraw these ROAs, or name the origin",
        )
    elif not got.covering:
        yield of_rule(
            rule,
            "no_roa",
            "nobody may announce it, and no ROA says so",
            f"publish a ROA for AS0, {rule.prefix} up to /{parse_prefix(rule.prefix)[0]}",
        )
