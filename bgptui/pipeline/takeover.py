"""What a process takes up of the time before it, as the rooms want it."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from bgptui.detect.history import HISTORY_MIN, StreamHistory
from bgptui.domain.alert import Alert
from bgptui.domain.event import EventType, RouteKey
from bgptui.domain.event_row import EventRow
from bgptui.domain.routing import Peer
from bgptui.domain.window import WINDOW_S
from bgptui.store.connect import Connection
from bgptui.store.start_state import baseline

# Of a fact of kind rule, what names the route's key; alerts of other programs may have less.
_RULE_KEYS = {"event_type", "reason"}
_PEER_KEYS = {"collector", "peer_addr", "peer_asn"}


class FiringBefore(Struct, frozen=True):
    """A peer's route that a rule fired for; origin () where it was an AS_SET."""

    key: RouteKey
    peer: Peer
    origin: int | tuple[int, ...]


def histories(
    connection: Connection, closed_until: float, *, collectors: Sequence[str] | None = None
) -> Iterator[StreamHistory]:
    """Stored windows as the detector takes them, as far back as it remembers.

    Args:
        closed_until: end of the newest window, seconds since 1970 UTC.
        collectors: as for store.start_state.baseline.
    """
    reach_s = HISTORY_MIN * WINDOW_S
    last_window = closed_until - WINDOW_S
    for stream in baseline(connection, last_window, reach_s=reach_s, collectors=collectors):
        yield StreamHistory(
            peer=stream.peer,
            minutes=stream.starts // WINDOW_S,
            features=stream.values,
            zscores=stream.zscores,
            gap=stream.gaps,
        )


def firing_before(alerts: Iterable[Alert], rows: Iterable[EventRow]) -> Iterator[FiringBefore]:
    """The routes that open route alerts and followed event rows name, so that their end is
    noticed. Rows are exact, but of a day at most."""
    yield from _of_alerts(alerts)
    for row in rows:
        origin = () if row.key.origin_asn is None else row.key.origin_asn
        for peer in row.peers_having:
            yield FiringBefore(row.key, peer, origin)


def _of_alerts(alerts: Iterable[Alert]) -> Iterator[FiringBefore]:
    """By the facts `rule` and `peers` of their evidence."""
    for alert in alerts:
        rules = (fact for fact in alert.evidence if fact.get("kind") == "rule")
        rule = next((fact for fact in rules if fact.keys() >= _RULE_KEYS), None)
        if alert.prefix is None or rule is None:
            continue
        key = RouteKey(
            EventType(rule["event_type"]), alert.prefix, alert.origin_asn, rule["reason"]
        )
        origin = () if alert.origin_asn is None else alert.origin_asn
        for fact in alert.evidence:
            peers = fact["peers"] if fact.get("kind") == "peers" else ()
            for peer in (peer for peer in peers if peer.keys() >= _PEER_KEYS):
                if peer.get("until"):
                    continue  # it had lost the route
                named = Peer(peer["collector"], peer["peer_addr"], peer["peer_asn"])
                yield FiringBefore(key, named, origin)
