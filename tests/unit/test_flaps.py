"""Flap memory: withdrawn, then announced again within 300 s."""

import pytest

from bgptui.features.flaps import FlapMemory, Withdrawals

PREFIX = "198.51.100.0/24"
OTHER = "203.0.113.0/24"


def memory(capacity: int = 100) -> FlapMemory:
    return FlapMemory(flap_s=300, disorder_s=10, capacity=capacity)


@pytest.mark.parametrize(
    ("after_s", "flaps"), [(0, 1), (1, 1), (299.999, 1), (300, 1), (300.001, 0), (5_000, 0)]
)
def test_an_announcement_up_to_300_s_after_the_withdrawal_is_a_flap(
    after_s: float, flaps: int
) -> None:
    flap_memory, peer = memory(), Withdrawals()
    flap_memory.withdraw(peer, [PREFIX], 1_700_000_000.1)
    assert flap_memory.announce(peer, [PREFIX], 1_700_000_000.1 + after_s) == flaps


def test_only_the_first_announcement_after_a_withdrawal_is_a_flap() -> None:
    flap_memory, peer = memory(), Withdrawals()
    flap_memory.withdraw(peer, [PREFIX], 0)
    assert flap_memory.announce(peer, [PREFIX], 10) == 1
    assert flap_memory.announce(peer, [PREFIX], 20) == 0


def test_a_late_announcement_ends_the_wait_without_a_flap() -> None:
    flap_memory, peer = memory(), Withdrawals()
    flap_memory.withdraw(peer, [PREFIX], 0)
    assert flap_memory.announce(peer, [PREFIX], 305) == 0
    assert flap_memory.size == 0


def test_the_newest_withdrawal_counts() -> None:
    flap_memory, peer = memory(), Withdrawals()
    flap_memory.withdraw(peer, [PREFIX], 0)
    flap_memory.withdraw(peer, [PREFIX], 290)
    flap_memory.withdraw(peer, [PREFIX], 280)
    assert flap_memory.size == 1
    assert flap_memory.announce(peer, [PREFIX], 585) == 1


def test_a_withdrawal_outlives_the_change_of_generations() -> None:
    flap_memory, peer = memory(), Withdrawals()
    flap_memory.withdraw(peer, [OTHER], 0)
    flap_memory.withdraw(peer, [PREFIX], 310)
    flap_memory.withdraw(peer, [OTHER], 311)
    assert flap_memory.announce(peer, [PREFIX], 610) == 1


def test_an_announcement_older_than_the_withdrawal_does_not_consume_it() -> None:
    flap_memory, peer = memory(), Withdrawals()
    flap_memory.withdraw(peer, [PREFIX], 100)
    assert flap_memory.announce(peer, [PREFIX], 99) == 0
    assert flap_memory.announce(peer, [PREFIX], 101) == 1


def test_peers_do_not_share_withdrawals() -> None:
    flap_memory, one, two = memory(), Withdrawals(), Withdrawals()
    flap_memory.withdraw(one, [PREFIX], 0)
    assert flap_memory.announce(two, [PREFIX], 1) == 0


def test_what_expired_takes_no_memory() -> None:
    flap_memory, peer = memory(), Withdrawals()
    flap_memory.withdraw(peer, [PREFIX, OTHER], 0)
    flap_memory.expire(peer, 1_000)
    assert (flap_memory.size, len(peer)) == (0, 0)


def test_a_full_memory_forgets_the_oldest_of_the_peer_that_fills_it_and_counts_it() -> None:
    flap_memory, quiet, noisy = memory(capacity=3), Withdrawals(), Withdrawals()
    flap_memory.withdraw(quiet, [PREFIX], 0)
    flap_memory.withdraw(noisy, [f"10.0.{i}.0/24" for i in range(10)], 1)
    assert (flap_memory.size, flap_memory.evictions) == (3, 8)
    assert flap_memory.announce(quiet, [PREFIX], 2) == 1


def test_a_peer_with_nothing_to_give_up_is_not_remembered_while_the_memory_is_full() -> None:
    flap_memory, full, late = memory(capacity=2), Withdrawals(), Withdrawals()
    flap_memory.withdraw(full, [PREFIX, OTHER], 0)
    flap_memory.withdraw(late, [PREFIX], 1)
    assert (flap_memory.size, flap_memory.evictions) == (2, 1)
    assert flap_memory.announce(late, [PREFIX], 2) == 0
