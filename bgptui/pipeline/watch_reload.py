"""Exchanges the watchlist of a running pipeline.

Whoever wants it (SIGHUP, the keeper for a console) asks; a thread of its own reads and checks the
files, since a long list takes its time; the ingest thread exchanges the list between two messages.
A file that cannot be used leaves the list as it is.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.event import RouteCleared, RouteEvent
from bgptui.domain.health import WatchHealth
from bgptui.domain.watch_reload import Reloaded
from bgptui.errors import UsageError
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.pipeline.watch_rules import WatchRules
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist_change import watchlist_change
from bgptui.runtime.worker import Failure

log = logging.getLogger(__name__)

PROBLEMS_TOLD = 3

Change = RouteEvent | RouteCleared


class _Ready(Struct, frozen=True):
    """Rules that wait for the ingest thread; `number` counts the askings they answer."""

    number: int
    rules: WatchRules


class WatchReload:
    """The way from a request to the ingest thread, and of the answer back.

    Args:
        read: reads and checks the files; raises UsageError.
        file: the watchlist's, for people; empty where there is none.
        roas: told of the new list as well; it follows when it looks the next time.
        wall: seconds since 1970 UTC.
    """

    def __init__(
        self,
        read: Callable[[], WatchRules],
        *,
        file: str,
        monitor: RouteMonitor,
        roas: RoaWatch | None = None,
        failure: Failure,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._read = read
        self._file = file
        self._monitor = monitor
        self._roas = roas
        self._failure = failure
        self._wall = wall
        self._turn = threading.Condition()
        self._asked = 0
        self._reading = False
        self._answered = 0
        self._answer: Reloaded | None = None
        self._health = WatchHealth(file, wall())
        # Looked at by the ingest thread with every batch, without the lock.
        self._ready: _Ready | None = None

    @property
    def health(self) -> WatchHealth:
        """Which file is in force since when, and why a newer one is not."""
        return self._health

    @property
    def is_ready(self) -> bool:
        """New rules wait for `exchange`."""
        return self._ready is not None

    def ask(self) -> int:
        """Have the files read again; returns the number under which the answer will come."""
        with self._turn:
            self._asked += 1
            if not self._reading:
                self._reading = True
                threading.Thread(target=self._run, name="bgptui-watchlist", daemon=True).start()
            return self._asked

    def answer(self, number: int, *, within_s: float = 0.0) -> Reloaded | None:
        """What came of an asking, or of a later one; None while that is not known."""
        with self._turn:
            self._turn.wait_for(lambda: self._answered >= number, within_s)
            return self._answer if self._answered >= number else None

    def exchange(self, now: float) -> list[Change]:
        """Put the new rules in force: what begins and ends with them. For the ingest thread."""
        with self._turn:
            ready, self._ready = self._ready, None
        if ready is None:
            return []
        said = str(watchlist_change(self._monitor.watchlist, ready.rules.watchlist))
        self._monitor.set_relationships(ready.rules.relationships)
        changes = self._monitor.set_watchlist(ready.rules.watchlist, now)
        if self._roas is not None:
            self._roas.set_watchlist(ready.rules.watchlist)
        ended, otherwise = _counted(changes)
        answer = Reloaded(is_done=True, said=said, ended=ended, otherwise=otherwise)
        log.info("watchlist: %s read again: %s", self._file, answer.text)
        self._settle(ready.number, answer, WatchHealth(self._file, self._wall()))
        return changes

    def _run(self) -> None:
        """Read once for all who asked by then; once more for who asked meanwhile."""
        with self._failure:
            done = 0
            while (number := self._next(done)) is not None:
                self._read_for(number)
                done = number

    def _next(self, done: int) -> int | None:
        with self._turn:
            self._reading = self._asked > done
            return self._asked if self._reading else None

    def _read_for(self, number: int) -> None:
        try:
            if not self._file:
                raise UsageError("there is no watchlist to read again: watch.file names none")
            rules = self._read()
        except UsageError as error:
            said = _one_line(error)
            log.error("watchlist: not read again, the one in force stays: %s", said)
            health = WatchHealth(self._file, self._health.since, error=said)
            self._settle(number, Reloaded(is_done=False, said=said), health)
            return
        with self._turn:
            self._ready = _Ready(number, rules)

    def _settle(self, number: int, answer: Reloaded, health: WatchHealth) -> None:
        with self._turn:
            if number < self._answered:  # a file that is newer still was refused meanwhile
                self._health = replace(health, error=self._health.error)
                return
            self._answered, self._answer, self._health = number, answer, health
            self._turn.notify_all()


def _counted(changes: Sequence[Change]) -> tuple[int, int]:
    """Routes of peers that fire no more, and those that fire anew or otherwise."""
    fire = {(each.peer, each.key.prefix) for each in changes if isinstance(each, RouteEvent)}
    over = {(each.peer, each.key.prefix) for each in changes if isinstance(each, RouteCleared)}
    return len(over - fire), len(fire)


def _one_line(error: UsageError) -> str:
    problems = str(error).splitlines()
    more = len(problems) - PROBLEMS_TOLD
    told = "; ".join(problems[:PROBLEMS_TOLD])
    return f"{told} (and {more} more)" if more > 0 else told
