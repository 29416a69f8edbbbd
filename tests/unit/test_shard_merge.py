"""What several processes hand over is taken in one order of time, and nobody holds it up long."""

from bgptui.pipeline.handing import HandedMoment
from bgptui.pipeline.shard_merge import BEHIND_S, SILENT_S, Item, ShardMerge


def item(now: float, moment_id: int, holder: str) -> Item:
    return Item(now, moment_id, holder, HandedMoment(now, {"rrc00": 1}))


def ids(items: list[Item]) -> list[int]:
    return [each.moment_id for each in items]


def test_items_are_taken_in_order_of_time_up_to_where_every_process_is() -> None:
    merge = ShardMerge()
    for each in (item(100, 1, "a"), item(103, 2, "a"), item(101, 3, "b")):
        merge.put(each, at=0.0)
    assert ids(merge.ready({"a", "b"}, at=0.0)) == [1, 3]
    merge.put(item(104, 4, "b"), at=1.0)
    assert ids(merge.ready({"a", "b"}, at=1.0)) == [2]


def test_a_process_that_lives_and_has_said_nothing_is_waited_for_and_not_for_ever() -> None:
    merge = ShardMerge()
    merge.put(item(100, 1, "a"), at=0.0)
    assert merge.ready({"a", "b"}, at=0.0) == []
    merge.put(item(101, 2, "a"), at=SILENT_S + 0.1)
    assert ids(merge.ready({"a", "b"}, at=SILENT_S + 0.1)) == [1, 2]


def test_a_process_whose_clock_is_far_behind_is_not_waited_for() -> None:
    merge = ShardMerge()
    merge.put(item(100, 1, "a"), at=0.0)
    merge.put(item(100 - BEHIND_S - 1, 2, "b"), at=0.0)
    assert ids(merge.ready({"a", "b"}, at=0.0)) == [2, 1]


def test_what_a_dead_process_left_is_taken() -> None:
    merge = ShardMerge()
    merge.put(item(100, 1, "dead"), at=0.0)
    merge.put(item(102, 2, "a"), at=0.0)
    assert ids(merge.ready({"a"}, at=0.0)) == [1, 2]
    assert merge.known == {1, 2}
    merge.done((1, 2))
    assert merge.known == set()


def test_where_time_is_the_datas_a_process_is_waited_for_however_long() -> None:
    merge = ShardMerge(silent_s=float("inf"), behind_s=float("inf"))
    merge.put(item(100, 1, "a"), at=0.0)
    merge.put(item(5_000, 2, "b"), at=0.0)
    assert ids(merge.ready({"a", "b"}, at=9_999.0)) == [1]
