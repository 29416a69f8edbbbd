"""Looks after the VRPs in a thread of its own: a download must not hold up the feed."""

import threading
import time

from bgptui.rpki.vrp_source import VrpSource
from bgptui.runtime.worker import Failure

LOOK_EVERY_S = 5.0


class VrpRefresher:
    """Calls `refresh` every few seconds of wall time; the source decides what is due."""

    def __init__(self, vrps: VrpSource, *, failure: Failure) -> None:
        self._vrps = vrps
        self._failure = failure
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bgptui-vrps", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the look that is under way, but wait no longer than a second."""
        self._stop.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        with self._failure:
            while not self._stop.is_set():
                self._vrps.refresh(time.time())
                self._stop.wait(LOOK_EVERY_S)
