-- Leases: which process collects, and which correlates. Every decision goes by the
-- database's clock. The epoch fences: each taking counts it up, and a transaction that
-- writes under a lease checks its epoch, so that a holder that was overtaken cannot write.

create schema if not exists bgptui;

create table public.collector_leases (
  scope       text primary key,
  holder      text not null,
  epoch       bigint not null,
  acquired_at timestamptz not null,
  expires_at  timestamptz not null
);
comment on table public.collector_leases is
  'Who collects: one row for each share of the work that a process can hold.';
comment on column public.collector_leases.scope is
  'An rrc host (rrc00), collector for all of them, or correlate.';
comment on column public.collector_leases.holder is 'The process; empty when released.';
comment on column public.collector_leases.epoch is 'Counts the takings of this scope, from 1.';
comment on column public.collector_leases.acquired_at is 'By the database''s clock.';
comment on column public.collector_leases.expires_at is
  'From then on another process may take it; until one does its holder goes on.';

-- Takes a lease that is free or has expired; taking one's own again begins a new epoch.
-- Returns the epoch, or null while another holds it. Waits for transactions that write
-- under the old epoch.
create function bgptui.acquire_lease(scope text, holder text, ttl interval)
returns bigint language plpgsql as $$
#variable_conflict use_variable
declare
  lease public.collector_leases;
  taken bigint;
begin
  if holder = '' then
    raise exception 'a lease needs a holder' using errcode = '22023';
  end if;
  -- A first look without a lock: one that waits its turn must not stand in the holder's way.
  select * into lease from public.collector_leases l where l.scope = acquire_lease.scope;
  if lease.expires_at > clock_timestamp() and lease.holder <> acquire_lease.holder then
    return null;
  end if;
  insert into public.collector_leases
    values (acquire_lease.scope, '', 0, clock_timestamp(), '-infinity')
    on conflict do nothing;
  -- FOR UPDATE, not an UPDATE alone: only that conflicts with assert_lease's FOR KEY SHARE.
  select * into strict lease
    from public.collector_leases l where l.scope = acquire_lease.scope for update;
  if lease.expires_at > clock_timestamp() and lease.holder <> acquire_lease.holder then
    return null;
  end if;
  update public.collector_leases l
    set holder = acquire_lease.holder, epoch = l.epoch + 1,
        acquired_at = clock_timestamp(), expires_at = clock_timestamp() + ttl
    where l.scope = acquire_lease.scope
    returning l.epoch into strict taken;
  return taken;
end $$;

-- Puts off the end of a lease; false when it has been lost. It does not wait for the
-- holder's own transactions. One that has expired and that nobody took is renewed as well:
-- a database that was away for a minute does not end the collector.
create function bgptui.renew_lease(scope text, holder text, epoch bigint, ttl interval)
returns boolean language plpgsql as $$
#variable_conflict use_variable
begin
  update public.collector_leases l set expires_at = clock_timestamp() + ttl
    where l.scope = renew_lease.scope and l.holder = renew_lease.holder
      and l.epoch = renew_lease.epoch;
  return found;
end $$;

-- Gives a lease back, so that the next process need not wait; false when it was lost before.
create function bgptui.release_lease(scope text, holder text, epoch bigint)
returns boolean language plpgsql as $$
#variable_conflict use_variable
begin
  update public.collector_leases l set holder = '', expires_at = clock_timestamp()
    where l.scope = release_lease.scope and l.holder = release_lease.holder
      and l.epoch = release_lease.epoch;
  return found;
end $$;

-- Called in every transaction that writes under a lease: raises BG001 when it is lost,
-- otherwise keeps it from being taken until the transaction's end.
create function bgptui.assert_lease(scope text, holder text, epoch bigint)
returns void language plpgsql as $$
#variable_conflict use_variable
begin
  perform from public.collector_leases l
    where l.scope = assert_lease.scope and l.holder = assert_lease.holder
      and l.epoch = assert_lease.epoch
    for key share;
  if not found then
    raise exception 'the lease on % (epoch %) was lost by %',
      assert_lease.scope, assert_lease.epoch, assert_lease.holder
      using errcode = 'BG001';
  end if;
  -- A process that is suspended here must not hold up its successor for ever.
  perform set_config('idle_in_transaction_session_timeout', '15s', true);
  if current_setting('server_version_num')::int >= 170000 then
    perform set_config('transaction_timeout', '60s', true);
  end if;
end $$;
