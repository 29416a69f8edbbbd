-- What a collector needs to write each batch once: which database this is, and how far it came.

create table bgptui.identity (
  id  uuid not null default gen_random_uuid(),
  one boolean primary key default true check (one)
);
comment on table bgptui.identity is 'One row, made with the schema: tells this database from others.';
insert into bgptui.identity default values;

-- The same for as long as the database lives. A copy of a database has the id of its original, so
-- the number that the server gave it is added.
create function bgptui.database_id() returns text language sql stable as $$
  select i.id || '-' || d.oid
  from bgptui.identity i, pg_catalog.pg_database d where d.datname = current_database()
$$;

create table bgptui.positions (
  holder     text primary key,
  epoch      bigint not null,
  sequence   bigint not null,
  updated_at timestamptz not null default clock_timestamp()
);
comment on table bgptui.positions is
  'The newest batch of each collector that is in the tables, written in the batch''s transaction.';
comment on column bgptui.positions.holder is 'The process, as in collector_leases.';
comment on column bgptui.positions.epoch is 'Of its lease.';
comment on column bgptui.positions.sequence is
  'Counts the batches of the process from 1; in its spool those up to here are skipped.';
