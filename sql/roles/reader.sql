-- A role that may read everything and change nothing: dashboards, scripts, a console to look at.
--
--   psql "$OWNER_DSN" -f sql/roles/reader.sql        -- again after each bgptui db upgrade
--   create role grafana login password '...' in role bgptui_reader;
--
-- To be run by the owner of the schema (who ran bgptui db init); creating the role itself takes
-- CREATEROLE, or somebody who has it.

do $$
begin
  if not exists (select from pg_roles where rolname = 'bgptui_reader') then
    create role bgptui_reader nologin;
  end if;
end $$;

grant usage on schema public, bgptui to bgptui_reader;
grant select on public.raw_bgp_data, public.features, public.ml_results,
  public.route_monitor_events, public.alerts, public.system_metrics,
  public.alert_ids, public.alert_status_events, public.notification_outbox, public.peers,
  public.feed_gaps, public.detector_weeks, public.collector_health, public.collector_leases,
  public.schema_migrations, public.recent_alerts, public.alert_summary_hourly, public.features_hourly,
  public.system_metrics_hourly to bgptui_reader;
grant select on all tables in schema bgptui to bgptui_reader;
