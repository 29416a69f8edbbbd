-- Changes of status after an event, in the order of commit; notes left out.
-- Parameters: event_id. Columns: those of bgptui.store.alerts.StatusChange.
select e.event_id, e.alert_id, a.alert_uuid, a.key, e.to_status as status, e.operator
from public.alert_status_events e
join public.alert_ids i on i.alert_id = e.alert_id
join public.alerts a on a.alert_id = i.alert_id and a."timestamp" = i."timestamp"
where e.event_id > %(event_id)s and e.from_status <> e.to_status
order by e.event_id
