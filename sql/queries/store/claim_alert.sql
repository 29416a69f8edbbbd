-- Takes an id for an alert. Nothing happens where its uuid has one already.
-- Parameters: alert_id, alert_uuid, opened (timestamptz).
insert into public.alert_ids (alert_id, alert_uuid, "timestamp")
values (%(alert_id)s, %(alert_uuid)s, %(opened)s)
on conflict (alert_uuid) do nothing
