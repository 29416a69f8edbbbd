"""A route judged once, for all the peers that have it."""

from msgspec import Struct

from bgptui.domain.event import RouteEvent, RouteKey
from bgptui.domain.rpki import OriginValidation
from bgptui.routemon.evidence import Facts, verdict_facts
from bgptui.routemon.rules import Finding, decide
from bgptui.routemon.watchlist import Rule, Watchlist

Origin = int | tuple[int, ...]  # an AS, or the members of an AS_SET


class Verdict(Struct, frozen=True):
    """A route that fires, the same for all peers.

    Attributes:
        before: of a route that stood, what the RPKI said until VRPs changed for the worse.
        facts: evidence that does not depend on the peer.
    """

    key: RouteKey
    finding: Finding
    validation: OriginValidation
    before: OriginValidation | None
    facts: Facts

    @classmethod
    def of(
        cls,
        key: RouteKey,
        finding: Finding,
        validation: OriginValidation,
        before: OriginValidation | None = None,
    ) -> "Verdict":
        """The verdict with its evidence."""
        return cls(key, finding, validation, before, verdict_facts(finding, validation))

    @property
    def rule(self) -> Rule | None:
        """The watched prefix's rule that fired."""
        return self.finding.rule

    def min_peers(self, default: int) -> int:
        """Distinct peer ASNs to open an alert; the default where its rule does not say."""
        rule = self.finding.rule or self.finding.as_rule
        return default if rule is None or rule.min_peers is None else rule.min_peers

    def says_the_same_as(self, event: RouteEvent, now: float) -> bool:
        """Nothing that a person would act on differs from `event`, which told it before."""
        finding, rule = self.finding, self.rule
        return (
            (self.key, finding.severity, finding.hijack_class)
            == (event.key, event.severity, event.hijack_class)
            and self.validation.state is event.validation.state
            and (None if rule is None else rule.prefix) == event.watched_prefix
            and (() if rule is None else rule.origins) == event.expected_origins
            and self.min_peers(event.min_peers) == event.min_peers
            and event.opens_alert is (finding.opens_alert and not finding.is_muted(now))
        )


def judge(
    prefix: str,
    origin: Origin,
    *,
    watchlist: Watchlist,
    validation: OriginValidation,
    before: OriginValidation | None = None,
) -> Verdict | None:
    """The verdict on who originates a route; None where nothing fires.

    Args:
        before: of a route that stood, what the RPKI said until VRPs changed for the worse.
    """
    asn = single_as(origin)
    finding = decide(
        prefix,
        origin,
        rules=watchlist.covering(prefix),
        as_rule=None if asn is None else watchlist.as_rules.get(asn),
        siblings=frozenset() if asn is None else watchlist.siblings(asn),
        validation=validation,
        before=before,
    )
    if finding is None:
        return None
    key = RouteKey(finding.event_type, prefix, asn, finding.reason)
    return Verdict.of(key, finding, validation, before)


def single_as(origin: Origin) -> int | None:
    """The origin as RFC 6811 has it: an AS_SET is none."""
    return origin if isinstance(origin, int) else None
