-- Something to tell people. Parameters: alert_id, alert_uuid, event, severity.
insert into public.notification_outbox (alert_id, alert_uuid, event, severity)
values (%(alert_id)s, %(alert_uuid)s, %(event)s, %(severity)s)
