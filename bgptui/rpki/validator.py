"""What the RPKI says of routes: sources united, and no verdict where none of them is fresh."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from bgptui.domain.aspa import Hop, OtcLeak, PathVerification, Role
from bgptui.domain.health import RpkiHealth, RpkiSource
from bgptui.domain.prefix import parse_prefix
from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.routing import AsPath
from bgptui.domain.rpki import (
    NOT_FOUND,
    CoveringVrps,
    DataSource,
    LocalException,
    OriginValidation,
    RpkiState,
    Vrp,
)
from bgptui.rpki import aspa_verification
from bgptui.rpki.aspa_verification import Direction
from bgptui.rpki.only_to_customer import ingress, leaked_hop
from bgptui.rpki.origin_validation import judge, validate
from bgptui.rpki.slurm import Slurm
from bgptui.rpki.source import Source, SourceState, SourceStatus
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_set import Entry
from bgptui.rpki.vrp_source import JsonSource
from bgptui.rpki.vrp_table import Provenance

# Whose routes are verified as those that went up (section 6.2); the others' as those that came
# down: a collector is not a router.
_UPSTREAM = frozenset({Role.CUSTOMER, Role.PEER, Role.RS_CLIENT, Role.RS})

# What is told of several sources together: the best of their states decides.
_BEST_FIRST = (SourceState.FRESH, SourceState.STALE, SourceState.LOADING, SourceState.ERROR)


class Validator:
    """Origin and path validation by all configured sources.

    One thread calls `refresh` every few seconds; any thread may validate meanwhile. A source that
    is not fresh has no part in verdicts as long as another one is; while none is, there are none.

    Args:
        sources: makes each source, given the union that it brings its payloads to.
    """

    def __init__(
        self, sources: Sequence[Callable[[Union], Source]] = (), *, slurm: Slurm | None = None
    ) -> None:
        self._union = Union(slurm)
        self._sources = [make(self._union) for make in sources]
        self._in_force = False
        self._statuses: tuple[SourceStatus, ...] = tuple(
            source.status(0.0) for source in self._sources
        )
        names = ", ".join(status.name for status in self._statuses)
        self._no_verdict = OriginValidation(RpkiState.UNAVAILABLE, source=names)

    def validate(self, prefix: str, origin: int | None) -> OriginValidation:
        """RFC 6811 with the VRPs in force; unavailable without fresh ones, with the sources named
        where there are any."""
        if not self._in_force:
            return self._no_verdict
        return validate(self._union.table, prefix, origin)

    def vrps(self) -> Iterator[Vrp]:
        """The VRPs in force, each once; none without fresh ones."""
        if self._in_force:
            for entry in self._union.table:
                yield entry.vrp()

    def validated_before(
        self, prefix: str, origin: int | None, generation: int
    ) -> OriginValidation | None:
        """What `validate` answered in an earlier generation, source and age aside; None where
        that is not remembered."""
        numbers = parse_prefix(prefix)
        covering = self._union.covering_before(numbers, generation)
        if not self._in_force or covering is None:
            return None
        if not covering:
            return NOT_FOUND
        state, reason = judge(covering, length=numbers[2], origin=origin)
        return OriginValidation(state, reason, CoveringVrps(prefix, covering))

    def verify_path(self, path: AsPath, direction: Direction) -> PathVerification | None:
        """ASPA verification with the ASPAs in force; None without fresh ones."""
        if not self._in_force:
            return None
        return aspa_verification.verify(self._union.aspas, path, direction)

    def verify_from(self, path: AsPath, role: Role | None) -> PathVerification | None:
        """ASPA verification of a path that a peer of a collector sent; None without fresh ASPAs.

        Args:
            role: what the peer is; None where nobody said, which takes the milder way.
        """
        if not self._in_force or not self._union.aspas:
            return None
        is_up = role in _UPSTREAM
        return self.verify_path(path, Direction.UPSTREAM if is_up else Direction.DOWNSTREAM)

    def otc_leak(self, path: AsPath, otc: int, peer_asn: int, role: Role | None) -> OtcLeak | None:
        """The leak that a route's OTC proves: by the role of the peer that sent it (RFC 9234
        section 5), else by an ASPA that has a later hop go up."""
        if role is not None and ingress(role, peer_asn, otc).leak:
            return OtcLeak("otc", Hop(otc, peer_asn))
        hop = leaked_hop(self._union.aspas, path, otc) if self._in_force else None
        return None if hop is None else OtcLeak("otc+aspa", hop)

    def generation(self) -> int:
        """Changes whenever an answer of `validate` may change."""
        return self._union.generation

    def changes_since(self, generation: int) -> tuple[int, PrefixSet | None]:
        """The generation in force, and the prefixes at or below which `validate` may answer
        otherwise than in an earlier one; None where that may be everywhere."""
        return self._union.changes_since(generation)

    def aspa_generation(self) -> int:
        """Changes whenever an answer of `verify_path` may change."""
        return self._union.aspa_generation

    def fresh(self) -> tuple[SourceStatus, ...]:
        """The sources in force as of the last `refresh`; none while there are no verdicts."""
        if not self._in_force:
            return ()
        return tuple(status for status in self._statuses if status.state is SourceState.FRESH)

    def overlapping(self, prefixes: Iterable[str], asns: AbstractSet[int]) -> list[Entry]:
        """The VRPs in force that overlap one of these prefixes, and those of these ASes."""
        return self._union.overlapping(prefixes, asns)

    def published_for(self, prefix: tuple[int, int, int]) -> tuple[Entry, ...]:
        """The VRPs in force of this very prefix (as of parse_prefix)."""
        return tuple(self._union.table.own(*prefix))

    def note_expiry_of(self, origins: frozenset[int]) -> None:
        """Let sources keep when the VRPs of these origins expire, from their next look on."""
        for source in self._sources:
            if isinstance(source, JsonSource):
                source.note_expiry_of(origins)

    def aspa_changes_since(self, generation: int) -> tuple[int, frozenset[int] | None]:
        """The ASPA generation in force, and the customers whose ASPAs differ from those of an
        earlier one; None where it may be anybody's."""
        return self._union.aspa_changes_since(generation)

    def data_sources(self) -> tuple[DataSource, ...]:
        """The sources in force, as they stand at this moment."""
        said = self._union.sources if self._in_force else ()
        # Of a status only the state depends on the time.
        found = [source.status(0.0) for source in self._sources]
        return tuple(
            DataSource(each.name, each.as_of, each.session, each.serial)
            for each in found
            if each.name in said
        )

    def exceptions(self, prefix: str, path: AsPath) -> tuple[LocalException, ...]:
        """The operator's exceptions (SLURM) that bear on a route."""
        asns = (asn for hop in path for asn in (hop if isinstance(hop, tuple) else (hop,)))
        return self._union.exceptions(parse_prefix(prefix), asns)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Each source as of the last `refresh`."""
        return self._statuses

    def health(self) -> RpkiHealth:
        """State `off`, `loading`, `fresh`, `stale` or `error` (nothing loaded so far)."""
        statuses = self._statuses
        if not statuses:
            return RpkiHealth("", "off")
        state = min((status.state for status in statuses), key=_BEST_FIRST.index)
        told = [status for status in statuses if status.state is state]
        vrps = statuses[0].vrps if len(statuses) == 1 else len(self._union.table)
        return RpkiHealth(
            self._no_verdict.source,
            state.value,
            vrps=vrps,
            as_of=min((status.as_of for status in told if status.as_of is not None), default=None),
            error="; ".join(status.error for status in statuses if status.error),
            sources=tuple(
                RpkiSource(s.name, s.state.value, s.vrps, s.aspas, s.as_of, s.detail, s.error)
                for s in statuses
            ),
        )

    def load(self, now: float) -> None:
        """Look at every file and URL at once.

        Raises:
            Transient: one cannot be had now.
            BadInput: one holds no VRPs that can be used.
        """
        try:
            for source in self._sources:
                if isinstance(source, JsonSource):
                    source.load(now)
        finally:
            self._judge_sources(now)

    def refresh(self, now: float) -> None:
        """Let sources do what is due, and give up those that are stale at `now`."""
        for source in self._sources:
            source.refresh(now)
        self._judge_sources(now)

    def stop(self) -> None:
        """End what the sources run."""
        for source in self._sources:
            source.stop()

    def _judge_sources(self, now: float) -> None:
        """Put in force what is fresh, and tell how things stand."""
        statuses = tuple(source.status(now) for source in self._sources)
        said = self._union.sources
        fresh = [s for s in statuses if s.state is SourceState.FRESH and s.name in said]
        if fresh:
            # The last one stays where it is, out of force: it mostly comes back as it was.
            for status in statuses:
                if status.state is SourceState.STALE:
                    self._union.remove(status.name)
            self._union.table.provenance = Provenance(
                ", ".join(f"{s.name} ({s.detail})" if s.detail else s.name for s in fresh),
                min((s.as_of for s in fresh if s.as_of is not None), default=None),
            )
        if bool(fresh) != self._in_force:
            self._in_force = bool(fresh)
            self._union.forget()
            if fresh and self._union.aspas:
                # What paths were said to be meanwhile was said without ASPAs.
                self._union.forget_paths()
        self._statuses = statuses
