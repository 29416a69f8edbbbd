"""Keeps the detector's weekly report, and what is to be said of the last one."""

from bgptui.detect.detector import Detector
from bgptui.detect.drift import drift, week_to_report
from bgptui.store.connect import Connection
from bgptui.store.detector_weeks import reported_week


class DriftWatch:
    """Looked at by maintenance, read by the health row.

    Attributes:
        hint: lines for people, empty where all is as in training or nothing is known yet.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.hint: tuple[str, ...] = ()

    def look(self, connection: Connection, now: float) -> None:
        """Report the newest whole week if that was not done yet.

        Args:
            now: the pipeline's time.
        """
        expected = self._detector.usual
        if expected is None:
            return
        week = reported_week(connection, week_to_report(now), self._detector.model_version)
        self.hint = () if week is None else drift(week, expected)
