"""Counters and gauges that stages keep and the health row, logs and system_metrics show."""

import threading
from collections import Counter


class Metrics:
    """Named numbers of the whole process; safe to use from every thread.

    Names are `component.metric`; a loss is `component.reason` in `drops`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drops: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._gauges: dict[str, float] = {}

    def drop(self, component: str, reason: str, count: int = 1) -> None:
        """Count a loss with its reason. Every loss goes through here, so that it is shown."""
        with self._lock:
            self._drops[f"{component}.{reason}"] += count

    def count(self, component: str, name: str, count: int = 1) -> None:
        with self._lock:
            self._counts[f"{component}.{name}"] += count

    def gauge(self, component: str, name: str, value: float) -> None:
        with self._lock:
            self._gauges[f"{component}.{name}"] = value

    def drops(self) -> dict[str, int]:
        """Losses so far, by `component.reason`, sorted."""
        with self._lock:
            return dict(sorted(self._drops.items()))

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._counts.items()))

    def gauges(self) -> dict[str, float]:
        with self._lock:
            return dict(sorted(self._gauges.items()))
