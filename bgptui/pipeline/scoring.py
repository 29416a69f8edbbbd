"""The scoring stage: a moment's windows become scores; everything else passes through."""

import time

import msgspec

from bgptui.detect.detector import Detector
from bgptui.pipeline.moment import Moment, Moments
from bgptui.runtime.channel import Channel
from bgptui.store.batch import WriteBatch


class ScoringStage:
    """Scores closed windows and hands features and scores to the writer."""

    def __init__(
        self, detector: Detector, *, moments: Channel[Moments], writes: Channel[WriteBatch]
    ) -> None:
        self._detector = detector
        self._moments = moments
        self._writes = writes

    def process(self, batch: Moments, now: float) -> None:
        self._moments.put(
            Moments(
                now,
                tuple(self._score(moment) for moment in batch.items),
            )
        )

    def tick(self, now: float) -> None:
        """Pass time on: behind everything that came before, in the one line of moments."""
        self._moments.put(Moments(now, ()))

    def flush(self) -> None:
        """Nothing is held back."""

    def _score(self, moment: Moment) -> Moment:
        if moment.histories:
            self._detector.restore(moment.histories)
        if not moment.windows:
            return moment
        started = time.perf_counter()
        scores = self._detector.score(moment.windows, moment.now)
        spent_ms = (time.perf_counter() - started) * 1000 / len(moment.windows)
        timed = tuple(
            msgspec.structs.replace(score, processing_time_ms=spent_ms) for score in scores
        )
        self._writes.put(
            WriteBatch(
                now=moment.now,
                features=tuple((score.feature_id, score.window, score.zscores) for score in timed),
                scores=timed,
            )
        )
        return Moment(moment.now, moment.peers, scores=timed)
