"""A source of validated payloads as JSON, in a file or behind a URL, looked at now and then."""

import logging
from enum import Enum, auto

from msgspec import Struct

from bgptui.domain.rpki import Vrp
from bgptui.errors import BadInput, Transient
from bgptui.rpki.shrinkage import ShrinkageGuard
from bgptui.rpki.source import Ageing, SourceState, SourceStatus
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_fetch import Version, check_location, path_of
from bgptui.rpki.vrp_json import VrpFile
from bgptui.rpki.vrp_look import Found, Look, look
from bgptui.rpki.vrp_process import LookProcess
from bgptui.runtime.metrics import Metrics

log = logging.getLogger(__name__)

MAX_BYTES = 2**29  # of JSON: the whole world's VRPs are about a fifth of it
SMALL_BYTES = 2**18  # of a file, which is read sooner than a process is started
RELOAD_NICE = 10  # the feed goes first where processors are few
RETRY_S = 60.0  # after a failure, where refresh_s is not shorter


class Reading(Enum):
    """Which process reads the source: APART, one of its own, but for a small file; HERE, this."""

    APART = auto()
    HERE = auto()


class _Loaded(Struct, frozen=True):
    """What was taken last; its payloads are in the union."""

    version: Version
    as_of: float | None
    next_expiry: float | None
    vrps: int
    aspas: int
    anchors: dict[str, int]
    expires: dict[Vrp, float]
    expiry_of: frozenset[int]


