"""Channels block when full, drain after close and count what they drop."""

import threading

import pytest

from bgptui.runtime.channel import Channel, ChannelClosed


def test_items_come_out_in_the_order_they_went_in() -> None:
    channel: Channel[int] = Channel("numbers", capacity=3)
    for number in (1, 2, 3):
        channel.put(number)
    assert [channel.get(), channel.get(), channel.get()] == [1, 2, 3]


def test_get_answers_none_when_nothing_comes_in_time() -> None:
    assert Channel[int]("numbers", capacity=1).get(0.001) is None


def test_a_full_channel_that_blocks_waits_for_its_reader() -> None:
    channel: Channel[int] = Channel("numbers", capacity=1)
    channel.put(1)
    writer = threading.Thread(target=channel.put, args=(2,))
    writer.start()
    assert channel.get(5) == 1
    assert channel.get(5) == 2
    writer.join(5)
    assert not writer.is_alive()


def test_a_closed_channel_gives_what_is_inside_and_then_says_so() -> None:
    channel: Channel[int] = Channel("numbers", capacity=2)
    channel.put(1)
    channel.close()
    channel.close()
    with pytest.raises(ChannelClosed):
        channel.put(2)
    assert channel.get() == 1
    with pytest.raises(ChannelClosed):
        channel.get()


def test_closing_wakes_a_writer_that_waits() -> None:
    channel: Channel[int] = Channel("numbers", capacity=1)
    channel.put(1)
    seen: list[BaseException] = []

    def write() -> None:
        try:
            channel.put(2)
        except ChannelClosed as error:
            seen.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    channel.close()
    writer.join(5)
    assert len(seen) == 1


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity 0"):
        Channel[int]("numbers", capacity=0)


def test_an_offer_is_taken_only_while_there_is_room() -> None:
    channel: Channel[int] = Channel("numbers", capacity=1)
    assert channel.offer(1)
    assert not channel.offer(2)
    assert channel.get() == 1
    channel.close()
    assert not channel.offer(3)
