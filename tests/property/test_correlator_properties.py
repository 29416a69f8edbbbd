"""What the correlator promises for every input: order, calls and time make no difference."""

from collections.abc import Iterable, Sequence
from itertools import count

from hypothesis import event, given, settings
from hypothesis import strategies as st

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.correlator import Correlator
from bgptui.domain.alert import AlertChange, Change, Severity
from bgptui.domain.alert_json import alert_line
from bgptui.domain.event import EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import NOT_FOUND
from bgptui.domain.score import Reason, WindowScore
from bgptui.domain.window import FeatureWindow

T = 1_767_780_000.0
STEP_S = 100.0
LATENESS_S = 10.0
PEERS = tuple(Peer(f"rrc{n % 2:02}", f"192.0.2.{n}", 64496 + n // 2) for n in range(8))
KEYS = tuple(
    RouteKey(event_type, prefix, 64666, reason)
    for prefix in ("203.0.113.0/24", "198.51.100.0/24")
    for event_type, reason in (
        (EventType.HIJACK_SUSPECTED, "origin"),
        (EventType.RPKI_INVALID, "asn"),
        (EventType.LEAK_SUSPECTED, "aspa"),
    )
)
# Between two steps a hold-down ends well away from either step's items, so that the
# exception in the correlator's docstring does not apply.
SETTINGS = Alerts(hold_down_s=STEP_S + 45, quiet_windows=2)

Item = RouteEvent | RouteCleared | BgpMessage | WindowScore | Gap


def correlator() -> Correlator:
    ids = count(1)
    return Correlator(
        SETTINGS,
        Detect(),
        next_alert_id=lambda: next(ids),
        peers_total=lambda: len(PEERS),
        peers_of=lambda _collector: len(PEERS),
    )


def fired(serial: int, at: float, key: RouteKey, peer: Peer) -> RouteEvent:
    hijack = key.event_type is EventType.HIJACK_SUSPECTED
    return RouteEvent(
        id=serial,
        timestamp=at,
        key=key,
        peer=peer,
        severity=Severity.CRITICAL if hijack else Severity.MEDIUM,
        hijack_class="E|0" if hijack else "-|-",
        description="x",
        as_path=(peer.asn, 64666),
        next_hop=None,
        validation=NOT_FOUND,
    )


@st.composite
def route_items(draw: st.DrawFn) -> list[RouteEvent | RouteCleared]:
    """Routes that fire and are cleared, in steps far apart; every time differs."""
    items: list[RouteEvent | RouteCleared] = []
    firing: set[tuple[RouteKey, Peer]] = set()
    routes = st.lists(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(PEERS)), unique=True, max_size=30
    )
    for step in range(draw(st.integers(1, 6))):
        chosen = draw(routes)
        for n, (key, peer) in enumerate(chosen):
            at = T + step * STEP_S + 9.0 * n / len(chosen)
            if (key, peer) in firing:
                firing.remove((key, peer))
                items.append(RouteCleared(at, key, peer))
            else:
                firing.add((key, peer))
                items.append(fired(len(items), at, key, peer))
    return items


def score(minute: int, peer: Peer | None, ensemble: float, *, gap: bool) -> WindowScore:
    reasons = (Reason("CRITICAL_CHURN", ensemble),)
    return WindowScore(
        id=minute,
        feature_id=minute,
        window=FeatureWindow(int(T) + 60 * minute, peer, messages=1, withdrawals=10, gap=gap),
        zscores=(ensemble,) * 9,
        lstm_error=None,
        lstm=None,
        isolation_forest=None,
        heuristic=ensemble,
        reasons=reasons,
        ensemble=None if gap else ensemble,
        confidence=ensemble,
        is_anomaly=not gap and ensemble >= 0.47,
        model_version="x",
        learning=False,
        baseline_minutes=1440,
    )


@st.composite
def anything(draw: st.DrawFn) -> list[Item]:
    """Items of every kind in order of event time."""
    items: list[tuple[float, int, Item]] = []
    for item in draw(route_items()):
        items.append((item.timestamp, len(items), item))
    offsets = st.floats(0, 900, allow_nan=False)
    for at in draw(st.lists(offsets, max_size=10)):
        session = draw(st.sampled_from(Session))
        peer = draw(st.sampled_from(PEERS))
        message = BgpMessage(T + at, peer, MessageType.STATE, session=session)
        items.append((T + at, len(items), message))
    for minute in draw(st.sets(st.integers(0, 14))):
        for stream in (*PEERS[:2], None):
            ensemble = draw(st.sampled_from((0.0, 0.5, 0.9)))
            row = score(minute, stream, ensemble, gap=draw(st.booleans()))
            items.append((row.window.end + 10.0, len(items), row))
    for at in draw(st.lists(offsets, max_size=2, unique=True)):
        lasts_s = draw(st.floats(0, 200))
        collector = draw(st.sampled_from((None, "rrc00")))
        items.append((T + at, len(items), Gap(T + at, None, collector, "closed")))
        end = T + at + lasts_s
        items.append((end, len(items), Gap(T + at, end, collector, "closed")))
    return [item for _, _, item in sorted(items, key=lambda entry: entry[:2])]


def time_of(item: Item) -> float:
    if isinstance(item, WindowScore):
        return item.window.end + 10.0
    if isinstance(item, Gap):
        return item.start if item.end is None else item.end
    return item.timestamp


def feed(tested: Correlator, item: Item, now: float) -> tuple[AlertChange, ...]:
    if isinstance(item, BgpMessage):
        return tested.sessions([item], now)
    if isinstance(item, WindowScore):
        return tested.scores([item], now)
    if isinstance(item, Gap):
        return tested.gap(item, now)
    return tested.route_events([item], now)


def run(items: Sequence[Item], ticks: Iterable[float] = ()) -> list[AlertChange]:
    """Feed one after the other; `advance` is called at `ticks` as well, and at the end."""
    tested = correlator()
    changes: list[AlertChange] = []
    waiting = sorted(ticks)
    now = T
    for item in items:
        now = max(now, time_of(item))
        while waiting and waiting[0] < now:
            changes += tested.advance(waiting.pop(0))
        changes += feed(tested, item, now)
    changes += tested.advance(now + 100_000)
    return changes


def lines(changes: Iterable[AlertChange]) -> list[str]:
    return [alert_line(change) for change in changes]


@given(anything())
@settings(max_examples=150, deadline=None)
def test_the_same_input_gives_the_same_lines(items: list[Item]) -> None:
    assert lines(run(items)) == lines(run(items))


@given(anything(), st.lists(st.floats(T, T + 1500), max_size=60))
@settings(max_examples=150, deadline=None)
def test_how_often_advance_is_called_makes_no_difference(
    items: list[Item], ticks: list[float]
) -> None:
    assert lines(run(items)) == lines(run(items, ticks))


@given(route_items(), st.data())
@settings(max_examples=150, deadline=None)
def test_batches_make_no_difference(
    items: list[RouteEvent | RouteCleared], data: st.DataObject
) -> None:
    tested = correlator()
    changes: list[AlertChange] = []
    rest = items
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        changes += tested.route_events(rest[:size], rest[size - 1].timestamp)
        rest = rest[size:]
    changes += tested.advance(T + 100_000)
    assert lines(changes) == lines(run(items))


@given(route_items(), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_input_shuffled_inside_the_watermark_gives_the_same_alerts(
    items: list[RouteEvent | RouteCleared], rng: object
) -> None:
    def ends(changes: list[AlertChange]) -> list[tuple[object, ...]]:
        last = {change.alert.alert_uuid: change.alert for change in changes}
        return sorted(
            (
                alert.key,
                alert.alert_type,
                alert.hijack_class or "",
                alert.severity,
                alert.peers_seen,
                alert.anomaly_types,
                alert.resolved_at or 0.0,
            )
            for alert in last.values()
        )

    arrival = {id(item): item.timestamp + rng.uniform(0, LATENESS_S) for item in items}  # type: ignore[attr-defined]
    shuffled = sorted(items, key=lambda item: arrival[id(item)])
    in_order, out_of_order = run(items), run(shuffled)
    event(f"{sum(change.change is Change.OPEN for change in in_order)} alerts")
    assert ends(in_order) == ends(out_of_order)
    first = sorted((c.alert.key, c.alert.first_seen) for c in in_order if c.change is Change.OPEN)
    late = sorted(
        (c.alert.key, c.alert.first_seen) for c in out_of_order if c.change is Change.OPEN
    )
    for (key, seen), (late_key, late_seen) in zip(first, late, strict=True):
        assert key == late_key
        assert abs(late_seen - seen) <= LATENESS_S


@given(anything())
@settings(max_examples=150, deadline=None)
def test_every_alert_opens_once_first_and_ends_at_most_once_last(items: list[Item]) -> None:
    story: dict[int, list[AlertChange]] = {}
    for change in run(items):
        story.setdefault(change.alert.alert_id, []).append(change)
    assert sorted(story) == list(range(1, len(story) + 1))
    for changes in story.values():
        kinds = [change.change for change in changes]
        assert kinds[0] is Change.OPEN
        assert kinds.count(Change.OPEN) == 1
        assert Change.RESOLVE not in kinds[:-1]
        assert len({change.alert.alert_uuid for change in changes}) == 1
        assert len({change.alert.first_seen for change in changes}) == 1
        for change in changes:
            assert 0 <= change.alert.confidence <= 1
            assert change.alert.last_seen >= change.alert.first_seen
            if change.alert.resolved_at is not None:
                assert change.alert.resolved_at >= change.alert.first_seen


@given(anything())
@settings(max_examples=100, deadline=None)
def test_no_two_open_alerts_are_about_the_same(items: list[Item]) -> None:
    open_keys: set[str] = set()
    for change in run(items):
        if change.change is Change.OPEN:
            assert change.alert.key not in open_keys
            open_keys.add(change.alert.key)
        elif change.change is Change.RESOLVE:
            open_keys.remove(change.alert.key)
