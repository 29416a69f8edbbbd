"""What is written beside the time series: peers, gaps and the collector's health.

To be called inside the transaction of the rows that they belong to.
"""

from collections.abc import Iterable

from bgptui.domain.gap import Gap
from bgptui.domain.health import Health
from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import Peer
from bgptui.errors import BadInput
from bgptui.store import copy_binary
from bgptui.store.batch import FeatureRow
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.rows import storable_json
from bgptui.store.times import utc


def write_peers(conn: Connection, features: Iterable[FeatureRow]) -> None:
    """Note when each peer was first and last heard, to the minute."""
    first: dict[Peer, int] = {}
    last: dict[Peer, int] = {}
    for _, window, _ in features:
        if window.peer is not None and window.messages and _has_address(window.peer):
            first[window.peer] = min(window.start, first.get(window.peer, window.start))
            last[window.peer] = max(window.start, last.get(window.peer, window.start))
    if first:
        peers = sorted(first)
        conn.execute(
            query("store/upsert_peers"),
            {
                "collectors": [peer.collector for peer in peers],
                "addresses": [peer.address for peer in peers],
                "asns": [peer.asn for peer in peers],
                "first_seen": [utc(first[peer]) for peer in peers],
                "last_seen": [utc(last[peer]) for peer in peers],
            },
        )


def write_sessions(conn: Connection, records: Iterable[MessageRecord]) -> None:
    """Note the last state of each session that changed."""
    latest = {
        record.message.peer: record.message
        for record in records
        if record.message.session is not None and _has_address(record.message.peer)
    }
    for peer, message in sorted(latest.items()):
        conn.execute(
            query("store/set_peer_state"),
            {
                "collector": peer.collector,
                "address": peer.address,
                "asn": peer.asn,
                "state": message.session,
                "at": utc(message.timestamp),
            },
        )


def write_gaps(conn: Connection, gaps: Iterable[Gap]) -> None:
    """Open gaps, and close those that come with their end."""
    for gap in gaps:
        # A clock that was set back must not make an interval that ends before it begins.
        end = None if gap.end is None else utc(max(gap.start, gap.end))
        conn.execute(
            query("store/upsert_gap"),
            {
                "collector": gap.collector,
                "gap_start": utc(gap.start),
                "gap_end": end,
                "reason": gap.reason,
                "attempts": gap.attempts,
            },
        )


def write_health(conn: Connection, holder: str, health: Health) -> None:
    """The collector's one row."""
    document = storable_json(health).decode()
    conn.execute(query("store/upsert_health"), {"holder": holder, "document": document})


def _has_address(peer: Peer) -> bool:
    """False where the row itself was refused and counted for it."""
    try:
        copy_binary.inet(peer.address)
    except BadInput:
        return False
    return True
