"""What came in, counted: a run's last lines and the health row speak from it."""

from collections import Counter

from bgptui.domain.routing import BgpMessage


class Tally:
    """Counts of one pipeline's input.

    Attributes:
        by_type: messages by BGP message type.
        announced, withdrawn: distinct prefixes within their message; these are the features.
        announced_listed, withdrawn_listed: prefixes as listed, a second next hop's included.
        late: messages behind the watermark.
        newest: largest timestamp so far, seconds since 1970 UTC.
    """

    def __init__(self) -> None:
        self.by_type: Counter[str] = Counter()
        self.announced = 0
        self.withdrawn = 0
        self.announced_listed = 0
        self.withdrawn_listed = 0
        self.late = 0
        self.newest: float | None = None

    def add(self, message: BgpMessage) -> None:
        self.by_type[message.type] += 1
        if message.announced:
            self.announced += len(message.announced)
            self.announced_listed += message.announced_listed
        if message.withdrawn:
            self.withdrawn += len(message.withdrawn)
            self.withdrawn_listed += message.withdrawn_listed
        if self.newest is None or message.timestamp > self.newest:
            self.newest = message.timestamp

    @property
    def messages(self) -> int:
        return self.by_type.total()