class JsonSource:
    """One file or URL. One thread uses it.

    Args:
        location: path, file:// or http(s) URL.
        refresh_s: time between two looks at the source.
        stale_after_s: age since their build time from which VRPs give no verdict any more.
        expired_at: leave out what has expired at that time, whatever the clock says.
    Raises:
        UsageError: the location can never be read.
    """

    def __init__(
        self,
        location: str,
        union: Union,
        *,
        ageing: Ageing,
        metrics: Metrics,
        refresh_s: float,
        stale_after_s: float,
        timeout_s: float,
        max_bytes: int = MAX_BYTES,
        expired_at: float | None = None,
        reading: Reading = Reading.APART,
    ) -> None:
        check_location(location)
        self._location = location
        self._union = union
        self._ageing = ageing
        self._metrics = metrics
        self._refresh_s = refresh_s
        self._stale_after_s = stale_after_s
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._expired_at = expired_at
        self._reading = reading
        self._process = LookProcess()
        self._loaded: _Loaded | None = None
        self._guard = ShrinkageGuard()
        self._held: dict[str, int] | None = None  # by trust anchor, what the guard holds back
        self._expiry_of: frozenset[int] = frozenset()
        self._looked_at: float | None = None
        self._error = ""

    def load(self, now: float) -> None:
        """Look at the source at once and take what it has.

        Raises:
            Transient: it cannot be had now. What was in force stays so.
            BadInput: it holds no VRPs that can be used. Likewise.
        """
        self._looked_at = now
        try:
            found = self._look(now)
            # An error stays shown until a look succeeds; unchanged is a success, too.
            self._error = "" if found is None else self._take(found, now)
        except (Transient, BadInput) as error:
            self._error = str(error)
            raise

    def note_expiry_of(self, origins: frozenset[int]) -> None:
        """Keep from the next look on when the VRPs of these origins expire; any thread may ask."""
        self._expiry_of = origins

    def refresh(self, now: float) -> None:
        """Look at the source where that is due. Failures are logged and shown in `status`; they
        leave what is in force as it is."""
        if self._is_due(now):
            try:
                self.load(now)
            except (Transient, BadInput) as error:
                if not self._process.stopped:
                    log.warning("VRPs: %s", error)

    def status(self, now: float) -> SourceStatus:
        loaded, error = self._loaded, self._error
        if loaded is None:
            state = SourceState.ERROR if error else SourceState.LOADING
            return SourceStatus(self._location, state, error=error)
        state = SourceState.FRESH
        if self._is_stale(loaded.as_of, now):
            state = SourceState.STALE
            error = error or f"VRPs are older than {self._stale_after_s:g} s (rpki.stale_after_s)"
        return SourceStatus(
            self._location,
            state,
            loaded.vrps,
            loaded.aspas,
            loaded.as_of,
            error=error,
            anchors=loaded.anchors,
            held=self._held,
            expires=loaded.expires,
        )

    def stop(self) -> None:
        """End a look that is under way."""
        self._process.stop()

    def _is_due(self, now: float) -> bool:
        if self._looked_at is None:
            return True
        if self._ageing is Ageing.NEVER and self._loaded is not None:
            return False
        # What is held back is confirmed by a look at the usual time, not by a hasty one.
        failed = bool(self._error) and not self._guard.holds
        wait_s = min(self._refresh_s, RETRY_S) if failed else self._refresh_s
        # A clock that was set back must not stop refreshing.
        return not 0 <= now - self._looked_at < wait_s

    def _known_version(self, now: float) -> Version | None:
        """What need not be sent again; None where it must be read though it is unchanged:
        something in it has expired, the union had to do without it for a while, or somebody wants
        to know more of it."""
        loaded = self._loaded
        if loaded is None or (loaded.next_expiry is not None and loaded.next_expiry <= now):
            return None
        if not self._expiry_of <= loaded.expiry_of:
            return None
        if self._union.said_by(self._location) is None and not self._is_stale(loaded.as_of, now):
            return None
        return loaded.version

    def _look(self, now: float) -> Found | None:
        by_clock = self._ageing is Ageing.BY_CLOCK
        asked = Look(
            self._location,
            self._known_version(now),
            timeout_s=self._timeout_s,
            max_bytes=self._max_bytes,
            expired_at=now if by_clock else self._expired_at,
            built_at=now if by_clock else None,
            expiry_of=self._expiry_of,
            nice=0 if self._loaded is None else RELOAD_NICE,
        )
        if self._reading is Reading.HERE or _is_for_here(self._location):
            return look(asked)
        return self._process.look(asked)

    def _take(self, found: Found, now: float) -> str:
        """Take what was found for loaded; why it was not taken, empty where it was."""
        file = found.file
        self._check(file)
        anchors = file.vrps.by_trust_anchor()
        size, before = len(file.vrps), 0 if self._loaded is None else self._loaded.vrps
        if complaint := self._guard.complaint(before, size):
            self._held = anchors
            return f"{self._location}: {complaint}"
        self._held = None
        if not self._is_stale(file.as_of, now):
            self._union.put(self._location, file.vrps, file.aspas)
        self._loaded = _Loaded(
            found.version,
            file.as_of,
            file.next_expiry,
            vrps=size,
            aspas=len(file.aspas),
            anchors=anchors,
            expires=file.expires,
            expiry_of=found.expiry_of,
        )
        return ""

    def _check(self, file: VrpFile) -> None:
        """Tell what was refused of a file, or refuse it."""
        refused = sum(file.refused.values())
        for reason, count in file.refused.items():
            self._metrics.drop("rpki", reason, count)
        if refused:
            log.warning(
                "VRPs: %s: %d entries refused, first: %s",
                self._location,
                refused,
                file.first_refused,
            )
        if not len(file.vrps):
            raise BadInput(
                f"{self._location}: none of its VRPs can be used:"
                f" {refused} malformed, {file.expired} expired",
                reason="no_vrps",
            )

    def _is_stale(self, as_of: float | None, now: float) -> bool:
        if self._ageing is Ageing.NEVER or as_of is None:
            return False
        return now - as_of > self._stale_after_s


def _is_for_here(location: str) -> bool:
    """A file that is small or missing, or that another process would not find by that name."""
    path = path_of(location)
    if path is None:
        return False
    if path.is_relative_to("/dev") or path.is_relative_to("/proc"):
        return True  # /dev/stdin
    try:
        return path.stat().st_size <= SMALL_BYTES
    except OSError:
        return True  # which says why it cannot be read
