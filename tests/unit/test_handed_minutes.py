"""The network's row of several processes is the one that a single process would have written."""

from collections.abc import Iterable
from itertools import groupby
from random import Random

from bgptui.domain.gap import Gap
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.domain.window import FeatureWindow
from bgptui.features.aggregator import Aggregator
from bgptui.features.handed_minutes import HandedMinutes, MinuteTotals, SharedNetwork

START = 1_767_787_200
PEERS = [Peer(host, f"192.0.2.{n}", 64_496 + n) for n, host in enumerate(["rrc00", "rrc01"] * 3)]


def messages(seed: int) -> list[BgpMessage]:
    rng = Random(seed)
    times = sorted(START + rng.random() * 300 for _ in range(400))
    return [
        BgpMessage(
            at,
            rng.choice(PEERS),
            MessageType.UPDATE,
            announced=tuple(f"198.51.{n}.0/24" for n in range(rng.randrange(3))),
            withdrawn=tuple(f"203.0.{n}.0/24" for n in range(rng.randrange(2))),
            as_path=tuple(range(64_500, 64_501 + rng.randrange(5))),
        )
        for at in times
    ]


def rows(taken: Iterable[BgpMessage], aggregator: Aggregator) -> list[FeatureWindow]:
    for message in taken:
        aggregator.observe(message, message.timestamp)
    return aggregator.flush()


def test_totals_of_two_processes_add_up_to_the_row_of_one() -> None:
    taken = messages(1)
    alone = [row for row in rows(taken, Aggregator()) if row.peer is None]
    network = SharedNetwork()
    for host in ("rrc00", "rrc01"):
        minutes = HandedMinutes()
        own = [message for message in taken if message.peer.collector == host]
        written = rows(own, Aggregator(network=minutes))
        assert all(row.peer is not None for row in written)
        for totals in minutes.take():
            network.add(totals)
        network.passes(host, START + 360)
    assert network.close({"rrc00", "rrc01"}) == alone
    assert [start for start, _ in groupby(row.start for row in alone)] == [
        row.start for row in alone
    ]


def totals(start: int, messages: int) -> MinuteTotals:
    return MinuteTotals(start, 1, messages, messages, 0, 0, 0, 0, 0, 0, 0, 0)


def test_a_minute_waits_for_every_collector_that_is_collected_and_sees() -> None:
    network = SharedNetwork()
    network.add(totals(START, 5))
    network.passes("rrc00", START + 60)
    network.expect("rrc01")
    assert network.close({"rrc00", "rrc01"}) == []
    network.mark_gap(Gap(START + 10.0, None, "rrc01", "silence"))
    assert [(row.start, row.messages, row.gap) for row in network.close({"rrc00", "rrc01"})] == [
        (START, 5, True)
    ]


def test_a_collector_that_nobody_collects_is_not_waited_for() -> None:
    network = SharedNetwork()
    network.add(totals(START, 5))
    network.passes("rrc00", START + 60)
    network.expect("rrc01")
    assert [row.start for row in network.close({"rrc00"})] == [START]


def test_totals_that_come_after_their_row_are_counted() -> None:
    network = SharedNetwork(closed_until=START + 60)
    network.add(totals(START, 5))
    assert network.late_minutes == 1
    assert network.close(()) == []
