"""The aggregator's rows are those of a brute-force count over the list of messages."""

from collections import defaultdict
from math import inf, sqrt

from hypothesis import given, settings
from hypothesis import strategies as st

from bgptui.domain.routing import BgpMessage, MessageType, Peer, Session
from bgptui.domain.window import FeatureWindow
from bgptui.features.aggregator import Aggregator

T0 = 1_700_000_040  # a minute's start
LATENESS_S = 10
FLAP_S = 300
PEERS = [
    Peer("rrc00", "192.0.2.1", 64500),
    Peer("rrc00", "192.0.2.2", 64501),
    Peer("rrc01", "192.0.2.1", 64500),
    Peer("rrc01", "2001:db8::1", 64502),
]
PREFIXES = ["198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"]


def kinds() -> st.SearchStrategy[tuple[MessageType, Session | None]]:
    return st.sampled_from(
        [
            *[(MessageType.UPDATE, None)] * 8,
            (MessageType.KEEPALIVE, None),
            (MessageType.STATE, Session.DOWN),
            (MessageType.STATE, Session.UP),
        ]
    )


@st.composite
def streams(draw: st.DrawFn) -> list[BgpMessage]:
    """Messages of four peers; each peer's in order, one peer's behind another's at will."""
    messages: list[BgpMessage] = []
    own_time = {peer: float(T0 + draw(st.integers(0, 90))) for peer in PEERS}
    step = st.sampled_from([0.0, 0.25, 1.0, 7.5, 30.0, 59.75, 200.0, 299.75, 300.0, 400.0])
    befores = st.sampled_from([None, *Session])
    prefixes = st.lists(st.sampled_from(PREFIXES), unique=True, max_size=3).map(tuple)
    for _ in range(draw(st.integers(1, 18))):
        peer = draw(st.sampled_from(PEERS))
        own_time[peer] += draw(step)
        kind, session = draw(kinds())
        is_update = kind is MessageType.UPDATE
        messages.append(
            BgpMessage(
                timestamp=own_time[peer],
                peer=peer,
                type=kind,
                announced=draw(prefixes) if is_update else (),
                withdrawn=draw(prefixes) if is_update else (),
                as_path=tuple(range(draw(st.integers(0, 4)))) if is_update else (),
                session=session,
                session_before=draw(befores) if session is not None else None,
            )
        )
    return messages


def aggregate(
    messages: list[BgpMessage], advance_after: set[int]
) -> tuple[list[FeatureWindow], list[tuple[bool, int, int, int]], Aggregator]:
    """Rows and facts of a replay in which `advance` is called after these messages."""
    aggregator = Aggregator(lateness_s=LATENESS_S, flap_s=FLAP_S)
    rows: list[FeatureWindow] = []
    facts = []
    now = -inf
    for place, message in enumerate(messages):
        now = max(now, message.timestamp)
        facts.append(aggregator.observe(message, now))
        if place in advance_after:
            rows += aggregator.advance(now)
    rows += aggregator.flush()
    return rows, facts, aggregator


