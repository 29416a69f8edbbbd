"""The evidence of a route event, as JSON-ready facts."""

from typing import Any

from bgptui.domain.alert_json import iso_utc
from bgptui.domain.routing import BgpMessage, communities_of
from bgptui.domain.rpki import OriginValidation
from bgptui.errors import BadInput
from bgptui.routemon.rules import Finding

VRPS_SHOWN = 16
COMMUNITIES_SHOWN = 32

Facts = dict[str, Any]


def verdict_facts(finding: Finding, validation: OriginValidation) -> Facts:
    """What is the same for every peer: the rule with why it fired, and what the RPKI says."""
    return {"rule": _rule_facts(finding), "rpki": _rpki_facts(validation)}


def sighting_facts(message: BgpMessage) -> Facts:
    """What is the peer's own: who saw the route, and its communities."""
    peer = message.peer
    facts: Facts = {
        "collector": peer.collector,
        "peer": {"address": peer.address, "asn": peer.asn},
    }
    try:
        communities = communities_of(message)
    except BadInput as error:
        facts["communities_unreadable"] = str(error)
        return facts
    if communities:
        shown = communities[:COMMUNITIES_SHOWN]
        facts["communities"] = [f"{asn}:{value}" for asn, value in shown]
        if len(communities) > len(shown):
            facts["communities_total"] = len(communities)
    return facts


def _rule_facts(finding: Finding) -> Facts:
    facts: Facts = {"why": finding.why}
    rule, as_rule = finding.rule, finding.as_rule
    if rule is not None:
        facts |= {
            "watched_prefix": rule.prefix,
            "expected_origins": list(rule.origins),
            "max_length": rule.max_length,
            "text": f"watchlist rule {rule.number}: {rule.prefix} up to /{rule.max_length} from "
            + (", ".join(f"AS{asn}" for asn in rule.origins) or "nobody"),
        }
    if as_rule is not None:
        facts["text"] = f"watchlist rule {as_rule.number} for AS{as_rule.asn}"
    for each in (rule, as_rule):
        if each is not None:
            facts |= {"description": each.description} if each.description else {}
            facts |= {"group": each.group} if each.group else {}
            if each.upstreams is not None:
                facts["upstreams"] = list(each.upstreams)
    if as_rule is not None and as_rule.downstreams is not None:
        facts["downstreams"] = list(as_rule.downstreams)
    return facts


def _rpki_facts(validation: OriginValidation) -> Facts:
    facts: Facts = {"state": validation.state.value}
    if validation.reason is not None:
        facts["reason"] = validation.reason.value
    if validation.covering:
        facts["vrps"] = [
            {
                "prefix": vrp.prefix,
                "max_length": vrp.max_length,
                "asn": vrp.asn,
                "trust_anchor": vrp.trust_anchor,
            }
            for vrp in validation.covering[:VRPS_SHOWN]
        ]
        facts["vrps_total"] = len(validation.covering)
    if validation.source:
        facts["source"] = validation.source
    if validation.as_of is not None:
        facts["as_of"] = iso_utc(validation.as_of)
    return facts
