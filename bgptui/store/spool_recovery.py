"""At the start: what a collector that is gone has left in its spool goes into the database."""

import logging
import time
from collections.abc import Callable

from bgptui.errors import Fatal, ServiceUnreachable, Transient
from bgptui.store.connect import Connection, transient_errors
from bgptui.store.lease import RENEW_EVERY_S, Lease, renew
from bgptui.store.queries import query
from bgptui.store.spool import size_text
from bgptui.store.spool_home import Leftover, SpoolHome
from bgptui.store.spool_record import UnreadableRecord
from bgptui.store.writer import Writer

log = logging.getLogger(__name__)


def database_id(conn: Connection) -> str:
    """Tells this database from every other, copies of it included."""
    row = conn.execute(query("store/database_id")).fetchone()
    assert row is not None  # noqa: S101 - the migration has made its row
    return str(row[0])


def write_leftovers(
    home: SpoolHome,
    *,
    held: Lease,
    connect: Callable[[], Connection],
    make_writer: Callable[[str], Writer],
) -> None:
    """Write every spool that may be written, oldest first, and remove it.

    To be called before anything else is read from or written into the database.

    Args:
        make_writer: for a holder, whose position it continues.
    Raises:
        ServiceUnreachable: the database went away meanwhile; what is not written stays.
        LeaseLost: as above.
        Fatal: another release of the program wrote the spool.
    """
    with connect() as conn:
        for leftover in home.leftovers():
            _write(leftover, conn, held=held, writer=make_writer(leftover.holder))
        conn.execute(query("store/forget_positions"), {"epoch": held.epoch})


def _write(leftover: Leftover, conn: Connection, *, held: Lease, writer: Writer) -> None:
    spool = leftover.spool
    if spool.size_bytes:
        log.warning("writing the %s spooled by %s", size_text(spool.size_bytes), leftover.holder)
    renewed_at = time.monotonic()
    try:
        position = writer.position()
        while (batch := spool.next(after=position)) is not None:
            writer.process(batch, batch.now)
            spool.release(writer.committed)
            if time.monotonic() - renewed_at >= RENEW_EVERY_S:
                renewed_at = time.monotonic()
                with transient_errors("database"):
                    renew(conn, held)
        writer.flush()
        spool.release(writer.committed)
    except Transient as error:
        raise ServiceUnreachable(
            f"{error}; spool {spool.directory} is written at the next start"
        ) from error
    except UnreadableRecord as error:
        raise Fatal(
            f"spool {spool.directory} was written by another release ({error}): start that one "
            "once, or move the folder away to start without its rows"
        ) from error
    finally:
        writer.forget()
        writer.close()
        spool.close()
