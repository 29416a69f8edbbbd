"""What a process takes up of a RIS host that another had: from the database alone."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from bgptui.domain.alert import Status
from bgptui.domain.gap import Gap
from bgptui.domain.routing import Peer
from bgptui.domain.window import WINDOW_S
from bgptui.pipeline.share import Begin
from bgptui.pipeline.takeover import firing_before, histories
from bgptui.store import shards
from bgptui.store.alerts import list_alerts
from bgptui.store.connect import Connection
from bgptui.store.event_rows import open_event_rows
from bgptui.store.start_state import open_gaps

TAKEOVER = "takeover"


def host_starts(connection: Connection, hosts: AbstractSet[str]) -> list[Begin]:
    """Read it all as of one moment; the last days of all these hosts in one go."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        known = shards.progress(connection)
        for host in hosts - known.keys():
            known[host] = shards.HostProgress(host, shards.closed_before(connection, host))
        gaps = open_gaps(connection)
        open_alerts = list_alerts(connection, statuses=(Status.OPEN, Status.ACKNOWLEDGED))
        firing = tuple(firing_before(open_alerts, open_event_rows(connection)))
        ends = {host: end for host in hosts if (end := known[host].closed_until) is not None}
        streams = (
            tuple(histories(connection, max(ends.values()), collectors=list(ends))) if ends else ()
        )
    return [
        Begin(
            host,
            closed_until=known[host].closed_until,
            gaps=_lasting(known[host], gaps),
            histories=tuple(each for each in streams if _of(each.peer) == host),
            firing=tuple(each for each in firing if each.peer.collector == host),
        )
        for host in sorted(hosts)
    ]


def _lasting(known: shards.HostProgress, gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """What its last process left open, else the time since that one."""
    host = known.collector
    lasting = [gap for gap in gaps if gap.collector in {None, host}]
    since = known_until(known)
    if since is not None and not lasting:
        return (Gap(since, None, host, TAKEOVER),)
    return tuple(Gap(gap.start, None, host, gap.reason, gap.attempts) for gap in lasting)


def _of(peer: Peer | None) -> str:
    return "" if peer is None else peer.collector


def known_until(known: shards.HostProgress) -> float | None:
    """Up to when everything is known of a host: end of its last window, or its last message where
    that window was closed early by an orderly stop."""
    if known.closed_until is None:
        return None
    begun = known.closed_until - WINDOW_S
    if known.last_message is None:
        return begun
    return max(begun, min(known.closed_until, known.last_message))
