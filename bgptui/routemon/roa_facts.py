"""What is told of ROAs: facts for the evidence, and sentences for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from bgptui.domain.alert_json import iso_utc
from bgptui.domain.roa import RoaReading
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.errors import BadInput
from bgptui.routemon.roa_baseline import VrpMap
from bgptui.routemon.roa_expected import Expected
from bgptui.routemon.rules import rule_text
from bgptui.routemon.watchlist import AsRule, Rule

VRPS_SHOWN = 16
LOSSES_SHOWN = 200  # a restart takes over those

Fact = dict[str, Any]


class Loss(Struct, frozen=True):
    """An expected origin that was better off before.

    Attributes:
        was, state: RPKI state before, and now.
        before, now: the VRPs that cover the prefix, each with its trust anchors.
    """

    expected: Expected
    was: RpkiState
    state: RpkiState
    before: tuple[Vrp, ...]
    now: tuple[Vrp, ...]


def named(vrps: Iterable[Vrp], said: VrpMap) -> tuple[Vrp, ...]:
    """VRPs with the trust anchors that vouch for them."""
    return tuple(
        Vrp(vrp.prefix, vrp.max_length, vrp.asn, ", ".join(said.get(vrp, ()))) for vrp in vrps
    )


def vrp_facts(vrps: Sequence[Vrp]) -> list[Fact]:
    return [asdict(vrp) for vrp in vrps[:VRPS_SHOWN]]


def loss_fact(loss: Loss) -> Fact:
    """Fact of kind `roa`, of which `losses_in` makes the loss again."""
    return {
        "kind": "roa",
        "prefix": loss.expected.prefix,
        "origin": loss.expected.origin,
        "status_before": loss.was.value,
        "status": loss.state.value,
        "before": vrp_facts(loss.before),
        "now": vrp_facts(loss.now),
    }


def losses_in(evidence: Iterable[Mapping[str, Any]]) -> list[Loss]:
    """The losses that the evidence of an alert names; other programs may have less."""
    found = []
    for fact in evidence:
        if fact.get("kind") != "roa" or "status_before" not in fact:
            continue
        try:
            found.append(
                Loss(
                    Expected(fact["prefix"], fact["origin"]),
                    RpkiState(fact["status_before"]),
                    RpkiState(fact["status"]),
                    _vrps(fact["before"]),
                    _vrps(fact["now"]),
                )
            )
        except (KeyError, TypeError, ValueError, BadInput):
            continue
    return found


def _vrps(facts: Iterable[Mapping[str, Any]]) -> tuple[Vrp, ...]:
    return tuple(
        Vrp(fact["prefix"], fact["max_length"], fact["asn"], fact["trust_anchor"]) for fact in facts
    )


def change_fact(added: Sequence[Vrp], removed: Sequence[Vrp]) -> Fact:
    """VRPs that came and went."""
    return {"kind": "roa", "added": vrp_facts(added), "removed": vrp_facts(removed)}


def rule_fact(rule: Rule | AsRule) -> Fact:
    """The rule by which the ROAs are watched."""
    fact = {"kind": "rule", "text": rule_text(rule)}
    fact |= {"description": rule.description} if rule.description else {}
    return fact | ({"group": rule.group} if rule.group else {})


def source_fact(reading: RoaReading, status: RpkiState | None = None) -> Fact:
    """Where the VRPs came from, and of when they are."""
    return {
        "kind": "rpki",
        "status": None if status is None else status.value,
        "source": ", ".join(source.name for source in reading.sources),
        "as_of": None if reading.as_of is None else iso_utc(reading.as_of),
    }


def loss_text(losses: Sequence[Loss]) -> str:
    """What was lost, in a sentence or two."""
    first = losses[0]
    prefix, origin = first.expected
    if len(losses) > 1:
        invalid = sum(loss.state is RpkiState.INVALID for loss in losses)
        rest = len(losses) - invalid
        states = [f"{invalid} RPKI invalid"] * bool(invalid) + [f"{rest} not found"] * bool(rest)
        return (
            f"No ROA allows AS{origin} to announce {prefix} and {len(losses) - 1} more of your"
            f" prefixes: {' and '.join(states)}."
        )
    if first.was is RpkiState.VALID:
        told = f"No ROA allows AS{origin} to announce your {prefix} any more"
    else:
        told = f"Your {prefix} from AS{origin}, which no ROA covered, is covered now"
    if first.state is RpkiState.INVALID:
        who = ", ".join(vrp_text(vrp) for vrp in first.now[:3])
        return f"{told}: the route is RPKI invalid, by {who}."
    return f"{told}: the route is RPKI not found."


def change_text(added: Sequence[Vrp], removed: Sequence[Vrp]) -> str:
    """What came, went and was altered."""
    told = []
    left = list(removed)
    for vrp in added:
        old = next((r for r in left if (r.prefix, r.asn) == (vrp.prefix, vrp.asn)), None)
        if old is None:
            told.append(f"New ROA: {vrp_text(vrp)}.")
            continue
        left.remove(old)
        told.append(
            f"ROA of AS{vrp.asn} for {vrp.prefix}: up to /{vrp.max_length},"
            f" before up to /{old.max_length}."
        )
    told += [f"ROA gone: {vrp_text(vrp)}." for vrp in left]
    more = [f"And {len(told) - 4} more."] if len(told) > 4 else []
    return " ".join(told[:4] + more)


def vrp_text(vrp: Vrp) -> str:
    return f"{vrp.prefix} up to /{vrp.max_length} AS{vrp.asn}"
