"""A connection that one thread keeps, and makes anew where it broke."""

from collections.abc import Callable

from bgptui.store.connect import Connection


class KeptConnection:
    """Belongs to one thread.

    Args:
        connect: makes a connection.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._connection: Connection | None = None

    def get(self) -> Connection:
        """The connection, a new one where there is none that is open."""
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def close(self) -> None:
        """Give it back; the next `get` makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
