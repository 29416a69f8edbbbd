"""What came in, counted: a run's last lines and the health row speak from it."""

from collections import Counter
from collections.abc import Sequence

from bgptui.domain.routing import BgpMessage, Peer

AHEAD_S = 60.0


class Tally:
    """Counts of one pipeline's input.

    Attributes:
        by_type: messages by BGP message type.
        announced, withdrawn: distinct prefixes within their message; these are the features.
        announced_listed, withdrawn_listed: prefixes as listed, a second next hop's included.
        heard: every peer that sent something.
        late: messages behind the watermark.
        newest: largest timestamp so far, seconds since 1970 UTC.
    """

    def __init__(self) -> None:
        self.by_type: Counter[str] = Counter()
        self.announced = 0
        self.withdrawn = 0
        self.announced_listed = 0
        self.withdrawn_listed = 0
        self.heard: set[Peer] = set()
        self.late = 0
        self.newest: float | None = None

    def add(self, messages: Sequence[BgpMessage], now: float) -> None:
        """Count a batch; a timestamp that is far ahead of `now` is no news of the feed."""
        self.by_type.update([message.type for message in messages])
        self.heard.update([message.peer for message in messages])
        announced = withdrawn = announced_listed = withdrawn_listed = 0
        newest = float("-inf") if self.newest is None else self.newest
        for message in messages:
            announced += len(message.announced)
            announced_listed += message.announced_listed
            withdrawn += len(message.withdrawn)
            withdrawn_listed += message.withdrawn_listed
            if newest < message.timestamp <= now + AHEAD_S:
                newest = message.timestamp
        self.announced += announced
        self.announced_listed += announced_listed
        self.withdrawn += withdrawn
        self.withdrawn_listed += withdrawn_listed
        if newest > 0:
            self.newest = newest

    @property
    def messages(self) -> int:
        return self.by_type.total()
