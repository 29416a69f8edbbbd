"""Sessions that go down: one alert for the peers of a collector that went down together."""

from collections import Counter
from collections.abc import Callable

from msgspec import Struct

from bgptui.config.schema import Alerts
from bgptui.correlate.agenda import LATENESS_S, Agenda, Errand
from bgptui.correlate.collector_sessions import CollectorSessions
from bgptui.correlate.ledger import Ledger, Standing
from bgptui.correlate.outage import Member, Outage, draft_of, outage_in
from bgptui.correlate.table_transfers import TableTransfers, Transfer
from bgptui.domain.alert import Alert, AlertChange, Severity
from bgptui.domain.routing import BgpMessage, Peer, Session
from bgptui.domain.window import FeatureWindow

# Peers that go down within this belong to one outage. Of peers that were down before we listened
# the first word is their next try: RFC 4271 section 10 suggests 120 s for ConnectRetryTime.
TOGETHER_S = 120.0
MOST_OF_AT_LEAST = 3  # "most peers of a collector" means nothing for one or two
PEERS_MOST = 100_000
PREFIX = "session|"


class PeerSession(Struct):
    """What is known of a peer's session.

    Attributes:
        reset_at: when it last left Established, or came up for the first time.
        up_at: when it last came up; None while it is down.
    """

    reset_at: float
    up_at: float | None


