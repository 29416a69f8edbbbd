"""Every setting: its section, type, unit, bounds and default. bgptui.toml explains each.

Loading and precedence are in load.py, the texts of errors in setting.py. A key's environment
variable is BGPTUI_<SECTION>_<KEY>, e.g. BGPTUI_STORE_DSN.

Meta.extra carries what msgspec does not check: `unit` and `kind` for people (they stand in
error messages), `path` for text that names a file and is taken relative to where it was set.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

_SECONDS = {"unit": "seconds"}
_BYTES = {"unit": "bytes"}

Seconds = Annotated[float, Meta(gt=0, le=86_400 * 365, extra=_SECONDS)]
Days = Annotated[int, Meta(ge=1, le=3_660, extra={"unit": "days"})]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
FilePath = Annotated[str, Meta(extra={"kind": "the path of a file", "path": True})]
FolderPath = Annotated[str, Meta(extra={"kind": "the path of a folder", "path": True})]
FileOrUrl = Annotated[str, Meta(extra={"kind": "the path of a file or a URL", "path": True})]
WebSocketUrl = Annotated[
    str, Meta(pattern=r"^wss?://[^/\s]", extra={"kind": "an address with ws:// or wss://"})
]

DIRECT = "direct"
ProxyUrl = Annotated[
    str,
    Meta(
        pattern=rf"^$|^{DIRECT}$|^(https?|socks[45]|socks4a|socks5h)://[^/\s]+/?$",
        extra={"kind": f'"", "{DIRECT}" or an address with http://, https:// or socks5h://'},
    ),
]
RisHost = Annotated[
    str, Meta(pattern=r"^[a-z0-9-]+$", extra={"kind": 'the short name of a RIS host, as "rrc00"'})
]


class Keep(StrEnum):
    """Which raw rows, or which raw rows' JSON, are stored."""

    ALL = "all"
    WATCHED = "watched"
    NONE = "none"


class ClockKind(StrEnum):
    """Whether `now` is this machine's clock or the newest timestamp of the data."""

    WALL = "wall"
    EVENT = "event"


class LogFormat(StrEnum):
    """Format of the log lines of --no-ui."""

    TEXT = "text"
    JSON = "json"


class SubscriptionType(StrEnum):
    """Message types that RIS Live can be asked for (its manual, ris_subscribe)."""

    UPDATE = "UPDATE"
    OPEN = "OPEN"
    NOTIFICATION = "NOTIFICATION"
    KEEPALIVE = "KEEPALIVE"
    RIS_PEER_STATE = "RIS_PEER_STATE"


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every section: an unknown key is an error."""


class Subscription(Section, frozen=True):
    """One ris_subscribe message (RIS Live manual); an empty one asks for everything."""

    host: str | None = None
    prefix: str | None = None
    more_specific: bool = True
    less_specific: bool = False
    path: str | None = None
    type: SubscriptionType | None = None
    peer: str | None = None


class Feed(Section, frozen=True):
    """[feed]: where messages come from."""

    url: WebSocketUrl = "wss://ris-live.ripe.net/v1/ws/"
    client: Annotated[str, Meta(min_length=1, max_length=128)] = "bgptui"
    subscription: tuple[Subscription, ...] = (Subscription(),)
    collectors: tuple[RisHost, ...] = ()
    include_raw: bool = False
    clock: ClockKind = ClockKind.WALL
    warm_up: FilePath = ""
    mrt_collector: Annotated[str, Meta(pattern=r"^[a-z0-9_.-]{1,64}$")] = "mrt"
    ca_file: FilePath = ""
    proxy: ProxyUrl = ""
    open_timeout_s: Seconds = 10.0
    ping_interval_s: Seconds = 20.0
    ping_timeout_s: Seconds = 20.0
    silence_timeout_s: Seconds = 60.0
    backoff_first_s: Seconds = 0.5
    backoff_most_s: Seconds = 60.0
    max_frame_bytes: Annotated[int, Meta(ge=4_096, le=64 * 2**20, extra=_BYTES)] = 2**20
    quarantine_max_bytes: Annotated[int, Meta(ge=0, le=2**40, extra=_BYTES)] = 10 * 2**20


class Windows(Section, frozen=True):
    """[windows]: the one-minute windows."""

    lateness_s: Annotated[float, Meta(ge=0, le=600, extra=_SECONDS)] = 10.0
    flap_s: Seconds = 300.0
    flap_memory: Count = 2_000_000
    peer_expiry_s: Seconds = 86_400.0


class Retention(Section, frozen=True):
    """[store.retention]: days that each table's rows are kept."""

    raw_bgp_data: Days = 30
    features: Days = 90
    ml_results: Days = 60
    route_monitor_events: Days = 180
    alerts: Days = 365
    system_metrics: Days = 30


