"""Who takes which hosts: every host by one, fairly, and without moving any that need not move."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgptui.pipeline.shares import Decision, decide

HOSTS = ("rrc00", "rrc01", "rrc03", "rrc04", "rrc05")


@pytest.mark.parametrize(
    ("holders", "processes", "expected"),
    [
        pytest.param({}, ["a"], Decision(take=HOSTS), id="alone-it-takes-everything"),
        pytest.param(
            {}, ["a", "b"], Decision(take=HOSTS[:3]), id="the-first-takes-the-larger-share"
        ),
        pytest.param({}, ["b", "a"], Decision(take=HOSTS[:2]), id="the-second-the-smaller"),
        pytest.param(
            dict.fromkeys(HOSTS, "a"),
            ["a", "b"],
            Decision(give=HOSTS[3:]),
            id="it-gives-what-is-too-much-when-another-joins",
        ),
        pytest.param(dict.fromkeys(HOSTS, "b"), ["b", "a"], Decision(), id="and-waits-for-its-own"),
        pytest.param(
            {"rrc00": "a", "rrc01": "a", "rrc03": "b", "rrc04": "b", "rrc05": "b"},
            ["a", "b"],
            Decision(),
            id="who-has-the-larger-share-keeps-it",
        ),
        pytest.param(
            {"rrc00": "a", "rrc01": "a"},
            ["a"],
            Decision(take=HOSTS[2:]),
            id="it-takes-what-the-dead-had",
        ),
        pytest.param(
            {"rrc00": "b", "rrc01": "c", "rrc03": "d", "rrc04": "e", "rrc05": "f"},
            ["b", "c", "d", "e", "f", "a"],
            Decision(),
            id="more-processes-than-hosts-stand-by",
        ),
    ],
)
def test_a_share(holders: dict[str, str], processes: list[str], expected: Decision) -> None:
    assert decide(HOSTS, holders, processes, me="a") == expected


def test_what_is_being_given_is_not_given_again() -> None:
    held = dict.fromkeys(HOSTS, "a")
    again = decide(HOSTS, held, ["a", "b"], me="a", giving={"rrc04", "rrc05"})
    assert again == Decision()


hosts = st.integers(1, 30).map(lambda count: [f"rrc{number:02}" for number in range(count)])
crowds = st.integers(1, 8).map(lambda count: [f"process {number}" for number in range(count)])


@given(hosts, crowds, st.randoms(use_true_random=False))
def test_whoever_looks_first_every_host_ends_with_one_process_in_a_fair_share(
    all_hosts: list[str], processes: list[str], rng: Random
) -> None:
    holders = {host: rng.choice([*processes, "dead"]) for host in all_hosts}
    holders = {host: holder for host, holder in holders.items() if holder != "dead"}
    before = dict(holders)
    for _ in range(5):
        for me in rng.sample(processes, len(processes)):
            _act(all_hosts, holders, processes, me)
    shares = [sum(holder == process for holder in holders.values()) for process in processes]
    assert holders.keys() == set(all_hosts)
    assert max(shares) - min(shares) <= 1
    assert _moved(before, holders) == _surplus(before, all_hosts, processes)

    for me in processes:
        assert decide(all_hosts, holders, processes, me=me) == Decision(), "it does not rest"


def _act(all_hosts: list[str], holders: dict[str, str], processes: list[str], me: str) -> None:
    decision = decide(all_hosts, holders, processes, me=me)
    assert not (decision.take and decision.give)
    for host in decision.give:
        assert holders.pop(host) == me
    for host in decision.take:
        assert host not in holders
        holders[host] = me


def _moved(before: dict[str, str], after: dict[str, str]) -> int:
    return sum(after[host] != holder for host, holder in before.items())


def _surplus(before: dict[str, str], all_hosts: list[str], processes: list[str]) -> int:
    """Hosts that have to move in any fair division."""
    each, left_over = divmod(len(all_hosts), len(processes))
    counts = sorted((list(before.values()).count(process) for process in processes), reverse=True)
    quotas = [each + (place < left_over) for place in range(len(processes))]
    return sum(max(0, count - quota) for count, quota in zip(counts, quotas, strict=True))
