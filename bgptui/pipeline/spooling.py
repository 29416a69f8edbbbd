"""The spools of a run: what is left of earlier ones is written, and a new one is made."""

from collections.abc import Callable
from pathlib import Path

from bgptui.config.schema import Store
from bgptui.runtime.metrics import Metrics
from bgptui.store import lease
from bgptui.store.connect import Connection, Database
from bgptui.store.postmaster import Durability
from bgptui.store.spool import Spool
from bgptui.store.spool_home import SpoolHome, default_spool_folder
from bgptui.store.spool_recovery import database_id, write_leftovers
from bgptui.store.writer import Writer


class Spooling:
    """Spools of one collector on one database; a throw-away database has none.

    Args:
        connect: makes a connection that commits each statement.
        apart: folder within that of the spools, for those that no later process may write.
    """

    def __init__(
        self,
        settings: Store,
        database: Database,
        *,
        connect: Callable[[], Connection],
        held: lease.Lease,
        metrics: Metrics,
        apart: str = "",
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._held = held
        self._metrics = metrics
        self._home: SpoolHome | None = None
        embedded = database.embedded
        if embedded is not None and embedded.durability is Durability.THROWAWAY:
            return
        beside = embedded.data_dir / "spool" if embedded is not None else default_spool_folder()
        with connect() as connection:
            identity = database_id(connection)
        self._home = SpoolHome(
            (Path(settings.spool_dir).expanduser() if settings.spool_dir else beside) / apart,
            database_id=identity,
            held=held,
            max_bytes=settings.spool_max_mib * 2**20,
            metrics=metrics,
        )

    def recover(self) -> None:
        """Write what the last collector left; to be called before the database is read.

        Raises:
            as `write_leftovers`.
        """
        if self._home is not None:
            write_leftovers(
                self._home, held=self._held, connect=self._connect, make_writer=self._writer
            )

    def set_aside(self) -> None:
        """Keep what others left: the hosts are others' by now, and they said what is missing.

        Raises:
            Fatal: it cannot be read.
        """
        if self._home is not None:
            self._home.set_aside()

    def create(self) -> Spool | None:
        """A spool for this run; None where there is none by the settings.

        Raises:
            Fatal: there is no place for it.
        """
        if self._home is None or not self._settings.spool_max_mib:
            return None
        return self._home.create()

    def _writer(self, holder: str) -> Writer:
        return Writer(
            connect=self._connect,
            check_lease=lambda connection: lease.check(connection, self._held),
            holder=holder,
            epoch=self._held.epoch,
            metrics=self._metrics,
            raw_rows=self._settings.raw_rows,
            raw_json=self._settings.raw_json,
        )