class SessionAlerts:
    """Session alerts, and which peers are in the table transfer after a reset.

    An alert ends when the last of its peers is up and stayed so for the hold-down: a session
    that flaps is one alert. Its resolved_at is the moment it came up, so the duration is the
    outage's. A message of a peer believed down (its `up` was lost in a gap) counts as up.

    Sessions that were down already when they were first heard of are no loss: they have a low
    alert of their own. Severity is the worst that was true: medium where a session was lost, high
    where most of a collector's were at one time (of the peers known; should more be heard later,
    it may turn out not to have been most, and the severity falls again).

    Args:
        drops: counts session states of peers beyond PEERS_MOST.
    """

    def __init__(
        self,
        settings: Alerts,
        *,
        ledger: Ledger,
        agenda: Agenda,
        peers_total: Callable[[], int],
        peers_of: Callable[[str], int],
        drops: Counter[str],
    ) -> None:
        self._drops = drops
        self._hold_down_s = settings.hold_down_s
        self._table_transfer_s = settings.table_transfer_s
        self._ledger = ledger
        self._agenda = agenda
        self._peers_total = peers_total
        self._sessions: dict[Peer, PeerSession] = {}
        self._collectors = CollectorSessions(peers_of)
        self._outages: dict[str, Outage] = {}
        self._outage_of: dict[Peer, Outage] = {}
        self._transfers = TableTransfers(lasts_s=settings.table_transfer_s)

    def observe(self, message: BgpMessage) -> tuple[AlertChange, ...]:
        """A peer's session changed its state; the same state again is no change."""
        if message.peer.asn == 0:
            return ()  # zebra's half-open connections: whoever it is has not said so yet
        if message.peer not in self._sessions and len(self._sessions) >= PEERS_MOST:
            self._drops["sessions"] += 1
            return ()
        if message.session is Session.DOWN:
            return self._down(message.peer, message.timestamp, before=message.session_before)
        return self._up(message.peer, message.timestamp)

    def see_window(self, window: FeatureWindow) -> tuple[AlertChange, ...]:
        """A peer's window: it is there, and if it sent UPDATEs its session is up."""
        if window.peer is None:
            return ()
        self._collectors.see_window(window.peer.collector)
        self._transfers.note(window, after_reset=self._is_after_reset(window))
        session = self._sessions.get(window.peer)
        if session is None or session.up_at is not None:
            return ()
        if window.start >= session.reset_at and window.message_rate > 0:
            return self._up(window.peer, float(window.start))
        return ()

    def mark_transfers(self, at: float) -> tuple[AlertChange, ...]:
        """Say of each table transfer in the windows seen since the last call that it is one: in
        the alert of its peer or collector, else in a low one of its own."""
        changes: list[AlertChange] = []
        for transfer in self._transfers.found():
            outage = self._outage_around(transfer)
            if outage is None:
                key = f"{PREFIX}{transfer.peer.collector}|{transfer.peer.address}|transfer"
                outage = Outage(key, transfer.peer.collector, transfer.start)
                self._outages[key] = outage
                due = transfer.end + self._hold_down_s + LATENESS_S
                self._agenda.put(due, key, Errand.LOOK)
            outage.transfers.append(transfer)
            changes += self._tell(outage, at)
        return tuple(changes)

    def judge_again(self, at: float) -> tuple[AlertChange, ...]:
        """Tell the outages whose severity is another by what is known now of their collectors."""
        changes: list[AlertChange] = []
        for outage in list(self._outages.values()):
            if self._judge(outage) is not outage.severity:
                changes += self._tell(outage, at)
        return tuple(changes)

    def is_settling(self, window: FeatureWindow) -> bool:
        """The window lies in a table transfer: between a reset and the end of what follows it,
        or in one that shows by itself."""
        return self._is_after_reset(window) or self._transfers.includes(window)

    def _is_after_reset(self, window: FeatureWindow) -> bool:
        session = None if window.peer is None else self._sessions.get(window.peer)
        if session is None or window.end <= session.reset_at:
            return False
        return session.up_at is None or window.start < session.up_at + self._table_transfer_s

    def _outage_around(self, transfer: Transfer) -> Outage | None:
        """The open outage that the transfer ends: of its peer, or else of its collector."""
        known = self._outage_of.get(transfer.peer)
        if known is not None:
            return known
        return next(
            (
                outage
                for outage in self._outages.values()
                if outage.collector == transfer.peer.collector
                and self._ledger.standing(outage.key) is Standing.OPEN
            ),
            None,
        )

    def look(self, key: str, at: float) -> tuple[AlertChange, ...]:
        """End an outage whose peers all stayed up for the hold-down."""
        outage = self._outages.get(key)
        recovered_at = None if outage is None else outage.recovered_at
        if outage is None or recovered_at is None:
            return ()
        due = recovered_at + self._hold_down_s + LATENESS_S
        if at < due:
            self._agenda.put(due, key, Errand.LOOK)
            return ()
        return self._end(outage, recovered_at)

    def restore(self, alert: Alert) -> None:
        """Take over an alert with the members that its evidence names."""
        outage = outage_in(alert)
        for peer, member in outage.members.items():
            if peer in self._outage_of and not outage.has_losses:
                continue  # it has been lost since
            self._sessions[peer] = PeerSession(member.down_at, member.up_at)
            self._outage_of[peer] = outage
            if member.up_at is None:
                self._note_down(peer, is_loss=member.resets > 0)
        if not outage.members and not outage.transfers:
            return  # it says too little to go on with
        self._outages[alert.key] = outage
        if outage.recovered_at is not None:
            self._agenda.put(outage.recovered_at + self._hold_down_s, alert.key, Errand.LOOK)

    def _note_down(self, peer: Peer, *, is_loss: bool) -> None:
        if is_loss:
            self._collectors.goes_down(peer)
        else:
            self._collectors.was_down(peer)

    def _down(self, peer: Peer, at: float, *, before: Session | None) -> tuple[AlertChange, ...]:
        """It went down.

        Args:
            before: UP: it left Established, though its coming up may not have been seen.
        """
        session = self._sessions.get(peer)
        if session is not None and session.up_at is None and before is not Session.UP:
            return ()
        is_loss = session is not None or before is not Session.DOWN
        self._sessions[peer] = PeerSession(at, None)
        self._note_down(peer, is_loss=is_loss)
        changes = self._end_if_over(peer, at)
        outage = self._outage_of.get(peer)
        if outage is not None and not outage.has_losses:
            changes += self._leave(outage, peer, at)
            outage = None
        outage = outage or self._outage_near(peer.collector, at, is_loss=is_loss)
        if outage is None:
            kind = "" if is_loss else "|already_down"
            outage = Outage(f"{PREFIX}{peer.collector}|{peer.address}{kind}", peer.collector, at)
            self._outages[outage.key] = outage
        member = outage.members.get(peer)
        if member is None:
            outage.members[peer] = Member(at, resets=int(is_loss))
            self._outage_of[peer] = outage
        else:
            member.up_at = None
            member.resets += 1
        lost = self._collectors.lost(peer.collector)
        if is_loss and lost > outage.most_lost:
            outage.most_lost = lost
            outage.never_up = self._collectors.never_up(peer.collector)
        return changes + self._tell(outage, at)

    def _leave(self, outage: Outage, peer: Peer, at: float) -> tuple[AlertChange, ...]:
        """A peer that was down when first heard of is lost now: so it was up in between."""
        del self._outage_of[peer]
        if outage.members[peer].up_at is not None:
            return ()
        outage.members[peer].up_at = at
        return self._come_up(outage, at)

    def _up(self, peer: Peer, at: float) -> tuple[AlertChange, ...]:
        session = self._sessions.get(peer)
        if session is None:
            self._sessions[peer] = PeerSession(at, at)
            return ()
        if session.up_at is not None:
            return ()
        session.up_at = max(at, session.reset_at)
        self._collectors.comes_up(peer)
        outage = self._outage_of.get(peer)
        if outage is None:
            return ()
        outage.members[peer].up_at = session.up_at
        return self._come_up(outage, at)

    def _come_up(self, outage: Outage, at: float) -> tuple[AlertChange, ...]:
        """A member came up, perhaps the last."""
        recovered_at = outage.recovered_at
        if recovered_at is not None:
            due = recovered_at + self._hold_down_s + LATENESS_S
            self._agenda.put(due, outage.key, Errand.LOOK)
        return self._tell(outage, at)

    def _outage_near(self, collector: str, at: float, *, is_loss: bool) -> Outage | None:
        """The collector's outage of that kind that began within TOGETHER_S, unless a person
        closed it."""
        for outage in self._outages.values():
            if (
                outage.collector == collector
                and (outage.has_losses is is_loss or not outage.members)
                and abs(at - outage.started_at) <= TOGETHER_S
                and self._ledger.standing(outage.key) is Standing.OPEN
            ):
                return outage
        return None

    def _end_if_over(self, peer: Peer, at: float) -> tuple[AlertChange, ...]:
        """A session that went down again after the hold-down is a new outage."""
        outage = self._outage_of.get(peer)
        recovered_at = None if outage is None else outage.recovered_at
        if outage is None or recovered_at is None or at <= recovered_at + self._hold_down_s:
            return ()
        return self._end(outage, recovered_at)

    def _end(self, outage: Outage, at: float) -> tuple[AlertChange, ...]:
        del self._outages[outage.key]
        for peer in outage.members:
            if self._outage_of.get(peer) is outage:
                del self._outage_of[peer]
        draft = draft_of(outage, at, peers_total=self._peers_total())
        return self._ledger.resolve(outage.key, at=at, resolution="back up", draft=draft)

    def _tell(self, outage: Outage, at: float) -> tuple[AlertChange, ...]:
        outage.severity = self._judge(outage)
        draft = draft_of(outage, at, peers_total=self._peers_total())
        if self._ledger.standing(outage.key) is Standing.NONE:
            return (self._ledger.open(draft, first_seen=outage.started_at),)
        return self._ledger.update(draft, at=at)

    def _judge(self, outage: Outage) -> Severity:
        known = max(self._collectors.known(outage.collector) - outage.never_up, 0)
        if known >= MOST_OF_AT_LEAST and outage.has_losses and outage.most_lost * 2 > known:
            severity = Severity.HIGH
        else:
            severity = Severity.MEDIUM if outage.has_losses else Severity.LOW
        return min(severity, outage.least_severity, key=lambda each: each.rank)
