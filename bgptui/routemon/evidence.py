"""The evidence of a route event, as JSON-ready facts."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import asdict

from bgptui.domain.alert_json import iso_utc
from bgptui.domain.aspa import PathVerification
from bgptui.domain.routing import BgpMessage, communities_of
from bgptui.domain.rpki import DataSource, LocalException, OriginValidation
from bgptui.errors import BadInput
from bgptui.routemon.rules import Finding, rule_text

VRPS_SHOWN = 16
COMMUNITIES_SHOWN = 32
PROVIDERS_SHOWN = 16

Facts = dict[str, Any]


def verdict_facts(finding: Finding, validation: OriginValidation) -> Facts:
    """What is the same for every peer: the rule with why it fired, and what the RPKI says."""
    return {"rule": _rule_facts(finding), "rpki": rpki_facts(validation)}


def sighting_facts(message: BgpMessage) -> Facts:
    """What is the peer's own: who saw the route, its communities and its OTC."""
    peer = message.peer
    facts: Facts = {
        "collector": peer.collector,
        "peer": {"address": peer.address, "asn": peer.asn},
    }
    if message.otc is not None:
        facts["otc"] = message.otc
    if message.large_communities:
        shown = message.large_communities[:COMMUNITIES_SHOWN]
        facts["large_communities"] = [":".join(map(str, each)) for each in shown]
    try:
        communities = communities_of(message)
    except BadInput as error:
        facts["communities_unreadable"] = str(error)
        return facts
    if communities:
        facts["communities"] = [f"{asn}:{value}" for asn, value in communities[:COMMUNITIES_SHOWN]]
    total = len(communities) + len(message.large_communities)
    if max(len(communities), len(message.large_communities)) > COMMUNITIES_SHOWN:
        facts["communities_total"] = total
    return facts


def data_facts(sources: Iterable[DataSource], at: float) -> list[Facts]:
    """Where the RPKI data in force at `at` is from, and how old it is, in seconds; negative where
    it was built after the event, as in a replay of old data."""
    facts = []
    for source in sources:
        fact: Facts = {"name": source.name}
        if source.session is not None:
            fact |= {"session": source.session, "serial": source.serial}
        if source.as_of is not None:
            fact |= {"as_of": iso_utc(source.as_of), "age_s": round(at - source.as_of)}
        facts.append(fact)
    return facts


def exception_facts(exceptions: Iterable[LocalException]) -> list[Facts]:
    """The operator's exceptions that bear on the route."""
    return [
        {
            "kind": each.kind,
            "text": each.text,
            **({"comment": each.comment} if each.comment else {}),
        }
        for each in exceptions
    ]


def path_facts(verification: PathVerification) -> Facts:
    """What ASPAs say of the path: ramps in ASes, the records that were used, the failing hop."""
    facts: Facts = {"state": verification.state.value}
    if verification.reason:
        facts["reason"] = verification.reason
    facts["ramps"] = {
        name: getattr(verification, name) for name in ("max_up", "min_up", "max_down", "min_down")
    }
    if verification.failing_hops:
        facts["failing_hops"] = [
            {"customer": hop.customer, "provider": hop.provider}
            for hop in verification.failing_hops
        ]
    facts["records"] = [
        {"customer": customer, "providers": list(providers[:PROVIDERS_SHOWN])}
        | ({"providers_total": len(providers)} if len(providers) > PROVIDERS_SHOWN else {})
        for customer, providers in verification.aspas_used
    ]
    return facts


def _rule_facts(finding: Finding) -> Facts:
    facts: Facts = {"why": finding.why}
    rule, as_rule = finding.rule, finding.as_rule
    if rule is not None:
        facts |= {
            "watched_prefix": rule.prefix,
            "expected_origins": list(rule.origins),
            "max_length": rule.max_length,
            "text": rule_text(rule),
        }
    if as_rule is not None:
        facts["text"] = rule_text(as_rule)
    for each in (rule, as_rule):
        if each is not None:
            facts |= {"description": each.description} if each.description else {}
            facts |= {"group": each.group} if each.group else {}
            if each.upstreams is not None:
                facts["upstreams"] = list(each.upstreams)
    if as_rule is not None and as_rule.downstreams is not None:
        facts["downstreams"] = list(as_rule.downstreams)
    return facts


def rpki_facts(validation: OriginValidation) -> Facts:
    """The verdict, with the VRPs that it is made of."""
    facts: Facts = {"state": validation.state.value}
    if validation.reason is not None:
        facts["reason"] = validation.reason.value
    if validation.covering:
        facts["vrps"] = [asdict(vrp) for vrp in validation.covering[:VRPS_SHOWN]]
        facts["vrps_total"] = len(validation.covering)
    if validation.source:
        facts["source"] = validation.source
    if validation.as_of is not None:
        facts["as_of"] = iso_utc(validation.as_of)
    return facts
