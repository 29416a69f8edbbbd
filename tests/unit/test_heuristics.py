"""Named reasons, each on its own."""

import numpy as np
import pytest

from bgptui.detect.heuristics import DEFAULT_RAMPS, REASONS, Evidence, reasons
from bgptui.detect.scaling import INDEX
from bgptui.domain.window import FEATURES


def p_of(
    *,
    five: dict[str, float] | None = None,
    fifteen: dict[str, float] | None = None,
    least: dict[str, float] | None = None,
    before: dict[str, float] | None = None,
    ewma: float = 0.0,
    resets: int = 0,
    peers: int = 1,
    usual_updates: float = 100.0,
    recent_updates: float | None = None,
) -> dict[str, float]:
    """p of each reason for one stream with these medians of z, others 0."""

    def medians(
        given: dict[str, float] | None,
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        row = np.zeros((1, len(FEATURES)), dtype=np.float32)
        for name, value in (given or {}).items():
            row[0, INDEX[name]] = value
        return row

    found = reasons(
        Evidence(
            median_5min=medians(five),
            median_15min=medians(fifteen),
            least_4min=medians(least),
            least_5min=medians(least),
            before_burst=medians(before),
            ewma=np.array([ewma]),
            resets=np.array([resets]),
            peers=np.array([peers]),
            usual_updates=np.array([usual_updates]),
            recent_updates=np.array([0.0 if recent_updates is None else recent_updates]),
        ),
        DEFAULT_RAMPS,
    )
    return dict(zip(REASONS, found[0].tolist(), strict=True))


def test_nothing_unusual_gives_no_reason() -> None:
    assert set(p_of().values()) == {0.0}


def test_high_volume_is_critical_churn() -> None:
    counts = ("announcements", "withdrawals", "total_updates", "flap_count", "message_rate")
    volume = dict.fromkeys(counts, 8.0) | {"withdrawal_ratio": -2.0}
    assert p_of(five=volume)["CRITICAL_CHURN"] == 1
    assert p_of(five=volume)["WITHDRAWAL_STORM"] == 0


def test_withdrawals_are_a_storm_only_with_a_rising_share_of_all_updates() -> None:
    storm = {"withdrawals": 8.0, "withdrawal_ratio": 6.0}
    assert p_of(five=storm)["WITHDRAWAL_STORM"] == 1
    assert p_of(five=storm | {"withdrawal_ratio": 3.0})["WITHDRAWAL_STORM"] == 0.5
    assert p_of(five=storm | {"withdrawal_ratio": 0.0})["WITHDRAWAL_STORM"] == 0


def test_a_burst_of_withdrawals_is_not_a_burst_of_everything() -> None:
    burst = {"withdrawals": 5.0, "withdrawal_ratio": 4.0}
    found = p_of(least=burst)
    assert found["WITHDRAWAL_BURST"] == 1
    assert found["CHURN_BURST"] == pytest.approx(2 / 9)
    everything = dict.fromkeys(("announcements", "withdrawals", "flap_count"), 4.0)
    found = p_of(least=everything)
    assert (found["WITHDRAWAL_BURST"], found["CHURN_BURST"]) == (0, 1)


def test_a_burst_must_rise_above_half_of_what_was_going_on_before() -> None:
    everything = dict.fromkeys(("announcements", "withdrawals", "flap_count"), 4.0)
    assert p_of(least=everything, before=everything)["CHURN_BURST"] == pytest.approx(1 / 3)


def test_flaps_above_the_usual_are_flapping() -> None:
    assert p_of(five={"flap_count": 5.0})["FLAPPING"] == 0.5


@pytest.mark.parametrize("sign", [-1, 1])
def test_paths_that_grow_or_shrink_for_a_quarter_of_an_hour_are_a_shift(sign: int) -> None:
    assert p_of(fifteen={"path_length": sign * 4.0})["PATH_LENGTH_SHIFT"] == 0.5


def quiet() -> dict[str, float]:
    return dict.fromkeys(("announcements", "total_updates", "message_rate"), -8.0)


def test_a_stream_that_falls_silent_is_noticed() -> None:
    assert p_of(five=quiet())["SILENCE"] == 1


def test_a_stream_that_never_says_much_cannot_be_silent() -> None:
    assert p_of(five=quiet(), usual_updates=14.9)["SILENCE"] == 0


def test_a_session_that_just_went_down_is_not_silence() -> None:
    found = p_of(five=quiet(), resets=1)
    assert found["SILENCE"] == 0
    assert found["SESSION_RESET"] == 0.25


@pytest.mark.parametrize(
    ("resets", "peers", "p"), [(1, 1, 0.25), (4, 1, 1), (1, 6, 0), (6, 100, 0), (26, 100, 1)]
)
def test_a_session_reset_weighs_by_how_many_of_the_peers_had_one(
    resets: int, peers: int, p: float
) -> None:
    assert p_of(resets=resets, peers=peers)["SESSION_RESET"] == pytest.approx(p)


def test_sustained_volume_is_at_one_half_where_a_normal_stream_comes_once_a_day() -> None:
    low, high = DEFAULT_RAMPS["SUSTAINED_VOLUME"].at
    assert p_of(ewma=(low + high) / 2)["SUSTAINED_VOLUME"] == pytest.approx(0.5)


def test_half_as_much_as_usual_is_no_silence_however_rare_it_is() -> None:
    calm = {"total_updates": -8.0, "announcements": -8.0, "withdrawals": -8.0}
    low = calm | {"message_rate": -8.0, "flap_count": -8.0}
    assert p_of(five=low, usual_updates=70.0, recent_updates=36.0)["SILENCE"] == 0
    assert p_of(five=low, usual_updates=70.0, recent_updates=17.0)["SILENCE"] == 1
