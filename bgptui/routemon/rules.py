"""What one route means for a watched prefix, or for the RPKI where nobody watches: pure.

Class codes are those of ARTEMIS, prefix | path: E exact, S sub-prefix, Q squatting (nobody may
announce it); 0 illegal origin, - none. What a path says is in path_rules.py.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.alert import Severity
from bgptui.domain.event import Cause, EventType
from bgptui.domain.prefix import parse_prefix
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState
from bgptui.routemon.watchlist import AsRule, Check, Rule, members


class Finding(Struct, frozen=True):
    """A rule fired.

    Attributes:
        reason: the rule's name, part of the event's key.
        severity: what an alert has once enough peers see the route.
        why: what fired against what was expected, one sentence.
        rule, as_rule: what the watchlist expects, of the prefix or of an AS; None where it
            says nothing.
        lasting_s: for so long must enough peers have the route before an alert opens.
        cause: why it fires, where no announcement is why: the route stood before.
    """

    event_type: EventType
    reason: str
    severity: Severity
    hijack_class: str
    why: str
    rule: Rule | None = None
    as_rule: AsRule | None = None
    opens_alert: bool = True
    lasting_s: float = 0.0
    cause: Cause | None = None

    def is_muted(self, at: float) -> bool:
        """Whether its rule lets no alert open at this event time."""
        rule = self.rule or self.as_rule
        return rule is not None and rule.is_muted(at)


def decide(
    prefix: str,
    origin: int | tuple[int, ...],
    *,
    rules: tuple[Rule, ...] = (),
    as_rule: AsRule | None = None,
    validation: OriginValidation,
    siblings: frozenset[int] = frozenset(),
    before: OriginValidation | None = None,
) -> Finding | None:
    """Judge who originates a route; None when all is well.

    Args:
        prefix: canonical.
        origin: the last of its path; an AS_SET as the tuple of its members.
        rules: those of the most specific watched prefix that covers it, none where it is not
            watched. A route that one of them expects is expected.
        as_rule: that of the origin AS.
        siblings: ASes of the origin's organisation.
        before: of a route that stood, what the RPKI said until VRPs changed for the worse.
    """
    if not rules:
        if as_rule is not None and as_rule.new_prefixes:
            return _unlisted(prefix, as_rule)
        return _unwatched(prefix, validation, before)
    findings = []
    for rule in rules:
        finding = _decide_by(rule, prefix, origin, validation, before)
        if finding is None:
            return None
        findings.append(finding)
    # An origin that one of the rules expects is nobody's hijack, whatever else is wrong with it.
    own = [each for each in findings if not each.hijack_class.endswith("|0")]
    worst = min(own or findings, key=lambda finding: finding.severity.rank)
    return worst if own else _unless_sibling(worst, rules, siblings)


def _unless_sibling(found: Finding, rules: tuple[Rule, ...], siblings: frozenset[int]) -> Finding:
    """Low where it looks like the holder's own doing that nobody wrote into the watchlist."""
    if found.severity is Severity.LOW or siblings.isdisjoint(
        asn for rule in rules for asn in rule.origins
    ):
        return found
    why = (
        f"{found.why}; low, because it is a sibling of an expected origin: add it to the watchlist"
        " if it is right"
    )
    return replace(found, severity=Severity.LOW, why=why)


def _decide_by(
    rule: Rule,
    prefix: str,
    origin: int | tuple[int, ...],
    validation: OriginValidation,
    before: OriginValidation | None,
) -> Finding | None:
    kind = kind_of(prefix, rule)
    if rule.ignore or (rule.ignore_more_specifics and kind == "S"):
        return None
    # An AS_SET is legal only if all its members are.
    if not set(members(origin)) <= set(rule.origins) or not members(origin):
        if Check.ORIGIN not in rule.checks:
            return None
        found = _foreign_origin(prefix, origin, kind=kind, rule=rule, validation=validation)
        if before is not None and before.state is RpkiState.VALID:
            return _no_longer_allowed(found, named(origin), validation)
        return found
    if validation.state is RpkiState.INVALID and Check.RPKI in rule.checks:
        own = _own_invalid(prefix, origin, kind=kind, rule=rule, validation=validation)
        return _since_vrps_changed(own, before)
    length = parse_prefix(prefix)[2]
    if length > rule.max_length and Check.MORE_SPECIFIC in rule.checks:
        return Finding(
            EventType.NEW_PREFIX,
            "max_length",
            # Nothing in the noise policy: most often the holder's own traffic engineering. It
            # is also what a hijack with a forged origin looks like, so it is not passed over.
            Severity.LOW,
            f"{kind}|-",
            f"{named(origin)}, an expected origin, announces {prefix}; the watchlist expects"
            f" {rule.prefix} up to /{rule.max_length}",
            rule,
        )
    return None


def kind_of(prefix: str, rule: Rule) -> str:
    """The prefix dimension of the class code: E, S, or Q where the rule has no legal origin."""
    if not rule.origins:
        return "Q"
    return "E" if prefix == rule.prefix else "S"


