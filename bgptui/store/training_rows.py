"""What `bgptui train` learns from in the database: windows, and which of them alarmed."""

from datetime import timedelta

from msgspec import Struct

from bgptui.domain.routing import Peer
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.start_state import StreamBaseline, unpacked
from bgptui.store.times import utc


class TrainingRows(Struct, frozen=True):
    """Windows of the network and of some peers.

    Attributes:
        streams: the network's first.
        alarmed: starts of the windows that alarmed, seconds since 1970 UTC, by stream.
    """

    streams: tuple[StreamBaseline, ...]
    alarmed: dict[Peer | None, frozenset[int]]


def training_rows(conn: Connection, *, days: int, peers: int, seed: int) -> TrainingRows:
    """The newest days of the features table, as of one moment; empty where there are none.

    Args:
        peers: how many at most; which, the seed decides.
    """
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        newest = conn.execute(query("store/last_window")).fetchone()
        if newest is None or newest[0] is None:
            return TrainingRows((), {})
        since = utc(newest[0]) - timedelta(days=days)
        return TrainingRows(
            streams=_streams(conn, {"since": since, "peers": peers, "seed": str(seed)}),
            alarmed={
                _peer(collector, address, asn): frozenset(int(start) for start in starts)
                for collector, address, asn, starts in conn.execute(
                    query("store/alarmed_minutes"), {"since": since}
                )
            },
        )


def _streams(conn: Connection, parameters: dict[str, object]) -> tuple[StreamBaseline, ...]:
    with conn.cursor(binary=True) as cursor:
        cursor.execute(query("store/training_windows"), parameters)
        return tuple(
            unpacked(_peer(collector, address, asn), packed)
            for collector, address, asn, packed in cursor
        )


def _peer(collector: str | None, address: str | None, asn: int | None) -> Peer | None:
    return None if address is None else Peer(collector or "", address, asn or 0)
