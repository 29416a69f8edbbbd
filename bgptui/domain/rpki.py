"""RPKI origin validation as values (RFC 6811)."""

from enum import StrEnum

from msgspec import Struct


class RpkiState(StrEnum):
    """Validation state of a route; UNAVAILABLE: there are no fresh VRPs, so no verdict."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"


class InvalidReason(StrEnum):
    """Why a route is invalid.

    LENGTH: a covering VRP has the origin but a smaller max length. AS0: every covering VRP
    is for AS 0 (RFC 6483 section 4). AS_SET: the route has no single origin.
    """

    ASN = "asn"
    LENGTH = "length"
    AS0 = "as0"
    AS_SET = "as_set"


class Vrp(Struct, frozen=True, order=True, gc=False):
    """A validated ROA payload. `trust_anchor` is the RIR that vouches for it, or empty."""

    prefix: str
    max_length: int
    asn: int
    trust_anchor: str = ""


class OriginValidation(Struct, frozen=True):
    """Outcome of validating one (prefix, origin).

    Attributes:
        reason: set when the state is INVALID.
        covering: the VRPs that cover the prefix, longest first.
        source, as_of: where the VRPs came from and when they were built (seconds since 1970
            UTC; None where nobody said). Evidence, not part of the verdict: compare `state`.
    """

    state: RpkiState
    reason: InvalidReason | None = None
    covering: tuple[Vrp, ...] = ()
    source: str = ""
    as_of: float | None = None


UNAVAILABLE = OriginValidation(RpkiState.UNAVAILABLE)
NOT_FOUND = OriginValidation(RpkiState.NOT_FOUND)
