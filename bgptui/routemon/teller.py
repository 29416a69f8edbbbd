"""Makes the events: what fired, for which peer's route, with all the evidence there is."""

from collections.abc import Callable, Iterable, Mapping

from bgptui.domain.alert_json import iso_utc
from bgptui.domain.aspa import PathVerification, Role
from bgptui.domain.event import Cause, RouteEvent, RouteKey
from bgptui.domain.routing import AsPath, BgpMessage
from bgptui.domain.rpki import OriginValidation
from bgptui.routemon.background import RpkiBackground
from bgptui.routemon.evidence import (
    Facts,
    data_facts,
    exception_facts,
    path_facts,
    rpki_facts,
    sighting_facts,
)
from bgptui.routemon.origin_history import OriginHistory, Past
from bgptui.routemon.verdict import Origin, Verdict
from bgptui.routemon.whole_table import WholeTable

VerifyPath = Callable[[AsPath, Role | None], PathVerification | None]


class Teller:
    """Belongs to the ingest thread.

    Args:
        next_id: ids of events.
        background: whence RPKI data is.
        verify: path verification by ASPAs; None: there are none.

    Attributes:
        roles: what peers of the collectors are, by AS number.
    """

    def __init__(
        self,
        *,
        next_id: Callable[[], int],
        background: RpkiBackground,
        history: OriginHistory,
        whole_table: WholeTable | None,
        verify: VerifyPath,
        roles: Mapping[int, Role],
    ) -> None:
        self.roles = roles
        self._next_id = next_id
        self._background = background
        self._history = history
        self._whole_table = whole_table
        self._verify = verify

    def event(
        self,
        verdict: Verdict,
        message: BgpMessage,
        *,
        min_peers: int,
        at: float | None = None,
        cause: Cause | None = None,
        before: OriginValidation | None = None,
        further: Facts | None = None,
    ) -> RouteEvent:
        """A peer has the route.

        Args:
            message: what it announced.
            min_peers: distinct peer ASNs to open an alert, where the rule has no own.
            at: event time, where it is not the message's.
            cause: why it is told, where that is not the message.
            before: what the RPKI said of it, where that is the cause.
            further: evidence of its own kind.
        """
        finding, rule = verdict.finding, verdict.rule
        at = message.timestamp if at is None else at
        return RouteEvent(
            id=self._next_id(),
            timestamp=at,
            key=verdict.key,
            peer=message.peer,
            severity=finding.severity,
            hijack_class=finding.hijack_class,
            description=finding.why,
            as_path=message.as_path,
            next_hop=message.next_hops[0] if message.next_hops else None,
            validation=verdict.validation,
            watched_prefix=None if rule is None else rule.prefix,
            expected_origins=() if rule is None else rule.origins,
            min_peers=verdict.min_peers(min_peers),
            opens_alert=finding.opens_alert and not finding.is_muted(at),
            lasting_s=finding.lasting_s,
            evidence={
                **_cause_facts(cause or finding.cause, before or verdict.before),
                **verdict.facts,
                **self._route_facts(verdict.key, message, at),
                **(further or {}),
                **sighting_facts(message),
            },
        )

    def _route_facts(self, key: RouteKey, message: BgpMessage, at: float) -> Facts:
        """What bears on the route at this moment, whatever rule fired."""
        prefix, path, background = key.prefix, message.as_path, self._background
        facts: Facts = {}
        if sources := background.sources():
            facts["rpki_data"] = data_facts(sources, at)
        if exceptions := background.exceptions(prefix, path):
            facts["slurm"] = exception_facts(exceptions)
        verification = self._verify(path, self.roles.get(message.peer.asn)) if path else None
        if verification is not None:
            facts["aspa"] = path_facts(verification)
        if origins := self._origin_facts(key):
            facts["origins"] = origins
        return facts

    def _origin_facts(self, key: RouteKey) -> list[Facts]:
        if past := self._history.of(key.prefix):
            return _past_facts(past)
        # Of what nobody watches the times are not kept.
        known = () if self._whole_table is None else self._whole_table.origins_of(key.prefix)
        return [{"asn": origin} for origin in reversed(known) if origin != key.origin_asn]


def _cause_facts(cause: Cause | None, before: OriginValidation | None) -> Facts:
    facts: Facts = {} if cause is None else {"cause": cause.value}
    if before is not None:
        facts["rpki_before"] = rpki_facts(before)
    return facts


def _past_facts(past: Iterable[tuple[Origin, Past]]) -> list[Facts]:
    """Who originated the prefix before, the one seen last first."""
    return [
        {
            "asn": list(origin) if isinstance(origin, tuple) else origin,
            "first_seen": iso_utc(seen.first),
            "last_seen": iso_utc(seen.last),
            "peers": seen.peers,
        }
        for origin, seen in past
    ]
