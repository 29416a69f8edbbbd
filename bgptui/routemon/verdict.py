"""A route judged once, and the events that peers' sightings of it make."""

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.event import RouteEvent, RouteKey
from bgptui.domain.routing import BgpMessage
from bgptui.domain.rpki import OriginValidation
from bgptui.routemon.evidence import Facts, sighting_facts, verdict_facts
from bgptui.routemon.rules import Finding, decide
from bgptui.routemon.watchlist import Rule, Watchlist

Origin = int | tuple[int, ...]  # an AS, or the members of an AS_SET


class Verdict(Struct, frozen=True):
    """A route that fires, the same for all peers.

    Attributes:
        facts: evidence that does not depend on the peer.
    """

    key: RouteKey
    finding: Finding
    validation: OriginValidation
    facts: Facts

    @classmethod
    def of(cls, key: RouteKey, finding: Finding, validation: OriginValidation) -> "Verdict":
        """The verdict with its evidence."""
        return cls(key, finding, validation, verdict_facts(finding, validation))

    @property
    def rule(self) -> Rule | None:
        """The watched prefix's rule that fired."""
        return self.finding.rule

    def event(self, message: BgpMessage, *, event_id: int, min_peers: int) -> RouteEvent:
        """A peer announced the route. `min_peers` counts where the rule has no own."""
        finding, rule = self.finding, self.rule
        return RouteEvent(
            id=event_id,
            timestamp=message.timestamp,
            key=self.key,
            peer=message.peer,
            severity=finding.severity,
            hijack_class=finding.hijack_class,
            description=finding.why,
            as_path=message.as_path,
            next_hop=message.next_hops[0] if message.next_hops else None,
            validation=self.validation,
            watched_prefix=None if rule is None else rule.prefix,
            expected_origins=() if rule is None else rule.origins,
            min_peers=_min_peers(finding, min_peers),
            opens_alert=finding.opens_alert and not finding.is_muted(message.timestamp),
            lasting_s=finding.lasting_s,
            evidence=self.facts | sighting_facts(message),
        )

    def says_the_same_as(self, event: RouteEvent, now: float) -> bool:
        """Nothing that a person would act on differs from `event`, which told it before."""
        finding, rule = self.finding, self.rule
        return (
            (self.key, finding.severity, finding.hijack_class)
            == (event.key, event.severity, event.hijack_class)
            and self.validation.state is event.validation.state
            and (None if rule is None else rule.prefix) == event.watched_prefix
            and (() if rule is None else rule.origins) == event.expected_origins
            and _min_peers(finding, event.min_peers) == event.min_peers
            and event.opens_alert is (finding.opens_alert and not finding.is_muted(now))
        )

    def retell(
        self, event: RouteEvent, now: float, *, event_id: int, min_peers: int, cause: str
    ) -> RouteEvent:
        """The event of the same sighting, judged anew at `now` because of `cause`."""
        finding, rule = self.finding, self.rule
        return replace(
            event,
            id=event_id,
            timestamp=now,
            key=self.key,
            severity=finding.severity,
            hijack_class=finding.hijack_class,
            description=finding.why,
            validation=self.validation,
            watched_prefix=None if rule is None else rule.prefix,
            expected_origins=() if rule is None else rule.origins,
            min_peers=_min_peers(finding, min_peers),
            opens_alert=finding.opens_alert and not finding.is_muted(now),
            lasting_s=finding.lasting_s,
            evidence=event.evidence | self.facts | {"cause": cause},
        )


def judge(
    prefix: str, origin: Origin, *, watchlist: Watchlist, validation: OriginValidation
) -> Verdict | None:
    """The verdict on who originates a route; None where nothing fires."""
    asn = single_as(origin)
    finding = decide(
        prefix,
        origin,
        rules=watchlist.covering(prefix),
        as_rule=None if asn is None else watchlist.as_rules.get(asn),
        siblings=frozenset() if asn is None else watchlist.siblings(asn),
        validation=validation,
    )
    if finding is None:
        return None
    key = RouteKey(finding.event_type, prefix, asn, finding.reason)
    return Verdict.of(key, finding, validation)


def single_as(origin: Origin) -> int | None:
    """The origin as RFC 6811 has it: an AS_SET is none."""
    return origin if isinstance(origin, int) else None


def _min_peers(finding: Finding, default: int) -> int:
    rule = finding.rule or finding.as_rule
    return default if rule is None or rule.min_peers is None else rule.min_peers
