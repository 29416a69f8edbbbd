-- Processes that share RIS hosts must agree on which: a host that one of them does not know is
-- given to it and collected by nobody.

alter table bgptui.shards add column hosts text[] not null default '{}';
comment on column bgptui.shards.hosts is 'Its feed.collectors, which is that of every other process.';
comment on column bgptui.shards.is_leaving is
  'It has handed over its last rows, and takes no host any more.';
