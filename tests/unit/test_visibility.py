from hypothesis import given
from hypothesis import strategies as st

from bgptui.domain.routing import Peer
from bgptui.routemon.visibility import Loss, Visibility

PREFIX = "203.0.113.0/24"
PEERS = [Peer("rrc00", f"192.0.2.{number}", 64500 + number) for number in range(10)]


def seen_by(count: int) -> Visibility:
    visibility = Visibility([PREFIX])
    for number, peer in enumerate(PEERS[:count]):
        visibility.announced(PREFIX, peer, 100 + number % 2)
    return visibility


def test_a_prefix_that_everybody_has_is_not_lost() -> None:
    assert seen_by(10).loss(PREFIX) == Loss(0, 10)


def test_a_peer_that_withdraws_had_it_be_it_before_we_listened() -> None:
    visibility = seen_by(5)
    assert visibility.withdrawn(PREFIX, PEERS[9])
    assert visibility.loss(PREFIX) == Loss(1, 6)


def test_a_peer_that_has_it_again_counts_as_having_it() -> None:
    visibility = seen_by(10)
    assert all(visibility.withdrawn(PREFIX, peer) for peer in PEERS[:4])
    assert not visibility.withdrawn(PREFIX, PEERS[0])
    assert visibility.loss(PREFIX).share == 0.4
    assert visibility.losers(PREFIX) == PEERS[:4]
    assert visibility.announced(PREFIX, PEERS[0], 100)
    assert visibility.loss(PREFIX) == Loss(3, 10)


def test_a_session_that_went_down_is_no_loss() -> None:
    visibility = seen_by(4)
    visibility.withdrawn(PREFIX, PEERS[0])
    assert list(visibility.forget(PEERS[0])) == [PREFIX]
    assert list(visibility.forget(PEERS[1])) == []
    assert visibility.loss(PREFIX) == Loss(0, 2)


def test_a_loss_that_is_accepted_is_forgotten() -> None:
    visibility = seen_by(4)
    visibility.withdrawn(PREFIX, PEERS[0])
    visibility.forget_lost(PREFIX)
    assert visibility.loss(PREFIX) == Loss(0, 3)


def test_the_loss_is_split_by_the_upstream_over_which_peers_had_it() -> None:
    visibility = seen_by(6)
    for peer in (PEERS[1], PEERS[3]):
        visibility.withdrawn(PREFIX, peer)
    visibility.announced(PREFIX, PEERS[5], 100)
    assert visibility.by_upstream(PREFIX) == [(100, 0, 4), (101, 2, 0)]


def test_prefixes_that_stay_on_the_list_keep_what_is_known() -> None:
    visibility = seen_by(3)
    visibility.watch([PREFIX, "198.51.100.0/24"])
    assert visibility.loss(PREFIX).had == 3
    assert "198.51.100.0/24" in visibility
    visibility.watch(["198.51.100.0/24"])
    assert PREFIX not in visibility


def test_peers_beyond_the_bound_are_left_out_and_that_is_known() -> None:
    visibility = Visibility([PREFIX], peers_most=2)
    for peer in PEERS:
        visibility.announced(PREFIX, peer, None)
    assert visibility.loss(PREFIX) == Loss(0, 2)
    assert visibility.left_out == len(PEERS) - 2


@given(
    st.lists(
        st.tuples(st.sampled_from(["announce", "withdraw", "forget"]), st.sampled_from(PEERS)),
        max_size=60,
    )
)
def test_the_state_is_that_of_each_peers_last_word(acts: list[tuple[str, Peer]]) -> None:
    visibility = Visibility([PREFIX])
    last: dict[Peer, bool] = {}
    for act, peer in acts:
        if act == "announce":
            visibility.announced(PREFIX, peer, 100)
            last[peer] = True
        elif act == "withdraw":
            visibility.withdrawn(PREFIX, peer)
            last[peer] = False
        else:
            list(visibility.forget(peer))
            last.pop(peer, None)
    lost = [peer for peer, has in last.items() if not has]
    assert visibility.loss(PREFIX) == Loss(len(lost), len(last))
    assert set(visibility.losers(PREFIX)) == set(lost)
