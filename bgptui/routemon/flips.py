"""Routes that stood when VRPs changed to their disadvantage.

Nobody announced anything, so they are no hijacks: a ROA was made, changed or ended. Their peers
may announce them again hours later, when they would look like news.
"""

from collections import OrderedDict

from bgptui.domain.rpki import OriginValidation, RpkiState
from bgptui.routemon.verdict import Origin
from bgptui.runtime.metrics import Metrics

FLIPS_MOST = 100_000  # (prefix, origin) pairs, about 40 MB

# Without data there is no verdict, so that it is neither better nor worse than another.
_RANK = {RpkiState.VALID: 0, RpkiState.NOT_FOUND: 1, RpkiState.INVALID: 2}


class Flips:
    """What the RPKI said of such routes before.

    Attributes:
        known: by (prefix, origin), the one noted last at the end. To be read only.
    """

    def __init__(self, metrics: Metrics, *, most: int = FLIPS_MOST) -> None:
        self._metrics = metrics
        self._most = most
        self.known: OrderedDict[tuple[str, Origin], OriginValidation] = OrderedDict()

    def note(
        self,
        pair: tuple[str, Origin],
        before: OriginValidation | None,
        after: OriginValidation,
    ) -> None:
        """VRPs changed under a route that stood.

        Args:
            before: None where it is not known.
        """
        if after.state is RpkiState.UNAVAILABLE:
            return  # which says nothing for or against it
        known = self.known.pop(pair, None)
        first = known or before
        if first is None or not _is_worse(after, first):
            return
        self.known[pair] = first
        if known is None:
            self._metrics.count("routemon", "flips_by_vrps")
        if len(self.known) > self._most:
            self.known.popitem(last=False)
            self._metrics.drop("routemon", "flips_forgotten")

    def forget(self, pair: tuple[str, Origin]) -> None:
        """The route does not stand any more."""
        self.known.pop(pair, None)

    def before(self, pair: tuple[str, Origin], now: OriginValidation) -> OriginValidation | None:
        """What was said of a route that is worse `now` because VRPs changed; None for others."""
        known = self.known.get(pair)
        return known if known is not None and _is_worse(now, known) else None


def _is_worse(after: OriginValidation, before: OriginValidation) -> bool:
    return _RANK.get(after.state, -1) > _RANK.get(before.state, 3)
