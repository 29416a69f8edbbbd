"""How far behind the database is, as health and the log say it."""

from msgspec import Struct

from bgptui.store.spool import size_text


class BacklogState(Struct, frozen=True):
    """How far behind the database is.

    Attributes:
        away_s: since the database does not take rows; None while it does.
        spool_bytes: on disk, 0 when it has caught up.
    """

    away_s: float | None = None
    spool_bytes: int = 0
    spool_max_bytes: int = 0

    @property
    def text(self) -> str:
        """`database away 42 s, spool 12 MiB of 1.0 GiB`; empty when all is well."""
        parts = []
        if self.away_s is not None:
            parts.append(f"database away {self.away_s:.0f} s")
        if self.spool_bytes:
            spooled = f"{size_text(self.spool_bytes)} of {size_text(self.spool_max_bytes)}"
            parts.append(f"{'catching up, ' if self.away_s is None else ''}spool {spooled}")
        return ", ".join(parts)
