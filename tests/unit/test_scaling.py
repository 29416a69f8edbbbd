"""Feature scales, exact medians and spreads, the gated baseline."""

import numpy as np
import pytest

from bgptui.detect.baseline import ACCEPT_AFTER_MIN, DAY_MIN, WAITING_MIN, Baselines
from bgptui.detect.scaling import (
    INDEX,
    median_and_spread,
    median_of_observed,
    scale,
    scaled_features,
    unscale,
)
from bgptui.domain.window import FEATURES, FeatureWindow

ONE = np.array([0], dtype=np.intp)


def minute_of(updates: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Scaled features [1, features] of a minute with so many announcements and UPDATEs."""
    raw = np.array([[updates, 0, updates, 0, 0, 4.0, 1, updates / 60, 0]])
    return scale(raw)


def quiet(count: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.zeros(count, dtype=np.float32)


def loud(count: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.full(count, 3.0, dtype=np.float32)


def test_counts_are_scaled_as_logs_and_the_rate_as_updates_a_minute() -> None:
    window = FeatureWindow(
        start=0, peer=None, announcements=9, withdrawals=3, unique_peers=2, message_rate=0.1,
        path_length=4.5,
    )  # fmt: skip
    row = scaled_features([window])[0]
    assert row[INDEX["total_updates"]] == pytest.approx(np.log1p(12))
    assert row[INDEX["message_rate"]] == pytest.approx(np.log1p(6))
    assert row[INDEX["withdrawal_ratio"]] == pytest.approx(0.25)
    assert row[INDEX["path_length"]] == pytest.approx(4.5)


def test_a_window_without_a_path_length_has_nan_there_alone() -> None:
    row = scaled_features([FeatureWindow(start=0, peer=None)])[0]
    assert np.flatnonzero(np.isnan(row)).tolist() == [INDEX["path_length"]]


def test_unscale_undoes_scale() -> None:
    raw = np.array([[130.0, 29, 159, 0.18, 8, 6.2, 3, 2.65, 1]])
    assert unscale(scale(raw)) == pytest.approx(raw, rel=1e-5)


def test_medians_and_quartiles_are_exact_and_leave_out_what_was_not_observed() -> None:
    rng = np.random.default_rng(1)
    minutes = rng.normal(5, 2, size=(3, len(FEATURES), 101)).astype(np.float32)
    minutes[1, :, 40:] = np.nan
    median, spread = median_and_spread(minutes)
    for stream in range(3):
        seen = minutes[stream, 0][~np.isnan(minutes[stream, 0])]
        low, middle, high = np.percentile(seen, [25, 50, 75])
        assert median[stream, 0] == pytest.approx(middle, rel=1e-6)
        assert spread[stream, 0] == pytest.approx((high - low) / 1.349, rel=1e-5)


def test_a_flat_baseline_has_the_least_spread_of_its_feature() -> None:
    busy = np.repeat(minute_of(1_000)[:, :, None], 50, axis=2)
    _, spread = median_and_spread(busy)
    assert spread[0, INDEX["announcements"]] == pytest.approx(0.15)
    assert spread[0, INDEX["withdrawal_ratio"]] == pytest.approx(0.03)
    assert spread[0, INDEX["path_length"]] == pytest.approx(0.25)


def test_a_count_is_never_taken_for_steadier_than_counting_allows() -> None:
    for updates, least in ((0, 0.5), (3, 0.5), (24, 0.2), (99, 0.15)):
        _, spread = median_and_spread(np.repeat(minute_of(updates)[:, :, None], 50, axis=2))
        assert spread[0, INDEX["announcements"]] == pytest.approx(least, rel=1e-5)


def test_the_median_of_too_few_observed_values_is_unknown() -> None:
    values = np.array([[1, 2, 9, np.nan], [1, np.nan, np.nan, np.nan]], dtype=np.float32)
    found = median_of_observed(values, 2)
    assert found[0] == 2
    assert np.isnan(found[1])


def baselines(minimum: int = 60) -> Baselines:
    found = Baselines(minimum_history_min=minimum)
    found.grow()
    return found


def test_there_is_no_baseline_before_the_least_history() -> None:
    found = baselines()
    for minute in range(59):
        found.renew(ONE, minute)
        found.learn(ONE, minute_of(10), quiet())
    found.renew(ONE, 59)
    assert np.isnan(found.median[0]).all()
    found.learn(ONE, minute_of(10), quiet())
    found.renew(ONE, 60)
    assert unscale(found.median[:1])[0, 0] == pytest.approx(10, rel=1e-5)


def test_a_minute_of_unusual_volume_stays_out_of_the_baseline() -> None:
    found = baselines()
    for _ in range(400):
        found.learn(ONE, minute_of(10), quiet())
    for _ in range(600):
        found.learn(ONE, minute_of(500), loud())
    assert found.minutes[0] == 400
    found.renew(ONE, 1_000)
    assert unscale(found.median[:1])[0, 0] == pytest.approx(10, rel=1e-5)


def test_silence_stays_out_of_the_baseline_too() -> None:
    found = baselines()
    for _ in range(400):
        found.learn(ONE, minute_of(10), quiet())
    found.learn(ONE, minute_of(0), -loud())
    assert found.minutes[0] == 400


def test_the_first_six_hours_are_taken_whatever_they_are() -> None:
    found = baselines()
    for _ in range(360):
        found.learn(ONE, minute_of(500), loud())
    assert found.minutes[0] == 360


def test_a_shut_gate_opens_after_ten_calm_minutes_in_a_row() -> None:
    found = baselines()
    for _ in range(400):
        found.learn(ONE, minute_of(10), quiet())
    found.learn(ONE, minute_of(500), loud())
    restless = np.full_like(quiet(), 1.2)
    for _ in range(3):
        for _ in range(9):
            found.learn(ONE, minute_of(100), quiet())
        found.learn(ONE, minute_of(100), restless)
    assert found.minutes[0] == 400
    for _ in range(9):
        found.learn(ONE, minute_of(10), quiet())
    assert found.minutes[0] == 400
    found.learn(ONE, minute_of(10), quiet())
    assert found.minutes[0] == 401


def test_an_open_gate_stays_open_up_to_one_and_a_half_sigma() -> None:
    found = baselines()
    for _ in range(400):
        found.learn(ONE, minute_of(10), quiet())
    found.learn(ONE, minute_of(20), np.full_like(quiet(), 1.4))
    assert found.minutes[0] == 401


def test_after_two_days_a_new_level_is_accepted_and_learned_from_its_last_two_hours() -> None:
    found = baselines()
    for _ in range(400):
        found.learn(ONE, minute_of(10), quiet())
    for _ in range(ACCEPT_AFTER_MIN - 1):
        found.learn(ONE, minute_of(500), loud())
    assert found.minutes[0] == 400
    found.learn(ONE, minute_of(500), loud())
    assert found.minutes[0] == WAITING_MIN
    found.renew(ONE, 1)
    assert unscale(found.median[:1])[0, 0] == pytest.approx(500, rel=1e-5)


def test_the_oldest_minutes_leave_after_a_day() -> None:
    found = baselines()
    for _ in range(DAY_MIN):
        found.learn(ONE, minute_of(10), quiet())
    for _ in range(DAY_MIN // 2 + 1):
        found.learn(ONE, minute_of(20), quiet())
    found.renew(ONE, 0)
    assert found.minutes[0] == DAY_MIN
    assert unscale(found.median[:1])[0, 0] == pytest.approx(20, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_a_restored_baseline_is_the_one_learned_minute_by_minute(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.concatenate([minute_of(float(n)) for n in rng.integers(0, 50, 5_000)])
    volume_z = np.where(rng.random(5_000) < 0.1, 3.0, 0.0).astype(np.float32)
    volume_z[900:4_200] = 3.0
    learned, restored = baselines(), baselines()
    for row, z in zip(rows, volume_z, strict=True):
        learned.learn(ONE, row[None], z[None])
    restored.restore(0, rows, volume_z)
    more = minute_of(7)
    for found in (learned, restored):
        for _ in range(30):
            found.learn(ONE, more, quiet())
        found.renew(ONE, 0)
    assert learned.minutes[0] == restored.minutes[0]
    assert learned.median[0].tolist() == restored.median[0].tolist()
    assert learned.spread[0].tolist() == restored.spread[0].tolist()


def test_streams_of_many_blocks_do_not_mix() -> None:
    found = Baselines(minimum_history_min=60)
    for _ in range(3):
        found.grow()
    streams = np.array([0, 63, 64, 191], dtype=np.intp)
    rows = np.concatenate([minute_of(n) for n in (1, 10, 100, 1_000)])
    for minute in range(61):
        found.renew(streams, minute)
        found.learn(streams, rows, quiet(4))
    found.renew(streams, 61)
    assert unscale(found.median[streams])[:, 0] == pytest.approx([1, 10, 100, 1_000], rel=1e-4)
