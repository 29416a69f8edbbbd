"""A console with one alert and nothing behind it, for tests that need a real terminal."""

import sys
import time

from bgptui.domain.alert import AlertType, Severity, Status
from bgptui.store.readers import AlertRow
from bgptui.tui.acts import Act, Outcome
from bgptui.tui.app import Pipeline
from bgptui.tui.snapshot import Snapshot
from bgptui.tui.terminal import run_console

ALERT = AlertRow(
    alert_id=8841,
    version=1,
    alert_type=AlertType.HIJACK,
    severity=Severity.CRITICAL,
    status=Status.OPEN,
    title="Route Hijack Suspected",
    confidence=0.95,
    first_seen=0.0,
    last_seen=0.0,
    updated_at=0.0,
)


class StandingFeed:
    """The same snapshot, always as if just read."""

    error: BaseException | None = None

    @property
    def latest(self) -> Snapshot:
        return Snapshot(sequence=1, taken=time.monotonic(), alerts=(ALERT,))

    def submit(self, act: Act) -> None:
        """Nobody acts."""

    def outcomes(self) -> list[Outcome]:
        return []

    def follow(self, alert_id: int | None) -> None:
        """There is no detail."""


if __name__ == "__main__":
    run_console(StandingFeed(), hosts_pipeline=Pipeline.ELSEWHERE, operator="noc")
    sys.stdout.write("left in order\r\n")
