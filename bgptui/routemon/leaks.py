"""Routes that went where they should not: pure.

Four witnesses, the strongest first: ASPAs (draft-ietf-sidrops-aspa-verification), OTC together
with them (RFC 9234), NO_EXPORT that was not heeded (RFC 1997), and relationships that somebody
inferred, which only ever inform.
"""

from collections.abc import Mapping

from bgptui.domain.alert import Severity
from bgptui.domain.aspa import OtcLeak, PathState, PathVerification
from bgptui.domain.event import EventType
from bgptui.domain.routing import AsPath, BgpMessage, communities_of
from bgptui.errors import BadInput
from bgptui.routemon.path_rules import Hop, distinct_hops
from bgptui.routemon.relationships import Relationships
from bgptui.routemon.rules import Finding, kind_of
from bgptui.routemon.watchlist import Check, Rule

NO_EXPORT = (65_535, 65_281)  # RFC 1997


def aspa_leak(verification: PathVerification | None) -> Finding | None:
    """The path goes from a customer up to an AS that its ASPA does not name.

    An AS_SET makes a path invalid as well, but it is no leak.
    """
    if verification is None or verification.state is not PathState.INVALID:
        return None
    if not verification.failing_hops:
        return None
    hop = verification.failing_hops[0]
    return Finding(
        EventType.LEAK_SUSPECTED,
        aspa_reason(hop.customer, hop.provider),
        Severity.HIGH,
        "-|L",
        _who_leaked(verification),
    )


def _who_leaked(verification: PathVerification) -> str:
    """The sentence on the hops that ASPAs forbid, from the origin's side and from ours."""
    aspas = dict(verification.aspas_used)
    up, *rest = verification.failing_hops
    if rest and rest[0].provider == up.provider:
        # Neither side bought transit from it, and it passed routes between them.
        return (
            f"AS{up.provider} passed routes of AS{up.customer} on to AS{rest[0].customer}, and is a"
            f" provider of neither by their ASPAs ({_named(aspas, up.customer)};"
            f" {_named(aspas, rest[0].customer)})"
        )
    return (
        f"AS{up.customer} passed routes to AS{up.provider}, which is none of the providers in its"
        f" ASPA ({_named(aspas, up.customer)})"
    )


def _named(aspas: Mapping[int, tuple[int, ...]], customer: int) -> str:
    providers = [asn for asn in aspas.get(customer, ()) if asn]  # AS0 says that it has none
    return f"AS{customer}: " + (", ".join(f"AS{asn}" for asn in providers[:8]) or "none")


def aspa_reason(customer: Hop, provider: Hop) -> str:
    """Names the leak of a route from `customer` up to one that is none of its providers."""
    return f"aspa:{customer}>{provider}"


def otc_finding(leak: OtcLeak, otc: int) -> Finding:
    """The route was only to go to customers from the AS in its OTC on, and went elsewhere."""
    leaker, taker = leak.hop.customer, leak.hop.provider
    if leak.kind == "otc":
        # The peers that a leak came through all send it: what one AS marked is one matter.
        reason = f"otc:{otc}>*"
        why = f"AS{taker} sent a route that AS{otc} marked for customers only (OTC)"
    else:
        reason = f"otc+aspa:{leaker}>{taker}"
        why = (
            f"AS{otc} marked the route for customers only (OTC), and AS{leaker} passed it up to"
            f" its provider AS{taker}"
        )
    return Finding(EventType.LEAK_SUSPECTED, reason, Severity.HIGH, "-|L", why)


def no_export_leak(message: BgpMessage, prefix: str, rules: tuple[Rule, ...]) -> Finding | None:
    """A watched route that was not to leave the neighbour's AS reached a collector."""
    try:
        if NO_EXPORT not in communities_of(message):
            return None
    except BadInput:
        return None  # the evidence says that they cannot be read
    rule = next((rule for rule in rules if Check.LEAK in rule.checks and not rule.ignore), None)
    if rule is None:
        return None
    return Finding(
        EventType.LEAK_SUSPECTED,
        "no_export",
        Severity.LOW,
        f"{kind_of(prefix, rule)}|L",
        f"{prefix} has the community NO_EXPORT, and AS{message.peer.asn} exported it to the"
        " collector",
        rule,
    )


def inferred_leak(
    path: AsPath, prefix: str, rules: tuple[Rule, ...], relationships: Relationships
) -> Finding | None:
    """The path of a watched route has a valley, by relationships that were inferred."""
    rule = next((rule for rule in rules if Check.LEAK in rule.checks and not rule.ignore), None)
    valley = None if rule is None else relationships.valley(distinct_hops(path))
    if rule is None or valley is None:
        return None
    leaker, taker = valley
    return Finding(
        EventType.LEAK_SUSPECTED,
        f"inferred:{leaker}>{taker}",
        Severity.LOW,
        f"{kind_of(prefix, rule)}|L",
        f"AS{leaker} passed {prefix} from a provider or peer on to AS{taker}, by relationships"
        f" that were inferred ({relationships.source}); it informs, it proves nothing",
        rule,
    )
