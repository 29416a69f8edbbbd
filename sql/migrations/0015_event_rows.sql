-- One row of route_monitor_events for each matter (type, prefix, origin, reason) while it is on,
-- brought up to date, instead of one for each peer's route.
-- Nullable and without a check: a hypertable that is compressed takes no other new column. Rows of
-- earlier releases, one for each peer's route, have nulls in all of them.

alter table public.route_monitor_events
  add column reason     text,
  add column last_seen  timestamptz,
  add column peers_seen integer,
  add column sightings  bigint,
  add column ended_at   timestamptz,
  add column end_reason text;

comment on table public.route_monitor_events is
  'One row per matter (event_type, prefix, origin_asn, reason) while it is on, for a day at most.';
comment on column public.route_monitor_events."timestamp" is
  'Of the message that was its first sighting (event time); never changes.';
comment on column public.route_monitor_events.peer_addr is 'Of the first sighting, like collector, peer_asn, as_path and next_hop.';
comment on column public.route_monitor_events.severity is 'The worst so far.';
comment on column public.route_monitor_events.reason is 'The rule that fired.';
comment on column public.route_monitor_events.last_seen is
  'Event time of the newest sighting, or of the newest loss of the route.';
comment on column public.route_monitor_events.peers_seen is 'Distinct peer ASNs that had the route.';
comment on column public.route_monitor_events.sightings is
  'How often a peer''s route began to fire, or was judged anew.';
comment on column public.route_monitor_events.ended_at is
  'Since when nobody has the route (event time), or when the row ended otherwise; null while it is followed.';
comment on column public.route_monitor_events.end_reason is
  'gone: nobody has the route; aged: the row is a day old; evicted: too many matters at once.';
comment on column public.route_monitor_events.metadata is
  'watched_prefix, expected_origins, min_peers, covering VRPs and other evidence of the first sighting; peers and paths so far.';

alter table bgptui.replays add column event_updates bigint not null default 0;
comment on column bgptui.replays.event_updates is 'Updates of rows of route_monitor_events that are committed.';
