"""What people do in consoles, for the correlator."""

from bgptui.pipeline.moment import OperatorAct
from bgptui.store import alerts
from bgptui.store.alert_writer import PIPELINE
from bgptui.store.connect import Connection


class OperatorWatch:
    """Reads the changes of status that people made; `taken` says that they were passed on."""

    def __init__(self, last_event_id: int) -> None:
        self._last_event_id = last_event_id
        self._read_until = last_event_id

    def acts(self, connection: Connection) -> tuple[OperatorAct, ...]:
        """What people did since the acts that were taken last, in order."""
        changes = alerts.status_changes_since(connection, self._last_event_id)
        if changes:
            self._read_until = changes[-1].event_id
        return tuple(
            OperatorAct(change.alert_uuid, change.status, change.operator)
            for change in changes
            if change.operator != PIPELINE
        )

    def taken(self) -> None:
        """What was read last need not be read again."""
        self._last_event_id = self._read_until
