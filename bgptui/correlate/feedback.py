"""What people called a false positive, and how far that lowers the next of its kind."""

from collections import OrderedDict

from bgptui.domain.alert import Alert

STEP = 0.15
MOST = 0.60
KINDS_MOST = 10_000

Kind = tuple[str, str, str]


def kind_of(alert: Alert) -> Kind:
    """(type, class, prefix); an alert without a prefix is known by its key."""
    return (alert.alert_type.value, alert.hijack_class or "", alert.prefix or alert.key)


class FalsePositives:
    """Counts false positives by kind, KINDS_MOST of them; the one not met longest goes first.

    It neither ages nor opens or closes anything: even at MOST an alert is shown, only with
    40 % of its confidence.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[Kind, int] = OrderedDict()
        self.forgotten = 0

    def add(self, alert: Alert) -> None:
        """A person says that this alert was none."""
        kind = kind_of(alert)
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._counts.move_to_end(kind)
        if len(self._counts) > KINDS_MOST:
            self._counts.popitem(last=False)
            self.forgotten += 1

    def take_back(self, alert: Alert) -> None:
        """The person reopened it."""
        kind = kind_of(alert)
        left = self._counts.get(kind, 0) - 1
        if left > 0:
            self._counts[kind] = left
        else:
            self._counts.pop(kind, None)

    def history(self, alert: Alert) -> float:
        """HISTORY of the confidence: .15 for each false positive of the kind, at most .60."""
        return min(MOST, STEP * self._counts.get(kind_of(alert), 0))
