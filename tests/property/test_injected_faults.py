"""What a fault may change in a minute, and what it must leave alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgptui.detect.injected_faults import FAULTS, NOTHING, Fault, inject
from bgptui.domain.window import FeatureWindow

BY_NAME = {fault.name: fault for fault in FAULTS}

counts = st.integers(0, 100_000)
windows = st.builds(
    FeatureWindow,
    start=st.just(0),
    peer=st.none(),
    announcements=counts,
    withdrawals=counts,
    flap_count=counts,
    path_length=st.none() | st.floats(1, 30),
    unique_peers=st.integers(0, 100),
    message_rate=st.floats(0, 1_000),
    gap=st.booleans(),
)


@given(st.lists(windows, max_size=40), st.sampled_from(FAULTS), st.integers(0, 40))
def test_minutes_outside_a_fault_and_gaps_are_as_they_were(
    rows: list[FeatureWindow], fault: Fault, at: int
) -> None:
    changed = inject(fault, rows, at)
    assert len(changed) == len(rows)
    for place, (before, after) in enumerate(zip(rows, changed, strict=True)):
        assert (after.start, after.peer, after.gap) == (before.start, before.peer, before.gap)
        if before.gap or not at <= place < at + fault.minutes:
            assert after == before


@given(windows)
def test_silence_leaves_no_update_and_no_path(window: FeatureWindow) -> None:
    silent = BY_NAME["silence"].change(window)
    assert (silent.total_updates, silent.message_rate, silent.path_length) == (0, 0.0, None)


@given(windows)
def test_a_withdrawal_storm_withdraws_ten_times_more_and_at_least_fifty(
    window: FeatureWindow,
) -> None:
    stormy = BY_NAME["withdrawals x10"].change(window)
    assert stormy.withdrawals == max(10 * window.withdrawals, 50)
    assert stormy.announcements == window.announcements


@given(windows)
def test_churn_multiplies_every_count_alike(window: FeatureWindow) -> None:
    churned = BY_NAME["churn x10"].change(window)
    assert churned.total_updates == 10 * window.total_updates
    assert churned.withdrawal_ratio == pytest.approx(window.withdrawal_ratio)
    assert churned.path_length == window.path_length


@pytest.mark.parametrize("name", ["leak-like burst", "path shift +1.5"])
@given(window=windows)
def test_paths_become_longer_only_where_there_are_paths(name: str, window: FeatureWindow) -> None:
    after = BY_NAME[name].change(window).path_length
    assert (after is None) == (window.path_length is None)
    assert after is None or window.path_length is None or after > window.path_length


@given(windows)
def test_nothing_changes_nothing(window: FeatureWindow) -> None:
    assert inject(NOTHING, [window], 0) == (window,)
