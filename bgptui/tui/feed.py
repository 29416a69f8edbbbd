"""The console's thread: polls the database into snapshots and carries acts out.

A thread of our own with a connection of its own: Textual's workers share a small executor, and
a query that hangs must not hold a key up.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from random import Random

import psycopg
from msgspec.structs import replace

from bgptui.domain.alert import Status
from bgptui.errors import BadInput, ServiceUnreachable, Transient
from bgptui.runtime.backoff import next_delay_s
from bgptui.store import readers
from bgptui.store.connect import Connection, one_line, transient_errors
from bgptui.tui.act_runner import ActRunner
from bgptui.tui.acts import Act, Outcome, ReloadWatchlist
from bgptui.tui.reload_runner import ReloadRunner
from bgptui.tui.snapshot import Snapshot, Trouble

log = logging.getLogger(__name__)

# The widest sparkline that a terminal may ask for.
MINUTES = 240
STATEMENT_TIMEOUT_MS = 10_000
# Between two looks whether another console, or the pipeline, has changed alerts.
LEAST_REST_S = 0.25
RETRY_MOST_S = 5.0


class DatabaseFeed:
    """Publishes a new Snapshot every `refresh_s`, and at once after an act.

    Args:
        connect: makes a connection in autocommit mode; raises ServiceUnreachable.
        operator: in whose name acts are recorded.
        clock: monotonic seconds, the console's.
    Attributes:
        latest: the newest snapshot; read it by reference, from any thread.
        error: what ended the thread before `stop`; None while all is well.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        operator: str,
        refresh_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.latest = Snapshot(sequence=0, taken=clock())
        self.error: BaseException | None = None
        self._connect = connect
        self._refresh_s = refresh_s
        self._clock = clock
        self._runner = ActRunner(operator)
        self._reloads = ReloadRunner(operator, clock=clock)
        self._acts: deque[Act] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._followed: int | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bgptui-console-feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread; False when it still runs (a query hangs; it ends with the process)."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def submit(self, act: Act) -> None:
        """Have an act carried out, after those submitted before."""
        self._acts.append(act)
        self._wake.set()

    def outcomes(self) -> list[Outcome]:
        """Outcomes since the last call, in the order of their acts."""
        ended: list[Outcome] = []
        while self._outcomes:
            ended.append(self._outcomes.popleft())
        return ended

    def follow(self, alert_id: int | None) -> None:
        """Read this alert's detail into each snapshot from now on."""
        self._followed = alert_id
        self._wake.set()

    def _run(self) -> None:
        try:
            self._keep_serving()
        except BaseException as error:
            # As in a pipeline's worker: the console ends loudly, see ConsoleApp.tick.
            log.debug("console feed failed", exc_info=True)
            self.error = error

    def _keep_serving(self) -> None:
        attempt, rng = 0, Random()
        while not self._stopping.is_set():
            sequence = self.latest.sequence
            try:
                with self._connect() as connection, transient_errors("database"):
                    connection.execute(f"set statement_timeout to {STATEMENT_TIMEOUT_MS:d}")
                    connection.execute("listen bgptui_alerts")
                    self._serve(connection)
            except (Transient, ServiceUnreachable, BadInput) as error:
                self._away(str(error))
            except psycopg.Error as error:
                self._away(f"the database refuses what the console asks: {one_line(error)}")
            attempt = 1 if self.latest.sequence > sequence + 1 else attempt + 1
            self._wait_away(next_delay_s(attempt, rng, most_s=RETRY_MOST_S))

    def _serve(self, connection: Connection) -> None:
        """Snapshots and acts over one connection, until it breaks or the console ends."""
        read_at = float("-inf")
        told = False
        while not self._stopping.is_set():
            self._wake.clear()
            acted = self._carry_out(connection)
            if acted or told or self._clock() - read_at >= self._refresh_s:
                read_at = self._clock()
                self.latest = self._read(connection)
            else:
                self.latest = self._read_detail(connection)
            self._tell(self._reloads.look(connection))
            soon = self._clock() + LEAST_REST_S if self._reloads.is_waiting else float("inf")
            told = self._rest(connection, min(soon, read_at + self._refresh_s))

    def _rest(self, connection: Connection, until: float) -> bool:
        """Wait until `until`, or until the operator wants something.

        Returns:
            whether it was cut short because somebody changed alerts (NOTIFY). The pipeline's
            own changes are told, too, so the rest lasts at least LEAST_REST_S.
        """
        while (left_s := until - self._clock()) > 0:
            if self._wake.wait(min(left_s, LEAST_REST_S)):
                return False
            if list(connection.notifies(timeout=0)):
                return True
        return False

    def _carry_out(self, connection: Connection) -> bool:
        acted = False
        while self._acts:
            act = self._acts.popleft()
            if isinstance(act, ReloadWatchlist):
                self._tell(self._reloads.begin(connection, act))
                continue
            try:
                self._outcomes.append(self._runner.run(connection, act))
            except psycopg.OperationalError:
                self._outcomes.append(self._runner.unsure(act))
                raise
            acted = True
        return acted

    def _tell(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._outcomes.append(outcome)

    def _read(self, connection: Connection) -> Snapshot:
        before = self.latest
        alerts = readers.read_alerts(connection)
        open_counts = readers.read_open_counts(connection)
        open_rows = sum(row.status is Status.OPEN for row in alerts)
        followed = self._followed
        return Snapshot(
            sequence=before.sequence + 1,
            collector=readers.read_collector(connection),
            # The same tuple where nothing changed: the console need not look at the rows.
            alerts=before.alerts if alerts == before.alerts else alerts,
            alerts_left_out=sum(open_counts.values()) > open_rows,
            open_counts=open_counts,
            windows=readers.read_network_windows(connection, minutes=MINUTES),
            detail=None if followed is None else readers.read_alert_detail(connection, followed),
            taken=self._clock(),
        )

    def _read_detail(self, connection: Connection) -> Snapshot:
        """The latest snapshot with the detail of another alert: the cursor has moved."""
        followed = self._followed
        detail = None if followed is None else readers.read_alert_detail(connection, followed)
        return replace(self.latest, sequence=self.latest.sequence + 1, detail=detail)

    def _away(self, message: str) -> None:
        """Keep what was read last and say since when it is old."""
        before = self.latest
        trouble = before.trouble or Trouble(message, self._clock())
        self.latest = replace(
            before,
            sequence=before.sequence + 1,
            taken=self._clock(),
            trouble=replace(trouble, message=message),
        )

    def _wait_away(self, delay_s: float) -> None:
        """Wait for the next attempt. Acts fail meanwhile: one that happened minutes after its
        key would be worse than one that must be repeated."""
        self._tell(self._reloads.lost())
        until = self._clock() + delay_s
        while not self._stopping.is_set():
            self._wake.clear()
            while self._acts:
                act = self._acts.popleft()
                if isinstance(act, ReloadWatchlist):
                    self._outcomes.append(self._reloads.away(act))
                else:
                    self._outcomes.append(self._runner.away(act))
            left_s = until - self._clock()
            if left_s <= 0 or self._stopping.is_set():
                return
            self._wake.wait(left_s)
