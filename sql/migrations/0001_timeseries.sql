-- Time-series tables on three engines: TimescaleDB (Community), its Apache edition, plain PostgreSQL.
-- Every difference between them is in one function of this file; the rest of sql/ is the same for all.
--
-- Names are qualified throughout: a role called bgptui has the schema bgptui first in its search_path.
-- What only the owner of the tables may do, and a collector needs done, is SECURITY DEFINER with a
-- search_path of its own and is granted to nobody here (sql/roles/writer.sql).

create schema if not exists bgptui;
comment on schema bgptui is 'What bgptui keeps beside its tables in public: time-series helpers.';

create table bgptui.timeseries (
  tbl            regclass primary key,
  chunk          interval not null,
  keep           interval,
  retention_by   text not null check (retention_by in ('chunk', 'row')),
  engine         text not null check (engine in ('timescaledb', 'native')),
  can_compress   boolean not null default false,
  compress_after interval
);
comment on table bgptui.timeseries is 'The tables partitioned by their column timestamp.';
comment on column bgptui.timeseries.chunk is 'Time span of one chunk (partition).';
comment on column bgptui.timeseries.keep is 'Retention; null keeps for ever.';
comment on column bgptui.timeseries.retention_by is
  'chunk: whole chunks are dropped when they have expired; row: rows are chosen one by one (alerts).';
comment on column bgptui.timeseries.can_compress is 'The engine can, and the rows do not change.';
comment on column bgptui.timeseries.compress_after is 'Age at which a chunk is compressed; null for never.';

-- The engine: null on plain PostgreSQL, else 'timescale' (all features) or 'apache'.
create function bgptui.tsdb() returns text language plpgsql stable as $$
begin
  if not exists (select from pg_catalog.pg_extension where extname = 'timescaledb') then
    return null;
  end if;
  return coalesce(pg_catalog.current_setting('timescaledb.license', true), 'apache');
end $$;

-- A function of the extension, by its qualified name: it need not be in public.
create function bgptui.tsdb_function(name text) returns text language sql stable as $$
  select pg_catalog.format('%I.%I', n.nspname, tsdb_function.name)
  from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
  where e.extname = 'timescaledb'
$$;

-- Creates a table partitioned by its column timestamp.
--   name: qualified. columns: the text between the parentheses of CREATE TABLE.
-- A primary key must include timestamp: both engines ask for it.
create function bgptui.create_timeseries(
  name text, columns text, chunk interval default '1 day', retention_by text default 'chunk'
) returns void language plpgsql as $$
begin
  if bgptui.tsdb() is null then
    execute format('create table %s (%s) partition by range ("timestamp")', name, columns);
    insert into bgptui.timeseries
      values (name::regclass, create_timeseries.chunk, null, create_timeseries.retention_by, 'native');
  else
    execute format('create table %s (%s)', name, columns);
    execute format(
      'select %s(%L, %L, chunk_time_interval => %L::interval, create_default_indexes => false)',
      bgptui.tsdb_function('create_hypertable'), name, 'timestamp', chunk);
    insert into bgptui.timeseries
      values (name::regclass, create_timeseries.chunk, null, create_timeseries.retention_by, 'timescaledb');
  end if;
end $$;

-- Makes the partitions that rows from lo to hi (inclusive) need; returns how many it made.
-- TimescaleDB makes its chunks itself. There is no default partition: one row in it would
-- block the partition that the row belongs to.
create function bgptui.ensure_partitions(t regclass, lo timestamptz, hi timestamptz)
returns int language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
  series bgptui.timeseries;
  schema_name text;
  table_name text;
  part text;
  day timestamptz;
  made int := 0;
begin
  select * into strict series from bgptui.timeseries where tbl = t;
  if series.engine <> 'native' then
    return 0;
  end if;
  select n.nspname, k.relname into schema_name, table_name
    from pg_class k join pg_namespace n on n.oid = k.relnamespace where k.oid = t;
  day := date_bin(series.chunk, lo, timestamptz '2000-01-03 00:00+00');
  while day <= hi loop
    part := table_name || '_p' || to_char(day, 'YYYYMMDD');
    if to_regclass(format('%I.%I', schema_name, part)) is null then
      perform pg_advisory_xact_lock(hashtext('bgptui.ensure_partitions'), hashtext(t::text));
      -- Asked of the catalogue: to_regclass may remember the answer from before the lock.
      if not exists (select from pg_class k join pg_namespace n on n.oid = k.relnamespace
                     where n.nspname = schema_name and k.relname = part) then
        -- CREATE ... PARTITION OF would wait behind every reader (ACCESS EXCLUSIVE on the
        -- parent); CREATE and ATTACH does not (SHARE UPDATE EXCLUSIVE).
        execute format('create table %I.%I (like %I.%I including defaults including constraints)',
                       schema_name, part, schema_name, table_name);
        execute format('alter table %I.%I attach partition %I.%I for values from (%L) to (%L)',
                       schema_name, table_name, schema_name, part, day, day + series.chunk);
        made := made + 1;
      end if;
    end if;
    day := day + series.chunk;
  end loop;
  return made;
