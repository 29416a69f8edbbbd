-- The event time at which the pipeline resolved an alert. Parameters: alert_id, resolved_at.
update public.alerts a set resolved_at = %(resolved_at)s
from public.alert_ids i
where i.alert_id = %(alert_id)s and a.alert_id = i.alert_id and a."timestamp" = i."timestamp"
