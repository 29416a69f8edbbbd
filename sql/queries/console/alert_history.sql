-- Who changed an alert and when, notes included (from_status = to_status), oldest first.
--   alert_id
-- Columns: those of store.readers.StatusEvent; timestamp in seconds since 1970 UTC.
select extract(epoch from created_at)::float8 as "timestamp", operator, from_status, to_status, note
from public.alert_status_events
where alert_id = %(alert_id)s
order by event_id
