-- The pipeline resolves an alert, unless a person closed it first: then no row comes back.
-- Parameters: alert_id, operator, notes. Result: alert_id.
select (public.update_alert_status(i.alert_id, 'resolved', %(operator)s, %(notes)s)).alert_id
from public.alert_ids i
join public.alerts a on a.alert_id = i.alert_id and a."timestamp" = i."timestamp"
where i.alert_id = %(alert_id)s and a.status in ('open', 'acknowledged')
