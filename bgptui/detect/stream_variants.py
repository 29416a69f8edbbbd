"""Labelled streams made harder: with less traffic, or with little history."""

from dataclasses import replace

import numpy as np
from msgspec.structs import replace as replace_fields

from bgptui.detect.labelled import LabelledStream
from bgptui.domain.window import WINDOW_S, FeatureWindow

# What follows a label's start in a stream that is cut for a cold start.
AFTER_START_MIN = 180


def thinned(stream: LabelledStream, factor: int, seed: int) -> LabelledStream:
    """The stream as a peer with `factor` times less traffic would see it.

    Each announcement, withdrawal, flap and message is kept with a chance of 1 / factor.
    """
    rng = np.random.default_rng([seed, factor, *stream.name.encode()])
    counts = np.array(
        [
            (row.announcements, row.withdrawals, row.flap_count, round(row.message_rate * WINDOW_S))
            for row in stream.windows
        ]
    )
    kept = rng.binomial(counts, 1 / factor).tolist()
    return replace(
        stream,
        windows=tuple(
            _with_counts(window, *row) for window, row in zip(stream.windows, kept, strict=True)
        ),
    )


def cold_starts(stream: LabelledStream, history_min: int) -> tuple[LabelledStream, ...]:
    """For each labelled interval the stream from so many minutes before it.

    Intervals with less history than that before them, or with another interval in it, have
    none.
    """
    starts = np.array([window.start for window in stream.windows])
    cut: list[LabelledStream] = []
    for begin in (np.flatnonzero(np.diff(stream.labels.astype(np.int8)) == 1) + 1).tolist():
        since = starts[begin] - history_min * WINDOW_S
        first, last = np.searchsorted(starts, [since, starts[begin] + AFTER_START_MIN * WINDOW_S])
        if starts[0] <= since and not stream.labels[first:begin].any():
            part = slice(first, last)
            cut.append(replace(stream, windows=stream.windows[part], labels=stream.labels[part]))
    return tuple(cut)


def _with_counts(
    window: FeatureWindow, announcements: int, withdrawals: int, flap_count: int, messages: int
) -> FeatureWindow:
    return replace_fields(
        window,
        announcements=announcements,
        withdrawals=withdrawals,
        flap_count=flap_count,
        message_rate=messages / WINDOW_S,
        path_length=window.path_length if announcements else None,
    )
