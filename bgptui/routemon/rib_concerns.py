"""What routing tables say of a watchlist: what is expected and never seen, and the reverse."""

from collections.abc import Iterator

from bgptui.domain.prefix import parse_prefix
from bgptui.routemon.census import Enough, Neighbours, RibCensus
from bgptui.routemon.concern import Concern, of_rule
from bgptui.routemon.rules import all_named, named
from bgptui.routemon.verdict import Origin
from bgptui.routemon.watchlist import AsRule, Rule, Watchlist, members

_SHOWN = 5  # prefixes of a long list


def census_of(watchlist: Watchlist) -> RibCensus:
    """A census of what the watchlist is about, with nothing in it yet."""
    return RibCensus(watchlist.origins, (rule.prefix for rule in watchlist.rules))


def rib_concerns(watchlist: Watchlist, census: RibCensus, *, min_peers: int) -> Iterator[Concern]:
    """Each rule against the tables.

    Args:
        min_peers: distinct peer ASes that make a route believable.
    """
    enough = Enough(census, min_peers)
    for rule in watchlist.rules:
        if not rule.ignore:
            yield from _prefix(rule, watchlist, census, enough)
    unlisted: dict[int, list[str]] = {}
    for prefix in census.prefixes():
        rules = watchlist.covering(prefix)
        for origin, peers in census.origins(prefix).items():
            if peers < enough(prefix):
                continue
            if rules:
                yield from _more_specific(prefix, origin, peers, rules)
            elif isinstance(origin, int):
                unlisted.setdefault(origin, []).append(prefix)
    for as_rule in watchlist.as_rules.values():
        yield from _unlisted(as_rule, unlisted.get(as_rule.asn, []))
        yield from _neighbours(as_rule, census, enough.anywhere)


def announced(census: RibCensus, *, min_peers: int) -> Iterator[tuple[int, str]]:
    """What each AS announces, for roa_concerns: (origin, prefix)."""
    enough = Enough(census, min_peers)
    for prefix in census.prefixes():
        for origin, peers in census.origins(prefix).items():
            if isinstance(origin, int) and peers >= enough(prefix):
                yield origin, prefix


def _prefix(
    rule: Rule, watchlist: Watchlist, census: RibCensus, enough: Enough
) -> Iterator[Concern]:
    seen = census.origins(rule.prefix)
    if rule.origins and not seen:
        yield of_rule(
            rule,
            "prefix_unseen",
            "no peer has the prefix",
            "announce it, or say origins = [] if nobody is to announce it",
        )
        return
    for asn in rule.origins:
        if asn not in seen:
            yield of_rule(
                rule,
                "origin_unseen",
                f"AS{asn} announces it nowhere",
                f"take AS{asn} out of origins, unless it stands by",
            )
    listed = {origin for other in watchlist.covering(rule.prefix) for origin in other.origins}
    for origin, peers in seen.items():
        if peers >= enough(rule.prefix) and not set(members(origin)) <= listed:
            yield _unexpected(rule, rule.prefix, origin, peers)
    for asn in rule.upstreams or ():
        if not any(asn in census.upstreams[origin] for origin in rule.origins):
            yield _unseen(rule, "upstream", asn, all_named(rule.origins))


def _more_specific(
    prefix: str, origin: Origin, peers: int, rules: tuple[Rule, ...]
) -> Iterator[Concern]:
    """A route without a rule of its own, judged by those of a prefix around it."""
    if any(rule.prefix == prefix or rule.ignore or rule.ignore_more_specifics for rule in rules):
        return
    expecting = [rule for rule in rules if set(members(origin)) <= set(rule.origins)]
    if not expecting:
        yield _unexpected(rules[0], prefix, origin, peers)
        return
    longest = max(expecting, key=lambda rule: rule.max_length)
    if parse_prefix(prefix)[2] > longest.max_length:
        yield of_rule(
            longest,
            "more_specific_unexpected",
            f"{named(origin)} announces {prefix} ({peers} peers see it), longer than"
            f" /{longest.max_length}: an alert",
            f"add a rule for {prefix}",
        )


def _unlisted(rule: AsRule, prefixes: list[str]) -> Iterator[Concern]:
    if not rule.new_prefixes or not prefixes:
        return
    more = f" and {len(prefixes) - _SHOWN:,} more" if len(prefixes) > _SHOWN else ""
    yield of_rule(
        rule,
        "prefix_unlisted",
        f"no rule covers {', '.join(prefixes[:_SHOWN])}{more}, which it announces: an alert each",
        f"add rules, which `watch generate --asn {rule.asn}` writes, or say new_prefixes = false",
    )


def _unexpected(rule: Rule, prefix: str, origin: Origin, peers: int) -> Concern:
    return of_rule(
        rule,
        "origin_unexpected",
        f"{named(origin)} announces {prefix} ({peers} peers see it): an alert",
        f"add a rule for {prefix} that expects it, if it is right",
    )


def _neighbours(rule: AsRule, census: RibCensus, enough: int) -> Iterator[Concern]:
    if rule.asn not in census.in_paths:
        yield of_rule(
            rule, "as_unseen", "the AS is in no path", "delete the rule, unless it is new"
        )
        return
    sides: tuple[tuple[str, tuple[int, ...] | None, Neighbours], ...] = (
        ("upstream", rule.upstreams, census.upstreams[rule.asn]),
        ("downstream", rule.downstreams, census.downstreams[rule.asn]),
    )
    for side, expected, seen in sides:
        if expected is None:
            continue
        for asn in expected:
            if asn not in seen:
                yield _unseen(rule, side, asn, f"AS{rule.asn}")
        for asn in seen:
            if asn not in expected and seen.seen_by(asn) >= enough:
                yield of_rule(
                    rule,
                    f"{side}_unexpected",
                    f"AS{asn} stands as its {side} in paths of {seen.seen_by(asn)} peers: an alert",
                    f"add AS{asn} to {side}s, if it is right",
                )


def _unseen(rule: Rule | AsRule, side: str, asn: int, whose: str) -> Concern:
    return of_rule(
        rule,
        f"{side}_unseen",
        f"AS{asn} is in no path as {side} of {whose}",
        f"take AS{asn} out of {side}s, unless it stands by",
    )
