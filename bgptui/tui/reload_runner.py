"""Asks the collector, for a key, to read its watchlist again, and waits for its answer."""

from collections.abc import Callable

import psycopg

from bgptui.domain.watch_reload import outcome
from bgptui.errors import BadInput
from bgptui.store import watch_reloads
from bgptui.store.connect import Connection
from bgptui.store.watch_reloads import Asked
from bgptui.tui.acts import Outcome, ReloadWatchlist, Result

# As long as `bgptui watch reload` waits; the collector looks once a second.
WAIT_S = 15.0


class ReloadRunner:
    """One request at a time; used by the feed's thread, which goes on reading meanwhile.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, operator: str, *, clock: Callable[[], float]) -> None:
        self._operator = operator
        self._clock = clock
        self._act: ReloadWatchlist | None = None
        self._asked: Asked | None = None
        self._until = 0.0

    @property
    def is_waiting(self) -> bool:
        return self._act is not None

    def begin(self, connection: Connection, act: ReloadWatchlist) -> Outcome | None:
        """Leave the request; the outcome where there is one at once."""
        try:
            asked = watch_reloads.ask(connection, self._operator)
        except psycopg.OperationalError:
            self._act = act  # `lost` tells of it
            raise
        except BadInput as refusal:
            return Outcome(act, None, Result.REFUSED, f"NOT DONE: {refusal}")
        if asked is None:
            return Outcome(act, None, Result.REFUSED, "NOT DONE: nobody collects")
        self._act, self._asked, self._until = act, asked, self._clock() + WAIT_S
        return None

    def look(self, connection: Connection) -> Outcome | None:
        """The outcome once every process has answered, or has had the time to."""
        act, asked = self._act, self._asked
        if act is None or asked is None:
            return None
        answers = watch_reloads.answers(connection, asked.request_id)
        is_complete = set(asked.collectors) <= answers.keys()
        if not is_complete and self._clock() < self._until:
            return None
        self._act = self._asked = None
        came = outcome(asked.collectors, answers)
        result = Result.REFUSED if came.refused else Result.DONE if came.is_done else Result.UNSURE
        return Outcome(act, None, result, "; ".join(came.lines))

    def lost(self) -> Outcome | None:
        """The outcome of a request whose answer cannot be read: the database went away."""
        act, self._act, self._asked = self._act, None, None
        if act is None:
            return None
        text = "watchlist: the database went away before the collector answered; press R again"
        return Outcome(act, None, Result.UNSURE, text)

    def away(self, act: ReloadWatchlist) -> Outcome:
        """The outcome while there is no database."""
        return Outcome(act, None, Result.FAILED, "watchlist: nothing done, the database is away")
