"""What several caches say, united, with the operator's exceptions after the union.

Writers wait for one another. Readers take no lock: they use `table`, whose parts are replaced and
never mutated, and `aspas`, which is replaced as a whole.
"""

import threading
from collections import deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from msgspec import Struct

from bgptui.domain.prefix import ParsedPrefix, covers, parse_prefix
from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.rpki import LocalException
from bgptui.rpki.aspa_table import Providers, united
from bgptui.rpki.slurm import Slurm
from bgptui.rpki.vrp_set import Delta, Entry, Own, VrpSet, set_of
from bgptui.rpki.vrp_table import VrpTable, longest_first

# Changes that are remembered, for readers that keep answers. Beyond that they start afresh.
_CHANGES_KEPT = 64
_ENTRIES_KEPT = 20_000  # of all of them together, about 3 MB

_CUSTOMERS_KEPT = 1_000  # of each change of ASPAs


class _Change(Struct, frozen=True):
    """`delta` None: anything may have changed."""

    generation: int
    delta: Delta | None


class _AspaChange(Struct, frozen=True):
    """`customers` None: it may be anybody's."""

    generation: int
    customers: frozenset[int] | None


class _Said(Struct):
    """What one cache says; with the number of its VRPs, since every event asks for it and
    counting takes a quarter of a millisecond."""

    vrps: VrpSet
    aspas: dict[int, Providers]
    count: int


