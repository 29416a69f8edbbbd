"""How long the disk lasts is told only from what was seen."""

from bgptui.pipeline.disk import LOOK_EVERY_S, DiskForecast


def test_nothing_is_told_of_a_server_elsewhere() -> None:
    assert DiskForecast(lambda: None).look(0.0) == (None, None)


def test_hours_left_follow_from_the_pace_of_the_last_looks() -> None:
    left = iter(range(10_000, 0, -1_000))
    forecast = DiskForecast(lambda: next(left))
    told = [forecast.look(number * LOOK_EVERY_S) for number in range(6)]
    assert told[0] == (10_000, None)
    assert told[-1] == (5_000, 5_000 / 5_000 * 5 * LOOK_EVERY_S / 3_600)


def test_a_disk_that_does_not_shrink_lasts() -> None:
    forecast = DiskForecast(lambda: 7)
    assert [forecast.look(number * LOOK_EVERY_S) for number in range(10)][-1] == (7, None)


def test_between_two_looks_the_disk_is_left_alone() -> None:
    left = iter([7])
    forecast = DiskForecast(lambda: next(left))
    assert forecast.look(0.0) == forecast.look(LOOK_EVERY_S / 2) == (7, None)
