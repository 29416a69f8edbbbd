"""This process's share of the collectors: what it holds, as its threads tell each other."""

import threading
from collections import deque

from msgspec import Struct

from bgptui.detect.history import StreamHistory
from bgptui.domain.gap import Gap
from bgptui.features.handed_minutes import HandedMinutes
from bgptui.pipeline.takeover import FiringBefore
from bgptui.store import shards
from bgptui.store.connect import Connection
from bgptui.store.lease import LEASE_TTL_S, Lease


class Begin(Struct, frozen=True):
    """A host is ours from now on.

    Attributes:
        closed_until: end of its newest window that another process has written; None for none.
        gaps: those that last, the one since that process included.
        histories: baselines of its peers.
        firing: what its peers' open alerts rest on.
    """

    host: str
    closed_until: float | None
    gaps: tuple[Gap, ...]
    histories: tuple[StreamHistory, ...]
    firing: tuple[FiringBefore, ...]


class Leave(Struct, frozen=True):
    """A host is to become another process's: write its last rows."""

    host: str


class Share:
    """What one of several processes on a database holds.

    The keeper's thread takes and gives leases back, the ingest thread begins and leaves hosts,
    the thread that writes asks whether the leases are still there.

    Args:
        hosts: of the whole deployment.
        number: given to this process and to no other.
        ttl_s: after so long without a renewal others may take what it holds.
    Attributes:
        orders: for the ingest thread, in their order.
        active: hosts that are asked for and counted; set by the ingest thread.
        minutes: what that thread adds up for the network's rows.
        correlate: the lease to correlate, None while another process has it.
    """

    def __init__(
        self, hosts: tuple[str, ...], *, holder: str, number: int, ttl_s: float = LEASE_TTL_S
    ) -> None:
        self.hosts = hosts
        self.holder = holder
        self.number = number
        self.ttl_s = ttl_s
        self.orders: deque[Begin | Leave] = deque()
        self.active: frozenset[str] = frozenset()
        self.minutes = HandedMinutes()
        self.correlate: Lease | None = None
        self._epochs: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def epochs(self) -> dict[str, int]:
        """The hosts' leases: epoch by host."""
        with self._lock:
            return dict(self._epochs)

    def took(self, lease: Lease) -> None:
        with self._lock:
            self._epochs[lease.scope] = lease.epoch

    def gave(self, host: str) -> None:
        with self._lock:
            del self._epochs[host]

    def check(self, connection: Connection) -> None:
        """Make sure, inside the transaction that writes, that every host is still ours.

        Raises:
            LeaseLost: another process has taken one.
        """
        shards.check(connection, self.holder, self.epochs)
