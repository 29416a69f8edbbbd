"""When each collector and peer was last heard, for the health row."""

from collections.abc import Iterable, Mapping
from heapq import nsmallest

from bgptui.domain.gap import Gap
from bgptui.domain.health import (
    QUIET_PEER_S,
    QUIET_PEERS_NAMED,
    CollectorFreshness,
    QuietPeer,
)
from bgptui.features.peer_windows import CollectorState, PeerState


def collectors_heard(
    collectors: Iterable[CollectorState],
    peers: Iterable[PeerState],
    gaps: Mapping[str | None, Gap],
) -> tuple[CollectorFreshness, ...]:
    """Freshness of each collector. A peer is quiet by its collector's time, not by `now`: a
    collector that is away says nothing of its peers.

    Args:
        gaps: those that last, by collector.
    """
    up: dict[str, int] = {}
    quiet: dict[str, int] = {}
    for peer in peers:
        if not peer.down:
            name = peer.collector.name
            up[name] = up.get(name, 0) + 1
            quiet[name] = quiet.get(name, 0) + _is_quiet(peer)
    return tuple(
        CollectorFreshness(
            name=each.name,
            last_message=each.newest,
            peers=up.get(each.name, 0),
            quiet_peers=quiet.get(each.name, 0),
            gap_since=gaps[each.name].start if each.name in gaps else None,
            gap_reason=gaps[each.name].reason if each.name in gaps else "",
        )
        for each in collectors
        if each.newest > 0
    )


def longest_quiet(peers: Iterable[PeerState]) -> tuple[QuietPeer, ...]:
    """The peers that are up and were not heard for the longest time."""
    quiet = [peer for peer in peers if not peer.down and _is_quiet(peer)]
    worst = nsmallest(QUIET_PEERS_NAMED, quiet, key=lambda state: (state.newest, state.peer))
    return tuple(
        QuietPeer(state.peer.collector, state.peer.address, state.peer.asn, state.newest)
        for state in worst
    )


def _is_quiet(peer: PeerState) -> bool:
    return 0 < peer.newest <= peer.collector.newest - QUIET_PEER_S
