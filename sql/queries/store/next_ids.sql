-- The ids that a collector gives next. Columns: features, ml_results, route_monitor_events, alerts.
select (select coalesce(max(id), 0) + 1 from public.features) as features,
       (select coalesce(max(id), 0) + 1 from public.ml_results) as ml_results,
       (select coalesce(max(id), 0) + 1 from public.route_monitor_events) as route_monitor_events,
       (select coalesce(max(alert_id), 0) + 1 from public.alert_ids) as alerts
