"""Domain values as rows of binary COPY. The order of fields is that of sql/queries/store/copy_*.

Pure: no connection is needed, and the same value gives the same bytes.
"""

from functools import lru_cache
from struct import Struct
from typing import Any

import msgspec

from bgptui.domain.event import RouteEvent
from bgptui.domain.event_row import EventRow, first_row
from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer, Session, origin_as
from bgptui.domain.routing import path_length as hops
from bgptui.domain.score import WindowScore
from bgptui.domain.window import WINDOW_S
from bgptui.errors import BadInput
from bgptui.store import copy_binary as field
from bgptui.store.batch import FeatureRow, Metric

# Of a calibrated confidence, 0.5 is "once a day on one stream": the line for a single model.
PART_IS_ANOMALY = 0.5

_RAW_FIELDS = 24
_RAW_TIMES = Struct(">h iq iq").pack  # timestamp, window_start; each behind its length
# late, announcements, withdrawals, total_updates, withdrawal_ratio, flap_count, unique_peers,
# message_rate (null), session_resets
_RAW_COUNTS = Struct(">i? ii ii ii id ii ii i ii").pack
_FEATURES_START = field.field_count(22)
_SCORES_START = field.field_count(25)
_EVENTS_START = field.field_count(23)
_METRICS_START = field.field_count(5)
_LENGTH = Struct(">i").pack
_NO_PEER = 3 * field.NULL
_NO_PATH = 3 * field.NULL
# Many messages are of one window.
_window_micros = lru_cache(maxsize=1 << 10)(field.micros)


def path_text(as_path: AsPath) -> str:
    """An AS path as text, e.g. `64496 64511 {64500,64501}`."""
    text = str(as_path)
    if text.rfind("(") == 0:  # no AS_SET, nearly always: "(64496, 64511)", "(64496,)", "()"
        return text[1:-1].replace(",", "")
    return " ".join(
        [
            str(hop) if isinstance(hop, int) else "{" + ",".join(map(str, hop)) + "}"
            for hop in as_path
        ]
    )


def parse_path(stored: str | None) -> AsPath:
    """The AS path of what `path_text` wrote; empty for None."""
    if not stored:
        return ()
    return tuple(
        tuple(int(asn) for asn in hop[1:-1].split(",") if asn) if hop[0] == "{" else int(hop)
        for hop in stored.split(" ")
    )


def raw_row(record: MessageRecord, raw_message: bytes) -> bytes:
    """A row of raw_bgp_data.

    Args:
        raw_message: the field of that name: `field.NULL`, or from `received_field`.
    Raises:
        BadInput: a prefix, address or time that PostgreSQL would refuse with the whole COPY.
    """
    message = record.message
    announced, withdrawn = message.announced, message.withdrawn
    first_announced, announced_field = field.first_and_array(announced)
    first_withdrawn, withdrawn_field = field.first_and_array(withdrawn)
    return b"".join(
        (
            _RAW_TIMES(
                _RAW_FIELDS,
                8, field.micros(message.timestamp),
                8, _window_micros(record.window_start),
            ),
            _raw_counts(
                record.late,
                len(announced),
                len(withdrawn),
                record.flap_count,
                record.session_resets,
            ),
            _UPDATE
            if message.type is MessageType.UPDATE
            else _KINDS[message.type, message.session, message.session_before],
            _peer_fields(message.peer),
            first_announced if announced else first_withdrawn,
            announced_field,
            withdrawn_field,
            _path_fields(message.as_path, bool(announced)),
            raw_message,
        )
    )  # fmt: skip


# Few messages are unlike all others in these numbers.
@lru_cache(maxsize=1 << 12)
def _raw_counts(
    late: bool,
    announcements: int,
    withdrawals: int,
    flap_count: int,
    session_resets: int,
) -> bytes:
    total = announcements + withdrawals
    return _RAW_COUNTS(
        1, late,
        4, announcements,
        4, withdrawals,
        4, total,
        8, withdrawals / total if total else 0.0,
        4, flap_count,
        4, 1,
        -1,
        4, session_resets,
    )  # fmt: skip


