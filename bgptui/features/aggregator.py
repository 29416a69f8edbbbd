"""Messages to one-minute windows: event time, watermarks, the nine features."""

from collections import Counter
from collections.abc import Mapping, Set
from math import inf

from msgspec.structs import replace

from bgptui.domain.gap import Gap
from bgptui.domain.health import CollectorFreshness, QuietPeer
from bgptui.domain.prefix import IPV6_BITS
from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.window import WINDOW_S, FeatureWindow
from bgptui.features.flaps import FlapMemory
from bgptui.features.gaps import Gaps
from bgptui.features.heard import collectors_heard, longest_quiet
from bgptui.features.network import NetworkMinutes
from bgptui.features.open_window import OpenWindow
from bgptui.features.peer_windows import CollectorState, PeerState, window_start
from bgptui.features.steady_time import SteadyTime

# A timestamp further than this ahead of `now` and of everything its collector sent is a broken
# clock's; believing it would close every window up to it.
AHEAD_S = 3_600.0

_UPDATE = MessageType.UPDATE  # looked up once: the hot path

# (late, start of the window, flaps, session resets): what one message came to.
Facts = tuple[bool, int, int, int]


class Aggregator:
    """Counts every message into the window of its peer, and closes windows in event time.

    **Time.** `now` is the wall live; in a replay it is the newest timestamp up to and including
    the message at hand (not that of its batch). A collector's watermark is `lateness_s` behind
    the newer of its newest message and of where its time must be by now: its newest timestamp
    at its last receipt plus what `now` has gone since. A message behind the watermark is late
    and is in no window, whether or not its window is still open. What is late, and so what a
    row holds, depends on the messages and their `now` alone, not on when `advance` is called.

    **Rows.** A peer has a row for the window of its first message and for every one after it,
    zeros included, while it was heard in the last `peer_expiry_s` and is not down; going down
    it has a row for that minute, and none until it sends something again. The network's row of
    a minute (peer None) is the sum of all rows of that minute, and comes when every collector
    has passed it; a collector in a gap is not waited for: it is closed along, and what it still
    sends for that minute is late.

    AS 0 is no peer (RFC 7607 section 2): so Zebra wrote of connections whose peer had not said yet
    who it is. What comes of it is in no row, and not late either.

    **Broken clocks.** A message more than an hour ahead of both `now` and its collector's
    newest message is in no window, moves no watermark, and is counted as `ahead_of_clock`. In a
    replay `now` is the data's own, so nothing is ahead of it: a leap in the data is followed,
    and costs at most `peer_expiry_s` of zero rows, or an hour of them where it is known to be
    a gap. A step of the wall is not silence (see
    SteadyTime).

    Args:
        lateness_s: how far a collector's messages may be out of order.
        flap_s: longest time from a withdrawal to the announcement that makes it a flap.
        flap_memory: withdrawn prefixes remembered over all peers.
        closed_until: end of the newest row of an earlier run; what is older comes too late.
        peer_expiry_s: a peer not heard for so long has no rows and is forgotten.
        network: takes the collectors' minutes where another process writes the network's rows.
    """

    def __init__(
        self,
        *,
        lateness_s: float = 10.0,
        flap_s: float = 300.0,
        flap_memory: int = 2_000_000,
        peer_expiry_s: float = 86_400.0,
        closed_until: float = -inf,
        network: NetworkMinutes | None = None,
    ) -> None:
        self._lateness_s = lateness_s
        self._peer_expiry_s = peer_expiry_s
        self._flaps = FlapMemory(flap_s=flap_s, disorder_s=lateness_s, capacity=flap_memory)
        self._steady = SteadyTime()
        self._now = -inf
        self._time = -inf
        self._peers: dict[Peer, PeerState] = {}
        self._counted = self._ipv6_peers = 0
        self._collectors: dict[str, CollectorState] = {}
        self._peers_of: dict[str, int] | None = None
        self._gaps = Gaps()
        self._network = NetworkMinutes(closed_until) if network is None else network
        self._closed_until: dict[str, float] = {}
        self._losses: Counter[str] = Counter()
        # Not before `now` reaches this does `advance` have anything to close. It may be late by
        # as much as a collector's lag has shrunk since it was set.
        self.next_deadline = inf

    @property
    def peers(self) -> int:
        """Peers heard within the expiry, those that are down included."""
        return len(self._peers)

    def peers_with(self, bits: int) -> int:
        """Those of them whose address has so many bits."""
        if self._counted != len(self._peers):
            self._counted = len(self._peers)
            self._ipv6_peers = sum(":" in peer.address for peer in self._peers)
        return self._ipv6_peers if bits == IPV6_BITS else self._counted - self._ipv6_peers

    @property
    def peers_of(self) -> Mapping[str, int]:
        """The same by collector, as it stands: what is returned does not change any more."""
        if self._peers_of is None:
            self._peers_of = {name: len(each.peers) for name, each in self._collectors.items()}
        return self._peers_of

    @property
    def collectors(self) -> tuple[str, ...]:
        """Names of the collectors heard, sorted."""
        return tuple(self._collectors)

    def freshness(self) -> tuple[tuple[CollectorFreshness, ...], tuple[QuietPeer, ...]]:
        """When each collector, and the peers not heard for longest, were last heard; any thread
        may ask."""
        peers = list(self._peers.values())
        # Copied at one go: the ingest thread may add one meanwhile.
        heard = collectors_heard(list(self._collectors.values()), peers, self._gaps.lasting)
        return heard, longest_quiet(peers)

    def losses(self) -> dict[str, int]:
        """What is in no window, or was forgotten, by reason, since the start: `late`,
        `ahead_of_clock` (messages), `flap_evicted` (withdrawn prefixes)."""
        return {**self._losses, "flap_evicted": self._flaps.evictions}

    def observe(self, message: BgpMessage, now: float) -> Facts:
        """Count one message.

        Returns:
            late, start of its window, flaps and session resets of this message. A late one,
            or one ahead of the clock, has neither flaps nor resets.
        """
        timestamp = message.timestamp
        if now != self._now:
            self._now = now
            self._time = self._steady.at(now, timestamp)
        whole_s = int(timestamp)
        second = whole_s % WINDOW_S
        start = whole_s - second
        peer = self._peers.get(message.peer)
        if peer is None:
            if message.peer.asn == 0:
                return False, start, 0, 0
            peer = self._add_peer(message)
            if peer is None:
                return True, start, 0, 0
        collector = peer.collector
        newest = collector.newest
        if timestamp > newest:
            if timestamp - newest > AHEAD_S and timestamp - now > AHEAD_S:
                self._losses["ahead_of_clock"] += 1
                return True, start, 0, 0
            collector.newest = newest = timestamp
        horizon = newest - self._lateness_s
        passed = collector.silence_base + self._time
        if passed < horizon:  # noqa: PLR1730 (a call of max() costs more than all around it)
            passed = horizon
        if passed > collector.watermark:
            collector.watermark = passed
            if passed >= collector.next_start + WINDOW_S:
                self.next_deadline = -inf
        if not collector.held:
            collector.silence_base = horizon - self._time
        if timestamp < collector.watermark:
            self._count_late(peer, message)
            return True, start, 0, 0

        window = peer.window if start == peer.start else peer.open(start)
        window.messages += 1
        if message.type is not _UPDATE:
            return False, start, 0, _follow_session(peer, window, message)
        if timestamp >= peer.newest:
            peer.newest = timestamp
            peer.down = window.ends_down = False
        window.count_update(message, second)
        flaps = 0
        withdrawals = peer.withdrawals
        if message.withdrawn:
            self._flaps.withdraw(withdrawals, message.withdrawn, timestamp)
        if message.announced and (withdrawals.recent or withdrawals.older):
            flaps = self._flaps.announce(withdrawals, message.announced, timestamp)
            window.flap_count += flaps
        return False, start, flaps, 0

    def mark_gap(self, gap: Gap) -> None:
        """Mark the windows that a gap touches; call again with its `end` once it is over."""
        self._gaps.mark(gap)
        if gap.collector is None and gap.end is not None:
            closed = max((each.next_start for each in self._collectors.values()), default=0)
            self._gaps.leap(gap, closed_until=closed, lateness_s=self._lateness_s)
        self.next_deadline = -inf

    def hold(self, collectors: Set[str] | None) -> None:
        """Close no window of these collectors, and of no others, until it is decided whether we
        are blind: a minute that nobody saw must not become a row of zeros.

        The time for which a collector was held does not count as its silence, so that what
        a connection that stood still brings in one go is not late.

        Args:
            collectors: None: all of them.
        """
        since: dict[str, float] = {}
        for collector in self._collectors.values():
            held = collectors is None or collector.name in collectors
            if held:
                collector.silence_base = -inf
                since[collector.name] = collector.newest
            elif collector.held:
                horizon = collector.newest - self._lateness_s
                collector.silence_base = max(collector.silence_base, horizon - self._time)
            collector.held = held
        self._gaps.suspect(since)
        self.next_deadline = -inf

    def advance(self, now: float) -> list[FeatureWindow]:
        """Close the windows that the watermarks have passed.

        Returns:
            Their rows: minute by minute, by collector, address and AS number, each minute's
            network row after the last of them.
        """
        if now != self._now:
            self._now = now
            self._time = self._steady.at(now)
        for collector in self._collectors.values():
            collector.watermark = max(collector.watermark, collector.silence_base + self._time)
        rows = self._close_passed()
        self.next_deadline = min(
            (
                each.next_start + WINDOW_S - each.silence_base + self._steady.held_s
                for each in self._collectors.values()
            ),
            default=inf,
        )
        return rows

    def begin(self, collector: str, closed_until: float) -> None:
        """A collector that another process had is ours: its rows up to here are written."""
        self._closed_until[collector] = closed_until

    def closed_until(self, collector: str) -> float | None:
        """End of the newest window of a collector that is not ours any more, None for none."""
        return self._closed_until.get(collector)

    def progress(self) -> dict[str, tuple[float, float]]:
        """Of each collector heard: end of its newest closed window, its newest timestamp."""
        return {
            name: (float(each.next_start), each.newest) for name, each in self._collectors.items()
        }

    def leave(self, name: str) -> list[FeatureWindow]:
        """Close every window of a collector and forget it: another process will have it."""
        collector = self._collectors.get(name)
        if collector is None:
            return []
        ends = [start + WINDOW_S for peer in collector.peers for start in peer.windows]
        collector.watermark = max(collector.watermark, *ends, collector.next_start)
        was_held, collector.held = collector.held, False
        rows: list[FeatureWindow] = []
        while collector.closable:
            self._close(collector, rows)
        self._closed_until[name] = float(collector.next_start)
        self._forget(collector, list(collector.peers))
        del self._collectors[name]
        self._peers_of = None
        # Held, it was not clear yet whether we were blind.
        return [replace(row, gap=True) for row in rows] if was_held else rows

    def flush(self) -> list[FeatureWindow]:
        """Close every open window, the one under way included: for an end of the data."""
        ends = [start + WINDOW_S for peer in self._peers.values() for start in peer.windows]
        ends += [collector.next_start for collector in self._collectors.values()]
        for collector in self._collectors.values():
            collector.watermark = max(collector.watermark, *ends)
            collector.held = False
        return self._close_passed()

    def _add_peer(self, message: BgpMessage) -> PeerState | None:
        """A peer heard for the first time; None when its clock, or ours, is off."""
        name = message.peer.collector
        collector = self._collectors.get(name)
        if collector is None:
            timestamp = message.timestamp
            if timestamp - self._now > AHEAD_S:
                self._losses["ahead_of_clock"] += 1
                return None
            closed_until = self._closed_until.get(name, -inf)
            watermark = max(timestamp - self._lateness_s, self._network_passed(), closed_until)
            collector = self._collectors[name] = CollectorState(name, watermark)
            self._collectors = dict(sorted(self._collectors.items()))
        peer = self._peers[message.peer] = PeerState(message.peer, collector)
        collector.peers.append(peer)
        collector.is_sorted = False
        self._peers_of = None
        return peer

    def _network_passed(self) -> float:
        """Up to where the network's rows are written, or would be if `advance` were called: for
        a collector that is heard for the first time, what is older comes too late."""
        marks = [
            max(each.watermark, each.silence_base + self._time)
            for each in self._collectors.values()
        ]
        return max(self._network.closed_until, window_start(min(marks)) if marks else -inf)

    def _count_late(self, peer: PeerState, message: BgpMessage) -> None:
        """Count a message that is in no window; it may still be the news of a session's end."""
        self._losses["late"] += 1
        start = window_start(peer.collector.watermark)
        window = peer.open(start)
        window.late_messages += 1
        window.lost += message.timestamp >= start
        if message.timestamp >= peer.newest:
            peer.newest = message.timestamp
            if message.session is Session.DOWN:
                window.ends_down = True

    def _close_passed(self) -> list[FeatureWindow]:
        rows: list[FeatureWindow] = []
        while closable := [each for each in self._collectors.values() if each.closable]:
            start = min(each.next_start for each in closable)
            for collector in closable:
                if collector.next_start == start:
                    self._close(collector, rows)
            self._close_network(rows)
        self._close_network(rows)
        if self._collectors:
            self._gaps.forget_before(min(each.next_start for each in self._collectors.values()))
        return rows

    def _close(self, collector: CollectorState, rows: list[FeatureWindow]) -> None:
        """Close one collector's next window: the rows of all its peers together."""
        if collector.skip_unseen(self._gaps.unseen_until(collector.next_start)):
            return
        start = collector.next_start
        collector.next_start = start + WINDOW_S
        closing: list[tuple[Peer, OpenWindow]] = []
        gone: list[PeerState] = []
        for peer in collector.sorted_peers():
            window = peer.close(start, self._peer_expiry_s)
            if window is not None:
                self._flaps.expire(peer.withdrawals, start)
                closing.append((peer.peer, window))
            elif start - peer.last_sign >= self._peer_expiry_s and not peer.windows:
                gone.append(peer)
        self._forget(collector, gone)
        if closing:
            gap = self._gaps.touch(start, start + WINDOW_S, collector.name)
            active = sum(1 for _, window in closing if window.updates)
            rows += [
                window.close(start, peer, unique_peers=active, gap=gap) for peer, window in closing
            ]
            self._network.add(start, (window for _, window in closing), active)
        elif any(start - peer.heard < self._peer_expiry_s for peer in collector.peers):
            self._network.add(start, (), 0)  # all down: the network's row still stands
        else:
            collector.skip_empty()

    def _forget(self, collector: CollectorState, gone: list[PeerState]) -> None:
        for peer in gone:
            self._flaps.forget(peer.withdrawals)
            del self._peers[peer.peer]
            collector.peers.remove(peer)
            self._peers_of = None

    def _close_network(self, rows: list[FeatureWindow]) -> None:
        """Write the network's rows that no collector, but those in a gap, can add to."""
        while (start := self._network.next_start) is not None:
            behind = [each for each in self._collectors.values() if each.next_start <= start]
            if behind:
                blind = [each for each in behind if self._gaps.is_blind(each.name)]
                if len(blind) < len(behind) or len(blind) == len(self._collectors):
                    return
                for collector in blind:
                    end = collector.next_start + WINDOW_S
                    collector.watermark = max(collector.watermark, end)
                    self._close(collector, rows)
            elif self._network.has_minute(start):
                gap = self._gaps.touch(start, start + WINDOW_S, None)
                rows.append(self._network.close(start, gap=gap))
            else:
                self._network.skip()


def _follow_session(peer: PeerState, window: OpenWindow, message: BgpMessage) -> int:
    """Follow the session; 1 when it left Established with this message.

    Where the source tells the state before, that decides: the `up` in between need not have been
    seen. Else a peer of which nothing is known counts as up: collectors report changes.
    """
    is_down = message.session is Session.DOWN
    before = message.session_before
    was_up = before is Session.UP if before is not None else not peer.down
    resets = int(is_down and was_up)
    window.session_resets += resets
    if message.timestamp >= peer.newest:
        peer.newest = message.timestamp
        # A KEEPALIVE is only sent once the session is up (RFC 4271 section 8.2.2).
        is_up = message.session is Session.UP or message.type is MessageType.KEEPALIVE
        peer.down = is_down or (peer.down and not is_up)
        window.ends_down = peer.down
    return resets
