"""One look at a source of VRPs: fetch, inflate, read. What is asked and found can be sent to, and
by, another process."""

from msgspec import Struct

from bgptui.rpki.vrp_fetch import Version, fetch
from bgptui.rpki.vrp_json import VrpFile, inflate, read_vrps


class Look(Struct, frozen=True):
    """What to look at, and how.

    Attributes:
        location: path, file:// or http(s) URL.
        known: the version that need not be read again; None reads whatever is there.
        timeout_s: for the whole of a download.
        max_bytes: of JSON.
        expired_at: leave out what has expired at that time, seconds since 1970 UTC; None takes
            everything.
        built_at: the build time where neither the document nor its server says one.
        expiry_of: origins whose VRPs' expiry is to be found, too.
        nice: how much a process that only does this gives way to others, as of nice(1).
    """

    location: str
    known: Version | None
    timeout_s: float
    max_bytes: int
    expired_at: float | None = None
    built_at: float | None = None
    expiry_of: frozenset[int] = frozenset()
    nice: int = 0


class Found(Struct, frozen=True):
    """What was there; `expiry_of` as asked."""

    version: Version
    file: VrpFile
    expiry_of: frozenset[int] = frozenset()


def look(asked: Look) -> Found | None:
    """Look at the source; None where it still has the known version.

    Raises:
        Transient: it cannot be had now.
        BadInput: it holds no VRPs that can be read.
    """
    location, max_bytes = asked.location, asked.max_bytes
    fetched = fetch(location, known=asked.known, timeout_s=asked.timeout_s, max_bytes=max_bytes)
    if fetched is None:
        return None
    file = read_vrps(
        inflate(fetched.content, name=location, max_bytes=max_bytes),
        name=location,
        expired_at=asked.expired_at,
        built_at=asked.built_at if fetched.modified is None else fetched.modified,
        expiry_of=asked.expiry_of,
    )
    return Found(fetched.version, file, asked.expiry_of)
