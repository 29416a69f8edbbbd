-- What stands beside the time series: plain tables, small, not partitioned.

create table public.alert_ids (
  alert_id    bigint primary key,
  alert_uuid  uuid not null unique,
  "timestamp" timestamptz not null
);
comment on table public.alert_ids is
  'Written with each alert in one transaction: makes ids unique and finds the chunk of an alert.';

create table public.alert_status_events (
  event_id    bigint generated always as identity primary key,
  alert_id    bigint not null,
  created_at  timestamptz not null default clock_timestamp(),
  operator    text not null check (operator <> ''),
  from_status text not null,
  to_status   text not null,
  version     integer not null,
  note        text
);
comment on table public.alert_status_events is
  'Append only: who changed an alert''s status, when and why. from_status = to_status: a note.';
comment on column public.alert_status_events.event_id is 'In the order of commit (update_alert_status takes a lock).';
comment on column public.alert_status_events.version is 'The alert''s version after it.';
comment on column public.alert_status_events.created_at is 'By the database''s clock.';
create index alert_status_events_alert on public.alert_status_events (alert_id, event_id);

create table public.notification_outbox (
  outbox_id       bigint generated always as identity primary key,
  alert_id        bigint not null,
  alert_uuid      uuid not null,
  event           text not null check (event in ('open', 'update', 'resolve')),
  severity        text not null,
  created_at      timestamptz not null default clock_timestamp(),
  state           text not null default 'pending' check (state in ('pending', 'sent', 'failed')),
  attempts        integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  sent_at         timestamptz,
  last_error      text
);
comment on table public.notification_outbox is
  'What is to be told to people, written with the alert in one transaction; an update only when it grew more severe.';
create index notification_outbox_pending on public.notification_outbox (next_attempt_at) where state = 'pending';
create index notification_outbox_alert on public.notification_outbox (alert_id);

create table public.peers (
  collector  text not null,
  peer_addr  inet not null,
  peer_asn   bigint not null,
  first_seen timestamptz not null,
  last_seen  timestamptz not null,
  state      text not null check (state in ('up', 'down')),
  state_at   timestamptz not null,
  primary key (collector, peer_addr, peer_asn)
);
comment on table public.peers is 'Every peer that sent something.';
comment on column public.peers.first_seen is 'Event time of its first message (to the minute from features).';
comment on column public.peers.last_seen is 'Event time of its last message (to the minute from features).';
comment on column public.peers.state is 'up until its session left Established.';
comment on column public.peers.state_at is 'Event time from which the state is known.';

create table public.feed_gaps (
  gap_id    bigint generated always as identity primary key,
  collector text,
  gap_start timestamptz not null,
  gap_end   timestamptz,
  reason    text not null,
  attempts  integer not null,
  unique nulls not distinct (collector, gap_start),
  check (gap_end >= gap_start)
);
comment on table public.feed_gaps is 'Times in which we were blind: missing data is never silence.';
comment on column public.feed_gaps.collector is 'Null for the whole feed.';
comment on column public.feed_gaps.gap_start is 'Event time of the last message before it.';
comment on column public.feed_gaps.gap_end is 'Event time of the first message after it; null while it lasts.';
comment on column public.feed_gaps.reason is 'connect_failed, closed, silence, slow_consumer or restart.';
comment on column public.feed_gaps.attempts is 'Connection attempts made.';
create index feed_gaps_start on public.feed_gaps (gap_start);

create table public.collector_health (
  holder     text primary key,
  document   jsonb not null,
  updated_at timestamptz not null default clock_timestamp()
);
comment on table public.collector_health is
  'How each collector does, upserted once a second; older than 5 s a console says BLIND.';
comment on column public.collector_health.holder is 'Holder of the lease.';
comment on column public.collector_health.updated_at is 'By the database''s clock.';

-- May an alert go from one status to another? bgptui.domain.alert.TRANSITIONS is the same table.
create function bgptui.may_become(from_status text, to_status text)
returns boolean language sql immutable as $$
  select (from_status, to_status) in (
    ('open', 'acknowledged'), ('open', 'resolved'), ('open', 'false_positive'),
    ('acknowledged', 'open'), ('acknowledged', 'resolved'), ('acknowledged', 'false_positive'),
    ('resolved', 'open'),
    ('false_positive', 'open'))
$$;

-- Locks an alert's row and returns it; P0002 where there is none.
create function bgptui.lock_alert(id bigint) returns public.alerts language plpgsql as $$
declare
  opened timestamptz;
  found_alert public.alerts;
begin
  -- Commits of status events keep the order of their ids: a reader that asks for
  -- "after event 17" misses none.
  perform pg_advisory_xact_lock(hashtext('bgptui.alert_status_events'), 0);
  select i."timestamp" into opened from public.alert_ids i where i.alert_id = id;
  -- By its time as well: one chunk is looked at and locked, not a year of them.
  select a.* into found_alert from public.alerts a
    where a.alert_id = id and a."timestamp" = opened
    for update;
  if not found then
    raise exception 'there is no alert %', id using errcode = 'P0002';
  end if;
  return found_alert;
end $$;

