"""Made-up rows that look like a morning's trouble, related to each other as real ones are.

Twenty of the hundred messages are incidents: each began a row of route monitor events, two rows
belong to an alert. The windows are counted from the messages. Only prefixes and AS numbers that are
reserved for documentation appear (RFC 5737, RFC 3849, RFC 5398).
"""

from collections.abc import Callable
from random import Random
from statistics import fmean, pstdev

from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import BgpMessage, Peer, path_length
from bgptui.domain.score import Reason, WindowScore
from bgptui.domain.window import FEATURES, WINDOW_S, FeatureWindow
from bgptui.store.batch import Metric, WriteBatch
from bgptui.store.sample_alerts import sample_alerts
from bgptui.store.sample_incidents import (
    PEERS,
    TRANSIT,
    incident_events,
    message_of,
    seen_by_both,
)
from bgptui.store.start_state import NextIds

# lstm, isolation_forest and heuristic to calculate_ensemble_score of them.
Ensemble = Callable[[float, float, float], float]

MINUTES = 10
MESSAGES = 100
MODEL_VERSION = "sample"

_ROUTES = (
    ("203.0.113.0/24", 64500),
    ("198.51.100.0/24", 64501),
    ("192.0.2.0/24", 64502),
    ("2001:db8:1000::/36", 64501),
    ("2001:db8:2000::/36", 64505),
)
# component, name, least, most, unit
_METRICS = (
    ("ingest", "message_rate", 9.0, 14.0, "messages/s"),
    ("ingest", "lag", 0.2, 1.4, "s"),
    ("score", "batch_time", 2.0, 9.0, "ms"),
    ("store", "commit_time", 4.0, 30.0, "ms"),
    ("process", "resident_memory", 180e6, 190e6, "bytes"),
)


def sample_batch(*, now: float, rng: Random, first: NextIds, ensemble: Ensemble) -> WriteBatch:
    """100 messages, 50 windows with their scores, 20 events, 15 alerts and 30 metrics.

    Args:
        now: seconds since 1970 UTC; the rows are of the ten whole minutes before it.
        first: ids that are free.
    """
    start = int(now) // WINDOW_S * WINDOW_S - MINUTES * WINDOW_S
    events, incident_messages = incident_events(start, rng, first.route_monitor_events)
    records = _records(start, rng, incident_messages)
    windows = _windows(start, records)
    troubled = {int(event.timestamp) // WINDOW_S * WINDOW_S for event in events}
    scores = tuple(
        _score(
            window,
            index=index,
            first=first,
            rng=rng,
            ensemble=ensemble,
            troubled=window.start in troubled,
        )
        for index, window in enumerate(windows)
    )
    return WriteBatch(
        now=now,
        raw=tuple(records),
        features=tuple((score.feature_id, score.window, score.zscores) for score in scores),
        scores=scores,
        events=tuple(events),
        event_updates=tuple(map(seen_by_both, events[::2], events[1::2])),
        alerts=sample_alerts(events, scores, first.alerts),
        metrics=_metrics(start, rng),
    )


def _records(start: int, rng: Random, incidents: list[BgpMessage]) -> list[MessageRecord]:
    """The incidents' messages among everyday ones, in the order of time, flaps counted."""
    messages = list(incidents)
    while len(messages) < MESSAGES:
        peer, (prefix, origin) = rng.choice(PEERS), rng.choice(_ROUTES)
        timestamp = start + rng.randrange(MINUTES * WINDOW_S * 1_000) / 1_000
        hops = rng.sample(TRANSIT, rng.randrange(1, 4))
        path = () if rng.random() < 0.15 else (peer.asn, *hops, origin)
        messages.append(message_of(timestamp, peer, prefix, path))
    messages.sort(key=lambda message: (message.timestamp, message.peer))
    withdrawn_at: dict[tuple[Peer, str], float] = {}
    records = []
    watched = {incident.timestamp for incident in incidents}
    for message in messages:
        flaps = 0
        for prefix in message.withdrawn:
            withdrawn_at[message.peer, prefix] = message.timestamp
        for prefix in message.announced:
            since = withdrawn_at.pop((message.peer, prefix), None)
            flaps += since is not None and message.timestamp - since <= 300
        window_start = int(message.timestamp) // WINDOW_S * WINDOW_S
        records.append(
            MessageRecord(
                message,
                late=False,
                window_start=window_start,
                flap_count=flaps,
                watched=message.timestamp in watched,
            )
        )
    return records


def _windows(start: int, records: list[MessageRecord]) -> list[FeatureWindow]:
    """Of each minute one for the whole network and one for each peer."""
    windows = []
    for minute in range(start, start + MINUTES * WINDOW_S, WINDOW_S):
        inside = [record for record in records if record.window_start == minute]
        for peer in (None, *PEERS):
            windows.append(_window(minute, peer, inside))
    return windows


def _window(start: int, peer: Peer | None, inside: list[MessageRecord]) -> FeatureWindow:
    """The features of a stream, from every message of its minute (`inside`)."""
    own = [record for record in inside if peer in (None, record.message.peer)]
    collectors = None if peer is None else peer.collector
    neighbours = {r.message.peer for r in inside if collectors in (None, r.message.peer.collector)}
    hops = [path_length(r.message.as_path) for r in own for _ in r.message.announced]
    seconds = [int(r.message.timestamp) for r in own]
    return FeatureWindow(
        start,
        peer,
        announcements=sum(len(record.message.announced) for record in own),
        withdrawals=sum(len(record.message.withdrawn) for record in own),
        flap_count=sum(record.flap_count for record in own),
        path_length=fmean(hops) if hops else None,
        unique_peers=len(neighbours),
        message_rate=len(own) / WINDOW_S,
        std_path_length=pstdev(hops) if hops else None,
        max_updates=max((seconds.count(second) for second in seconds), default=0),
        messages=len(own),
        prefixes_with_path=len(hops),
    )


def _score(
    window: FeatureWindow,
    *,
    index: int,
    first: NextIds,
    rng: Random,
    ensemble: Ensemble,
    troubled: bool,
) -> WindowScore:
    """Calm is below 0.3; the network's stream is at 0.6 in minutes with an incident."""
    base = 0.6 if troubled and window.peer is None else 0.15
    lstm, forest, heuristic = (round(base + rng.uniform(-0.12, 0.15), 3) for _ in range(3))
    score = ensemble(lstm, -forest, heuristic)
    zscores = tuple(round(rng.gauss(4 * base - 0.6, 0.8), 2) for _ in FEATURES)
    return WindowScore(
        id=first.ml_results + index,
        feature_id=first.features + index,
        window=window,
        zscores=zscores,
        lstm_error=round(lstm * 2.4, 3),
        lstm=lstm,
        isolation_forest=-forest,
        heuristic=heuristic,
        reasons=(Reason("WITHDRAWAL_STORM", heuristic),) if base > 0.5 else (),
        ensemble=score,
        confidence=score,
        is_anomaly=score >= 0.47,
        model_version=MODEL_VERSION,
        learning=False,
        baseline_minutes=1_440,
        processing_time_ms=round(rng.uniform(0.2, 0.6), 3),
    )


def _metrics(start: int, rng: Random) -> tuple[Metric, ...]:
    """Five numbers in each of the last six minutes."""
    return tuple(
        Metric(float(minute), component, name, round(low + rng.random() * (high - low), 3), unit)
        for minute in range(start + 4 * WINDOW_S, start + MINUTES * WINDOW_S, WINDOW_S)
        for component, name, low, high, unit in _METRICS
    )
