"""Autonomous System Provider Authorizations: who a customer's providers are."""

from bgptui.errors import BadInput

Providers = tuple[int, ...]  # distinct, in their order


def check_aspa(customer: int, providers: Providers) -> None:
    """Refuse what no validated ASPA payload can be.

    Raises:
        BadInput: `bad_aspa`.
    Source: draft-ietf-sidrops-aspa-profile section 3: at least one provider, the customer not
    among them, and AS 0 only alone.
    """
    if not providers:
        raise BadInput(f"the ASPA of AS{customer} names no provider", reason="bad_aspa")
    if customer in providers:
        raise BadInput(f"AS{customer} is its own provider", reason="bad_aspa")
    if 0 in providers and len(providers) > 1:
        raise BadInput(f"AS{customer} has AS 0 among other providers", reason="bad_aspa")


def united(first: Providers, second: Providers) -> Providers:
    """Providers that either names. AS 0, which stands for none, only where it is all there is."""
    if not first:
        return tuple(sorted(set(second)))
    return tuple(sorted({*first, *second} - {0})) or (0,)
