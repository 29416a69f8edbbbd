"""Sessions of one collector that went down together, and the alert that tells of them."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from bgptui.correlate.confidence import OBSERVED, Terms
from bgptui.correlate.ledger import NO_UUID, Draft
from bgptui.correlate.table_transfers import Transfer
from bgptui.correlate.wording import peer_name, session_title
from bgptui.domain.alert import Alert, AlertType, Severity
from bgptui.domain.alert_json import from_iso_utc, iso_utc
from bgptui.domain.routing import Peer
from bgptui.domain.words import duration_text

MEMBERS_SHOWN = 1_000  # a restart takes over those; no collector of RIS has as many peers

# Of a fact of kind session, what a restart needs.
_MEMBER_KEYS = {"collector", "peer_addr", "peer_asn", "down_at", "up_at", "resets"}
_TRANSFER_KEYS = {"collector", "peer_addr", "peer_asn", "start", "end", "announced"}


class Member(Struct):
    """A peer in an outage.

    Attributes:
        resets: how often its session left Established in it; 0 where it was down already when it
            was first heard of.
    """

    down_at: float
    up_at: float | None = None
    resets: int = 1


class Outage(Struct):
    """Peers of one collector that went down within a short time of the first, or whose table
    transfer was seen. Those that were down already when first heard of have outages of their own.

    Attributes:
        severity: of the worst that was true of it.
        least_severity: what an earlier run had told of it.
        most_lost: sessions of the collector that were down at one time while it lasted.
        never_up: neighbours of the collector that were no session at that time.
    """

    key: str
    collector: str
    started_at: float
    severity: Severity = Severity.LOW
    least_severity: Severity = Severity.LOW
    most_lost: int = 0
    never_up: int = 0
    members: dict[Peer, Member] = {}
    transfers: list[Transfer] = []

    @property
    def has_losses(self) -> bool:
        """Sessions left Established."""
        return any(member.resets for member in self.members.values())

    @property
    def recovered_at(self) -> float | None:
        """When the last of them came up; None while one is down."""
        latest = max([self.started_at, *(float(each.end) for each in self.transfers)])
        for member in self.members.values():
            if member.up_at is None:
                return None
            latest = max(latest, member.up_at)
        return latest


def draft_of(outage: Outage, at: float, *, peers_total: int) -> Draft:
    """The alert as it stands."""
    members = sorted(outage.members.items(), key=lambda item: (item[1].down_at, item[0]))
    down = sum(member.up_at is None for _, member in members)
    named = members[0][0] if members else outage.transfers[0].peer
    alert = Alert(
        alert_id=0,
        alert_uuid=NO_UUID,
        key=outage.key,
        alert_type=AlertType.SESSION,
        severity=outage.severity,
        confidence=0.0,
        title=session_title(
            down=len(members), lost=outage.has_losses, most=outage.severity is Severity.HIGH
        ),
        description=_description(outage, down=down, named=named),
        first_seen=0.0,
        last_seen=at,
        peer_addr=named.address,
        peer_asn=named.asn,
        collector=outage.collector,
        peers_seen=len({peer.asn for peer in outage.members} or {named.asn}),
        peers_total=peers_total,
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
        note=_note(outage, down=down),
    )


def outage_in(alert: Alert) -> Outage:
    """The outage of an alert, with the members and transfers that its evidence names."""
    outage = Outage(
        alert.key,
        alert.collector or "",
        alert.first_seen,
        alert.severity,
        least_severity=alert.severity,
    )
    outage.transfers += _transfers_in(alert)
    for fact in alert.evidence:
        if fact.get("kind") == "session" and fact.keys() >= _MEMBER_KEYS:
            up_at = None if fact["up_at"] is None else from_iso_utc(fact["up_at"])
            member = Member(from_iso_utc(fact["down_at"]), up_at, fact["resets"])
            outage.members[_peer_in(fact)] = member
    return outage


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
    members = outage.members
    count = len(members)
    who = peer_name(named) if count == 1 else f"{count} peers of {outage.collector}"
    if outage.has_losses:
        told = f"{who}: session left Established at {iso_utc(outage.started_at)}."
    else:
        told = f"{who}: session was already down when first heard of."
    resets = sum(member.resets for member in members.values())
    if resets > count:
        told += f" {resets} resets so far."
    recovered_at = outage.recovered_at
    if recovered_at is not None:
        lasted_s = recovered_at - outage.started_at
        return f"{told} Back up at {iso_utc(recovered_at)}, after {duration_text(lasted_s)}."
    return told if down == count else f"{told} {down} still down."


def _note(outage: Outage, *, down: int) -> str:
    """What is worth an update: who is down; of sessions that flap, each doubling of resets."""
    resets = sum(member.resets for member in outage.members.values())
    transfers = f", {len(outage.transfers)} transfers" if outage.transfers else ""
    if all(member.resets <= 1 for member in outage.members.values()):
        return f"{down} down{transfers}"
    return f"{resets.bit_length()} flapping{transfers}"


def _transfers_in(alert: Alert) -> Iterator[Transfer]:
    """Table transfers that its evidence names."""
    for fact in alert.evidence:
        if fact.get("kind") == "table_transfer" and fact.keys() >= _TRANSFER_KEYS:
            yield Transfer(
                _peer_in(fact),
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


def _peer_in(fact: dict[str, Any]) -> Peer:
    return Peer(fact["collector"], fact["peer_addr"], fact["peer_asn"])
