"""The VRPs in force that concern a watchlist, kept up with the union's changes."""

from collections.abc import Iterable, Mapping

from bgptui.domain.prefix import ParsedPrefix
from bgptui.domain.roa import Expiry, Interest, RoaReading, SourceReading
from bgptui.domain.rpki import Vrp
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_set import Entry


class ConcernedVrps:
    """Reads them from a validator; one thread uses it."""

    def __init__(self, validator: Validator, interest: Interest) -> None:
        self._validator = validator
        self._interest = interest
        self._generation = -1
        self._entries: dict[ParsedPrefix, tuple[Entry, ...]] = {}
        self._vrps: dict[Vrp, tuple[str, ...]] = {}
        self._said: list[tuple[float | None, Mapping[Vrp, float]]] = []
        self._expires: Mapping[Vrp, Expiry] = {}
        validator.note_expiry_of(interest.origins)

    def read(self) -> RoaReading | None:
        """As of now; None while no source is fresh. `vrps` and `expires` are the same objects
        while nothing changed in them."""
        fresh = self._validator.fresh()
        if not fresh:
            return None
        self._catch_up()
        sources = tuple(
            SourceReading(status.name, status.as_of, status.anchors, status.held)
            for status in fresh
        )
        said = [(status.as_of, status.expires) for status in fresh]
        if said != self._said:
            self._said, self._expires = said, _latest(said)
        return RoaReading(sources, self._vrps, self._expires)

    def _catch_up(self) -> None:
        generation, changed = self._validator.changes_since(self._generation)
        if generation == self._generation:
            return
        self._generation = generation
        interest = self._interest
        if changed is None:
            found = _by_prefix(self._validator.overlapping(interest.prefixes, interest.asns))
            if found == self._entries:
                return
            self._entries = found
        elif not self._look_at(changed.members):
            return
        self._vrps = _by_vrp(entry for own in self._entries.values() for entry in own)

    def _look_at(self, changed: Iterable[ParsedPrefix]) -> bool:
        """Read these prefixes again; False where nothing of ours changed."""
        differs = False
        for prefix in changed:
            own = self._validator.published_for(prefix)
            if not self._interest.overlaps(*prefix):
                own = tuple(e for e in own if e.payload.asn in self._interest.asns)
            if own == self._entries.get(prefix, ()):
                continue
            differs = True
            if own:
                self._entries[prefix] = own
            else:
                del self._entries[prefix]
        return differs


def _by_prefix(entries: Iterable[Entry]) -> dict[ParsedPrefix, tuple[Entry, ...]]:
    found: dict[ParsedPrefix, set[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.prefix, set()).add(entry)
    return {
        prefix: tuple(sorted(own, key=lambda entry: entry.payload)) for prefix, own in found.items()
    }


def _by_vrp(entries: Iterable[Entry]) -> dict[Vrp, tuple[str, ...]]:
    vrps: dict[Vrp, tuple[str, ...]] = {}
    for entry in entries:
        said = entry.vrp()
        vrp = Vrp(said.prefix, said.max_length, said.asn)
        known = vrps.get(vrp, ())
        named = (said.trust_anchor,) if said.trust_anchor else ()
        vrps[vrp] = tuple(sorted({*known, *named}))
    return vrps


def _latest(said: Iterable[tuple[float | None, Mapping[Vrp, float]]]) -> Mapping[Vrp, Expiry]:
    """Of what several sources say of a VRP, what lasts longest."""
    latest: dict[Vrp, Expiry] = {}
    for as_of, expires in said:
        if as_of is None:
            continue
        for vrp, at in expires.items():
            known = latest.get(vrp)
            if known is None or at > known.at:
                latest[vrp] = Expiry(at, as_of)
    return latest