class BruteForce:
    """The same, from the definitions: every question goes over all messages again."""

    def __init__(self, messages: list[BgpMessage]) -> None:
        self.messages = messages
        self.now = [max(m.timestamp for m in messages[: i + 1]) for i in range(len(messages))]
        self.floor: dict[str, float] = {}
        self.late = [self._is_late(i) for i in range(len(messages))]
        self.counted = [i for i, late in enumerate(self.late) if not late]
        self.resets = self._session_resets()

    def watermark(self, collector: str, upto: int, now: float) -> float:
        """Of a collector after its receipts among the first `upto` messages, at `now`."""
        receipts = [i for i in range(upto) if self.messages[i].peer.collector == collector]
        best, newest = self.floor.get(collector, -inf), -inf
        for k, i in enumerate(receipts):
            newest = max(newest, self.messages[i].timestamp)
            until = self.now[receipts[k + 1]] if k + 1 < len(receipts) else now
            best = max(best, newest - LATENESS_S + until - self.now[i])
        return best

    def _is_late(self, i: int) -> bool:
        message, now = self.messages[i], self.now[i]
        collector = message.peer.collector
        if collector not in self.floor:
            others = [self.watermark(name, i, now) for name in self.floor]
            self.floor[collector] = min(others) // 60 * 60 if others else -inf
        return message.timestamp < self.watermark(collector, i, now)

    def _session_resets(self) -> dict[int, int]:
        resets: dict[int, int] = {}
        down: dict[Peer, bool] = defaultdict(bool)
        for i in self.counted:
            message = self.messages[i]
            goes_down = message.session is Session.DOWN
            was_up = not down[message.peer]
            if message.session_before is not None:
                was_up = message.session_before is Session.UP
            resets[i] = int(goes_down and was_up)
            down[message.peer] = goes_down
        return resets

    def flaps(self, i: int) -> int:
        """Flaps of message i: the last earlier word on the prefix is a withdrawal, in time."""
        message = self.messages[i]
        found = 0
        for prefix in message.announced:
            if prefix in message.withdrawn:
                found += 1
                continue
            for j in reversed([j for j in self.counted if j < i]):
                earlier = self.messages[j]
                if earlier.peer != message.peer:
                    continue
                if prefix in earlier.announced:
                    break
                if prefix in earlier.withdrawn:
                    found += message.timestamp - earlier.timestamp <= FLAP_S
                    break
        return found

    def row(self, start: int, of: list[int]) -> dict[str, object]:
        """Counts over these messages."""
        updates = [i for i in of if self.messages[i].type is MessageType.UPDATE]
        chosen = [self.messages[i] for i in updates]
        hops = [len(m.as_path) for m in chosen if m.as_path for _ in m.announced]
        mean = sum(hops) / len(hops) if hops else None
        seconds: dict[int, int] = defaultdict(int)
        for m in chosen:
            seconds[int(m.timestamp)] += len(m.announced) + len(m.withdrawn)
        return {
            "start": start,
            "announcements": sum(len(m.announced) for m in chosen),
            "withdrawals": sum(len(m.withdrawn) for m in chosen),
            "flap_count": sum(self.flaps(i) for i in updates),
            "session_resets": sum(self.resets[i] for i in of),
            "path_length": mean,
            "variance": None if mean is None else sum((h - mean) ** 2 for h in hops) / len(hops),
            "message_rate": len(updates) / 60,
            "max_updates": max(seconds.values(), default=0),
            "messages": len(of),
            "prefixes_with_path": len(hops),
        }


def as_counts(row: FeatureWindow) -> dict[str, object]:
    std = row.std_path_length
    return {
        "start": row.start,
        "announcements": row.announcements,
        "withdrawals": row.withdrawals,
        "flap_count": row.flap_count,
        "session_resets": row.session_resets,
        "path_length": row.path_length,
        "variance": None if std is None else std**2,
        "message_rate": row.message_rate,
        "max_updates": row.max_updates,
        "messages": row.messages,
        "prefixes_with_path": row.prefixes_with_path,
    }


def same(found: dict[str, object], expected: dict[str, object]) -> bool:
    a, b = dict(found), dict(expected)
    variance, wanted = a.pop("variance"), b.pop("variance")
    if variance is None or wanted is None:
        return a == b and variance is wanted
    assert isinstance(variance, float)
    assert isinstance(wanted, float)
    return a == b and abs(sqrt(variance) - sqrt(wanted)) < 1e-6