-- The one way to change an alert's status. Returns the row as it stands then.
--   expected_version: the version the operator saw; null is not checked.
-- Raises 40001 when the version differs, 23514 for a transition that is not allowed,
-- P0002 for an unknown id. The same status again changes nothing.
create function public.update_alert_status(
  alert_id bigint, status text, operator text,
  notes text default null, expected_version int default null
) returns public.alerts language plpgsql as $$
#variable_conflict use_column
declare
  old public.alerts := bgptui.lock_alert(update_alert_status.alert_id);
  new public.alerts;
  new_status text := update_alert_status.status;
  who text := update_alert_status.operator;
  wanted int := update_alert_status.expected_version;
begin
  if wanted is not null and wanted <> old.version then
    raise exception 'alert % has changed: version % was expected, it is %', old.alert_id, wanted, old.version
      using errcode = '40001',
            detail = coalesce((
              select format('%s made it %s at %s', e.operator, e.to_status, date_trunc('second', e.created_at))
              from public.alert_status_events e
              where e.alert_id = old.alert_id and e.from_status <> e.to_status
              order by e.event_id desc limit 1), '');
  end if;
  if new_status = old.status then
    return old;
  end if;
  if not coalesce(bgptui.may_become(old.status, new_status), false) then
    raise exception 'alert % is %, it cannot become %', old.alert_id, old.status, coalesce(new_status, 'null')
      using errcode = '23514';
  end if;
  update public.alerts a set
      status = new_status,
      version = a.version + 1,
      updated_at = clock_timestamp(),
      acknowledged_by = case new_status when 'acknowledged' then who when 'open' then null else a.acknowledged_by end,
      acknowledged_at = case new_status when 'acknowledged' then clock_timestamp() when 'open' then null else a.acknowledged_at end,
      resolved_at = case when new_status in ('resolved', 'false_positive') then clock_timestamp() end,
      resolution_notes = case when new_status in ('resolved', 'false_positive') then update_alert_status.notes end
    where a.alert_id = old.alert_id and a."timestamp" = old."timestamp"
    returning a.* into new;
  insert into public.alert_status_events (alert_id, operator, from_status, to_status, version, note)
    values (old.alert_id, who, old.status, new.status, new.version, update_alert_status.notes);
  perform pg_notify('bgptui_alerts', json_build_object(
    'alert_id', new.alert_id, 'status', new.status, 'version', new.version, 'operator', who)::text);
  return new;
end $$;
comment on function public.update_alert_status is 'The one way to change an alert''s status.';

-- Adds a note to an alert without changing its status. P0002 for an unknown id.
create function bgptui.add_alert_note(id bigint, who text, note_text text)
returns bigint language plpgsql as $$
declare
  noted public.alerts := bgptui.lock_alert(id);
  new_event bigint;
begin
  insert into public.alert_status_events (alert_id, operator, from_status, to_status, version, note)
    values (noted.alert_id, who, noted.status, noted.status, noted.version, note_text)
    returning event_id into new_event;
  perform pg_notify('bgptui_alerts', json_build_object(
    'alert_id', noted.alert_id, 'status', noted.status, 'version', noted.version, 'operator', who)::text);
  return new_event;
end $$;

-- What a console lists, kept beside the alerts by a trigger: planning a query over a year of
-- chunks takes longer than reading a thousand rows of one table.
create table bgptui.alert_list (
  alert_id        bigint primary key,
  version         integer not null,
  alert_type      text not null,
  severity        text not null,
  status          text not null,
  title           text not null,
  confidence      double precision not null,
  first_seen      timestamptz not null,
  last_seen       timestamptz not null,
  updated_at      timestamptz not null,
  class           text,
  prefix          cidr,
  watched_prefix  cidr,
  origin_asn      bigint,
  peer_addr       inet,
  peer_asn        bigint,
  peers_seen      integer not null,
  peers_total     integer not null,
  rpki_status     text,
  acknowledged_by text
);
comment on table bgptui.alert_list is
  'Columns of public.alerts: every active alert, and those closed last. Written by a trigger only.';
create index alert_list_active on bgptui.alert_list
  (array_position(array['critical', 'high', 'medium', 'low'], severity), last_seen desc)
  where status in ('open', 'acknowledged');
create index alert_list_closed on bgptui.alert_list (updated_at)
  where status in ('resolved', 'false_positive');

create function bgptui.list_alert() returns trigger language plpgsql as $$
begin
  delete from bgptui.alert_list l where l.alert_id = old.alert_id;
  if tg_op <> 'DELETE' then
    insert into bgptui.alert_list values (
      new.alert_id, new.version, new.alert_type, new.severity, new.status, new.title, new.confidence,
      new.first_seen, new.last_seen, new.updated_at, new.class, new.prefix, new.watched_prefix,
      new.origin_asn, new.peer_addr, new.peer_asn, new.peers_seen, new.peers_total, new.rpki_status,
      new.acknowledged_by);
  end if;
  return null;
end $$;
create trigger list_alert after insert or update or delete on public.alerts
  for each row execute function bgptui.list_alert();

-- Leaves out alerts that were closed before the last so many.
create function bgptui.trim_alert_list(closed_kept int default 1000) returns void language sql as $$
  delete from bgptui.alert_list
  where status in ('resolved', 'false_positive')
    and updated_at < (select min(l.updated_at)
                      from (select updated_at from bgptui.alert_list
                            where status in ('resolved', 'false_positive')
                            order by updated_at desc limit closed_kept) l)
$$;
