-- The one way to change a status. Parameters: alert_id, status, operator, notes, expected_version.
-- Columns: those of bgptui.store.alerts.StatusRow.
select alert_id, alert_uuid, status, version, acknowledged_by,
       extract(epoch from acknowledged_at)::float8 as acknowledged_at,
       extract(epoch from resolved_at)::float8 as resolved_at, resolution_notes,
       extract(epoch from updated_at)::float8 as updated_at
from public.update_alert_status(%(alert_id)s, %(status)s, %(operator)s, %(notes)s, %(expected_version)s)
