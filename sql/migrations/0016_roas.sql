-- Alerts about the operator's own ROAs, and what is believed of them.

alter table public.alerts drop constraint alerts_alert_type_check;
alter table public.alerts add constraint alerts_alert_type_check
  check (alert_type in ('hijack', 'leak', 'rpki_invalid', 'path_anomaly', 'new_prefix',
                        'visibility_loss', 'ml_anomaly', 'session', 'feed_gap', 'roa'));

create table bgptui.watched_vrps (
  only_row   boolean primary key default true check (only_row),
  document   jsonb not null,
  updated_at timestamptz not null default clock_timestamp()
);
comment on table bgptui.watched_vrps is
  'One row: the VRPs that concern the watchlist and the size of each trust anchor, as last believed; a restart tells what changed since.';
comment on column bgptui.watched_vrps.document is 'RoaMemory of bgptui/routemon/roa_monitor.py.';
comment on column bgptui.watched_vrps.updated_at is 'By the database''s clock.';
