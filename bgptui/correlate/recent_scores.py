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
    """Strong windows that ended within REACH_S of the newest one, by stream and start."""

    def __init__(self) -> None:
        self._strong: dict[tuple[Peer | None, int], WindowScore] = {}
        self._newest_end = 0

    def note(self, score: WindowScore) -> None:
        """Keep a strong window."""
        if score.window.end > self._newest_end:
            self._newest_end = score.window.end
            horizon = self._newest_end - REACH_S
            kept = (known for known in self._strong.items() if known[1].window.end >= horizon)
            self._strong = dict(kept)
        self._strong[score.window.peer, score.window.start] = score

    def witness(
        self,
        at: float,
        concerns: Callable[[Peer], bool],
        is_there_in: Callable[[float, float], bool],
    ) -> Witness | None:
        """The strongest word on a route that stands at `at`, seen by the peers it concerns.

        Args:
            is_there_in: some peer had the route between two event times. What happened
                while it was gone says nothing of it.
        """
        near = [
            score
            for score in self._strong.values()
            if abs(score.window.end - at) <= REACH_S
            and is_there_in(score.window.start, score.window.end)
        ]
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
