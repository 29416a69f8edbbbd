-- How far each RIS host is known, in seconds since 1970 UTC.
-- Columns: collector, closed_until (null before its first window), last_message (null before any).
select collector, extract(epoch from closed_until)::float8 as closed_until,
       extract(epoch from last_message)::float8 as last_message
from bgptui.shard_progress
