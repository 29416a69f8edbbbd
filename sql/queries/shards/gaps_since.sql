-- Gaps that last, or ended at a time or later. Parameters: since.
-- Columns: start, end, collector, reason, attempts; times in seconds since 1970 UTC.
select extract(epoch from gap_start)::float8 as start, extract(epoch from gap_end)::float8 as "end",
       collector, reason, attempts
from public.feed_gaps
where gap_end is null or gap_end >= %(since)s
order by gap_start, collector
