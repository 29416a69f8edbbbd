"""The VRPs in force: loaded from one source, refreshed, and given up when they are stale."""

import logging
from enum import Enum, auto

from msgspec import Struct

from bgptui.domain.health import RpkiHealth
from bgptui.domain.rpki import OriginValidation, RpkiState
from bgptui.errors import BadInput, Transient
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_fetch import Fetched, Version, check_location, fetch
from bgptui.rpki.vrp_json import VrpFile, inflate, read_vrps
from bgptui.rpki.vrp_table import VrpTable
from bgptui.runtime.metrics import Metrics

log = logging.getLogger(__name__)

MAX_BYTES = 2**29  # of JSON: the whole world's VRPs are about a fifth of it
RETRY_S = 60.0  # after a failure, where refresh_s is not shorter
LARGEST_SHRINKAGE = 0.10  # in one step, before a second look is taken


class Ageing(Enum):
    """Whether VRPs expire and get stale.

    BY_CLOCK: a configured source. NEVER: a file named for one run, taken as it stands.
    """

    BY_CLOCK = auto()
    NEVER = auto()


class _InForce(Struct, frozen=True):
    """What readers see: replaced as a whole, never changed."""

    table: VrpTable | None
    generation: int


class VrpSource:
    """One source of VRPs and the table made of it.

    One thread calls `refresh` every few seconds; any thread may validate meanwhile.

    Args:
        location: path, file:// or http(s) URL; empty turns validation off.
        refresh_s: time between two looks at the source.
        stale_after_s: age since their build time from which VRPs give no verdict any more.
    Raises:
        UsageError: the location can never be read.
    """

    def __init__(
        self,
        location: str,
        *,
        ageing: Ageing,
        metrics: Metrics,
        refresh_s: float = 600.0,
        stale_after_s: float = 7_200.0,
        timeout_s: float = 60.0,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        check_location(location)
        self.location = location
        self._ageing = ageing
        self._metrics = metrics
        self._refresh_s = refresh_s
        self._stale_after_s = stale_after_s
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._in_force = _InForce(None, 0)
        self._no_verdict = OriginValidation(RpkiState.UNAVAILABLE, source=location)
        self._loaded: VrpFile | None = None
        self._version: Version | None = None
        self._size = 0  # VRPs of what was loaded last
        self._held_size: int | None = None
        self._looked_at: float | None = None
        self._error = ""
        self._health = RpkiHealth(location, "loading" if location else "off")

    def validate(self, prefix: str, origin: int | None) -> OriginValidation:
        """RFC 6811 with the VRPs in force; unavailable without fresh ones, with the source named
        where there is one."""
        table = self._in_force.table
        return self._no_verdict if table is None else validate(table, prefix, origin)

    def generation(self) -> int:
        """Changes whenever an answer of `validate` may change."""
        return self._in_force.generation

    def health(self) -> RpkiHealth:
        """State `off`, `loading`, `fresh`, `stale` or `error` (nothing loaded so far)."""
        return self._health

    def load(self, now: float) -> None:
        """Look at the source at once and take what it has.

        Raises:
            Transient: it cannot be had now. What was in force stays so.
            BadInput: it holds no VRPs that can be used. Likewise.
        """
        if not self.location:
            return
        self._looked_at = now
        try:
            fetched = fetch(
                self.location,
                known=None if self._has_expired(now) else self._version,
                timeout_s=self._timeout_s,
                max_bytes=self._max_bytes,
            )
            # An error stays shown until a look succeeds; unchanged is a success, too.
            self._error = "" if fetched is None else self._take(fetched, now)
        except (Transient, BadInput) as error:
            self._error = str(error)
            raise
        finally:
            self._age(now)

    def refresh(self, now: float) -> None:
        """Look at the source where that is due, and give up VRPs that are stale at `now`.

        Failures are logged and shown in `health`; they leave what is in force as it is.
        """
        if self._is_due(now):
            try:
                self.load(now)
            except (Transient, BadInput) as error:
                log.warning("VRPs: %s", error)
        elif self.location:
            self._age(now)

    def _is_due(self, now: float) -> bool:
        if not self.location:
            return False
        if self._looked_at is None:
            return True
        if self._ageing is Ageing.NEVER and self._loaded is not None:
            return False
        # What is held back is confirmed by a look at the usual time, not by a hasty one.
        failed = bool(self._error) and self._held_size is None
        wait_s = min(self._refresh_s, RETRY_S) if failed else self._refresh_s
        # A clock that was set back must not stop refreshing.
        return not 0 <= now - self._looked_at < wait_s

    def _has_expired(self, now: float) -> bool:
        """Some VRP in force has expired: the source is read again though it is unchanged."""
        expiry = None if self._loaded is None else self._loaded.next_expiry
        return expiry is not None and expiry <= now

    def _take(self, fetched: Fetched, now: float) -> str:
        """Take what was fetched for loaded.

        Returns:
            why it was not taken, empty when it was.
        """
        by_clock = self._ageing is Ageing.BY_CLOCK
        modified = now if fetched.modified is None and by_clock else fetched.modified
        loaded = read_vrps(
            inflate(fetched.content, name=self.location, max_bytes=self._max_bytes),
            name=self.location,
            expired_at=now if by_clock else None,
            built_at=modified,
        )
        size = len(loaded.table)
        refused = sum(loaded.refused.values())
        for reason, count in loaded.refused.items():
            self._metrics.drop("rpki", reason, count)
        if refused:
            log.warning(
                "VRPs: %s: %d entries refused, first: %s",
                self.location,
                refused,
                loaded.first_refused,
            )
        if not size:
            raise BadInput(
                f"{self.location}: none of its VRPs can be used:"
                f" {refused} malformed, {loaded.expired} expired",
                reason="no_vrps",
            )
        if self._is_shrinkage(size):
            self._held_size = size
            return f"{size} VRPs instead of {self._size}: held until the next look confirms it"
        self._held_size = None
        self._version = fetched.version
        self._loaded = loaded
        self._size = size
        return ""

    def _is_shrinkage(self, size: int) -> bool:
        """Too much is gone at once, and the last look did not show the same."""
        if size >= self._size * (1 - LARGEST_SHRINKAGE):
            return False
        held = self._held_size
        return held is None or abs(size - held) > held * LARGEST_SHRINKAGE

    def _age(self, now: float) -> None:
        """Put what was loaded in force unless it is too old, and tell how things stand."""
        loaded = self._loaded
        table = None if loaded is None or self._is_stale(loaded.table, now) else loaded.table
        if table is not self._in_force.table:
            self._in_force = _InForce(table, self._in_force.generation + 1)
        error = self._error
        if table is not None:
            state = "fresh"
        elif loaded is not None:
            state = "stale"
            error = error or f"VRPs are older than {self._stale_after_s:g} s (rpki.stale_after_s)"
        else:
            state = "error" if error else "loading"
        as_of = None if loaded is None else loaded.table.as_of
        self._health = RpkiHealth(self.location, state, vrps=self._size, as_of=as_of, error=error)

    def _is_stale(self, table: VrpTable, now: float) -> bool:
        if self._ageing is Ageing.NEVER or table.as_of is None:
            return False
        return now - table.as_of > self._stale_after_s
