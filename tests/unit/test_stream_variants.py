"""Streams with less traffic, or with little history."""

import numpy as np
import pytest

from bgptui.detect.stream_variants import AFTER_START_MIN, cold_starts, thinned
from support.labelled_minutes import T0, usual_minutes, with_storm

STREAM = with_storm(usual_minutes(600), first=300, minutes=40)


def test_thinning_keeps_one_in_so_many_and_stays_consistent() -> None:
    thin = thinned(STREAM, 50, seed=0)
    before = sum(window.total_updates for window in STREAM.windows)
    after = sum(window.total_updates for window in thin.windows)
    assert after == pytest.approx(before / 50, rel=0.1)
    assert np.array_equal(thin.labels, STREAM.labels)
    for window in thin.windows:
        assert (window.path_length is None) == (window.announcements == 0)


def test_thinning_by_one_changes_nothing_and_a_seed_repeats() -> None:
    assert [window.total_updates for window in thinned(STREAM, 1, seed=0).windows] == [
        window.total_updates for window in STREAM.windows
    ]
    assert thinned(STREAM, 50, seed=3).windows == thinned(STREAM, 50, seed=3).windows
    assert thinned(STREAM, 50, seed=3).windows != thinned(STREAM, 50, seed=4).windows


def test_a_cold_start_has_the_history_asked_for_and_some_of_the_incident() -> None:
    (cold,) = cold_starts(STREAM, 60)
    assert cold.windows[0].start == T0 + 240 * 60
    assert len(cold.windows) == 60 + AFTER_START_MIN
    assert cold.labels.tolist() == [60 <= minute < 100 for minute in range(240)]


def test_without_enough_history_or_with_another_incident_in_it_there_is_no_cold_start() -> None:
    assert cold_starts(STREAM, 301) == ()
    twice = with_storm(list(STREAM.windows), first=500, minutes=40)
    twice.labels[300:340] = True
    assert len(cold_starts(twice, 60)) == 2
    assert len(cold_starts(twice, 180)) == 1
