"""What ASPAs and OTC say of a path, as values (draft-ietf-sidrops-aspa-verification, RFC 9234)."""

from enum import StrEnum

from msgspec import Struct


class Role(StrEnum):
    """What a neighbour is to us, or to the collector (RFC 9234 section 3)."""

    PROVIDER = "provider"
    CUSTOMER = "customer"
    PEER = "peer"
    RS = "rs"
    RS_CLIENT = "rs-client"


class PathState(StrEnum):
    """Outcome of verification (section 6)."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class Hop(Struct, frozen=True):
    """Two ASes next to each other in the path: the ASPA of `customer` does not have `provider`."""

    customer: int
    provider: int


class PathVerification(Struct, frozen=True):
    """Outcome with its evidence.

    Attributes:
        reason: of an INVALID one: `as_set`, `empty_path` or `not_provider`.
        max_up, min_up, max_down, min_down: lengths of the ramps in ASes; the down-ramps are 0
            where the direction needs none.
        failing_hops: what makes it invalid: the first hop that the up-ramp cannot take, and
            downstream that which the down-ramp cannot.
        aspas_used: the ASPAs that were looked at, providers by customer.
    """

    state: PathState
    reason: str = ""
    max_up: int = 0
    min_up: int = 0
    max_down: int = 0
    min_down: int = 0
    failing_hops: tuple[Hop, ...] = ()
    aspas_used: tuple[tuple[int, tuple[int, ...]], ...] = ()


class OtcLeak(Struct, frozen=True):
    """A leak that a route's OTC proves.

    Attributes:
        kind: `otc`: by the role of the peer that sent it; `otc+aspa`: by an ASPA.
        hop: customer is who leaked it, provider is to whom.
    """

    kind: str
    hop: Hop
