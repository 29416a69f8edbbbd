"""Sessions that go down: one alert for the peers of a collector that went down together."""

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from bgptui.config.schema import Alerts
from bgptui.correlate.agenda import LATENESS_S, Agenda, Errand
from bgptui.correlate.confidence import OBSERVED, Terms
from bgptui.correlate.ledger import NO_UUID, Draft, Ledger, Standing
from bgptui.correlate.table_transfers import TableTransfers, Transfer
from bgptui.correlate.wording import peer_name, session_title
from bgptui.domain.alert import Alert, AlertChange, AlertType, Severity
from bgptui.domain.alert_json import from_iso_utc, iso_utc
from bgptui.domain.routing import BgpMessage, Peer, Session
from bgptui.domain.window import FeatureWindow

# Peers that go down within this belong to one outage. Of peers that were down before we listened
# the first word is their next try: RFC 4271 section 10 suggests 120 s for ConnectRetryTime.
TOGETHER_S = 120.0
MOST_OF_AT_LEAST = 3  # "most peers of a collector" means nothing for one or two
MEMBERS_SHOWN = 1_000  # a restart takes over those; no collector of RIS has as many peers
PEERS_MOST = 100_000
PREFIX = "session|"


# Of a fact of kind session, what a restart needs.
_MEMBER_KEYS = {"collector", "peer_addr", "peer_asn", "down_at", "up_at", "resets"}
_TRANSFER_KEYS = {"collector", "peer_addr", "peer_asn", "start", "end", "announced"}


class PeerSession(Struct):
    """What is known of a peer's session.

    Attributes:
        reset_at: when it last left Established, or came up for the first time.
        up_at: when it last came up; None while it is down.
    """

    reset_at: float
    up_at: float | None


class Member(Struct):
    """A peer in an outage; `resets` counts how often its session went down in it."""

    down_at: float
    up_at: float | None = None
    resets: int = 1


class Outage(Struct):
    """Peers of one collector that went down within TOGETHER_S of the first, or whose table
    transfer was seen."""

    key: str
    collector: str
    started_at: float
    severity: Severity = Severity.MEDIUM
    members: dict[Peer, Member] = {}
    transfers: list[Transfer] = []

    @property
    def recovered_at(self) -> float | None:
        """When the last of them came up; None while one is down."""
        latest = max([self.started_at, *(float(each.end) for each in self.transfers)])
        for member in self.members.values():
            if member.up_at is None:
                return None
            latest = max(latest, member.up_at)
        return latest


