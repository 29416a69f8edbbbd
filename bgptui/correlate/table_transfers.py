"""Table transfers that no session state announces: found by what they look like.

Collectors do not record every state change (the archives of rrc15 of February 2010 have a
transfer of 48,000 prefixes without one), and the feed may lose one. A transfer is one peer's:
after silence it announces thousands of prefixes within a minute and withdraws none. A leak or a
storm shows at several ASes at once, withdraws as well, and does not begin with silence.
"""

from msgspec import Struct

from bgptui.domain.routing import Peer
from bgptui.domain.window import WINDOW_S, FeatureWindow

LEAST_ANNOUNCED = 5_000  # prefixes in a window
_MOST_WITHDRAWN_SHARE = 0.001
_SILENCE_SHARE = 0.01  # of the transfer's volume, in the window before, and behind it
_OTHERS_FROM = 3  # ASes that do the same in the same minute: no transfer
_PEERS_MOST = 100_000


class Transfer(Struct):
    """A peer's table transfer.

    Attributes:
        start, end: event time of its windows, seconds since 1970 UTC.
        announced: prefixes in them.
    """

    peer: Peer
    start: int
    end: int
    announced: int


class TableTransfers:
    """Remembers each peer's last window, and the transfers of the last minutes.

    Args:
        lasts_s: so long after its beginning is a peer's churn its transfer.
    """

    def __init__(self, *, lasts_s: float) -> None:
        self._lasts_s = lasts_s
        self._before: dict[Peer, tuple[int, int]] = {}  # end of the window, its updates
        self._likely: dict[int, list[FeatureWindow]] = {}
        self._transfers: dict[Peer, Transfer] = {}

    def note(self, window: FeatureWindow, *, after_reset: bool) -> None:
        """A peer's window.

        Args:
            after_reset: a session state told of a reset just before: it needs no silence.
        """
        peer = window.peer
        if peer is None or window.gap:
            return
        end, updates = self._before.get(peer, (window.start, 0))
        was_silent = window.start > end or updates <= window.announcements * _SILENCE_SHARE
        if _is_likely(window) and (was_silent or after_reset):
            self._likely.setdefault(window.start, []).append(window)
        elif (known := self._transfers.get(peer)) is not None and self._goes_on(known, window):
            known.end = window.end
            known.announced += window.announcements
        if len(self._before) < _PEERS_MOST or peer in self._before:
            self._before[peer] = window.end, window.total_updates

    def found(self) -> list[Transfer]:
        """Transfers of the windows that were noted since the last call."""
        found: list[Transfer] = []
        for start, windows in sorted(self._likely.items()):
            peers = [window.peer for window in windows if window.peer is not None]
            if len({peer.asn for peer in peers}) >= _OTHERS_FROM:
                continue
            for window, peer in zip(windows, peers, strict=True):
                transfer = Transfer(peer, start, window.end, window.announcements)
                self._transfers[peer] = transfer
                found.append(transfer)
        self._likely.clear()
        return found

    def includes(self, window: FeatureWindow) -> bool:
        """Whether the window lies in its peer's transfer, or in the churn that follows it."""
        transfer = None if window.peer is None else self._transfers.get(window.peer)
        return transfer is not None and self._covers(transfer, window)

    def _goes_on(self, transfer: Transfer, window: FeatureWindow) -> bool:
        """The table's next part: what comes after it is a trickle."""
        return (
            window.start == transfer.end
            and window.announcements > transfer.announced * _SILENCE_SHARE
            and self._covers(transfer, window)
        )

    def _covers(self, transfer: Transfer, window: FeatureWindow) -> bool:
        return transfer.start <= window.start < transfer.start + WINDOW_S + self._lasts_s


def _is_likely(window: FeatureWindow) -> bool:
    return (
        window.announcements >= LEAST_ANNOUNCED
        and window.withdrawals <= window.announcements * _MOST_WITHDRAWN_SHARE
    )
