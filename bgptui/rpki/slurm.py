"""Local exceptions to what caches say (SLURM, RFC 8416; version 2 adds ASPAs).

Filters take VRPs and ASPAs out of the union of all caches, then assertions are put in; an
assertion is never filtered. Router keys are read, since a file may hold them, and not used.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bgptui.domain.prefix import ParsedPrefix, covers, format_prefix, parse_prefix
from bgptui.domain.rpki import LocalException, Vrp
from bgptui.errors import BadInput
from bgptui.rpki.aspa_table import Providers, check_aspa
from bgptui.rpki.vrp_set import MAX_ASN, Entry


class PrefixFilter(Struct, frozen=True):
    """Takes out the VRPs at or below `prefix`, of `asn`, or both where both are given."""

    prefix: ParsedPrefix | None
    asn: int | None
    comment: str = ""

    def matches(self, prefix: ParsedPrefix, asn: int) -> bool:
        if self.asn is not None and self.asn != asn:
            return False
        return self.prefix is None or covers(self.prefix, prefix)

    def exception(self) -> LocalException:
        """The filter for a person."""
        place = "" if self.prefix is None else f" at or below {format_prefix(*self.prefix)}"
        of = "" if self.asn is None else f" of AS{self.asn}"
        return LocalException("filter", f"no VRPs{of}{place}", self.comment)


class Slurm(Struct, frozen=True):
    """What the operator knows better.

    Attributes:
        filters: on VRPs.
        vrps: asserted; their trust anchor is "slurm".
        filtered_customers: whose ASPAs are taken out.
        aspas: asserted, providers by customer.
        vrp_comments, aspa_comments: those of assertions, and of filters of customers.
    """

    filters: tuple[PrefixFilter, ...] = ()
    vrps: tuple[Vrp, ...] = ()
    filtered_customers: frozenset[int] = frozenset()
    aspas: dict[int, Providers] = {}
    vrp_comments: dict[Vrp, str] = {}
    aspa_comments: dict[int, str] = {}

    def takes_out(self, entry: Entry) -> bool:
        """Whether a filter matches this VRP."""
        if not self.filters:
            return False
        prefix, asn = entry.prefix, entry.payload.asn
        return any(rule.matches(prefix, asn) for rule in self.filters)

    def may_filter(self, prefix: ParsedPrefix) -> bool:
        """Whether a filter may match a VRP that covers a route."""
        # At or below the filter's prefix and at or above the route's: the former covers the latter.
        return any(rule.prefix is None or covers(rule.prefix, prefix) for rule in self.filters)

    def about(self, published: Iterable[Entry], asserted: Iterable[Entry]) -> list[LocalException]:
        """What takes out one of the VRPs that caches publish for a route, or adds one to it."""
        said = [(*entry.prefix, entry.payload.asn) for entry in published]
        found = [
            rule.exception()
            for rule in self.filters
            if any(rule.matches(vrp[:3], vrp[3]) for vrp in said)
        ]
        for vrp in (entry.vrp() for entry in asserted):
            text = f"{vrp.prefix} up to /{vrp.max_length} for AS{vrp.asn}"
            found.append(LocalException("assertion", text, self.vrp_comments.get(vrp, "")))
        return found

    def about_customers(self, customers: Iterable[int]) -> list[LocalException]:
        """What takes out the ASPA of one of these, or adds to it."""
        found = []
        for asn in customers:
            comment = self.aspa_comments.get(asn, "")
            if asn in self.filtered_customers:
                found.append(LocalException("aspa_filter", f"no ASPA of AS{asn}", comment))
            if asn in self.aspas:
                providers = ", ".join(f"AS{provider}" for provider in self.aspas[asn])
                text = f"providers of AS{asn}: {providers}"
                found.append(LocalException("aspa_assertion", text, comment))
        return found


class _Strict(Struct, forbid_unknown_fields=True, rename="camel"):
    """RFC 8416 section 3.1: a file with a member that is not defined is refused whole."""


class _PrefixFilter(_Strict):
    prefix: str | None = None
    asn: int | None = None
    comment: str = ""


class _BgpsecFilter(_Strict):
    asn: int | None = None
    ski: str | None = msgspec.field(default=None, name="SKI")
    comment: str = ""


class _AspaFilter(_Strict):
    customer_asid: int | None = None
    customer_asn: int | None = None
    comment: str = ""


class _PrefixAssertion(_Strict):
    prefix: str
    asn: int
    max_prefix_length: int | None = None
    comment: str = ""


class _BgpsecAssertion(_Strict):
    asn: int
    ski: str = msgspec.field(name="SKI")
    router_public_key: str
    comment: str = ""


class _AspaAssertion(_Strict):
    customer_asn: int | None = None
    customer_asid: int | None = None
    provider_asns: list[int] | None = None
    provider_set: list[int] | None = None
    comment: str = ""


class _Filters(_Strict):
    prefix_filters: list[_PrefixFilter]
    bgpsec_filters: list[_BgpsecFilter]
    aspa_filters: list[_AspaFilter] = []


class _Assertions(_Strict):
    prefix_assertions: list[_PrefixAssertion]
    bgpsec_assertions: list[_BgpsecAssertion]
    aspa_assertions: list[_AspaAssertion] = []


class _File(_Strict):
    slurm_version: int
    validation_output_filters: _Filters
    locally_added_assertions: _Assertions


def read_slurm(content: bytes, *, name: str) -> Slurm:
    """The exceptions in a file, all or none of them.

    Raises:
        BadInput: `bad_slurm`; says what is wrong.
    """
    try:
        file = msgspec.json.decode(content, type=_File)
        filters, assertions = file.validation_output_filters, file.locally_added_assertions
        if file.slurm_version not in (1, 2):
            raise BadInput(f"slurmVersion {file.slurm_version} is neither 1 nor 2")
        if file.slurm_version == 1 and (filters.aspa_filters or assertions.aspa_assertions):
            raise BadInput("ASPAs take slurmVersion 2")
        filtered = {
            _one_of(rule.customer_asid, rule.customer_asn): rule.comment
            for rule in filters.aspa_filters
        }
        vrps = {_vrp(rule): rule.comment for rule in assertions.prefix_assertions}
        aspas = [(_aspa(rule), rule.comment) for rule in assertions.aspa_assertions]
        return Slurm(
            filters=tuple(map(_filter, filters.prefix_filters)),
            vrps=tuple(vrps),
            filtered_customers=frozenset(filtered),
            aspas=dict(aspa for aspa, _ in aspas),
            vrp_comments=vrps,
            aspa_comments=filtered | {aspa[0]: comment for aspa, comment in aspas},
        )
    except (msgspec.DecodeError, UnicodeDecodeError, BadInput) as error:
        raise BadInput(f"{name} is no SLURM file (RFC 8416): {error}", reason="bad_slurm") from None


def combined(files: Sequence[tuple[str, Slurm]]) -> Slurm:
    """Several (name, exceptions) as one.

    Raises:
        BadInput: `slurm_overlap`; two files speak of the same addresses or the same customer,
            so that neither can be preferred (RFC 8416 section 4.2).
    """
    for index, (name, slurm) in enumerate(files):
        for other_name, other in files[:index]:
            if shared := _overlap(slurm, other):
                raise BadInput(
                    f"{other_name} and {name} both have exceptions for {shared}: keep one"
                    " (RFC 8416 section 4.2)",
                    reason="slurm_overlap",
                )
    slurms = [slurm for _, slurm in files]
    return Slurm(
        filters=tuple(rule for slurm in slurms for rule in slurm.filters),
        vrps=tuple(vrp for slurm in slurms for vrp in slurm.vrps),
        filtered_customers=frozenset[int]().union(*(slurm.filtered_customers for slurm in slurms)),
        aspas={customer: said for slurm in slurms for customer, said in slurm.aspas.items()},
        vrp_comments={vrp: why for slurm in slurms for vrp, why in slurm.vrp_comments.items()},
        aspa_comments={asn: why for slurm in slurms for asn, why in slurm.aspa_comments.items()},
    )


def _overlap(first: Slurm, second: Slurm) -> str:
    """What both speak of, for a person; empty for nothing."""
    for mine in _prefixes(first):
        for theirs in _prefixes(second):
            if covers(mine, theirs) or covers(theirs, mine):
                return format_prefix(*max(mine, theirs, key=lambda prefix: prefix[2]))
    shared = _customers(first) & _customers(second)
    return f"the ASPA of AS{min(shared)}" if shared else ""


def _prefixes(slurm: Slurm) -> Iterable[ParsedPrefix]:
    yield from (rule.prefix for rule in slurm.filters if rule.prefix is not None)
    yield from (parse_prefix(vrp.prefix) for vrp in slurm.vrps)


def _customers(slurm: Slurm) -> frozenset[int]:
    return slurm.filtered_customers | slurm.aspas.keys()


def _filter(rule: _PrefixFilter) -> PrefixFilter:
    if rule.prefix is None and rule.asn is None:
        raise BadInput("a prefix filter has neither prefix nor asn")
    prefix = None if rule.prefix is None else parse_prefix(rule.prefix)
    return PrefixFilter(prefix, None if rule.asn is None else _asn(rule.asn), rule.comment)


def _vrp(assertion: _PrefixAssertion) -> Vrp:
    width, address, length = parse_prefix(assertion.prefix)
    max_length = assertion.max_prefix_length
    if max_length is None:
        max_length = length
    if not length <= max_length <= width:
        raise BadInput(f"maxPrefixLength {max_length} does not fit {assertion.prefix}")
    return Vrp(format_prefix(width, address, length), max_length, _asn(assertion.asn), "slurm")


def _aspa(assertion: _AspaAssertion) -> tuple[int, Providers]:
    customer = _one_of(assertion.customer_asn, assertion.customer_asid)
    named: Any = assertion.provider_asns
    providers = tuple(sorted(set(map(_asn, named or assertion.provider_set or ()))))
    check_aspa(customer, providers)
    return customer, providers


def _one_of(*given: int | None) -> int:
    """The customer, whose key goes by two names (customerAsid, customerAsn)."""
    named = [asn for asn in given if asn is not None]
    if len(named) != 1:
        raise BadInput("an ASPA entry must name one customer")
    return _asn(named[0])


def _asn(value: int) -> int:
    if not 0 <= value <= MAX_ASN:
        raise BadInput(f"{value} is not an AS number")
    return value