@settings(max_examples=100, deadline=None)
@given(streams())
def test_every_row_is_what_counting_the_messages_of_its_window_gives(
    messages: list[BgpMessage],
) -> None:
    rows, facts, _ = aggregate(messages, set(range(len(messages))))
    truth = BruteForce(messages)

    assert [fact[0] for fact in facts] == truth.late
    for row in rows:
        of_row = [
            i
            for i in truth.counted
            if row.start <= messages[i].timestamp < row.end
            and (row.peer is None or messages[i].peer == row.peer)
        ]
        assert same(as_counts(row), truth.row(row.start, of_row)), row
        active = {
            messages[i].peer
            for i in truth.counted
            if row.start <= messages[i].timestamp < row.end
            and messages[i].type is MessageType.UPDATE
            and (row.peer is None or messages[i].peer.collector == row.peer.collector)
        }
        assert row.unique_peers == len(active)
    expected = {(int(messages[i].timestamp) // 60 * 60, messages[i].peer) for i in truth.counted}
    assert expected <= {(row.start, row.peer) for row in rows}
    assert len({(row.start, row.peer) for row in rows}) == len(rows)
    for i, (late, _, flaps, resets) in enumerate(facts):
        if not late:
            assert (flaps, resets) == (truth.flaps(i), truth.resets[i])


@settings(max_examples=100, deadline=None)
@given(streams(), st.data())
def test_when_advance_is_called_makes_no_difference_to_the_rows(
    messages: list[BgpMessage], data: st.DataObject
) -> None:
    every, facts, _ = aggregate(messages, set(range(len(messages))))
    some = data.draw(st.sets(st.integers(0, len(messages) - 1)))
    rows, same_facts, _ = aggregate(messages, some)

    def key(row: FeatureWindow) -> tuple[int, str]:
        return row.start, repr(row.peer)

    assert facts == same_facts
    assert sorted(rows, key=key) == sorted(every, key=key)


@settings(max_examples=100, deadline=None)
@given(streams())
def test_the_network_row_is_the_sum_of_the_peers_rows_and_all_add_up(
    messages: list[BgpMessage],
) -> None:
    rows, facts, aggregator = aggregate(messages, set(range(0, len(messages), 3)))
    network = {row.start: row for row in rows if row.peer is None}
    by_minute: dict[int, list[FeatureWindow]] = defaultdict(list)
    for row in rows:
        if row.peer is not None:
            by_minute[row.start].append(row)
    assert set(by_minute) <= set(network)
    if network:
        assert sorted(network) == list(range(min(network), max(network) + 60, 60))
    summed = ("announcements", "withdrawals", "flap_count", "session_resets", "messages",
              "prefixes_with_path", "late_messages")  # fmt: skip
    for start, row in network.items():
        for name in summed:
            assert getattr(row, name) == sum(getattr(each, name) for each in by_minute[start])
    late = sum(fact[0] for fact in facts)
    assert sum(row.messages for row in network.values()) == len(messages) - late
    assert sum(row.late_messages for row in network.values()) <= late
    assert aggregator.losses().get("late", 0) == late


@given(
    st.lists(
        st.tuples(
            st.floats(0, 45, allow_nan=False),
            st.sampled_from(["rrc00", "rrc01", "rrc02"]),
            st.sampled_from([None, "none", "rrc00", "rrc01"]),
        ),
        max_size=120,
    )
)
def test_holding_windows_back_loses_no_message_and_repeats_no_row(
    steps: list[tuple[float, str, str | None]],
) -> None:
    aggregator, rows, counted, now = Aggregator(), list[FeatureWindow](), 0, 1_700_000_040.0
    for step_s, collector, held in steps:
        now += step_s
        peer = Peer(collector, "192.0.2.1", 64500)
        late = aggregator.observe(BgpMessage(now, peer, MessageType.KEEPALIVE), now)[0]
        counted += not late
        aggregator.hold(None if held is None else {held})
        rows += aggregator.advance(now)
    rows += aggregator.flush()
    of_peers = [row for row in rows if row.peer is not None]
    assert sum(row.messages for row in of_peers) == counted
    assert len({(row.start, row.peer) for row in rows}) == len(rows)
    starts = [row.start for row in rows if row.peer is None]
    assert starts == sorted(starts)
