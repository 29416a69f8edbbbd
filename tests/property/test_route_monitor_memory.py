"""What the monitor told, added up, is what the peers' tables hold."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from bgptui.domain.event import RouteEvent, RouteKey
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer, Session
from bgptui.domain.rpki import UNAVAILABLE, OriginValidation, Vrp
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.verdict import judge
from bgptui.routemon.watchlist import Check, Rule, Watchlist
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_table import table_of

# Visibility is a matter of all peers together, not of one table.
CHECKS = frozenset(Check) - {Check.VISIBILITY}
WATCHLIST = Watchlist(
    [
        Rule(1, "10.0.0.0/8", (1, 2), 9, checks=CHECKS),
        Rule(2, "10.0.0.0/9", (1,), 9, checks=CHECKS),
    ]
)
TABLES = [
    table_of(vrps)
    for vrps in (
        [],
        [Vrp("10.0.0.0/8", 8, 1)],
        [Vrp("10.0.0.0/8", 10, 1), Vrp("10.0.0.0/9", 10, 3)],
        [Vrp("10.0.0.0/9", 9, 0)],
    )
]
PREFIXES = ["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.0.0.0/10", "11.0.0.0/8"]
PEERS = [Peer("rrc00", "192.0.2.1", 1), Peer("rrc00", "192.0.2.2", 9)]
PATHS: list[AsPath] = [(), (9, 1), (9, 2), (9, 3), (9, (1, 2)), (9, (1, 3))]

prefixes = st.lists(st.sampled_from(PREFIXES), max_size=3, unique=True).map(tuple)
updates = st.builds(
    BgpMessage,
    st.just(1.0),
    st.sampled_from(PEERS),
    st.just(MessageType.UPDATE),
    announced=prefixes,
    withdrawn=prefixes,
    as_path=st.sampled_from(PATHS),
)
states = st.builds(
    BgpMessage,
    st.just(1.0),
    st.sampled_from(PEERS),
    st.just(MessageType.STATE),
    session=st.sampled_from(Session),
)


class Vrps:
    """The table in force, None for none that is fresh."""

    def __init__(self) -> None:
        self.index: int | None = 0
        self.generation = 0

    def put(self, index: int | None) -> None:
        self.index = index
        self.generation += 1

    def validate(self, prefix: str, origin: int | None) -> OriginValidation:
        return UNAVAILABLE if self.index is None else validate(TABLES[self.index], prefix, origin)


def expected(tables: dict[Peer, dict[str, AsPath]], vrps: Vrps) -> set[tuple[Peer, RouteKey]]:
    """By a look at every route that the peers have."""
    found = set()
    for peer, table in tables.items():
        for prefix, path in table.items():
            origin = path[-1] if path else peer.asn
            validation = vrps.validate(prefix, origin if isinstance(origin, int) else None)
            verdict = judge(prefix, origin, watchlist=WATCHLIST, validation=validation)
            if verdict is not None and verdict.finding.opens_alert:
                found.add((peer, verdict.key))
    return found


def apply(tables: dict[Peer, dict[str, AsPath]], message: BgpMessage) -> None:
    table = tables.setdefault(message.peer, {})
    if message.session is Session.DOWN:
        table.clear()
    for prefix in message.withdrawn:
        table.pop(prefix, None)
    for prefix in message.announced:
        table[prefix] = message.as_path


def listen(
    monitor: RouteMonitor, message: BgpMessage, standing: set[tuple[Peer, RouteKey]]
) -> None:
    for change in monitor.observe(message, 2.0):
        told = (change.peer, change.key)
        if isinstance(change, RouteEvent):
            if change.opens_alert:
                assert told not in standing or "cause" in change.evidence
                standing.add(told)
        else:
            assert told in standing
            standing.remove(told)


@given(st.lists(updates | states, max_size=25))
def test_begun_less_ended_is_what_the_peers_tables_hold(messages: list[BgpMessage]) -> None:
    vrps = Vrps()
    vrps.put(2)
    monitor = RouteMonitor(
        WATCHLIST, vrps.validate, lambda: vrps.generation, min_peers=1, next_id=count().__next__
    )
    tables: dict[Peer, dict[str, AsPath]] = {}
    standing: set[tuple[Peer, RouteKey]] = set()
    for message in messages:
        listen(monitor, message, standing)
        apply(tables, message)
        assert standing == expected(tables, vrps)
        assert monitor.firing == len(standing)


@given(st.lists(updates | states | st.sampled_from([None, 0, 1, 2, 3]), max_size=25))
def test_changing_vrps_never_leave_an_end_without_a_beginning(
    steps: list[BgpMessage | int | None],
) -> None:
    vrps = Vrps()
    monitor = RouteMonitor(
        WATCHLIST, vrps.validate, lambda: vrps.generation, min_peers=1, next_id=count().__next__
    )
    tables: dict[Peer, dict[str, AsPath]] = {}
    standing: set[tuple[Peer, RouteKey]] = set()
    for step in steps:
        if isinstance(step, BgpMessage):
            listen(monitor, step, standing)
            apply(tables, step)
        else:
            vrps.put(step)
            listen(monitor, BgpMessage(1.0, PEERS[0], MessageType.KEEPALIVE), standing)
            if step is not None:
                # What fires is right at once; what began to be wrong waits for its peer.
                assert standing <= expected(tables, vrps)
        assert monitor.firing == len(standing)
    for peer in PEERS:
        down = BgpMessage(1.0, peer, MessageType.STATE, session=Session.DOWN)
        listen(monitor, down, standing)
    assert not standing