class Union:
    """The payloads in force.

    Attributes:
        generation: changes whenever an answer about a route's origin may change.
        aspa_generation: likewise about its path.
    """

    def __init__(self, slurm: Slurm | None = None) -> None:
        self._slurm = slurm or Slurm()
        self._writing = threading.Lock()
        self._said: dict[str, _Said] = {}
        self._asserted = set_of(self._slurm.vrps)
        self._changes: deque[_Change] = deque(maxlen=_CHANGES_KEPT)
        self._entries_kept = 0
        self._aspa_changes: deque[_AspaChange] = deque(maxlen=_CHANGES_KEPT)
        self.table = VrpTable()
        self.aspas: dict[int, Providers] = {}
        self.generation = 0
        self.aspa_generation = 0
        self.table.apply(Delta(announced=tuple(self._asserted)))
        self._spread_aspas(self._slurm.aspas)

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._said)

    def put(self, source: str, vrps: VrpSet, aspas: dict[int, Providers]) -> None:
        """All that a cache says now, in place of what it said; the ASPAs are the union's from
        here."""
        with self._writing:
            said = self._said.get(source)
            if said is None:
                said = _Said(vrps, {}, len(vrps))
                if self._said:
                    self._said[source] = said
                    self._spread(source, announced=vrps)
                else:
                    self._said[source] = said
                    self._begin(vrps)
            else:
                delta = vrps.since(said.vrps)
                said.vrps, said.count = vrps, len(vrps)
                self._spread(source, announced=delta.announced, withdrawn=delta.withdrawn)
            before, said.aspas = said.aspas, aspas
            self._spread_aspas(
                [
                    customer
                    for customer in before.keys() | aspas.keys()
                    if before.get(customer) != aspas.get(customer)
                ]
            )

    def change(
        self, source: str, delta: Delta, aspas: dict[int, Providers | None]
    ) -> VrpSet | None:
        """A cache changed what it says: a delta, and the ASPAs by customer, None for gone.

        Returns:
            what it says now; None where nothing of this cache is here to be changed.
        """
        with self._writing:
            said = self._said.get(source)
            if said is None:
                return None
            said.vrps = said.vrps.changed(delta)
            said.count = len(said.vrps)
            for customer, providers in aspas.items():
                if providers is None:
                    said.aspas.pop(customer, None)
                else:
                    said.aspas[customer] = providers
            self._spread(source, announced=delta.announced, withdrawn=delta.withdrawn)
            self._spread_aspas(aspas)
            return said.vrps

    def remove(self, source: str) -> None:
        """A cache says nothing any more."""
        with self._writing:
            said = self._said.pop(source, None)
            if said is not None:
                others = [other.vrps for other in self._said.values()]
                # Mostly another cache says nearly the same; then little is left to look at.
                gone = others[0].since(said.vrps).withdrawn if others else said.vrps
                self._spread(source, withdrawn=gone)
                self._spread_aspas(said.aspas)

    def size(self, source: str) -> tuple[int, int]:
        """VRPs and ASPAs of one cache."""
        said = self._said.get(source)
        return (0, 0) if said is None else (said.count, len(said.aspas))

    def said_by(self, source: str) -> VrpSet | None:
        """The VRPs of one cache."""
        said = self._said.get(source)
        return None if said is None else said.vrps

    def overlapping(self, prefixes: Iterable[str], asns: AbstractSet[int]) -> list[Entry]:
        """The VRPs that overlap a prefix, and those of these ASes; one may come several times."""
        with self._writing:
            found: list[Entry] = []
            for prefix in prefixes:
                found += self.table.overlapping(*parse_prefix(prefix))
            if asns:
                found += self.table.of_asns(asns)
            return found

    def forget(self) -> None:
        """Answers given so far are not to be trusted: everything may have changed."""
        with self._writing:
            self._remember(None)

    def forget_paths(self) -> None:
        """Likewise those about paths."""
        with self._writing:
            self._remember_aspas(None)

    def changes_since(self, generation: int) -> tuple[int, PrefixSet | None]:
        """The generation in force, and the prefixes at or below which answers may differ from
        those of an earlier one; None where that may be everywhere."""
        latest, deltas = self._deltas_since(generation)
        if deltas is None:
            return latest, None
        entries = (entry for delta in deltas for entry in (*delta.announced, *delta.withdrawn))
        return latest, PrefixSet(entry.prefix for entry in entries)

    def covering_before(self, prefix: ParsedPrefix, generation: int) -> Own | None:
        """What covered a prefix in an earlier generation, longest first; None where that is not
        remembered."""
        covering = self.table.covering(*prefix)
        _, deltas = self._deltas_since(generation)
        if deltas is None:
            return None
        for delta in reversed(deltas):
            came = {entry.payload for entry in delta.announced if covers(entry.prefix, prefix)}
            gone = {entry.payload for entry in delta.withdrawn if covers(entry.prefix, prefix)}
            covering = tuple(({*covering} - came) | gone)
        return tuple(sorted(covering, key=longest_first))

    def aspa_changes_since(self, generation: int) -> tuple[int, frozenset[int] | None]:
        """The ASPA generation in force, and the customers whose ASPAs differ from those of an
        earlier one; None where it may be anybody's."""
        changes = [each for each in tuple(self._aspa_changes) if each.generation > generation]
        latest = changes[-1].generation if changes else generation
        customers: frozenset[int] = frozenset()
        for change in changes:
            if change.customers is None or len(changes) != latest - generation:
                return latest, None
            customers |= change.customers
        return latest, customers

    def exceptions(self, prefix: ParsedPrefix, asns: Iterable[int]) -> tuple[LocalException, ...]:
        """The operator's exceptions that bear on a route, by its prefix and its path's ASes."""
        slurm = self._slurm
        sets = (
            [said.vrps for said in tuple(self._said.values())] if slurm.may_filter(prefix) else []
        )
        published = {entry for vrps in sets for entry in vrps.covering(*prefix)}
        asserted = self._asserted.covering(*prefix)
        return (
            *slurm.about(published, asserted),
            *slurm.about_customers(dict.fromkeys(asns)),
        )

    def _deltas_since(self, generation: int) -> tuple[int, list[Delta] | None]:
        """The generation in force, and the changes after an earlier one, oldest first; None
        where they are not all remembered."""
        changes = [change for change in tuple(self._changes) if change.generation > generation]
        latest = changes[-1].generation if changes else self.generation
        deltas = [change.delta for change in changes if change.delta is not None]
        return latest, deltas if len(deltas) == latest - generation else None

    def _begin(self, vrps: VrpSet) -> None:
        """The first cache has spoken: a table of its VRPs, built aside."""
        table = VrpTable()
        table.adopt(vrps)
        slurm = self._slurm
        filtered = [entry for entry in vrps if slurm.takes_out(entry)] if slurm.filters else ()
        table.apply(
            Delta(
                announced=tuple(self._asserted),
                withdrawn=tuple(entry for entry in filtered if entry not in self._asserted),
            )
        )
        self.table = table
        self._remember(None)

    def _spread(
        self, source: str, *, announced: Iterable[Entry] = (), withdrawn: Iterable[Entry] = ()
    ) -> None:
        """Bring to the table what no other cache and no exception of the operator overrules."""
        slurm, asserted = self._slurm, self._asserted
        others = [said.vrps for name, said in self._said.items() if name != source]
        effective = self.table.apply(
            Delta(
                announced=tuple(
                    entry
                    for entry in announced
                    if entry not in self.table and not slurm.takes_out(entry)
                ),
                withdrawn=tuple(
                    entry
                    for entry in withdrawn
                    if entry not in asserted and not any(entry in vrps for vrps in others)
                ),
            )
        )
        if effective:
            self._remember(effective if _size(effective) <= _ENTRIES_KEPT else None)

    def _spread_aspas(self, customers: Iterable[int]) -> None:
        slurm, changed, aspas = self._slurm, set[int](), dict(self.aspas)
        for customer in customers:
            providers: Providers = ()
            if customer not in slurm.filtered_customers:
                for said in self._said.values():
                    if named := said.aspas.get(customer):
                        providers = united(providers, named)
            if asserted := slurm.aspas.get(customer):
                providers = united(providers, asserted)
            if providers == aspas.get(customer, ()):
                continue
            changed.add(customer)
            if providers:
                aspas[customer] = providers
            else:
                del aspas[customer]
        if changed:
            self.aspas = aspas
            few = len(changed) <= _CUSTOMERS_KEPT
            self._remember_aspas(frozenset(changed) if few else None)

    def _remember_aspas(self, customers: frozenset[int] | None) -> None:
        self._aspa_changes.append(_AspaChange(self.aspa_generation + 1, customers))
        self.aspa_generation += 1

    def _remember(self, delta: Delta | None) -> None:
        # The change first: who sees the new generation finds what it consists of.
        changes = self._changes
        self._entries_kept += _size(delta)
        while changes and (self._entries_kept > _ENTRIES_KEPT or len(changes) == _CHANGES_KEPT):
            self._entries_kept -= _size(changes.popleft().delta)
        changes.append(_Change(self.generation + 1, delta))
        self.generation += 1


def _size(delta: Delta | None) -> int:
    return 0 if delta is None else len(delta.announced) + len(delta.withdrawn)
