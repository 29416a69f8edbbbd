-- Each object of the schema: is it there, and does it do what it should? Columns: object, ok.
with timeseries (name) as (
  values ('raw_bgp_data'), ('features'), ('ml_results'), ('route_monitor_events'), ('alerts'),
         ('system_metrics')
), plain (name) as (
  values ('schema_migrations'), ('collector_leases'), ('alert_ids'), ('alert_status_events'),
         ('notification_outbox'), ('peers'), ('feed_gaps'), ('collector_health')
), views (name) as (
  values ('recent_alerts'), ('alert_summary_hourly')
), functions (signature) as (
  values ('public.calculate_ensemble_score(double precision, double precision, double precision)'),
         ('public.update_alert_status(bigint, text, text, text, integer)'),
         ('bgptui.maintain(timestamptz, double precision)'),
         ('bgptui.ensure_partitions(regclass, timestamptz, timestamptz)'),
         ('bgptui.acquire_lease(text, text, interval)'),
         ('bgptui.assert_lease(text, text, bigint)')
), found (kind, object, ok) as (
  select 1, 'time-series table ' || name,
         exists (select from bgptui.timeseries where tbl = to_regclass('public.' || name))
  from timeseries
  union all
  select 2, 'retention of ' || name,
         exists (select from bgptui.timeseries where tbl = to_regclass('public.' || name) and keep is not null)
  from timeseries
  union all
  select 3, 'table ' || name, to_regclass('public.' || name) is not null from plain
  union all
  select 4, 'view ' || name, to_regclass('public.' || name) is not null from views
  union all
  select 5, 'function ' || split_part(signature, '(', 1), to_regprocedure(signature) is not null
  from functions
)
select object, ok from found order by kind, object