end $$;
revoke execute on function bgptui.ensure_partitions from public;

-- The chunks of a table, oldest first: their range [lo, hi), their size with indexes and TOAST,
-- and what they were before and are after compression (null where they are not compressed).
create function bgptui.chunks(t regclass)
returns table (chunk text, lo timestamptz, hi timestamptz, size_bytes bigint,
               uncompressed_bytes bigint, compressed_bytes bigint)
language plpgsql stable
set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
  series bgptui.timeseries;
  compression text := 'select null::name as chunk_name, null::bigint as before_compression_total_bytes,
                              null::bigint as after_compression_total_bytes';
begin
  select * into strict series from bgptui.timeseries where tbl = t;
  if series.engine = 'native' then
    return query
      select format('%I.%I', n.nspname, k.relname),
             (regexp_match(pg_get_expr(k.relpartbound, k.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
             (regexp_match(pg_get_expr(k.relpartbound, k.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz,
             pg_total_relation_size(k.oid), null::bigint, null::bigint
      from pg_inherits i
      join pg_class k on k.oid = i.inhrelid
      join pg_namespace n on n.oid = k.relnamespace
      where i.inhparent = t
      order by 2;
  else
    if series.can_compress then
      compression := format('select * from %s(%L)', bgptui.tsdb_function('chunk_compression_stats'), t::text);
    end if;
    return query execute format(
      'select format(''%%I.%%I'', c.chunk_schema, c.chunk_name), c.range_start, c.range_end, s.total_bytes,
              p.before_compression_total_bytes, p.after_compression_total_bytes
       from timescaledb_information.chunks c
       join %s(%L) s on (s.chunk_schema, s.chunk_name) = (c.chunk_schema, c.chunk_name)
       left join (%s) p on p.chunk_name = c.chunk_name
       where (c.hypertable_schema, c.hypertable_name) =
             (select n.nspname, k.relname from pg_class k join pg_namespace n on n.oid = k.relnamespace where k.oid = %L::regclass)
       order by 2',
      bgptui.tsdb_function('chunks_detailed_size'), t::text, compression, t::text);
  end if;
end $$;

-- Number of rows of a table, estimated from what the planner last learnt.
create function bgptui.estimated_rows(t regclass) returns bigint language plpgsql stable as $$
declare
  estimate bigint;
begin
  if (select engine from bgptui.timeseries where tbl = t) = 'native' then
    select coalesce(sum(greatest(k.reltuples, 0)), 0) into estimate
      from pg_inherits i join pg_class k on k.oid = i.inhrelid where i.inhparent = t;
  else
    -- It knows of compressed rows.
    execute format('select %s(%L)', bgptui.tsdb_function('approximate_row_count'), t::text) into estimate;
  end if;
  return estimate;
end $$;

-- Drops one chunk of bgptui.chunks(t).
create function bgptui.drop_chunk(t regclass, chunk text, lo timestamptz, hi timestamptz)
returns void language plpgsql as $$
begin
  if (select engine from bgptui.timeseries where tbl = t) = 'native' then
    execute format('drop table %s', chunk);
  else
    execute format('select %s(%L, older_than => %L::timestamptz, newer_than => %L::timestamptz)',
                   bgptui.tsdb_function('drop_chunks'), t::text, hi, lo);
  end if;
end $$;

-- The hourly views of a table that the engine keeps up to date: TimescaleDB's continuous aggregates.
create function bgptui.rollups(t regclass) returns setof regclass language plpgsql stable as $$
begin
  if bgptui.tsdb() = 'timescale' then
    return query
      execute 'select format(''%I.%I'', view_schema, view_name)::regclass
               from timescaledb_information.continuous_aggregates
               where format(''%I.%I'', hypertable_schema, hypertable_name)::regclass = $1'
      using t;
  end if;
end $$;

-- Gives a table's rollups the policies that fit its retention: they are brought up to date once an
-- hour as far back as the table reaches, and kept as long. Further back than it reaches a refresh
-- would find nothing and forget what it had counted.
create function bgptui.set_rollup_policies(t regclass) returns void language plpgsql as $$
declare
  series bgptui.timeseries;
  rollup regclass;
begin
  select * into strict series from bgptui.timeseries where tbl = t;
  for rollup in select bgptui.rollups(t) loop
    execute format('select %s(%L, if_exists => true)',
                   bgptui.tsdb_function('remove_continuous_aggregate_policy'), rollup::text);
    execute format('select %s(%L, if_exists => true)',
                   bgptui.tsdb_function('remove_retention_policy'), rollup::text);
    execute format('select %s(%L, %L::interval, interval ''1 hour'', interval ''1 hour'')',
                   bgptui.tsdb_function('add_continuous_aggregate_policy'), rollup::text,
                   case when series.keep is not null then greatest(series.keep - series.chunk, interval '1 day') end);
    if series.keep is not null then
      execute format('select %s(%L, %L::interval)',
                     bgptui.tsdb_function('add_retention_policy'), rollup::text, series.keep);
    end if;
  end loop;
end $$;

-- How long a table's rows are kept; null for ever. Where TimescaleDB runs policies it gets one;
-- everywhere bgptui.maintain() does the same. A table with retention by row gets none.
create function bgptui.set_retention(t regclass, keep_for interval)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  series bgptui.timeseries;
begin
  select * into strict series from bgptui.timeseries where tbl = t;
  if series.keep is not distinct from keep_for then
    return;
  end if;
  update bgptui.timeseries set keep = keep_for where tbl = t;
  if series.retention_by = 'chunk' and series.engine = 'timescaledb' and bgptui.tsdb() = 'timescale' then
    execute format('select %s(%L, if_exists => true)',
                   bgptui.tsdb_function('remove_retention_policy'), t::text);
    if keep_for is not null then
      execute format('select %s(%L, %L::interval)',
                     bgptui.tsdb_function('add_retention_policy'), t::text, keep_for);
    end if;
    perform bgptui.set_rollup_policies(t);
  end if;
end $$;
revoke execute on function bgptui.set_retention from public;

-- Lets the engine compress a table's chunks, where it can: rows with equal segment_by are packed
-- together in the order of order_by. bgptui.set_compression says when.
create function bgptui.enable_compression(t regclass, segment_by text, order_by text)
returns void language plpgsql as $$
begin
  if bgptui.tsdb() = 'timescale' and (select engine from bgptui.timeseries where tbl = t) = 'timescaledb' then
    execute format('alter table %s set (timescaledb.compress, timescaledb.compress_segmentby = %L, timescaledb.compress_orderby = %L)',
                   t, segment_by, order_by);
    update bgptui.timeseries set can_compress = true where tbl = t;
  end if;
end $$;

-- The age at which chunks are compressed, for every table that can be.
create function bgptui.set_compression(after interval)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  series bgptui.timeseries;
begin
  for series in select * from bgptui.timeseries
                where can_compress and compress_after is distinct from after loop
    execute format('select %s(%L, if_exists => true)',
                   bgptui.tsdb_function('remove_compression_policy'), series.tbl::text);
    execute format('select %s(%L, %L::interval)',
                   bgptui.tsdb_function('add_compression_policy'), series.tbl::text, after);
    update bgptui.timeseries set compress_after = after where tbl = series.tbl;
  end loop;
end $$;
revoke execute on function bgptui.set_compression from public;

-- Creates a view of a table by the hour (UTC): its first column is hour, then dimensions, then
-- measures. On TimescaleDB a continuous aggregate, which also counts what came since its last
-- refresh; elsewhere, and in its Apache edition, a plain view with the same columns.
create function bgptui.create_hourly(name text, source regclass, dimensions text, measures text)
returns void language plpgsql as $$
declare
  statement constant text := format('select %%s as hour, %s, %s from %s group by 1, %s',
                                    dimensions, measures, source, dimensions);
begin
  if bgptui.tsdb() = 'timescale' then
    execute format(
      'create materialized view %s with (timescaledb.continuous, timescaledb.materialized_only = false) as %s with no data',
      name, format(statement, format('%s(interval ''1 hour'', "timestamp")', bgptui.tsdb_function('time_bucket'))));
    perform bgptui.set_rollup_policies(source);
  else
    execute format('create view %s as %s', name, format(
      statement, 'date_bin(interval ''1 hour'', "timestamp", timestamptz ''2000-01-03 00:00+00'')'));
  end if;
end $$;

-- What the engine does by itself: its policies, when each ran last and how that ended. Empty where
-- bgptui.maintain() does it all. rule tells the policy's own settings.
create function bgptui.policies()
returns table (policy text, relation text, rule text, every interval,
               last_run timestamptz, last_status text, next_run timestamptz)
language plpgsql stable as $$
begin
  if bgptui.tsdb() is not null then
    return query
      execute 'select j.proc_name::text, coalesce(a.view_name, j.hypertable_name)::text,
                 coalesce(j.config ->> ''drop_after'', j.config ->> ''compress_after'',
                          format(''%s to %s ago'', j.config ->> ''start_offset'', j.config ->> ''end_offset'')),
                 j.schedule_interval, nullif(s.last_run_started_at, ''-infinity''), s.last_run_status, nullif(s.next_start, ''-infinity'')
               from timescaledb_information.jobs j
               left join timescaledb_information.job_stats s using (job_id)
               left join timescaledb_information.continuous_aggregates a
                 on (a.materialization_hypertable_schema, a.materialization_hypertable_name) = (j.hypertable_schema, j.hypertable_name)
                 or (a.view_schema, a.view_name) = (j.hypertable_schema, j.hypertable_name)
               where j.hypertable_name is not null
               order by 2, 1';
  end if;
end $$;
