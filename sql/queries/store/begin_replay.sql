-- Notes that a replay begins, or begins anew after it had finished.
-- Parameters: fingerprint, features, ml_results, route_monitor_events, alerts (the next free ids).
insert into bgptui.replays
  (fingerprint, first_feature_id, first_result_id, first_event_id, first_alert_id)
values
  (%(fingerprint)s, %(features)s, %(ml_results)s, %(route_monitor_events)s, %(alerts)s)
on conflict (fingerprint) do update
set started_at = clock_timestamp(), finished_at = null,
    first_feature_id = excluded.first_feature_id, first_result_id = excluded.first_result_id,
    first_event_id = excluded.first_event_id, first_alert_id = excluded.first_alert_id,
    messages = 0, features = 0, scores = 0, events = 0, event_updates = 0,
    changes = 0
