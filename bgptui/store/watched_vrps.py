"""What is believed of the watched VRPs: one document, for the next start."""

from bgptui.store.connect import Connection
from bgptui.store.queries import query


def watched_vrps(conn: Connection) -> bytes | None:
    """As it was saved; None where nothing was."""
    row = conn.execute(query("store/watched_vrps")).fetchone()
    return None if row is None else str(row[0]).encode()


def save_watched_vrps(conn: Connection, document: bytes) -> None:
    """To be called inside the transaction of the alerts that it has led to.

    Args:
        document: JSON.
    """
    conn.execute(query("store/save_watched_vrps"), {"document": document.decode()})