def _foreign_origin(
    prefix: str,
    origin: int | tuple[int, ...],
    *,
    kind: str,
    rule: Rule,
    validation: OriginValidation,
) -> Finding:
    severity = Severity.CRITICAL
    expected = all_named(rule.origins) or "nobody to do so"
    why = f"{named(origin)} announces {prefix}; the watchlist expects {expected}"
    if prefix != rule.prefix:
        why += f" for {rule.prefix}"
    if validation.state is RpkiState.VALID:
        severity = Severity.LOW
        why += "; low, because a ROA allows this origin: add it to the watchlist if it is right"
    reason = {"E": "origin", "S": "subprefix", "Q": "squatting"}[kind]
    return Finding(EventType.HIJACK_SUSPECTED, reason, severity, f"{kind}|0", why, rule)


def _no_longer_allowed(found: Finding, origin: str, validation: OriginValidation) -> Finding:
    """A ROA allowed this unexpected origin until VRPs changed: nobody took the prefix over at
    that moment. It is worth a look all the same, more so where ROAs allow others only."""
    why = f"{found.why}; a ROA allowed {origin} until VRPs changed, the route itself did not"
    flipped = replace(found, severity=Severity.LOW, why=why, cause=Cause.VRP_CHANGE)
    if validation.state is not RpkiState.INVALID or validation.reason is None:
        return flipped
    return replace(
        flipped,
        event_type=EventType.RPKI_INVALID,
        reason=validation.reason.value,
        severity=Severity.MEDIUM,
    )


def _since_vrps_changed(found: Finding, before: OriginValidation | None) -> Finding:
    if before is None:
        return found
    said = "valid" if before.state is RpkiState.VALID else "covered by no ROA"
    why = f"{found.why}; it was {said} until VRPs changed"
    return replace(found, why=why, cause=Cause.VRP_CHANGE)


def _unlisted(prefix: str, as_rule: AsRule) -> Finding:
    return Finding(
        EventType.NEW_PREFIX,
        "unlisted",
        # As likely a mistake of one's own as somebody's forged origin: someone has to look.
        Severity.MEDIUM,
        "-|-",
        f"AS{as_rule.asn} announces {prefix}, which no rule of the watchlist covers",
        as_rule=as_rule,
    )


def _own_invalid(
    prefix: str,
    origin: int | tuple[int, ...],
    *,
    kind: str,
    rule: Rule,
    validation: OriginValidation,
) -> Finding:
    """An expected origin whose route the RPKI calls invalid: others drop it."""
    reason = validation.reason
    allowed = ", ".join(
        f"{vrp.prefix} up to /{vrp.max_length} for AS{vrp.asn}" for vrp in validation.covering[:5]
    )
    said = f"{named(origin)}, an expected origin, announces {prefix}; ROAs allow {allowed}"
    severity = Severity.MEDIUM
    if reason is InvalidReason.LENGTH:
        why = f"{said}: fix your ROA, or stop announcing {prefix}"
    elif reason is InvalidReason.AS_SET:
        why = f"{said}: an AS_SET never validates; announce it from one AS (RFC 9774)"
    else:
        # The noise policy has invalid-asn on a watched prefix critical, whosoever announces it.
        severity = Severity.CRITICAL
        why = f"{said}: fix your ROA, networks that validate drop this route"
    name = RpkiState.INVALID.value if reason is None else reason.value
    return Finding(EventType.RPKI_INVALID, name, severity, f"{kind}|-", why, rule)


def _unwatched(
    prefix: str, validation: OriginValidation, before: OriginValidation | None
) -> Finding | None:
    """An invalid route of somebody else: told once, no alert (most are mistakes that stand)."""
    if validation.state is not RpkiState.INVALID or validation.reason is None:
        return None
    kind = "E" if any(vrp.prefix == prefix for vrp in validation.covering) else "S"
    foreign = validation.reason in {InvalidReason.ASN, InvalidReason.AS0}
    found = Finding(
        EventType.RPKI_INVALID,
        validation.reason.value,
        Severity.LOW,
        f"{kind}|0" if foreign else f"{kind}|-",
        f"{prefix} is RPKI invalid ({validation.reason.value}) and not on the watchlist",
        opens_alert=False,
    )
    return _since_vrps_changed(found, before)


def all_named(asns: Iterable[int]) -> str:
    """ASes in a sentence, e.g. `AS64496, AS64497`."""
    return ", ".join(f"AS{asn}" for asn in asns)


def expectation(rule: Rule) -> str:
    """What a rule expects, in a line, e.g. `192.0.2.0/24 up to /25 from AS64496`."""
    return f"{rule.prefix} up to /{rule.max_length} from {all_named(rule.origins) or 'nobody'}"


def rule_text(rule: Rule | AsRule) -> str:
    """Which rule it is, in a line."""
    expects = f": {expectation(rule)}" if isinstance(rule, Rule) else f" for AS{rule.asn}"
    return f"watchlist rule {rule.number}{expects}"


def named(origin: int | tuple[int, ...]) -> str:
    """The origin in a sentence."""
    if isinstance(origin, int):
        return f"AS{origin}"
    return "the AS_SET {" + all_named(origin) + "}"
