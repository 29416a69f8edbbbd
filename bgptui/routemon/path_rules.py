"""What a route's path means for a watched prefix or AS: pure.

Class codes as in rules.py; of the path: 1 an illegal first neighbour, P a path pattern.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType, RouteKey
from bgptui.domain.routing import AsPath
from bgptui.errors import BadInput
from bgptui.routemon.path_pattern import PathPattern, path_text
from bgptui.routemon.rules import Finding, kind_of
from bgptui.routemon.watchlist import AsRule, Check, Rule, Watchlist

Hop = int | tuple[int, ...]


def decide_path(
    prefix: str,
    path: AsPath,
    rules: tuple[Rule, ...],
    on_loss: Callable[[str], None] = lambda _reason: None,
) -> list[Finding]:
    """Judge the path of a route to a watched prefix whose origin is expected.

    Args:
        rules: those of the most specific watched prefix. A neighbour that one of those with
            this origin expects is expected; any pattern that fires is told.
        on_loss: told the reason of what could not be looked at.
    """
    hops = distinct_hops(path)
    if not hops:
        return []
    concerned = [
        rule
        for rule in rules
        if not rule.ignore and not (rule.ignore_more_specifics and prefix != rule.prefix)
    ]
    findings = _first_neighbour(prefix, hops, concerned)
    patterns = (
        (rule, number, pattern)
        for rule in concerned
        if Check.PATH in rule.checks
        for number, pattern in enumerate(rule.paths, start=1)
    )
    # Counted over the prefix's rules: a rule that is added elsewhere in the file changes no key.
    for place, (rule, number, pattern) in enumerate(patterns, start=1):
        try:
            if pattern.fires(path):
                reason = f"pattern:{place}"
                findings.append(_pattern(prefix, path, rule, number, pattern, reason=reason))
        except BadInput as slow:
            on_loss(slow.reason)
    return findings


def decide_neighbours(path: AsPath, as_rules: Mapping[int, AsRule]) -> Iterator[Finding]:
    """Judge the neighbours that watched ASes have in a path.

    Source: BGPalerter's path-neighbors monitor; an AS_SET is no neighbour.
    """
    hops = distinct_hops(path)
    for place, hop in enumerate(hops):
        rule = as_rules.get(hop) if isinstance(hop, int) else None
        if rule is None:
            continue
        before = hops[place - 1] if place else None
        behind = hops[place + 1] if place + 1 < len(hops) else None
        if _is_new(before, rule.upstreams):
            yield _neighbour(rule, f"upstream:{before}>{hop}", f"AS{before} is a new upstream")
        if _is_new(behind, rule.downstreams):
            yield _neighbour(rule, f"downstream:{hop}>{behind}", f"AS{behind} is a new downstream")


def is_called_off(prefix: str, keys: Iterable[RouteKey], watchlist: Watchlist) -> bool:
    """Whether a watchlist asks no more for what an earlier run told of a route to `prefix`."""
    return not watchlist.covering(prefix) and all(
        key.event_type is EventType.PATH_ANOMALY and not _names_any(key, watchlist.as_rules)
        for key in keys
    )


def _names_any(key: RouteKey, asns: Container[int]) -> bool:
    """Whether a matter about two neighbours (`upstream:64501>64500`) names one of the ASes."""
    hops = key.reason.partition(":")[2].split(">")
    return any(hop.isdecimal() and int(hop) in asns for hop in hops)


def distinct_hops(path: AsPath) -> list[Hop]:
    """The path without prepends."""
    hops: list[Hop] = []
    for hop in path:
        if not hops or hop != hops[-1]:
            hops.append(hop)
    return hops


def _first_neighbour(prefix: str, hops: list[Hop], rules: list[Rule]) -> list[Finding]:
    if len(hops) < 2:
        return []  # the collector's peer is the origin
    neighbour, origin = hops[-2], hops[-1]
    its = [rule for rule in rules if origin in rule.origins and Check.UPSTREAM in rule.checks]
    if not its or any(rule.upstreams is None or neighbour in rule.upstreams for rule in its):
        return []
    rule = its[0]
    allowed = sorted({asn for each in its for asn in each.upstreams or ()})
    expected = ", ".join(f"AS{asn}" for asn in allowed) or "none"
    seen = f"AS{neighbour}" if isinstance(neighbour, int) else f"the AS_SET {list(neighbour)}"
    return [
        Finding(
            EventType.HIJACK_SUSPECTED,
            "upstream",
            Severity.HIGH,
            f"{kind_of(prefix, rule)}|1",
            f"{prefix} comes from AS{origin} through {seen}; the watchlist expects {expected} as"
            " its upstream: a new upstream, or a forged origin",
            rule,
        )
    ]


def _pattern(
    prefix: str, path: AsPath, rule: Rule, number: int, pattern: PathPattern, *, reason: str
) -> Finding:
    said = pattern.description or f"path pattern {number} of rule {rule.number}"
    return Finding(
        EventType.PATH_ANOMALY,
        reason,
        Severity.MEDIUM,
        f"{kind_of(prefix, rule)}|P",
        f"{said}: {prefix} has the path {path_text(path)}",
        rule,
    )


def _is_new(neighbour: Hop | None, expected: tuple[int, ...] | None) -> bool:
    return expected is not None and isinstance(neighbour, int) and neighbour not in expected


def _neighbour(rule: AsRule, reason: str, said: str) -> Finding:
    why = f"{said} of AS{rule.asn}"
    return Finding(EventType.PATH_ANOMALY, reason, Severity.MEDIUM, "-|-", why, as_rule=rule)
