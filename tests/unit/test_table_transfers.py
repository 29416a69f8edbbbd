import pytest

from bgptui.correlate.table_transfers import TableTransfers
from bgptui.domain.routing import Peer
from bgptui.domain.window import FeatureWindow

PEERS = [Peer("rrc15", f"192.0.2.{n}", 64500 + n) for n in range(5)]
START = 1_267_286_640


def window(
    minute: int, announced: int, *, withdrawn: int = 0, peer: Peer = PEERS[0], gap: bool = False
) -> FeatureWindow:
    return FeatureWindow(
        START + 60 * minute, peer, announcements=announced, withdrawals=withdrawn, gap=gap
    )


def found(*windows: FeatureWindow, after_reset: bool = False) -> list[tuple[Peer, int]]:
    transfers = TableTransfers(lasts_s=600.0)
    for each in windows:
        transfers.note(each, after_reset=after_reset)
    return [(transfer.peer, transfer.announced) for transfer in transfers.found()]


def test_a_table_after_silence_is_a_transfer() -> None:
    assert found(window(0, 34), window(2, 47_833)) == [(PEERS[0], 47_833)]
    assert found(window(0, 0), window(1, 47_833)) == [(PEERS[0], 47_833)]
    assert found(window(0, 47_833)) == [(PEERS[0], 47_833)]


@pytest.mark.parametrize(
    "windows",
    [
        [window(0, 3_000), window(1, 47_833)],  # it was busy before: a leak or a storm
        [window(0, 47_833, withdrawn=500)],
        [window(0, 4_999)],
        [window(0, 47_833, gap=True)],
    ],
)
def test_what_does_not_look_like_one_is_none(windows: list[FeatureWindow]) -> None:
    assert found(*windows) == []


def test_after_a_reset_it_needs_no_silence() -> None:
    assert len(found(window(0, 3_000), window(1, 47_833), after_reset=True)) == 1


def test_what_three_ases_do_at_once_is_no_transfer() -> None:
    assert len(found(*(window(0, 9_000, peer=peer) for peer in PEERS[:2]))) == 2
    assert found(*(window(0, 9_000, peer=peer) for peer in PEERS[:3])) == []


def test_the_windows_that_follow_belong_to_it() -> None:
    transfers = TableTransfers(lasts_s=600.0)
    transfers.note(window(0, 40_000), after_reset=False)
    [transfer] = transfers.found()
    transfers.note(window(1, 9_000), after_reset=False)
    assert (transfer.announced, transfer.end) == (49_000, START + 120)
    assert transfers.includes(window(10, 5))
    assert not transfers.includes(window(11, 5))
    assert not transfers.includes(window(1, 5, peer=PEERS[1]))
    assert transfers.found() == []


@pytest.mark.parametrize(("announced", "lasted_s"), [(0, 60), (400, 60), (4_000, 660)])
def test_a_transfer_ends_though_its_peer_goes_on(announced: int, lasted_s: int) -> None:
    """A peer has a window for every minute: they do not all belong to its transfer."""
    transfers = TableTransfers(lasts_s=600.0)
    transfers.note(window(0, 40_000), after_reset=False)
    [transfer] = transfers.found()
    for minute in range(1, 60):
        transfers.note(window(minute, announced), after_reset=False)
    assert transfer.end == START + lasted_s
    assert transfer.announced == 40_000 + announced * (lasted_s // 60 - 1)
