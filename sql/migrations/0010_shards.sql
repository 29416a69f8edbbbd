-- Several collectors on one database: each has a share of the RIS hosts, by a lease on each host
-- (collector_leases), and one of them correlates what all of them see.

create sequence bgptui.shard_numbers;

create table bgptui.shards (
  holder     text primary key,
  number     bigint not null default nextval('bgptui.shard_numbers'),
  joined_at  timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  is_leaving boolean not null default false
);
comment on table bgptui.shards is
  'The processes that share this database''s collectors; one that leaves in good order has no row.';
comment on column bgptui.shards.holder is 'The process, as in collector_leases.';
comment on column bgptui.shards.number is
  'Never given twice: the ids that the process gives begin at number * 2^32.';
comment on column bgptui.shards.expires_at is 'By the database''s clock; from then on it is taken for dead.';
comment on column bgptui.shards.is_leaving is 'It writes its last rows, and takes no host any more.';

create table bgptui.shard_progress (
  collector    text primary key,
  holder       text not null,
  closed_until timestamptz,
  last_message timestamptz,
  has_left     boolean not null,
  updated_at   timestamptz not null default clock_timestamp()
);
comment on table bgptui.shard_progress is
  'How far each RIS host is known, written in the transaction of its rows: where the next holder begins.';
comment on column bgptui.shard_progress.closed_until is 'End of its newest window; null before the first.';
comment on column bgptui.shard_progress.last_message is 'Event time of its newest message; null before the first.';
comment on column bgptui.shard_progress.has_left is
  'The holder has written its last row of this host and gives the lease back.';

create table bgptui.shard_moments (
  moment_id bigint generated always as identity primary key,
  holder    text not null,
  payload   bytea not null
);
comment on table bgptui.shard_moments is
  'What the processes hand to the one that correlates, and it has not yet made something of.';
comment on column bgptui.shard_moments.holder is 'The process that handed it.';
comment on column bgptui.shard_moments.payload is 'msgpack, see bgptui/pipeline/handing.py.';

-- As assert_lease, of several scopes at once: called in every transaction that writes under them.
create function bgptui.assert_leases(scopes text[], holder text, epochs bigint[])
returns void language plpgsql as $$
#variable_conflict use_variable
declare
  held text[];
  lost text[];
begin
  select array_agg(k.scope) into held from (
    select l.scope from public.collector_leases l
      join unnest(scopes, epochs) as ours (scope, epoch) on ours.scope = l.scope
    where l.holder = assert_leases.holder and l.epoch = ours.epoch
    order by l.scope
    for key share of l) k;
  lost := array(select unnest(scopes) except select unnest(held));
  if lost <> '{}' then
    raise exception 'the leases on % were lost by %',
      array_to_string(lost, ', '), assert_leases.holder using errcode = 'BG001';
  end if;
  -- A process that is suspended here must not hold up its successor for ever.
  perform set_config('idle_in_transaction_session_timeout', '15s', true);
  if current_setting('server_version_num')::int >= 170000 then
    perform set_config('transaction_timeout', '60s', true);
  end if;
end $$;

comment on column public.feed_gaps.reason is
  'connect_failed, closed, silence, slow_consumer, restart, or takeover: another process has the host now.';
