"""A thread that does something every now and then."""

import threading
from collections.abc import Callable

from bgptui.runtime.worker import Failure

STOP_WITHIN_S = 1.0


class Periodic:
    """Calls `act` again and again until it is stopped; what it raises is reported.

    Args:
        act: returns the seconds until it is to be called again.
        first_after_s: until the first call.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[], float],
        *,
        failure: Failure,
        first_after_s: float = 0.0,
    ) -> None:
        self._act = act
        self._failure = failure
        self._first_after_s = first_after_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"bgptui-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Call it no more. A call that is under way is waited for only a moment: a download, or
        a server that hangs, must not hold up the end."""
        self._stop.set()
        self._thread.join(STOP_WITHIN_S)

    def _run(self) -> None:
        with self._failure:
            wait_s = self._first_after_s
            while not self._stop.wait(wait_s):
                wait_s = self._act()
