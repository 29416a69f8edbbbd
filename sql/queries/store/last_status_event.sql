-- Where a reader of status_changes starts. Result: event_id, 0 where there are none.
select coalesce(max(event_id), 0) from public.alert_status_events
