"""Scores to alerts: the whole network first, single peers where it is their own matter."""

from collections.abc import Callable, Iterable
from itertools import groupby

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.agenda import Agenda, Errand
from bgptui.correlate.gap_book import GapBook
from bgptui.correlate.ledger import Ledger, Standing
from bgptui.correlate.ml_draft import MlEpisode, ml_draft
from bgptui.correlate.transfers import Transfers
from bgptui.correlate.wording import leading_reason
from bgptui.domain.alert import Alert, AlertChange
from bgptui.domain.routing import Peer
from bgptui.domain.score import WindowScore
from bgptui.domain.window import WINDOW_S, FeatureWindow

NETWORK_WAIT_S = 30.0  # how long a peer's alarm waits for the network's row of its window
NO_DATA_S = 86_400.0  # a peer that sent nothing for a day has no rows any more (windows)
PREFIX = "ml|"
NETWORK_KEY = "ml|network"

# A table transfer announces much and withdraws little: these it does not explain.
_NOT_A_TRANSFER = frozenset({"WITHDRAWAL_STORM", "WITHDRAWAL_BURST", "SILENCE"})


class MlAlerts:
    """One alert for the network, or one for each peer that alarms by itself.

    While the network's alert lives, the alarms of peers are listed in its evidence; else a
    peer's alarm opens an alert of its own once the network's row of the window has come and
    is calm, or NETWORK_WAIT_S after the window. A window that a gap touches neither opens an
    alert nor counts as calm; nor does one without a score.

    Args:
        is_settling: the window lies between a reset of its peer's session and the end of
            the table transfer that follows; its churn is held.
    """

    def __init__(
        self,
        alerts: Alerts,
        detect: Detect,
        *,
        ledger: Ledger,
        agenda: Agenda,
        gaps: GapBook,
        is_settling: Callable[[FeatureWindow], bool],
        peers_total: Callable[[], int],
    ) -> None:
        self._quiet_windows = alerts.quiet_windows
        self._detect = detect
        self._ledger = ledger
        self._agenda = agenda
        self._gaps = gaps
        self._is_settling = is_settling
        self._peers_total = peers_total
        self._episodes: dict[str, MlEpisode] = {}
        self._waiting: dict[str, list[WindowScore]] = {}
        self._network_until = 0  # end of the newest window of the network
        self._transfers = Transfers()

    def observe(self, scores: Iterable[WindowScore]) -> tuple[AlertChange, ...]:
        """Scores of closed windows, in any order within one call."""
        changes: list[AlertChange] = []
        ordered = sorted(scores, key=_order)
        for start, of_window in groupby(ordered, key=lambda score: score.window.start):
            changes += self._window(start, [score for score in of_window if self._is_seen(score)])
        return tuple(changes)

    def look(self, key: str, at: float) -> tuple[AlertChange, ...]:
        """The network's row did not come, or a stream has fallen out of sight."""
        if key in self._waiting:
            return self._settle(self._waiting.pop(key))
        episode = self._episodes.get(key)
        if episode is None:
            return ()
        if at < episode.last_end + NO_DATA_S:
            self._agenda.put(episode.last_end + NO_DATA_S, key, Errand.LOOK)
            return ()
        return self._end(episode, at, "no data for a day")

    def restore(self, alert: Alert) -> None:
        """Take over an alert."""
        peer = None
        if alert.key != NETWORK_KEY:
            peer = Peer(alert.collector or "", alert.peer_addr or "", alert.peer_asn or 0)
        reasons = {name.upper() for name in alert.anomaly_types} - {"ML_ANOMALY"}
        self._episodes[alert.key] = MlEpisode(
            alert.key,
            peer,
            last_end=alert.last_seen,
            last_alarm=alert.last_seen,
            severity=alert.severity,
            reasons=reasons,
        )
        self._agenda.put(alert.last_seen + NO_DATA_S, alert.key, Errand.LOOK)

    def _window(self, start: int, scores: list[WindowScore]) -> tuple[AlertChange, ...]:
        """Every score that came of one window: the network's row decides for the peers."""
        changes: list[AlertChange] = []
        network = [score for score in scores if score.window.peer is None]
        calm: list[WindowScore] = []
        alarms: list[WindowScore] = []
        for score in scores:
            if score.window.peer is not None:
                (alarms if score.is_anomaly else calm).append(score)
            self._transfers.note(score.window, settling=self._is_settling(score.window))
        for score in calm:
            changes += self._calm(score)
        key = f"{PREFIX}waiting|{start}"
        alarms = self._waiting.pop(key, []) + alarms
        for score in network:
            self._network_until = max(self._network_until, score.window.end)
            changes += self._network(score, alarms)
        if not alarms:
            return tuple(changes)
        if self._network_until > start or NETWORK_KEY in self._episodes:
            return (*changes, *self._settle(alarms))
        self._waiting[key] = alarms
        self._agenda.put(start + WINDOW_S + NETWORK_WAIT_S, key, Errand.LOOK)
        return tuple(changes)

    def _network(self, score: WindowScore, alarms: list[WindowScore]) -> tuple[AlertChange, ...]:
        if not score.is_anomaly:
            return self._calm(score)
        # One peer's table transfer moves the sum of all as well.
        new = NETWORK_KEY not in self._episodes
        if new and self._transfers.explain() and leading_reason(score) not in _NOT_A_TRANSFER:
            return ()
        alone = [alarm for alarm in alarms if _key(alarm) not in self._episodes]
        return self._alarm(NETWORK_KEY, score, alone)

    def _settle(self, alarms: list[WindowScore]) -> tuple[AlertChange, ...]:
        """Alarms of peers whose window is decided for the network."""
        changes: list[AlertChange] = []
        network = self._episodes.get(NETWORK_KEY)
        grouped = False
        for score in sorted(alarms, key=_order):
            key = _key(score)
            if key in self._episodes:
                changes += self._alarm(key, score)
            elif network is not None:
                grouped = True
                network.group(score)
            elif not self._is_held(score) and self._is_seen(score):
                changes += self._alarm(key, score)
        if grouped and network is not None:
            changes += self._tell(network, network.last_end)
        return tuple(changes)

    def _alarm(
        self, key: str, score: WindowScore, grouped: Iterable[WindowScore] = ()
    ) -> tuple[AlertChange, ...]:
        episode = self._episodes.get(key)
        if episode is None:
            episode = self._episodes[key] = MlEpisode(key, score.window.peer, last_end=0.0)
            self._agenda.put(score.window.end + NO_DATA_S, key, Errand.LOOK)
        episode.alarm(score, self._detect)
        for peers_alarm in grouped:
            episode.group(peers_alarm)
        return self._tell(episode, float(score.window.end))

    def _calm(self, score: WindowScore) -> tuple[AlertChange, ...]:
        episode = self._episodes.get(_key(score))
        if episode is None or score.ensemble is None:
            return ()
        episode.calm_windows += 1
        episode.last_end = max(episode.last_end, float(score.window.end))
        if episode.calm_windows < self._quiet_windows:
            return ()
        quiet = f"calm for {episode.calm_windows} windows"
        return self._end(episode, float(score.window.end), quiet)

    def _tell(self, episode: MlEpisode, at: float) -> tuple[AlertChange, ...]:
        before = self._ledger.alert(episode.key)
        if episode.peak is None:
            return ()
        draft = ml_draft(
            episode,
            episode.peak,
            before=before,
            medium=self._detect.medium,
            peers_total=self._peers_total(),
        )
        if self._ledger.standing(episode.key) is Standing.NONE:
            return (self._ledger.open(draft, first_seen=float(episode.peak.window.start)),)
        return self._ledger.update(draft, at=at)

    def _end(self, episode: MlEpisode, at: float, resolution: str) -> tuple[AlertChange, ...]:
        del self._episodes[episode.key]
        return self._ledger.resolve(episode.key, at=at, resolution=resolution)

    def _is_held(self, score: WindowScore) -> bool:
        return self._is_settling(score.window) and leading_reason(score) not in _NOT_A_TRANSFER

    def _is_seen(self, score: WindowScore) -> bool:
        """No gap touches the window."""
        window = score.window
        if window.gap:
            return False
        collectors = None if window.peer is None else {window.peer.collector}
        return not self._gaps.touching(window.start, window.end, collectors)


def _key(score: WindowScore) -> str:
    peer = score.window.peer
    return NETWORK_KEY if peer is None else f"{PREFIX}{peer.collector}|{peer.address}|{peer.asn}"


def _order(score: WindowScore) -> tuple[int, tuple[str, str, int]]:
    peer = score.window.peer
    name = ("", "", 0) if peer is None else (peer.collector, peer.address, peer.asn)
    return score.window.start, name
