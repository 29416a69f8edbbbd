-- Each time-series table. Parameters: exact_max_bytes, the size up to which rows are counted.
-- Columns: those of bgptui.store.status.TableStatus; rows_are_estimated: from the last ANALYZE.
with tables as (
  select s.tbl, s.engine, s.keep, s.compress_after, count(c.chunk) as chunks,
         coalesce(sum(c.size_bytes), 0)::bigint as size_bytes,
         count(c.compressed_bytes) as compressed_chunks,
         sum(c.uncompressed_bytes)::float8 / nullif(sum(c.compressed_bytes), 0) as compression_ratio
  from bgptui.timeseries s
  left join lateral bgptui.chunks(s.tbl) c on true
  group by s.tbl, s.engine, s.keep, s.compress_after
)
select (select relname from pg_class where oid = t.tbl) as name,
       t.engine, t.chunks, t.size_bytes,
       extract(epoch from t.keep)::float8 / 86400 as keep_days,
       extract(epoch from t.compress_after)::float8 / 86400 as compress_after_days,
       t.compressed_chunks, t.compression_ratio,
       coalesce(e.row_count, bgptui.estimated_rows(t.tbl)) as rows,
       e.row_count is null as rows_are_estimated,
       extract(epoch from e.first_row)::float8 as first,
       extract(epoch from e.last_row)::float8 as last
from tables t
cross join lateral bgptui.extent(t.tbl, t.size_bytes <= %(exact_max_bytes)s) e
order by t.tbl::oid
