"""The Only to Customer attribute (OTC, RFC 9234): leaks that a route carries the proof of."""

from collections.abc import Mapping

from msgspec import Struct

from bgptui.domain.aspa import Hop, Role
from bgptui.domain.routing import AsPath
from bgptui.rpki.aspa_table import Providers
from bgptui.rpki.aspa_verification import Attestation, attestation

ATTRIBUTE = 35
LENGTH_BYTES = 4


class Ingress(Struct, frozen=True):
    """A route that came in: whether it is a leak, and the OTC that it has from here on."""

    leak: bool
    otc: int | None


class Egress(Struct, frozen=True):
    """A route that would go out: whether it may, and with which OTC."""

    send: bool
    otc: int | None


_DOWN_OR_LATERAL = (Role.CUSTOMER, Role.PEER, Role.RS_CLIENT)


def ingress(neighbour: Role, remote_as: int, otc: int | None) -> Ingress:
    """RFC 9234 section 5, on receipt.

    Args:
        otc: the attribute's value, None where the route has none.
    """
    if otc is None:
        if neighbour in (Role.CUSTOMER, Role.RS_CLIENT):
            return Ingress(leak=False, otc=None)
        return Ingress(leak=False, otc=remote_as)
    if neighbour in (Role.CUSTOMER, Role.RS_CLIENT):
        return Ingress(leak=True, otc=None)
    if neighbour is Role.PEER and otc != remote_as:
        return Ingress(leak=True, otc=None)
    return Ingress(leak=False, otc=otc)


def egress(neighbour: Role, local_as: int, otc: int | None) -> Egress:
    """RFC 9234 section 5, on sending."""
    if otc is None:
        return Egress(send=True, otc=local_as if neighbour in _DOWN_OR_LATERAL else None)
    if neighbour in (Role.PROVIDER, Role.PEER, Role.RS):
        return Egress(send=False, otc=None)
    return Egress(send=True, otc=otc)


def read_otc(value: bytes) -> int | None:
    """The AS in the attribute's value; None where it is malformed, and the route counts as
    withdrawn (RFC 9234 section 5, RFC 7606)."""
    return int.from_bytes(value, "big") if len(value) == LENGTH_BYTES else None


def leaked_hop(aspas: Mapping[int, Providers], path: AsPath, otc: int) -> Hop | None:
    """A hop that the ASPAs prove to go up although the route was for customers only already.

    From the AS that OTC names on a route only goes down; whoever nearer to us handed it to a
    provider leaked it. Roles of sessions are not needed for that.

    Args:
        path: neighbour first, origin last.
    Returns:
        the hop farthest from us; None where nothing is proved.
    """
    if otc not in path:
        return None
    since = path[: path.index(otc)]
    for index in range(len(since) - 1, 0, -1):
        customer, provider = since[index], since[index - 1]
        if not isinstance(customer, int) or not isinstance(provider, int):
            continue
        if customer != provider and (
            attestation(aspas, customer, provider) is Attestation.PROVIDER
        ):
            return Hop(customer, provider)
    return None
