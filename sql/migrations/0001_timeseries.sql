-- Time-series tables on three engines: TimescaleDB (Community), its Apache edition, plain PostgreSQL.
-- Every difference between them is in one function of this file; the rest of sql/ is the same for all.
--
-- Names are qualified throughout: a role called bgptui has the schema bgptui first in its search_path.

create schema if not exists bgptui;
comment on schema bgptui is 'What bgptui keeps beside its tables in public: time-series helpers.';

create table bgptui.timeseries (
  tbl          regclass primary key,
  chunk        interval not null,
  keep         interval,
  retention_by text not null check (retention_by in ('chunk', 'row')),
  engine       text not null check (engine in ('timescaledb', 'native'))
);
comment on table bgptui.timeseries is 'The tables partitioned by their column timestamp.';
comment on column bgptui.timeseries.chunk is 'Time span of one chunk (partition).';
comment on column bgptui.timeseries.keep is 'Retention; null keeps for ever.';
comment on column bgptui.timeseries.retention_by is
  'chunk: whole chunks are dropped when they have expired; row: rows are chosen one by one (alerts).';

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
returns int language plpgsql
set timezone = 'UTC' set datestyle = 'ISO' as $$
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

-- The chunks of a table, oldest first: their range [lo, hi) and size with indexes and TOAST.
create function bgptui.chunks(t regclass)
returns table (chunk text, lo timestamptz, hi timestamptz, size_bytes bigint)
language plpgsql stable
set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
  series bgptui.timeseries;
begin
  select * into strict series from bgptui.timeseries where tbl = t;
  if series.engine = 'native' then
    return query
      select format('%I.%I', n.nspname, k.relname),
             (regexp_match(pg_get_expr(k.relpartbound, k.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
             (regexp_match(pg_get_expr(k.relpartbound, k.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz,
             pg_total_relation_size(k.oid)
      from pg_inherits i
      join pg_class k on k.oid = i.inhrelid
      join pg_namespace n on n.oid = k.relnamespace
      where i.inhparent = t
      order by 2;
  else
    return query execute format(
      'select format(''%%I.%%I'', c.chunk_schema, c.chunk_name), c.range_start, c.range_end, s.total_bytes
       from timescaledb_information.chunks c
       join %s(%L) s on (s.chunk_schema, s.chunk_name) = (c.chunk_schema, c.chunk_name)
       order by 2',
      bgptui.tsdb_function('chunks_detailed_size'), t::text);
  end if;
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

-- How long a table's rows are kept; null for ever. Where TimescaleDB runs policies it gets one;
-- everywhere bgptui.maintain() does the same. A table with retention by row gets none.
create function bgptui.set_retention(t regclass, keep_for interval)
returns void language plpgsql as $$
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
  end if;
end $$;

-- Compresses chunks older than after, where the engine can.
create function bgptui.set_compression(t regclass, segment_by text, order_by text, after interval)
returns void language plpgsql as $$
declare
  series bgptui.timeseries;
begin
  select * into strict series from bgptui.timeseries where tbl = t;
  if series.engine = 'timescaledb' and bgptui.tsdb() = 'timescale' then
    execute format('alter table %s set (timescaledb.compress, timescaledb.compress_segmentby = %L, timescaledb.compress_orderby = %L)',
                   t, segment_by, order_by);
    execute format('select %s(%L, %L::interval, if_not_exists => true)',
                   bgptui.tsdb_function('add_compression_policy'), t::text, after);
  end if;
end $$;
