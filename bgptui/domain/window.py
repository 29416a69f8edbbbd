"""One-minute windows: the nine features of a peer, or of the whole network."""

from msgspec import Struct

from bgptui.domain.routing import Peer

WINDOW_S = 60

FEATURES = (
    "announcements",
    "withdrawals",
    "total_updates",
    "withdrawal_ratio",
    "flap_count",
    "path_length",
    "unique_peers",
    "message_rate",
    "session_resets",
)


class FeatureWindow(Struct, frozen=True, gc=False):
    """Features of one window; docs/schema.md has each one's definition.

    Attributes:
        start: seconds since 1970 UTC, a multiple of WINDOW_S.
        peer: None for the network-wide window.
        path_length, std_path_length: hops, over announced prefixes that came with a path;
            None where there was none.
        message_rate: UPDATE messages per second.
        max_updates: largest total_updates within one second.
        messages: BGP messages of every type.
        late_messages: messages that came behind the watermark since the last window of this
            peer; they are in no window.
        gap: we were blind for a part of it; never scored, never in a baseline.
    """

    start: int
    peer: Peer | None
    announcements: int = 0
    withdrawals: int = 0
    flap_count: int = 0
    path_length: float | None = None
    unique_peers: int = 0
    message_rate: float = 0.0
    session_resets: int = 0
    std_path_length: float | None = None
    max_updates: int = 0
    messages: int = 0
    prefixes_with_path: int = 0
    late_messages: int = 0
    gap: bool = False

    @property
    def total_updates(self) -> int:
        return self.announcements + self.withdrawals

    @property
    def withdrawal_ratio(self) -> float:
        return self.withdrawals / self.total_updates if self.total_updates else 0.0

    @property
    def end(self) -> int:
        return self.start + WINDOW_S
