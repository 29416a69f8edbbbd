"""Counters of a window that is still open; its row once it closes.

All are integers, sums of path lengths and of their squares included, so that a row does not
depend on the order in which messages or peers were added up.
"""

from math import sqrt

from bgptui.domain.routing import BgpMessage, Peer
from bgptui.domain.window import WINDOW_S, FeatureWindow

# A minute that lost more than this share of its messages is not one that was seen.
THINNED_SHARE = 0.05


class OpenWindow:
    """What one peer, or the whole network, did in one minute so far.

    Attributes:
        updates: UPDATE messages.
        hops, hops_squared: sums over announced prefixes that came with a path.
        per_second: total_updates of each second of the minute.
        late_messages: came behind the watermark while this window was the oldest open one.
        lost: those of them that would have counted in it.
        ends_down: the newest message says that the session is down.
    """

    __slots__ = (
        "announcements", "ends_down", "flap_count", "hops", "hops_squared", "late_messages",
        "lost", "messages", "per_second", "prefixes_with_path", "session_resets", "updates",
        "withdrawals",
    )  # fmt: skip

    def __init__(self) -> None:
        self.messages = 0
        self.updates = 0
        self.announcements = 0
        self.withdrawals = 0
        self.flap_count = 0
        self.session_resets = 0
        self.hops = 0
        self.hops_squared = 0
        self.prefixes_with_path = 0
        self.late_messages = 0
        self.lost = 0
        self.per_second = [0] * WINDOW_S
        self.ends_down = False

    def count_update(self, message: BgpMessage, second: int) -> None:
        """Count an UPDATE of `second` 0 ... 59, flaps apart."""
        announced = len(message.announced)
        withdrawn = len(message.withdrawn)
        self.updates += 1
        self.per_second[second] += announced + withdrawn
        self.withdrawals += withdrawn
        if announced:
            self.announcements += announced
            hops = len(message.as_path)  # domain.routing.path_length, inlined: the hot path
            if hops:
                self.prefixes_with_path += announced
                self.hops += hops * announced
                self.hops_squared += hops * hops * announced

    def add(self, other: "OpenWindow") -> None:
        """Add another's counters (a peer's to the network's)."""
        self.messages += other.messages
        self.announcements += other.announcements
        self.withdrawals += other.withdrawals
        self.flap_count += other.flap_count
        self.session_resets += other.session_resets
        self.hops += other.hops
        self.hops_squared += other.hops_squared
        self.prefixes_with_path += other.prefixes_with_path
        self.late_messages += other.late_messages
        self.lost += other.lost
        if other.updates:
            self.updates += other.updates
            mine = self.per_second
            self.per_second = [a + b for a, b in zip(mine, other.per_second, strict=True)]

    def close(
        self, start: int, peer: Peer | None, *, unique_peers: int, gap: bool
    ) -> FeatureWindow:
        """The row of this window; one that was thinned says that it is a gap."""
        mean, deviation = self._path_lengths()
        return FeatureWindow(
            start=start,
            peer=peer,
            announcements=self.announcements,
            withdrawals=self.withdrawals,
            flap_count=self.flap_count,
            path_length=mean,
            unique_peers=unique_peers,
            message_rate=self.updates / WINDOW_S,
            session_resets=self.session_resets,
            std_path_length=deviation,
            max_updates=max(self.per_second),
            messages=self.messages,
            prefixes_with_path=self.prefixes_with_path,
            late_messages=self.late_messages,
            gap=gap or self.lost > THINNED_SHARE * (self.messages + self.lost),
        )

    def _path_lengths(self) -> tuple[float | None, float | None]:
        """Mean and population deviation, in hops."""
        n = self.prefixes_with_path
        if not n:
            return None, None
        variance = (n * self.hops_squared - self.hops * self.hops) / (n * n)
        return self.hops / n, sqrt(variance)
