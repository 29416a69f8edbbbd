"""The strong scores of the last minutes, for the confidence of route alerts."""

from collections.abc import Callable

from msgspec import Struct

from bgptui.config.schema import Detect
from bgptui.correlate.confidence import spread
from bgptui.domain.routing import Peer
from bgptui.domain.score import WindowScore

REACH_S = 300.0


class Witness(Struct, frozen=True):
    """What the detector adds to a route alert.

    Attributes:
        score: the strongest window.
        q: weight by the number of peers (1 for the network-wide stream).
    """

    score: WindowScore
    q: float

    @property
    def weight(self) -> float:
        return self.q * (self.score.ensemble or 0.0)


def is_strong(score: WindowScore, detect: Detect) -> bool:
    """The ensemble alone would alarm; while the stream learns, more is asked for."""
    bar = detect.medium + (detect.learning_raise if score.learning else 0.0)
    return score.ensemble is not None and not score.window.gap and score.ensemble >= bar


class RecentScores:
    """Strong windows that ended within REACH_S of the newest one, the best per stream."""

    def __init__(self) -> None:
        self._best: dict[Peer | None, WindowScore] = {}

    def note(self, score: WindowScore) -> None:
        """Keep a strong window."""
        horizon = score.window.end - REACH_S
        for stream, known in list(self._best.items()):
            if known.window.end < horizon:
                del self._best[stream]
        known_best = self._best.get(score.window.peer)
        if known_best is None or (known_best.ensemble or 0.0) <= (score.ensemble or 0.0):
            self._best[score.window.peer] = score

    def witness(self, at: float, concerns: Callable[[Peer], bool]) -> Witness | None:
        """The strongest word on a route that stands at `at`, seen by the peers it concerns."""
        near = [score for score in self._best.values() if abs(score.window.end - at) <= REACH_S]
        network = [Witness(score, 1.0) for score in near if score.window.peer is None]
        concerned = [
            score for score in near if score.window.peer is not None and concerns(score.window.peer)
        ]
        asns = {score.window.peer.asn for score in concerned if score.window.peer is not None}
        peers = [Witness(score, spread(len(asns))) for score in concerned]
        return max(
            network + peers,
            key=lambda found: (found.weight, found.score.window.start, _name(found.score)),
            default=None,
        )


def _name(score: WindowScore) -> tuple[str, str, int]:
    peer = score.window.peer
    return ("", "", 0) if peer is None else (peer.collector, peer.address, peer.asn)