def received_field(message: BgpMessage) -> bytes:
    """raw_message: the frame as received, which the server parses.

    Raises:
        BadInput(`json_refused`): not JSON, or not JSON that PostgreSQL can store.
    """
    received = message.received
    if not received:
        return field.NULL
    # jsonb refuses \u0000 and lone surrogates, and takes UTF-8 only: look closer where
    # one of them may be. A feed's frames are plain ASCII without escapes.
    if b"\\u" in received or not received.isascii():
        return careful_received_field(message)
    return field.jsonb(received)


def careful_received_field(message: BgpMessage) -> bytes:
    """As received_field, parsed and written anew, so that PostgreSQL takes it for certain."""
    if not message.received:
        return field.NULL
    try:
        document = _storable(msgspec.json.decode(message.received))
        return field.jsonb(msgspec.json.encode(document))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"frame cannot be stored as JSON: {error}", reason="json_refused") from error


def json_field(document: Any) -> bytes:
    """A jsonb field of a JSON-ready value of our own."""
    return field.jsonb(storable_json(document))


def storable_json(document: Any) -> bytes:
    """JSON text that PostgreSQL's jsonb takes; U+0000 becomes U+FFFD."""
    encoded = msgspec.json.encode(document)
    if b"\\u0000" in encoded:
        encoded = msgspec.json.encode(_storable(msgspec.json.decode(encoded)))
    return encoded


def feature_row(row: FeatureRow) -> bytes:
    """A row of features."""
    feature_id, window, zscores = row
    return b"".join(
        (
            _FEATURES_START,
            field.int8(feature_id),
            field.timestamptz(window.start),
            _NO_PEER if window.peer is None else _peer_fields(window.peer),
            field.int4(WINDOW_S),
            field.int8(window.announcements),
            field.int8(window.withdrawals),
            field.int8(window.total_updates),
            field.float8(window.withdrawal_ratio),
            field.int8(window.flap_count),
            field.float8(window.path_length),
            field.int4(window.unique_peers),
            field.float8(window.message_rate),
            field.int4(window.session_resets),
            field.float8(window.std_path_length),
            field.int8(window.max_updates),
            field.int8(window.messages),
            field.int8(window.prefixes_with_path),
            field.int8(window.late_messages),
            field.boolean(window.gap),
            field.float4_array(zscores) if zscores else field.NULL,
        )
    )


def score_row(score: WindowScore) -> bytes:
    """A row of ml_results."""
    window = score.window
    forest = score.isolation_forest
    return b"".join(
        (
            _SCORES_START,
            field.int8(score.id),
            field.timestamptz(window.start),
            field.int8(score.feature_id),
            field.timestamptz(window.start),
            _NO_PEER if window.peer is None else _peer_fields(window.peer),
            field.float8(score.lstm_error),
            field.float8(score.lstm),
            field.boolean(None if score.lstm is None else score.lstm >= PART_IS_ANOMALY),
            field.float8(forest),
            field.boolean(None if forest is None else -forest >= PART_IS_ANOMALY),
            field.float8(score.heuristic),
            field.text_array([reason.name for reason in score.reasons]),
            field.float4_array([reason.p for reason in score.reasons]),
            field.float8(score.ensemble),
            field.float8(score.confidence),
            field.boolean(score.is_anomaly),
            field.boolean(score.learning),
            field.int4(score.baseline_minutes),
            field.text(score.model_version),
            field.float8(score.processing_time_ms),
            field.float4_array(score.error_shares) if score.error_shares else field.NULL,
            *_baseline_fields(score),
        )
    )


def _baseline_fields(score: WindowScore) -> tuple[bytes, bytes]:
    if not score.baseline:
        return field.NULL, field.NULL
    medians, spreads = zip(*score.baseline, strict=True)
    return field.float4_array(medians), field.float4_array(spreads)


