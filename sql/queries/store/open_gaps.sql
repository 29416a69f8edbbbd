-- Gaps that were never closed. Columns: start, collector, reason, attempts.
select extract(epoch from gap_start)::float8 as start, collector, reason, attempts
from public.feed_gaps
where gap_end is null
order by gap_start, collector
