-- Each object of the schema: is it there, and does it do what it should? Columns: object, ok.
with timeseries (name) as (
  values ('raw_bgp_data'), ('features'), ('ml_results'), ('route_monitor_events'), ('alerts'),
         ('system_metrics')
), plain (name) as (
  values ('schema_migrations'), ('collector_leases'), ('alert_ids'), ('alert_status_events'),
         ('notification_outbox'), ('peers'), ('feed_gaps'), ('collector_health'),
         ('detector_weeks'),
         ('shards'), ('shard_progress'), ('shard_moments'), ('watched_vrps'),
         ('watch_reloads'), ('watch_reload_answers')
), schemas (name, schema) as (
  select name, case when name like 'shard%' or name like 'watch%' then 'bgptui.' else 'public.' end from plain
), views (name) as (
  values ('recent_alerts'), ('alert_summary_hourly'), ('features_hourly'), ('system_metrics_hourly')
), policies (policy, relation) as (
  select 'policy_retention', relname
  from bgptui.timeseries s join pg_class c on c.oid = s.tbl
  where retention_by = 'chunk' and keep is not null
  union all
  select 'policy_compression', relname
  from bgptui.timeseries s join pg_class c on c.oid = s.tbl
  where compress_after is not null
  union all
  values ('policy_refresh_continuous_aggregate', 'features_hourly'),
         ('policy_refresh_continuous_aggregate', 'system_metrics_hourly')
), functions (signature) as (
  values ('public.calculate_ensemble_score(double precision, double precision, double precision)'),
         ('public.update_alert_status(bigint, text, text, text, integer)'),
         ('bgptui.add_alert_note(bigint, text, text)'),
         ('bgptui.maintain(timestamptz, double precision)'),
         ('bgptui.set_retention(regclass, interval)'),
         ('bgptui.set_compression(interval)'),
         ('bgptui.ensure_partitions(regclass, timestamptz, timestamptz)'),
         ('bgptui.acquire_lease(text, text, interval)'),
         ('bgptui.assert_lease(text, text, bigint)'),
         ('bgptui.assert_leases(text[], text, bigint[])')
), found (kind, object, ok) as (
  select 1, 'time-series table ' || name,
         exists (select from bgptui.timeseries where tbl = to_regclass('public.' || name))
  from timeseries
  union all
  select 2, 'retention of ' || name,
         exists (select from bgptui.timeseries where tbl = to_regclass('public.' || name) and keep is not null)
  from timeseries
  union all
  select 3, 'table ' || name, to_regclass(schema || name) is not null from schemas
  union all
  select 4, 'view ' || name, to_regclass('public.' || name) is not null from views
  union all
  select 5, 'function ' || split_part(signature, '(', 1), to_regprocedure(signature) is not null
  from functions
  union all
  select 6, 'trigger list_alert of alerts',
         exists (select from pg_trigger where tgname = 'list_alert' and tgrelid = to_regclass('public.alerts'))
         and to_regclass('bgptui.alert_list') is not null
  union all
  -- Elsewhere bgptui.maintain() does their work.
  select 7, replace(policy, 'policy_', 'policy ') || ' of ' || relation,
         (policy, relation) in (select f.policy, f.relation from bgptui.policies() f)
  from policies
  where bgptui.tsdb() = 'timescale'
)
select object, ok from found order by kind, object
