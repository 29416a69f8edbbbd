-- Retention and partitions ahead: what db maintain and the collector run.

create table bgptui.maintenance_runs (
  run_id         bigint generated always as identity primary key,
  ran_at         timestamptz not null default clock_timestamp(),
  as_of          timestamptz not null,
  dropped_chunks integer not null,
  dropped_bytes  bigint not null,
  deleted_alerts bigint not null
);
comment on table bgptui.maintenance_runs is 'One row per run of bgptui.maintain, kept for a year.';
comment on column bgptui.maintenance_runs.as_of is 'The time that retention was counted from.';

-- Deletes closed alerts older than cut with all that hangs on them; open and acknowledged ones
-- stay, however old. Returns how many.
create function bgptui.expire_alerts(cut timestamptz) returns bigint language plpgsql as $$
declare
  expired bigint[];
begin
  with gone as (
    delete from public.alerts
    where "timestamp" < cut and status in ('resolved', 'false_positive')
    returning alert_id)
  select coalesce(array_agg(alert_id), '{}') into expired from gone;
  delete from public.alert_ids where alert_id = any(expired);
  delete from public.alert_status_events where alert_id = any(expired);
  delete from public.notification_outbox where alert_id = any(expired);
  return cardinality(expired);
end $$;

-- Drops a chunk; false when a reader held it for longer than the lock timeout.
create function bgptui.try_drop_chunk(t regclass, chunk text, lo timestamptz, hi timestamptz)
returns boolean language plpgsql set lock_timeout = '2s' as $$
begin
  perform bgptui.drop_chunk(t, chunk, lo, hi);
  return true;
exception when lock_not_available then
  return false;
end $$;

-- Is a chunk without rows?
create function bgptui.chunk_is_empty(chunk text) returns boolean language plpgsql as $$
declare
  has_rows boolean;
begin
  execute format('select exists (select from %s)', chunk) into has_rows;
  return not has_rows;
end $$;

-- Drops what retention has expired as of now_, then the oldest raw chunks above raw_max_gib
-- (the newest included, if it alone is too large: a full disk would stop everything), and makes
-- partitions ahead. Returns what it did: action is dropped (expired), dropped_for_size,
-- deleted_alerts (object: their number) or busy (in use; the next run tries again).
create function bgptui.maintain(now_ timestamptz default now(), raw_max_gib double precision default null)
returns table (action text, object text, size_bytes bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  series bgptui.timeseries;
  c record;
  raw constant regclass := 'public.raw_bgp_data';
  raw_bytes numeric;
  chunks_gone int := 0;
  bytes_gone bigint := 0;
  alerts_gone bigint := 0;
begin
  perform pg_advisory_xact_lock(hashtext('bgptui.maintain'), 0);
  for series in select * from bgptui.timeseries where keep is not null order by tbl::text loop
    if series.retention_by = 'row' then
      alerts_gone := bgptui.expire_alerts(now_ - series.keep);
      if alerts_gone > 0 then
        action := 'deleted_alerts'; object := alerts_gone::text; size_bytes := null; return next;
      end if;
    end if;
    for c in select * from bgptui.chunks(series.tbl) where hi <= now_ - series.keep loop
      continue when series.retention_by = 'row' and not bgptui.chunk_is_empty(c.chunk);
      object := c.chunk; size_bytes := c.size_bytes;
      if bgptui.try_drop_chunk(series.tbl, c.chunk, c.lo, c.hi) then
        action := 'dropped'; chunks_gone := chunks_gone + 1; bytes_gone := bytes_gone + c.size_bytes;
      else
        action := 'busy';
      end if;
      return next;
    end loop;
  end loop;

  if raw_max_gib is not null then
    select coalesce(sum(k.size_bytes), 0) into raw_bytes from bgptui.chunks(raw) k;
    for c in select * from bgptui.chunks(raw) loop
      exit when raw_bytes <= raw_max_gib * 1024 ^ 3;
      continue when bgptui.chunk_is_empty(c.chunk);
      object := c.chunk; size_bytes := c.size_bytes;
      if bgptui.try_drop_chunk(raw, c.chunk, c.lo, c.hi) then
        action := 'dropped_for_size'; chunks_gone := chunks_gone + 1; bytes_gone := bytes_gone + c.size_bytes;
        raw_bytes := raw_bytes - c.size_bytes;
      else
        action := 'busy';
      end if;
      return next;
    end loop;
  end if;

  for series in select * from bgptui.timeseries loop
    perform bgptui.ensure_partitions(series.tbl, now_ - series.chunk, now_ + 2 * series.chunk);
    if series.tbl = 'public.features'::regclass and series.keep is not null then
      delete from public.feed_gaps where gap_end < now_ - series.keep;
      delete from public.peers where last_seen < now_ - series.keep;
    end if;
  end loop;
  perform bgptui.trim_alert_list();
  delete from bgptui.maintenance_runs where ran_at < clock_timestamp() - interval '365 days';
  insert into bgptui.maintenance_runs (as_of, dropped_chunks, dropped_bytes, deleted_alerts)
    values (now_, chunks_gone, bytes_gone, alerts_gone);
end $$;
revoke execute on function bgptui.maintain from public;

-- Number of rows (null unless asked for: it reads the table) and time range of a table.
create function bgptui.extent(t regclass, count_rows boolean)
returns table (row_count bigint, first_row timestamptz, last_row timestamptz) language plpgsql stable as $$
begin
  execute format('select min("timestamp"), max("timestamp") from %s', t) into first_row, last_row;
  if count_rows then
    execute format('select count(*) from %s', t) into row_count;
  end if;
  return next;
end $$;
