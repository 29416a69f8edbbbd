"""What one route means for a watched prefix, or for the RPKI where nobody watches: pure.

Class codes are those of ARTEMIS, prefix | path: E exact, S sub-prefix; 0 illegal origin, - none.
"""

from msgspec import Struct

from bgptui.domain.alert import Severity
from bgptui.domain.event import EventType
from bgptui.domain.prefix import parse_prefix
from bgptui.domain.rpki import InvalidReason, OriginValidation, RpkiState
from bgptui.routemon.watchlist import Rule, members


class Finding(Struct, frozen=True):
    """A rule fired.

    Attributes:
        reason: the rule's name, part of the event's key.
        severity: what an alert has once enough peers see the route.
        why: what fired against what was expected, one sentence.
    """

    event_type: EventType
    reason: str
    severity: Severity
    hijack_class: str
    why: str
    opens_alert: bool = True


def decide(
    prefix: str,
    origin: int | tuple[int, ...],
    *,
    rule: Rule | None,
    validation: OriginValidation,
) -> Finding | None:
    """Judge a route; None when all is well.

    Args:
        prefix: canonical.
        origin: the last of its path; an AS_SET as the tuple of its members.
        rule: the most specific one that covers the prefix, None where it is not watched.
    """
    if rule is None:
        return _unwatched(prefix, validation)
    kind = "E" if prefix == rule.prefix else "S"
    # An AS_SET is legal only if all its members are.
    if not set(members(origin)) <= set(rule.origins) or not members(origin):
        return _foreign_origin(prefix, origin, kind=kind, rule=rule, validation=validation)
    if validation.state is RpkiState.INVALID:
        return _own_invalid(prefix, origin, kind=kind, validation=validation)
    length = parse_prefix(prefix)[2]
    if length > rule.max_length:
        return Finding(
            EventType.NEW_PREFIX,
            "max_length",
            # Nothing in the noise policy: most often the holder's own traffic engineering. It
            # is also what a hijack with a forged origin looks like, so it is not passed over.
            Severity.LOW,
            f"{kind}|-",
            f"{_named(origin)}, an expected origin, announces {prefix}; the watchlist expects"
            f" {rule.prefix} up to /{rule.max_length}",
        )
    return None


def _foreign_origin(
    prefix: str,
    origin: int | tuple[int, ...],
    *,
    kind: str,
    rule: Rule,
    validation: OriginValidation,
) -> Finding:
    expected = ", ".join(f"AS{asn}" for asn in rule.origins)
    why = f"{_named(origin)} announces {prefix}; the watchlist expects {expected}"
    severity = Severity.CRITICAL
    if kind == "S":
        why += f" for {rule.prefix}"
    if validation.state is RpkiState.VALID:
        severity = Severity.LOW
        why += "; low, because a ROA allows this origin: add it to the watchlist if it is right"
    reason = "origin" if kind == "E" else "subprefix"
    return Finding(EventType.HIJACK_SUSPECTED, reason, severity, f"{kind}|0", why)


def _own_invalid(
    prefix: str, origin: int | tuple[int, ...], *, kind: str, validation: OriginValidation
) -> Finding:
    """An expected origin whose route the RPKI calls invalid: others drop it."""
    reason = validation.reason
    allowed = ", ".join(
        f"{vrp.prefix} up to /{vrp.max_length} for AS{vrp.asn}" for vrp in validation.covering[:5]
    )
    said = f"{_named(origin)}, an expected origin, announces {prefix}; ROAs allow {allowed}"
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
    return Finding(EventType.RPKI_INVALID, name, severity, f"{kind}|-", why)


def _unwatched(prefix: str, validation: OriginValidation) -> Finding | None:
    """An invalid route of somebody else: told once, no alert (most are mistakes that stand)."""
    if validation.state is not RpkiState.INVALID or validation.reason is None:
        return None
    kind = "E" if any(vrp.prefix == prefix for vrp in validation.covering) else "S"
    foreign = validation.reason in {InvalidReason.ASN, InvalidReason.AS0}
    return Finding(
        EventType.RPKI_INVALID,
        validation.reason.value,
        Severity.LOW,
        f"{kind}|0" if foreign else f"{kind}|-",
        f"{prefix} is RPKI invalid ({validation.reason.value}) and not on the watchlist",
        opens_alert=False,
    )


def _named(origin: int | tuple[int, ...]) -> str:
    if isinstance(origin, int):
        return f"AS{origin}"
    return "the AS_SET {" + ", ".join(f"AS{asn}" for asn in origin) + "}"
