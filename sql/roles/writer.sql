-- A role that may run the whole of bgptui, console included, on a schema that another role owns.
--
--   psql "$OWNER_DSN" -f sql/roles/writer.sql        -- again after each bgptui db upgrade
--   create role collector login password '...' in role bgptui_writer;
--
-- To be run by the owner of the schema (who ran bgptui db init); creating the role itself takes
-- CREATEROLE, or somebody who has it. No superuser is needed, and the writer owns nothing: what
-- only an owner may do (partitions, retention, compression) it does through functions of the owner.

do $$
begin
  if not exists (select from pg_roles where rolname = 'bgptui_writer') then
    create role bgptui_writer nologin;
  end if;
end $$;

grant usage on schema public, bgptui to bgptui_writer;

-- Rows of the time series are added and never changed; events and alerts are.
grant select, insert on public.raw_bgp_data, public.features, public.ml_results,
  public.system_metrics to bgptui_writer;
grant select, insert, update on public.route_monitor_events, public.alerts, public.alert_ids, public.notification_outbox,
  public.peers, public.feed_gaps, public.collector_health, public.collector_leases to bgptui_writer;
grant select, insert on public.alert_status_events, public.detector_weeks to bgptui_writer;
grant select on public.recent_alerts, public.alert_summary_hourly, public.features_hourly,
  public.system_metrics_hourly, public.schema_migrations to bgptui_writer;
grant select on all tables in schema bgptui to bgptui_writer;
grant insert, update, delete on bgptui.alert_list, bgptui.positions, bgptui.replays,
  bgptui.shards, bgptui.shard_progress, bgptui.shard_moments, bgptui.watched_vrps to bgptui_writer;
grant insert, delete on bgptui.watch_reloads, bgptui.watch_reload_answers to bgptui_writer;
grant usage on sequence bgptui.shard_numbers to bgptui_writer;

grant execute on function bgptui.ensure_partitions, bgptui.maintain, bgptui.set_retention,
  bgptui.set_compression to bgptui_writer;
