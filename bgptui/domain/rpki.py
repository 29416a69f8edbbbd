"""RPKI origin validation as values (RFC 6811)."""

from collections.abc import Iterator
from enum import StrEnum
from typing import overload

from msgspec import Struct

from bgptui.domain.prefix import format_prefix, parse_prefix


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


class Payload(Struct, frozen=True, order=True, gc=False):
    """A VRP without its network's bits; `length` is its prefix's."""

    length: int
    max_length: int
    asn: int
    trust_anchor: str = ""

    def vrp(self, width: int, address: int) -> Vrp:
        """The VRP that covers an address of so many bits."""
        below = width - self.length
        text = format_prefix(width, address >> below << below, self.length)
        return Vrp(text, self.max_length, self.asn, self.trust_anchor)


class CoveringVrps(Struct, frozen=True, gc=False, eq=False):
    """The VRPs that cover a route, longest first, as text once somebody reads them: of a million
    routes a few thousand are ever told with their evidence.

    Attributes:
        prefix: the route's, canonical.
        payloads: what covers it.
    """

    prefix: str
    payloads: tuple[Payload, ...]

    def __len__(self) -> int:
        return len(self.payloads)

    def __iter__(self) -> Iterator[Vrp]:
        return iter(self[:])

    @overload
    def __getitem__(self, index: int) -> Vrp: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Vrp, ...]: ...
    def __getitem__(self, index: int | slice) -> Vrp | tuple[Vrp, ...]:
        width, address, _ = parse_prefix(self.prefix)
        if isinstance(index, slice):
            return tuple(payload.vrp(width, address) for payload in self.payloads[index])
        return self.payloads[index].vrp(width, address)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CoveringVrps | tuple):
            return NotImplemented
        return self[:] == other[:]

    def __hash__(self) -> int:
        return hash(self[:])


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
    covering: tuple[Vrp, ...] | CoveringVrps = ()
    source: str = ""
    as_of: float | None = None


class DataSource(Struct, frozen=True, omit_defaults=True):
    """A source whose payloads are in force.

    Attributes:
        as_of: when its data was built, or confirmed by its cache; seconds since 1970 UTC.
        session, serial: of an RTR cache.
    """

    name: str
    as_of: float | None = None
    session: int | None = None
    serial: int | None = None


class LocalException(Struct, frozen=True):
    """An exception of the operator's (SLURM, RFC 8416) that concerns a route.

    Attributes:
        kind: `filter`, `assertion`, `aspa_filter` or `aspa_assertion`.
        text: what it says, for a person.
        comment: the file's; empty where it has none.
    """

    kind: str
    text: str
    comment: str = ""


UNAVAILABLE = OriginValidation(RpkiState.UNAVAILABLE)
NOT_FOUND = OriginValidation(RpkiState.NOT_FOUND)
