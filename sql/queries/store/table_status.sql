-- Each time-series table. Parameters: exact_max_bytes, the size up to which rows are counted.
-- Columns: those of bgptui.store.status.TableStatus; rows_are_estimated: from the last ANALYZE.
with tables as (
  select s.tbl, s.engine, s.keep, count(c.chunk) as chunks,
         coalesce(sum(c.size_bytes), 0)::bigint as size_bytes,
         coalesce(sum(greatest(k.reltuples, 0)), 0)::bigint as estimated_rows
  from bgptui.timeseries s
  left join lateral bgptui.chunks(s.tbl) c on true
  left join pg_class k on k.oid = c.chunk::regclass
  group by s.tbl, s.engine, s.keep
)
select (select relname from pg_class where oid = t.tbl) as name,
       t.engine, t.chunks, t.size_bytes,
       extract(epoch from t.keep)::float8 / 86400 as keep_days,
       coalesce(e.row_count, t.estimated_rows) as rows,
       e.row_count is null as rows_are_estimated,
       extract(epoch from e.first_row)::float8 as first,
       extract(epoch from e.last_row)::float8 as last
from tables t
cross join lateral bgptui.extent(t.tbl, t.size_bytes <= %(exact_max_bytes)s) e
order by t.tbl::oid