class SessionAlerts:
    """Session alerts, and which peers are in the table transfer after a reset.

    An alert ends when the last of its peers is up and stayed so for the hold-down: a session
    that flaps is one alert. Its resolved_at is the moment it came up, so the duration is the
    outage's. A message of a peer believed down (its `up` was lost in a gap) counts as up.

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
        drops: Counter[str],
    ) -> None:
        self._drops = drops
        self._hold_down_s = settings.hold_down_s
        self._table_transfer_s = settings.table_transfer_s
        self._ledger = ledger
        self._agenda = agenda
        self._peers_total = peers_total
        self._sessions: dict[Peer, PeerSession] = {}
        self._peers_of: dict[str, set[Peer]] = {}
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
        self._meet(message.peer)
        if message.session is Session.DOWN:
            return self._down(message.peer, message.timestamp)
        return self._up(message.peer, message.timestamp)

    def see_window(self, window: FeatureWindow) -> tuple[AlertChange, ...]:
        """A peer's window: it is there, and if it sent UPDATEs its session is up."""
        if window.peer is None:
            return ()
        self._meet(window.peer)
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
                outage = Outage(key, transfer.peer.collector, transfer.start, Severity.LOW)
                self._outages[key] = outage
                due = transfer.end + self._hold_down_s + LATENESS_S
                self._agenda.put(due, key, Errand.LOOK)
            outage.transfers.append(transfer)
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
        outage = Outage(alert.key, alert.collector or "", alert.first_seen, alert.severity, {})
        outage.transfers += _transfers_in(alert)
        for fact in alert.evidence:
            if fact.get("kind") != "session" or not fact.keys() >= _MEMBER_KEYS:
                continue
            peer = Peer(fact["collector"], fact["peer_addr"], fact["peer_asn"])
            up_at = None if fact["up_at"] is None else from_iso_utc(fact["up_at"])
            down_at = from_iso_utc(fact["down_at"])
            outage.members[peer] = Member(down_at, up_at, fact["resets"])
            self._meet(peer)
            self._sessions[peer] = PeerSession(down_at, up_at)
            self._outage_of[peer] = outage
        if not outage.members and not outage.transfers:
            return  # it says too little to go on with
        self._outages[alert.key] = outage
        if outage.recovered_at is not None:
            self._agenda.put(outage.recovered_at + self._hold_down_s, alert.key, Errand.LOOK)

    def _meet(self, peer: Peer) -> None:
        self._peers_of.setdefault(peer.collector, set()).add(peer)

    def _down(self, peer: Peer, at: float) -> tuple[AlertChange, ...]:
        session = self._sessions.get(peer)
        if session is not None and session.up_at is None:
            return ()
        self._sessions[peer] = PeerSession(at, None)
        changes = self._end_if_over(peer, at)
        outage = self._outage_of.get(peer) or self._outage_near(peer.collector, at)
        if outage is None:
            outage = Outage(f"{PREFIX}{peer.collector}|{peer.address}", peer.collector, at)
            self._outages[outage.key] = outage
        member = outage.members.get(peer)
        if member is None:
            outage.members[peer] = Member(at)
            self._outage_of[peer] = outage
        else:
            member.up_at = None
            member.resets += 1
        return changes + self._tell(outage, at)

    def _up(self, peer: Peer, at: float) -> tuple[AlertChange, ...]:
        session = self._sessions.get(peer)
        if session is None:
            self._sessions[peer] = PeerSession(at, at)
            return ()
        if session.up_at is not None:
            return ()
        session.up_at = max(at, session.reset_at)
        outage = self._outage_of.get(peer)
        if outage is None:
            return ()
        outage.members[peer].up_at = session.up_at
        recovered_at = outage.recovered_at
        if recovered_at is not None:
            due = recovered_at + self._hold_down_s + LATENESS_S
            self._agenda.put(due, outage.key, Errand.LOOK)
        return self._tell(outage, at)

    def _outage_near(self, collector: str, at: float) -> Outage | None:
        """The collector's outage that began within TOGETHER_S, unless a person closed it."""
        for outage in self._outages.values():
            if (
                outage.collector == collector
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
            del self._outage_of[peer]
        return self._ledger.resolve(
            outage.key, at=at, resolution="back up", draft=self._draft(outage, at)
        )

    def _tell(self, outage: Outage, at: float) -> tuple[AlertChange, ...]:
        if self._most_are_down(outage.collector):
            outage.severity = Severity.HIGH
        draft = self._draft(outage, at)
        if self._ledger.standing(outage.key) is Standing.NONE:
            return (self._ledger.open(draft, first_seen=outage.started_at),)
        return self._ledger.update(draft, at=at)

    def _most_are_down(self, collector: str) -> bool:
        peers = self._peers_of[collector]
        down = sum(
            1
            for peer in peers
            if (session := self._sessions.get(peer)) is not None and session.up_at is None
        )
        return len(peers) >= MOST_OF_AT_LEAST and down * 2 > len(peers)

    def _draft(self, outage: Outage, at: float) -> Draft:
        members = sorted(outage.members.items(), key=lambda item: (item[1].down_at, item[0]))
        down = [peer for peer, member in members if member.up_at is None]
        named = members[0][0] if members else outage.transfers[0].peer
        alert = Alert(
            alert_id=0,
            alert_uuid=NO_UUID,
            key=outage.key,
            alert_type=AlertType.SESSION,
            severity=outage.severity,
            confidence=0.0,
            title=session_title(down=len(members), most=outage.severity is Severity.HIGH),
            description=_description(outage, down=len(down), named=named),
            first_seen=0.0,
            last_seen=at,
            peer_addr=named.address,
            peer_asn=named.asn,
            collector=outage.collector,
            peers_seen=len({peer.asn for peer in outage.members} or {named.asn}),
            peers_total=self._peers_total(),
            anomaly_types=_anomaly_types(outage),
            evidence=(
                *(_fact(peer, member) for peer, member in members[:MEMBERS_SHOWN]),
                *(_transfer_fact(transfer) for transfer in outage.transfers[:MEMBERS_SHOWN]),
            ),
        )
        return Draft(
            alert=alert,
            terms=Terms(route=OBSERVED, route_q=1.0, route_source="session"),
            collectors=frozenset({outage.collector}),
            note=_note(outage, down=len(down)),
        )


def _anomaly_types(outage: Outage) -> tuple[str, ...]:
    down = ("session_down",) if outage.members else ()
    return (*down, "table_transfer") if outage.transfers else down


def _description(outage: Outage, *, down: int, named: Peer) -> str:
    told = _told_of_sessions(outage, down=down, named=named) if outage.members else ""
    for transfer in outage.transfers[:3]:
        told += (
            f" Table transfer of {peer_name(transfer.peer)} at {iso_utc(transfer.start)}:"
            f" {transfer.announced:,} prefixes; its churn is no anomaly."
        )
    return told.strip()


def _told_of_sessions(outage: Outage, *, down: int, named: Peer) -> str:
    count = len(outage.members)
    who = peer_name(named) if count == 1 else f"{count} peers of {outage.collector}"
    told = f"{who}: session left Established at {iso_utc(outage.started_at)}."
    resets = sum(member.resets for member in outage.members.values())
    if resets > count:
        told += f" {resets} resets so far."
    recovered_at = outage.recovered_at
    if recovered_at is not None:
        lasted_s = recovered_at - outage.started_at
        return f"{told} Back up at {iso_utc(recovered_at)}, after {lasted_s:g} s."
    return told if down == count else f"{told} {down} still down."


def _note(outage: Outage, *, down: int) -> str:
    """What is worth an update: who is down; of sessions that flap, each doubling of resets."""
    resets = sum(member.resets for member in outage.members.values())
    transfers = f", {len(outage.transfers)} transfers" if outage.transfers else ""
    if resets == len(outage.members):
        return f"{down} down{transfers}"
    return f"{resets.bit_length()} flapping{transfers}"


def _transfers_in(alert: Alert) -> Iterator[Transfer]:
    """Table transfers that its evidence names."""
    for fact in alert.evidence:
        if fact.get("kind") == "table_transfer" and fact.keys() >= _TRANSFER_KEYS:
            yield Transfer(
                Peer(fact["collector"], fact["peer_addr"], fact["peer_asn"]),
                int(from_iso_utc(fact["start"])),
                int(from_iso_utc(fact["end"])),
                fact["announced"],
            )


def _transfer_fact(transfer: Transfer) -> dict[str, object]:
    return {
        "kind": "table_transfer",
        "collector": transfer.peer.collector,
        "peer_addr": transfer.peer.address,
        "peer_asn": transfer.peer.asn,
        "start": iso_utc(transfer.start),
        "end": iso_utc(transfer.end),
        "announced": transfer.announced,
    }


def _fact(peer: Peer, member: Member) -> dict[str, object]:
    up_at = member.up_at
    return {
        "kind": "session",
        "collector": peer.collector,
        "peer_addr": peer.address,
        "peer_asn": peer.asn,
        "down_at": iso_utc(member.down_at),
        "up_at": None if up_at is None else iso_utc(up_at),
        "resets": member.resets,
    }
