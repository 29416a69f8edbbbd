"""A console's way to the database."""

from bgptui.errors import ServiceUnreachable
from bgptui.store.connect import Connection, connect


class Outlet:
    """Connections to the database, which a test can cut off."""

    def __init__(self, dsn: str) -> None:
        self.cut = False
        self._dsn = dsn

    def __call__(self) -> Connection:
        if self.cut:
            raise ServiceUnreachable("database test on 192.0.2.1:5432 cannot be reached: refused")
        return connect(self._dsn, application_name="bgptui console", timeout_s=5)