def event_row(event: RouteEvent, stands: EventRow | None = None) -> bytes:
    """A row of route_monitor_events.

    Args:
        event: its first sighting.
        stands: the row as it stands since; None: there was no other.

    Raises:
        BadInput: a prefix, address or time that PostgreSQL would refuse.
    """
    stands = stands or first_row(event)
    validation = event.validation
    roa = validation.covering[0] if validation.covering else None
    metadata = {
        "reason": event.key.reason,
        "watched_prefix": event.watched_prefix,
        "expected_origins": event.expected_origins,
        "min_peers": event.min_peers,
        "opens_alert": event.opens_alert,
        "rpki_reason": validation.reason,
        "covering": validation.covering[:],
        "evidence": event.evidence,
        **grown_metadata(stands),
    }
    return b"".join(
        (
            _EVENTS_START,
            field.int8(event.id),
            field.timestamptz(event.timestamp),
            _peer_fields(event.peer),
            field.cidr(event.key.prefix),
            field.int8(event.key.origin_asn),
            field.text(validation.state),
            field.NULL if roa is None else field.cidr(roa.prefix),
            field.NULL if roa is None else field.int4(roa.max_length),
            field.text(event.key.event_type),
            field.text(event.hijack_class or None),
            field.text(stands.severity),
            field.text(event.description),
            field.text(path_text(event.as_path) or None),
            _next_hop(event.next_hop),
            json_field(metadata),
            field.text(event.key.reason),
            field.timestamptz(stands.last_seen),
            field.int4(stands.peers_seen),
            field.int8(stands.sightings),
            field.timestamptz(stands.ended_at),
            field.text(stands.end_reason),
        )
    )


def grown_metadata(stands: EventRow) -> dict[str, Any]:
    """What of the metadata of an event's row changes: peers as [collector, address, ASN]."""
    return {
        "peers": {"have": _named(stands.peers_having), "had": _named(stands.peers_had)},
        "paths": [path_text(path) for path in stands.paths],
    }


def _named(peers: tuple[Peer, ...]) -> list[tuple[str, str, int]]:
    return [(peer.collector, peer.address, peer.asn) for peer in peers]


def metric_row(metric: Metric) -> bytes:
    """A row of system_metrics."""
    return b"".join(
        (
            _METRICS_START,
            field.timestamptz(metric.timestamp),
            field.text(metric.component),
            field.text(metric.name),
            field.float8(metric.value),
            field.text(metric.unit),
        )
    )


def _next_hop(address: str | None) -> bytes:
    """An event is not lost for a next hop that is no address; its description has the rest."""
    try:
        return field.NULL if address is None else field.inet(address)
    except BadInput:
        return field.NULL


@lru_cache(maxsize=1 << 14)
def _peer_fields(peer: Peer) -> bytes:
    """collector, peer_addr, peer_asn."""
    return field.text(peer.collector) + field.inet(peer.address) + field.int8(peer.asn)


def _path_fields(as_path: AsPath, announces: bool) -> bytes:
    """path_length, as_path, origin_asn."""
    if not as_path:
        return _NO_PATH
    length = field.float8(float(hops(as_path))) if announces else field.NULL
    text = path_text(as_path).encode()
    return b"".join((length, _LENGTH(len(text)), text, field.int8(origin_as(as_path))))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


# message_type, peer_state, peer_was_up
_WAS_UP = {None: None, Session.UP: True, Session.DOWN: False}
_KINDS = {
    (kind, session, before): field.text(kind) + field.text(session) + field.boolean(was_up)
    for kind in MessageType
    for session in (None, *Session)
    for before, was_up in _WAS_UP.items()
}
# Enums hash slowly, and nearly every message is one of these.
_UPDATE = _KINDS[MessageType.UPDATE, None, None]
