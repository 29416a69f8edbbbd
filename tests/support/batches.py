"""Batches as the pipeline hands them to the writer, recognizable by their number."""

from typing import Any

from bgptui.domain.alert import Alert, AlertChange, AlertType, Change, Severity, alert_uuid
from bgptui.domain.event import EventType, RouteEvent, RouteKey
from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.domain.rpki import NOT_FOUND
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FeatureWindow
from bgptui.store.batch import Metric, WriteBatch

T0 = 1_767_780_000  # 2026-01-07 10:00 UTC
PEER = Peer("rrc00", "192.0.2.1", 64496)


def message(number: int, *, received: bytes = b"", watched: bool = False) -> MessageRecord:
    """A message that announces a prefix of its own, a hundredth of a second after the last."""
    timestamp = T0 + number / 100
    prefix = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/32"
    update = BgpMessage(
        timestamp,
        PEER,
        MessageType.UPDATE,
        announced=(prefix,),
        as_path=(64496, 64500 + number % 100),
        next_hops=("192.0.2.254",),
        received=received,
    )
    return MessageRecord(update, False, int(timestamp) // 60 * 60, watched=watched)


def messages(first: int, count: int) -> WriteBatch:
    """What ingest hands on."""
    raw = tuple(message(number) for number in range(first, first + count))
    return WriteBatch(now=raw[-1].message.timestamp, raw=raw)


def window(number: int) -> WriteBatch:
    """A window, its score and an event; what scoring hands on."""
    start = T0 + 60 * number
    features = FeatureWindow(start, PEER, announcements=number, messages=number)
    score = WindowScore(
        id=number,
        feature_id=number,
        window=features,
        zscores=(0.5, None, *[0.0] * 7),
        lstm_error=None,
        lstm=None,
        isolation_forest=None,
        heuristic=0.25,
        reasons=(),
        ensemble=0.25,
        confidence=0.9,
        is_anomaly=False,
        model_version="none",
        learning=False,
        baseline_minutes=1_440,
    )
    event = RouteEvent(
        id=number,
        timestamp=start + 0.5,
        key=RouteKey(EventType.HIJACK_SUSPECTED, "203.0.113.0/24", 64511, "origin"),
        peer=PEER,
        severity=Severity.HIGH,
        hijack_class="E|0",
        description=f"event {number}",
        as_path=(64496, 64511),
        next_hop=None,
        validation=NOT_FOUND,
        evidence={"rule": {"number": number}},
    )
    return WriteBatch(
        now=start + 60.0,
        features=((number, features, score.zscores),),
        scores=(score,),
        events=(event,),
    )


def alert(number: int, change: Change = Change.OPEN, **facts: Any) -> WriteBatch:
    """An alert's change; what the correlator hands on."""
    key = f"matter {number}"
    opened = Alert(
        alert_id=number,
        alert_uuid=alert_uuid(AlertType.HIJACK, key, T0 + number),
        key=key,
        alert_type=AlertType.HIJACK,
        severity=Severity.HIGH,
        confidence=0.9,
        title=f"alert {number}",
        description="",
        first_seen=float(T0 + number),
        last_seen=float(T0 + number),
        evidence=({"kind": "rule", "number": number},),
        **facts,
    )
    return WriteBatch(now=float(T0 + number), alerts=(AlertChange(change, opened),))


def metric(number: int) -> WriteBatch:
    """What the keeper hands on."""
    row = Metric(float(T0 + number), "ingest", "messages", float(number), "1")
    return WriteBatch(now=row.timestamp, metrics=(row,))
