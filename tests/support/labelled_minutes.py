"""Made-up labelled streams: usual minutes with a storm in them."""

from pathlib import Path
from random import Random

import numpy as np

from bgptui.detect.labelled import LabelledStream
from bgptui.domain.window import FEATURES, FeatureWindow

T0 = 1_700_000_040  # the start of a minute
DAY_MIN = 1_440


def usual_minutes(minutes: int, *, seed: int = 1, begin: int = T0) -> list[FeatureWindow]:
    """Minutes with a modest noise."""
    rng = Random(seed)
    windows = []
    for minute in range(minutes):
        announcements, withdrawals = rng.randint(40, 80), rng.randint(3, 9)
        windows.append(
            FeatureWindow(
                start=begin + minute * 60,
                peer=None,
                announcements=announcements,
                withdrawals=withdrawals,
                flap_count=withdrawals // 4,
                path_length=round(4 + rng.random(), 4),
                unique_peers=3,
                message_rate=round((announcements + withdrawals) / 120, 4),
            )
        )
    return windows


def with_storm(
    windows: list[FeatureWindow], *, first: int, minutes: int, name: str = "storm"
) -> LabelledStream:
    """The windows with a labelled storm, twenty times the traffic."""
    labels = np.zeros(len(windows), dtype=np.bool_)
    labels[first : first + minutes] = True
    stormy = [
        FeatureWindow(
            start=window.start,
            peer=None,
            announcements=window.announcements * 20,
            withdrawals=window.withdrawals * 20,
            flap_count=window.flap_count * 20,
            path_length=window.path_length,
            unique_peers=window.unique_peers,
            message_rate=window.message_rate * 20,
        )
        if labelled
        else window
        for window, labelled in zip(windows, labels, strict=True)
    ]
    return LabelledStream(name, name, tuple(stormy), labels, ("session_resets",))


def write_csv(path: Path, stream: LabelledStream) -> Path:
    """A file that `read_labelled_file` reads the stream from."""
    lines = [",".join(("epoch", *FEATURES, "label"))]
    for window, label in zip(stream.windows, stream.labels, strict=True):
        values = (getattr(window, name) for name in FEATURES)
        cells = ("" if value is None else f"{value}" for value in values)
        lines.append(",".join((f"{window.start}", *cells, f"{int(label)}")))
    path.write_text("\n".join(lines) + "\n")
    return path
