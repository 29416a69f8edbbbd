"""A first watchlist for some ASes: from what routing tables and ROAs say of them today.

Precise on purpose: each prefix that is announced has a rule of its own and no length beyond it,
since a max_length that nobody uses is room for a forged origin (RFC 9319).
"""

from collections.abc import Callable, Collection, Iterable

from msgspec import Struct

from bgptui.domain.prefix import parse_prefix
from bgptui.domain.rpki import OriginValidation, RpkiState, Vrp
from bgptui.domain.words import plural
from bgptui.routemon.census import Enough, Neighbours, RibCensus
from bgptui.routemon.rules import all_named, named
from bgptui.routemon.verdict import Origin
from bgptui.routemon.watchlist import AsRule, Rule, members

Validate = Callable[[str, int | None], OriginValidation]

# Why something is no rule.
_DOUBTFUL = "seen, but not to be relied on"
_DELEGATED = (
    "more-specifics that others announce: an alert each, until a rule for it expects its origin"
)
_UNUSED_ROA = "allowed by a ROA, but not announced"


class Draft(Struct):
    """Rules, and what a person should look at.

    Attributes:
        comments: of a rule, lines that stand in it.
        left_out: what is no rule, by the reason.
    """

    rules: list[Rule]
    as_rules: list[AsRule]
    comments: dict[Rule | AsRule, tuple[str, ...]]
    left_out: dict[str, list[str]]

    def add(self, prefix: str, origins: Iterable[int], max_length: int, *said: str) -> None:
        """Add a rule with its comments."""
        number = len(self.rules) + 1
        rule = Rule(number, prefix, tuple(sorted(origins)), max_length)
        self.rules.append(rule)
        self.comments[rule] = said

    def leave_out(self, why: str, what: str) -> None:
        """Say what is no rule."""
        self.left_out.setdefault(why, []).append(what)


def draft_from_rib(
    asns: Collection[int],
    census: RibCensus,
    *,
    min_peers: int,
    validate: Validate | None = None,
    vrps: Iterable[Vrp] = (),
) -> Draft:
    """Rules for what these ASes announce, as enough peers see it.

    Args:
        min_peers: distinct peer ASes that make a route believable; where fewer have the whole
            table, all of these.
        validate: origin validation, to say where it disagrees; None for nothing.
        vrps: the ROAs of these ASes; those for what is not announced are told.
    """
    draft, enough = Draft([], [], {}, {}), Enough(census, min_peers)
    announced = set()
    for prefix in census.prefixes():
        if _draft_prefix(draft, asns, census, prefix, enough=enough(prefix), validate=validate):
            announced.add(prefix)
    own = [vrp for vrp in vrps if vrp.asn in asns and vrp.prefix not in announced]
    for vrp in sorted(own, key=_order):
        draft.leave_out(_UNUSED_ROA, f"{vrp.prefix} up to /{vrp.max_length}, AS{vrp.asn}")
    for number, asn in enumerate(sorted(asns), start=1):
        _draft_as(draft, number, asn, census, enough=enough.anywhere)
    return draft


def draft_from_vrps(asns: Collection[int], vrps: Callable[[], Iterable[Vrp]]) -> Draft:
    """Rules for what ROAs allow to these ASes.

    Args:
        vrps: gives all there are, each time: what other ASes may announce of the same prefixes is
            expected, too.
    """
    draft = Draft([], [], {}, {})
    by_prefix: dict[str, dict[int, int]] = {}
    own = {vrp.prefix for vrp in vrps() if vrp.asn in asns}
    for vrp in vrps():
        if vrp.prefix in own and vrp.asn:  # AS 0 is nobody's origin (RFC 6483)
            lengths = by_prefix.setdefault(vrp.prefix, {})
            lengths[vrp.asn] = max(vrp.max_length, lengths.get(vrp.asn, 0))
    for prefix in sorted(by_prefix, key=parse_prefix):
        lengths = by_prefix[prefix]
        for max_length in sorted(set(lengths.values())):
            origins = [asn for asn, its in lengths.items() if its == max_length]
            others = sorted(set(origins).difference(asns))
            said = [f"a ROA allows it to {all_named(others)}, too"] if others else []
            draft.add(prefix, origins, max_length, *said)
    for number, asn in enumerate(sorted(asns), start=1):
        draft.as_rules.append(AsRule(number, asn))
    return draft


