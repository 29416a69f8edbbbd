"""The operator's prefixes and AS numbers, and what is expected of them."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.aspa import Role
from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, heads_below, parse_prefix
from bgptui.domain.routing import BgpMessage
from bgptui.routemon.path_pattern import PathPattern


class Check(StrEnum):
    """What a rule looks at, by the names the watchlist uses.

    ORIGIN: an AS that is not expected. MORE_SPECIFIC: an expected origin announces more than
    is expected. UPSTREAM: a neighbour of the origin that is not expected. PATH: the rule's
    path patterns. LEAK: a route that went where it should not. RPKI: an expected route that
    is RPKI invalid. VISIBILITY: peers lose the prefix. ROA: the prefix's ROAs change or end.
    """

    ORIGIN = "origin"
    MORE_SPECIFIC = "more_specific"
    UPSTREAM = "upstream"
    PATH = "path"
    LEAK = "leak"
    RPKI = "rpki"
    VISIBILITY = "visibility"
    ROA = "roa"


class Rule(Struct, frozen=True):
    """What is expected of one prefix. Several rules may have the same prefix: what one of them
    expects is expected.

    Attributes:
        number: its place in the file, from 1.
        prefix: canonical.
        origins: AS numbers that may originate it, ascending; none: nobody may (squatting).
        max_length: more-specifics up to this length are expected from these origins, too.
        min_peers: distinct peer ASNs that it takes to open an alert; None for the default.
        upstreams: neighbours that the origin may have, ascending; None for any.
        paths: an alert where one of them fires.
        checks: what is looked at.
        ignore: everything is expected of the prefix: it is cut out of a wider rule.
        ignore_more_specifics: everything is expected of its more-specifics.
        visibility_loss: share of the peers that had the prefix, 0 ... 1, whose loss opens an
            alert; None for the default.
        mute_until: event time until which no alert opens; None for none.
    """

    number: int
    prefix: str
    origins: tuple[int, ...]
    max_length: int
    description: str = ""
    group: str = ""
    min_peers: int | None = None
    upstreams: tuple[int, ...] | None = None
    paths: tuple[PathPattern, ...] = ()
    checks: frozenset[Check] = frozenset(Check)
    ignore: bool = False
    ignore_more_specifics: bool = False
    visibility_loss: float | None = None
    mute_until: float | None = None

    def is_muted(self, at: float) -> bool:
        """Whether no alert may open at this event time."""
        return self.mute_until is not None and at < self.mute_until

    def expects_the_same_as(self, other: "Rule") -> bool:
        """Nothing but its place in the file tells it from the other."""
        return self == replace(other, number=self.number)


class AsRule(Struct, frozen=True):
    """What is expected of one AS.

    Attributes:
        number: its place in the file, from 1.
        upstreams, downstreams: neighbours it may have on the way to the collector, and behind
            it, ascending; None for any.
        new_prefixes: whether prefixes that it originates must be covered by a rule.
        min_peers, mute_until: as of a Rule.
    """

    number: int
    asn: int
    upstreams: tuple[int, ...] | None = None
    downstreams: tuple[int, ...] | None = None
    new_prefixes: bool = True
    description: str = ""
    group: str = ""
    min_peers: int | None = None
    mute_until: float | None = None

    def is_muted(self, at: float) -> bool:
        """Whether no alert may open at this event time."""
        return self.mute_until is not None and at < self.mute_until

    def expects_the_same_as(self, other: "AsRule") -> bool:
        """Nothing but its place in the file tells it from the other."""
        return self == replace(other, number=self.number)


class Watchlist:
    """The rules, the most specific ones first to answer.

    Args:
        rules: of canonical prefixes.
        as_rules: of distinct AS numbers.
        roles: what peers of the collectors are, by AS number; of the others nothing is known.
        siblings: groups of ASes of one organisation.
    """

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        as_rules: Iterable[AsRule] = (),
        *,
        roles: Mapping[int, Role] = MappingProxyType({}),
        siblings: Iterable[frozenset[int]] = (),
    ) -> None:
        self.rules = tuple(rules)
        self.as_rules = {rule.asn: rule for rule in as_rules}
        self.roles = roles
        self.families = tuple(siblings)
        self._family_of = {asn: family for family in self.families for asn in family}
        self.origins = frozenset(origin for rule in self.rules for origin in rule.origins).union(
            self.as_rules
        )
        by_prefix: dict[str, list[Rule]] = {}
        for rule in self.rules:
            by_prefix.setdefault(rule.prefix, []).append(rule)
        by_length: dict[tuple[int, int], dict[int, tuple[Rule, ...]]] = {}
        for prefix, its_rules in by_prefix.items():
            width, address, length = parse_prefix(prefix)
            network = address >> (width - length)
            by_length.setdefault((width, length), {})[network] = tuple(its_rules)
        # Per family (length, shift to its network bits, lookup), longest first.
        self._walks: dict[int, list[tuple[int, int, Callable[[int], tuple[Rule, ...] | None]]]] = {
            family: [
                (length, width - length, by_length[width, length].get)
                for width, length in sorted(by_length, reverse=True)
                if width == family
            ]
            for family in (IPV4_BITS, IPV6_BITS)
        }
        self._heads = frozenset(
            head for prefix in by_prefix for head in heads_below(*parse_prefix(prefix))
        )

    def __len__(self) -> int:
        return len(self.rules) + len(self.as_rules)

    def are_siblings(self, asn: int, others: Iterable[int]) -> bool:
        """Whether an AS is of the same organisation as one of the others."""
        return not self.siblings(asn).isdisjoint(others)

    def siblings(self, asn: int) -> frozenset[int]:
        """ASes of one organisation with this one; none where nothing is known of it."""
        return self._family_of.get(asn, frozenset())

    def unmutes_between(self, before: float, now: float) -> bool:
        """Whether a rule's mute ended after `before` and by `now`."""
        rules: tuple[Rule | AsRule, ...] = (*self.rules, *self.as_rules.values())
        return any(
            rule.mute_until is not None and before < rule.mute_until <= now for rule in rules
        )

    def covering(self, prefix: str) -> tuple[Rule, ...]:
        """The rules of the most specific watched prefix that is, or covers, a canonical one."""
        # Most of what is announced has nothing to do with us: its first number tells.
        head = prefix.partition(":" if ":" in prefix else ".")[0]
        if head not in self._heads:
            return ()
        width, address, length = parse_prefix(prefix)
        for its_length, shift, lookup in self._walks[width]:
            if its_length <= length:
                rules = lookup(address >> shift)
                if rules is not None:
                    return rules
        return ()

    def concerns(self, message: BgpMessage) -> bool:
        """The message announces or withdraws a watched prefix, or has a watched origin."""
        if not self.rules and not self.as_rules:
            return False
        path = message.as_path
        if path and not self.origins.isdisjoint(members(path[-1])):
            return True
        covering = self.covering
        return any(covering(prefix) for prefix in message.announced) or any(
            covering(prefix) for prefix in message.withdrawn
        )


def members(origin: int | tuple[int, ...]) -> tuple[int, ...]:
    """The AS numbers at the end of a path: one, or those of an AS_SET."""
    return (origin,) if isinstance(origin, int) else origin
