"""Requests to read the watchlist again that people left in the database, and the answers."""

from bgptui.pipeline.watch_reload import WatchReload
from bgptui.store import watch_reloads
from bgptui.store.connect import Connection

# Reading a list of ordinary length and exchanging it takes less; a longer one is answered later.
ANSWER_WITHIN_S = 0.5


class ReloadRequests:
    """What the keeper does about them. Several that wait are answered by one reading."""

    def __init__(self, reload: WatchReload, *, holder: str) -> None:
        self._reload = reload
        self._holder = holder
        self._asked: int | None = None
        self._requests: tuple[int, ...] = ()

    def tend(self, connection: Connection) -> None:
        """To be called about once a second."""
        if self._asked is None:
            self._requests = watch_reloads.unanswered(connection, self._holder)
            if not self._requests:
                return
            self._asked = self._reload.ask()
        answer = self._reload.answer(self._asked, within_s=ANSWER_WITHIN_S)
        if answer is not None:
            watch_reloads.answer(connection, self._holder, self._requests, answer)
            self._asked = None
