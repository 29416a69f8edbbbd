-- The processes that share the collectors, in the order they came.
-- Columns: holder, number, hosts, is_leaving, remaining_s (until it is taken for dead; 0 when it is).
select holder, number, hosts, is_leaving,
       greatest(0, extract(epoch from expires_at - clock_timestamp()))::float8 as remaining_s
from bgptui.shards
order by number
