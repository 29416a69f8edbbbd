"""Health of a collector: the row it upserts once a second and every console reads."""

from enum import StrEnum

from msgspec import Struct

QUIET_PEER_S = 600.0  # a BGP session without an UPDATE or KEEPALIVE for so long
QUIET_PEERS_NAMED = 10
DOUBTED_PEERS_NAMED = 10

STALE_AFTER_S = 5.0  # older than this, a console must say BLIND and the row's age


class StageState(StrEnum):
    """How a stage does: SLOW behind its input, WAIT on an outside service, FAIL stopped."""

    OK = "ok"
    SLOW = "slow"
    WAIT = "wait"
    FAIL = "fail"


class StageHealth(Struct, frozen=True):
    """One stage of the pipeline.

    Attributes:
        depth, capacity: batches waiting in its channel and how many fit.
        busy_s: time its last batch took.
        detail: one short line for a person, empty when all is well.
    """

    name: str
    state: StageState
    depth: int = 0
    capacity: int = 0
    busy_s: float = 0.0
    detail: str = ""


class FeedHealth(Struct, frozen=True):
    """The source of messages.

    Attributes:
        mode: live, replay or recording.
        state: connecting, live, gap, ended; standby where other processes have every collector.
        attempts: connection attempts since the last message.
        last_message: event time of the newest message, None before the first.
        gap_since: event time since which we are blind, None when we are not.
    """

    mode: str
    source: str
    state: str
    attempts: int = 0
    last_message: float | None = None
    gap_since: float | None = None
    error: str = ""
    hint: str = ""


class CollectorFreshness(Struct, frozen=True):
    """When a collector and its peers were last heard.

    Attributes:
        last_message: event time of the newest message, seconds since 1970 UTC.
        peers: whose session is up, as far as we know.
        quiet_peers: those of them without a message for QUIET_PEER_S.
        gap_since, gap_reason: of a gap of this collector alone; None and empty without one.
    """

    name: str
    last_message: float
    peers: int
    quiet_peers: int = 0
    gap_since: float | None = None
    gap_reason: str = ""


class QuietPeer(Struct, frozen=True):
    """A peer that is up and was not heard for long; `last_message` as above."""

    collector: str
    address: str
    asn: int
    last_message: float


class Doubt(StrEnum):
    """Why a peer's word weighs less: it is ALONE too often with what it sees, keeps routes that
    all others have lost (STUCK), or was busy and is SILENT."""

    ALONE = "alone"
    STUCK = "stuck"
    SILENT = "silent"


class DoubtedPeer(Struct, frozen=True):
    """A peer whose word weighs less."""

    collector: str
    address: str
    asn: int
    doubt: Doubt


class RpkiSource(Struct, frozen=True):
    """One source of validated payloads; `as_of` as below.

    Attributes:
        detail: protocol version, session and serial, where it has them.
    """

    name: str
    state: str
    vrps: int = 0
    aspas: int = 0
    as_of: float | None = None
    detail: str = ""
    error: str = ""


class RpkiHealth(Struct, frozen=True):
    """Origin validation: source, age of its data and what it said of announcements so far.

    Attributes:
        as_of: build time of the VRPs, seconds since 1970 UTC; None without any.
        valid, invalid, not_found, unavailable: announced prefixes.
        sources: each by itself.
    """

    source: str
    state: str
    vrps: int = 0
    as_of: float | None = None
    valid: int = 0
    invalid: int = 0
    not_found: int = 0
    unavailable: int = 0
    error: str = ""
    sources: tuple[RpkiSource, ...] = ()


class WatchHealth(Struct, frozen=True):
    """The watchlist in force.

    Attributes:
        file: where it was read from; empty where there is none.
        since: when it was read, seconds since 1970 UTC.
        error: why the file as it is now was refused; empty where it was not.
    """

    file: str = ""
    since: float | None = None
    error: str = ""


def process_name(holder: str) -> str:
    """Machine and process number of a lease's holder, e.g. `noc1:4711`."""
    return holder.rpartition(":")[0] or holder


class ProcessHealth(Struct, frozen=True):
    """One of several processes that share the collectors.

    Attributes:
        age_s: since it wrote its health row.
        hosts: RIS hosts that it holds.
        correlates: it is the one that correlates for all.
    """

    holder: str
    age_s: float
    hosts: tuple[str, ...] = ()
    correlates: bool = False
    feed_state: str = ""
    rate_per_s: float = 0.0

    @property
    def name(self) -> str:
        return process_name(self.holder)

    @property
    def is_stale(self) -> bool:
        return self.age_s > STALE_AFTER_S


class Health(Struct, frozen=True):
    """Everything a console shows of a collector that is not in the time series.

    Attributes:
        now: the pipeline's time (event time in a replay), seconds since 1970 UTC.
        rate_per_s: UPDATE messages a second, mean of the last seconds.
        lag_s: now minus the newest message's timestamp.
        freshness: of each collector, by name.
        quiet_peers: the QUIET_PEERS_NAMED that were not heard for the longest time.
        dropped: losses, counted by `where.reason`; bad input included.
        learning: share of the baseline's first day that is there, 0 ... 1, of the
            network-wide stream.
        drift: how the detector's last week differs from its training, a short line each; ()
            where it does not.
        disk_free_bytes: left where the database stores its rows; None where unknown (a
            server elsewhere).
        disk_hours_left: until that is full at the present rate of growth.
        spool_bytes: rows on disk that wait for the database; 0 when it has caught up.
        spool_max_bytes: how many may; 0 where there is no spool.
        watched_prefixes: rules of the watchlist; 0 without one, None where unknown.
        watch: the watchlist in force, and why a newer one is not.
        doubted_peers: peers whose word weighs less for the correlator.
        doubted: DOUBTED_PEERS_NAMED of them.
        processes: those that share the collectors; () where one has them all. Set by the reader.
    """

    now: float
    feed: FeedHealth
    rpki: RpkiHealth
    stages: tuple[StageHealth, ...]
    collectors: tuple[str, ...] = ()
    freshness: tuple[CollectorFreshness, ...] = ()
    quiet_peers: tuple[QuietPeer, ...] = ()
    peers: int = 0
    messages: int = 0
    rate_per_s: float = 0.0
    lag_s: float = 0.0
    dropped: dict[str, int] = {}
    learning: float = 0.0
    open_alerts: int = 0
    model_version: str = ""
    drift: tuple[str, ...] = ()
    disk_free_bytes: int | None = None
    disk_hours_left: float | None = None
    spool_bytes: int = 0
    spool_max_bytes: int = 0
    watched_prefixes: int | None = None
    watch: WatchHealth = WatchHealth()
    doubted_peers: int = 0
    doubted: tuple[DoubtedPeer, ...] = ()
    processes: tuple[ProcessHealth, ...] = ()
