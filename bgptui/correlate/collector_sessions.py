"""How many of each collector's sessions are down, of how many that are known."""

from collections.abc import Callable

from bgptui.domain.routing import Peer


class CollectorSessions:
    """Counts sessions that were lost, and neighbours that were down before we listened.

    A collector's peers are known once a window of it has closed: until then only those that
    spoke first are, and of these any share may be down. Their number never falls here, since a
    peer that is down for long is forgotten elsewhere, and is down all the same.

    Args:
        peers_of: peers of a collector heard by now, those that are down included.
    """

    def __init__(self, peers_of: Callable[[str], int]) -> None:
        self._peers_of = peers_of
        self._known: dict[str, int] = {}
        self._lost: dict[str, set[Peer]] = {}
        self._never_up: dict[str, set[Peer]] = {}

    def goes_down(self, peer: Peer) -> None:
        """It left Established, as far as anybody knows."""
        self._never_up.get(peer.collector, set()).discard(peer)
        self._lost.setdefault(peer.collector, set()).add(peer)

    def was_down(self, peer: Peer) -> None:
        """It was down when it was first heard of."""
        self._never_up.setdefault(peer.collector, set()).add(peer)

    def comes_up(self, peer: Peer) -> None:
        self._never_up.get(peer.collector, set()).discard(peer)
        self._lost.get(peer.collector, set()).discard(peer)

    def see_window(self, collector: str) -> None:
        """A window of the collector has closed: whom it has not heard by now is rarely heard."""
        self._known[collector] = max(self._known.get(collector, 0), self._peers_of(collector))

    def known(self, collector: str) -> int:
        """Peers of a collector; 0 while it is too early to tell."""
        if collector not in self._known:
            return 0
        self.see_window(collector)
        return self._known[collector]

    def lost(self, collector: str) -> int:
        return len(self._lost.get(collector, ()))

    def never_up(self, collector: str) -> int:
        return len(self._never_up.get(collector, ()))
