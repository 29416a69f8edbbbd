"""What a source of validated payloads is to those who unite several."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Protocol

from msgspec import Struct

from bgptui.domain.rpki import Vrp


class Ageing(Enum):
    """Whether VRPs expire and get stale.

    BY_CLOCK: a configured source. NEVER: a file named for one run, taken as it stands.
    """

    BY_CLOCK = auto()
    NEVER = auto()


class SourceState(StrEnum):
    """LOADING: nothing came so far; ERROR: nor could it. STALE: too old for verdicts."""

    LOADING = "loading"
    FRESH = "fresh"
    STALE = "stale"
    ERROR = "error"


class SourceStatus(Struct, frozen=True):
    """How a source stands.

    Attributes:
        as_of: when its data was built, or confirmed by its cache; seconds since 1970 UTC.
        detail: protocol version, session and serial, where it has them.
        session, serial: of an RTR cache.
        error: why the last look failed, or data is held back; empty where all is well.
        anchors: its VRPs by trust anchor; an RTR cache names none, so that all are under "".
        held: the same of what it said last and is held back; None where nothing is.
        expires: of VRPs (without trust anchor) of origins that somebody asked for, seconds
            since 1970 UTC; RTR says nothing of it.
    """

    name: str
    state: SourceState
    vrps: int = 0
    aspas: int = 0
    as_of: float | None = None
    detail: str = ""
    error: str = ""
    anchors: Mapping[str, int] = {}
    held: Mapping[str, int] | None = None
    expires: Mapping[Vrp, float] = {}
    session: int | None = None
    serial: int | None = None


class Source(Protocol):
    """One source, which brings what it has to a union.

    `refresh` is called every few seconds, by one thread: it does what is due at `now`.
    """

    def refresh(self, now: float) -> None: ...

    def status(self, now: float) -> SourceStatus: ...

    def stop(self) -> None: ...
