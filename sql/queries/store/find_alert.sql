-- What is stored of an alert. Parameters: alert_uuid.
-- Result: alert_id, severity and status (null where only the id is taken).
select i.alert_id, a.severity, a.status
from public.alert_ids i
left join public.alerts a on a.alert_id = i.alert_id and a."timestamp" = i."timestamp"
where i.alert_uuid = %(alert_uuid)s