def _draft_prefix(
    draft: Draft,
    asns: Collection[int],
    census: RibCensus,
    prefix: str,
    *,
    enough: int,
    validate: Validate | None,
) -> bool:
    """Add the rule of one prefix, or say why there is none; whether there is one."""
    seen = census.origins(prefix)
    expected: list[int] = []
    said, doubtful = [], []
    for origin, peers in seen.items():
        share = f"{named(origin)}: seen by {plural(peers, 'peer', 'peers')}"
        is_own = isinstance(origin, int) and origin in asns
        doubt = _doubt(origin, peers < enough, is_own, prefix, validate)
        if doubt:
            doubtful.append(f"{share}{doubt}")
        else:
            expected += members(origin)
            whose = "" if is_own else ", not one of those asked for: is it right?"
            said.append(f"{share}{whose}{_verdict(prefix, origin, validate)}")
    if not any(origin in asns for origin in expected):
        if any(not set(asns).isdisjoint(members(origin)) for origin in seen):
            for line in doubtful:
                draft.leave_out(_DOUBTFUL, f"{prefix} {line}")
        else:
            for origin in (origin for origin, peers in seen.items() if peers >= enough):
                verdict = _verdict(prefix, origin, validate)
                draft.leave_out(_DELEGATED, f"{prefix} {named(origin)}{verdict}")
        return False
    draft.add(
        prefix,
        expected,
        parse_prefix(prefix)[2],
        *said,
        *(f"left out: {line}" for line in doubtful),
    )
    return True


def _doubt(
    origin: Origin, too_few: bool, is_own: bool, prefix: str, validate: Validate | None
) -> str:
    """Why an origin that is seen is not expected; empty where it is."""
    if too_few:
        return ", too few"
    if not isinstance(origin, int):
        return "; an AS_SET is nobody's origin (RFC 9774)"
    if is_own or validate is None:
        return ""
    got = validate(prefix, origin)
    return f"; RPKI invalid ({got.reason})" if got.state is RpkiState.INVALID else ""


def _verdict(prefix: str, origin: Origin, validate: Validate | None) -> str:
    """What the RPKI has against a route, as the end of a sentence."""
    if validate is None or not isinstance(origin, int):
        return ""
    got = validate(prefix, origin)
    if got.state is RpkiState.NOT_FOUND:
        return "; no ROA covers it"
    return f"; RPKI invalid ({got.reason})" if got.state is RpkiState.INVALID else ""


def _draft_as(draft: Draft, number: int, asn: int, census: RibCensus, *, enough: int) -> None:
    above, below = census.upstreams[asn], census.downstreams[asn]
    said = [*_doubted("upstreams", above, enough), *_doubted("downstreams", below, enough)]
    if asn not in census.in_paths:
        rule = AsRule(number, asn)
        said = ["in no path of the tables: its neighbours are unknown"]
    else:
        # An AS whose own routers alone show its routes has no upstream in any path.
        rule = AsRule(number, asn, above.believed(enough) or None, below.believed(enough))
    if asn in census.peers:
        said.append("a peer itself: downstreams are all from whom it has routes")
    draft.as_rules.append(rule)
    draft.comments[rule] = tuple(said)


def _doubted(side: str, neighbours: Neighbours, enough: int) -> list[str]:
    """What is left out on one side, if anything."""
    believed = set(neighbours.believed(enough))
    few = [f"AS{asn} ({neighbours.seen_by(asn)})" for asn in neighbours if asn not in believed]
    return [f"{side} left out, with the few peers that see them: {', '.join(few)}"] if few else []


def _order(vrp: Vrp) -> tuple[tuple[int, int, int], int, int]:
    return parse_prefix(vrp.prefix), vrp.max_length, vrp.asn
