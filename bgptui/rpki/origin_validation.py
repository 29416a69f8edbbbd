"""Origin validation of a route (RFC 6811), with the reason of an invalid."""

from bgptui.domain.prefix import parse_prefix
from bgptui.domain.rpki import CoveringVrps, InvalidReason, OriginValidation, RpkiState
from bgptui.rpki.vrp_set import Own
from bgptui.rpki.vrp_table import VrpTable

_INVALID, _VALID, _NOT_FOUND = RpkiState.INVALID, RpkiState.VALID, RpkiState.NOT_FOUND


def validate(table: VrpTable, prefix: str, origin: int | None) -> OriginValidation:
    """Validate one route against a table.

    Args:
        prefix: canonical, in slash notation.
        origin: None where the route has no single origin: its path ends in an AS_SET.
    Returns:
        The state with its evidence: covering VRPs, the table's source and age.
    Raises:
        BadInput(`bad_prefix`): not a prefix.
    """
    width, address, length = parse_prefix(prefix)
    source, as_of = table.provenance
    covering = table.covering(width, address, length)
    if not covering:
        return OriginValidation(_NOT_FOUND, None, (), source, as_of)
    state, reason = judge(covering, length=length, origin=origin)
    return OriginValidation(state, reason, CoveringVrps(prefix, covering), source, as_of)


def judge(
    covering: Own, *, length: int, origin: int | None
) -> tuple[RpkiState, InvalidReason | None]:
    """What covering VRPs, at least one, say of a route whose prefix is `length` bits long.

    Source: RFC 6811 section 2; RFC 6907 section 7.1 for origins that are no single AS.
    """
    if origin is None:
        return _INVALID, InvalidReason.AS_SET
    reason = InvalidReason.AS0
    for vrp in covering:
        asn = vrp.asn
        # RFC 6483 section 4: AS 0 never matches, so it can only invalidate.
        if asn == origin != 0:
            if length <= vrp.max_length:
                return _VALID, None
            reason = InvalidReason.LENGTH
        elif asn and reason is InvalidReason.AS0:
            reason = InvalidReason.ASN
    return _INVALID, reason