class Store(Section, frozen=True):
    """[store]: the database."""

    dsn: str = ""
    data_dir: FolderPath = ""
    connect_timeout_s: Seconds = 10.0
    raw_rows: Keep = Keep.ALL
    raw_json: Keep = Keep.WATCHED
    raw_max_gib: Annotated[float, Meta(gt=0, le=1_000_000, extra={"unit": "GiB"})] = 20.0
    spool_dir: FolderPath = ""
    spool_max_mib: Annotated[int, Meta(ge=0, le=2**30, extra={"unit": "MiB"})] = 1_024
    compress_after_days: Days = 7
    retention: Retention = Retention()


class Rpki(Section, frozen=True):
    """[rpki]: where VRPs and ASPAs come from."""

    vrps: FileOrUrl = ""
    sources: tuple[FileOrUrl, ...] = ()
    rtr_ca_file: FilePath = ""
    rtr_cert_file: FilePath = ""
    rtr_key_file: FilePath = ""
    slurm: tuple[FilePath, ...] = ()
    refresh_s: Seconds = 600.0
    stale_after_s: Seconds = 7_200.0
    fetch_timeout_s: Seconds = 60.0


class Watch(Section, frozen=True):
    """[watch]: the operator's own prefixes."""

    file: FilePath = ""
    min_peers: Annotated[int, Meta(ge=1, le=10_000, extra={"unit": "peers"})] = 3
    learn_s: Seconds = 600.0
    whole_table: bool = False
    bogons: bool = False
    relationships: FilePath = ""
    roa_expiry_h: Annotated[float, Meta(ge=0, le=24 * 365, extra={"unit": "hours"})] = 1.0
    roa_settle_s: Annotated[float, Meta(ge=0, le=86_400, extra=_SECONDS)] = 120.0
    roa_anchor_loss: Annotated[float, Meta(gt=0, le=1)] = 0.10


class Detect(Section, frozen=True):
    """[detect]: models and thresholds of the detector."""

    model: str = "default"
    medium: Share = 0.47
    high: Share = 0.60
    critical: Share = 0.75
    reason_alone: Share = 0.90
    burst_alone: Share = 0.90
    learning_raise: Share = 0.10
    minimum_history_min: Annotated[int, Meta(ge=30, le=1_440, extra={"unit": "minutes"})] = 60


class Alerts(Section, frozen=True):
    """[alerts]: how alerts open and close."""

    hold_down_s: Annotated[float, Meta(ge=0, le=86_400, extra=_SECONDS)] = 300.0
    quiet_windows: Annotated[int, Meta(ge=1, le=1_440, extra={"unit": "windows"})] = 10
    table_transfer_s: Seconds = 600.0


class Console(Section, frozen=True):
    """[console]: the terminal UI."""

    refresh_s: Annotated[float, Meta(ge=0.1, le=60, extra=_SECONDS)] = 1.0
    operator: str = ""
    bell: bool = True


class Runtime(Section, frozen=True):
    """[runtime]: the interpreter and the log."""

    switch_interval_s: Annotated[float, Meta(ge=0.0005, le=1, extra=_SECONDS)] = 0.02
    log_format: LogFormat = LogFormat.TEXT
    log_interval_s: Seconds = 60.0


class Config(Section, frozen=True):
    """Everything that can be set."""

    feed: Feed = Feed()
    windows: Windows = Windows()
    store: Store = Store()
    rpki: Rpki = Rpki()
    watch: Watch = Watch()
    detect: Detect = Detect()
    alerts: Alerts = Alerts()
    console: Console = Console()
    runtime: Runtime = Runtime()
